"""
Contacts change in both directions while the gateway is killed (-9) and started again: afterwards both sides agree with the
store, nobody was shown a presence that he may not see, and nobody has to add anybody again. STOX_PROOF=1 kills 200 times.
"""
import os
import random

import pytest

from rig import dns
from rig.contactpairs import Office, Pair, Pairs
from rig.recorder import Recorder

PROOF = os.environ.get("STOX_PROOF") == "1"
KILLS = 200 if PROOF else 5
USERS = 6  # on each side: 36 pairs
MOODS = ["yes", "yes", "no", "later"]
SETTINGS = {"notify_pace": 50, "denied_hold": 0, "sip_user_subscription_rate": 100000, "user_presence_rate": 100000,
            "presence_rate": 10000}


def stored(gateway):
    items = gateway.ctl_json("contact", "list", "--limit", "100000")["items"]
    return {(i["sip"], i["xmpp"]): (i["sip-watches"], i["xmpp-watches"]) for i in items}


def populate(world, chance):
    for i in range(USERS):
        for k in range(USERS):
            world.add(Pair("alice%d@contoso.example" % i, "romeo%d@recorder.example" % k,
                           chance.choice(["allow", "allow", "wait", "refuse"]), chance.choice(MOODS)))


class Life:
    """What people do. Each deed is one that his client would let him do now."""

    def __init__(self, world, chance):
        self.world, self.chance, self.done = world, chance, 0

    def _sip_watches(self, pair):
        w = self.world
        if pair.prompted:
            w.approve(pair) if self.chance.random() < 0.6 else w.refuse(pair)
        elif not pair.wants:
            w.watch(pair)
        elif pair.granted and self.chance.random() < 0.5:
            w.refuse(pair)
        elif pair.granted:
            w.leave(pair)
        else:
            w.stray(pair)

    def _xmpp_watches(self, pair):
        w = self.world
        if not pair.to and not pair.asked:
            if not pair.removing:  # the answer to his removal would be taken for one to this
                w.ask(pair)
        elif self.chance.random() < 0.4:
            w.forget(pair)
        else:
            w.decide(pair, self.chance.choice(["allow", "refuse"]))

    def step(self):
        w, pair = self.world, self.chance.choice(list(self.world.pairs.values()))
        there = self.chance.random() < 0.8
        pair.mood = self.chance.choice(MOODS)
        with w.lock:
            self.chance.choice([
                lambda: self._sip_watches(pair), lambda: self._sip_watches(pair),
                lambda: self._xmpp_watches(pair), lambda: self._xmpp_watches(pair),
                lambda: w.sip_changes(pair.sip, there), lambda: w.xmpp_changes(pair.xmpp, there)])()
        self.done += 1


@pytest.fixture
def world(start):
    made = []

    def make(*how):
        made.append(Pairs(*how))
        return made[-1]
    yield make
    for each in made:
        each.stop()


def settle(world, gateway):
    """Who was left thinking decides; SIP clients refresh, XMPP clients come anew, as they do each day. Nobody adds anybody. A question
    that a new gateway asks again may be on its way yet, even to one who has refused it: nobody thinks about it any more."""
    for pair in world.pairs.values():
        pair.mood = "yes" if pair.mood == "later" else pair.mood
        if pair.prompted:
            world.approve(pair)
        if pair.policy == "wait":
            world.decide(pair, "allow")
    world.recorder.wait_acked(60)
    world.wait_answered(40)
    world.refresh_all()
    for n in range(USERS):
        world.xmpp_changes("romeo%d@recorder.example" % n, False)
        world.xmpp_changes("romeo%d@recorder.example" % n, True)
    world.wait_agreed(lambda: stored(gateway), 60)


def check(world, gateway):
    """All change once more, those who are not entitled too: the permitted see it, and nobody else."""
    for user in list(world.state):
        (world.sip_changes if user.endswith("@contoso.example") else world.xmpp_changes)(user, True)
    for pair in world.pairs.values():
        world.stray(pair)
    world.recorder.wait_acked(60)
    world.wait_agreed(lambda: stored(gateway), 60)
    assert not world.leaks, "\n".join(world.leaks)
    assert not world.errors, "\n".join(world.errors)


def test_contacts_change_while_the_gateway_is_killed_and_all_agree(rig, stoxd, start, world, figures, store):
    chance = random.Random(6)
    gateway = stoxd(partners={"recorder.example": {}}, gateway=SETTINGS, **({"store": store} if store else {}))
    recorder = start(Recorder(rig, record="%s/contact-kills-%s" % (rig.work, "postgresql" if store else "sqlite")))
    office = start(Office())
    world = world(office, recorder, (dns.GATEWAY, 5060))
    populate(world, chance)
    life = Life(world, chance)
    for _ in range(KILLS):
        for _ in range(chance.randrange(5, 25)):
            life.step()
        world.wait_news(chance.randrange(0, 40))
        gateway.kill()
        for _ in range(chance.randrange(0, 4)):
            life.step()
        gateway.start()
        world.refresh_all()
        world.wait_news(chance.randrange(0, 60))
    settle(world, gateway)
    check(world, gateway)
    states = list(stored(gateway).values())
    figures(kills=KILLS, deeds=life.done, pairs=len(world.pairs), from_the_gateway=len(world.news.all),
            granted_to_sip=sum(s[0] == "granted" for s in states),
            granted_to_xmpp=sum(s[1] == "granted" for s in states),
            asked_again_though_granted=world.asked_again, shown_what_they_may_not_see=len(world.leaks))
