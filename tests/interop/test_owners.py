"""
Several gateways at one proxy in the perimeter: the nodes of a cluster on one PostgreSQL, and gateways of different installations. A pair
of domains is one gateway's at a time; when that one is killed it is the other's within seconds, and no answer is untrue.
"""
import time

import pytest

from rig import dns
from rig.numbered import Delivered, SipTraffic, judge
from rig.postgres import Postgres
from rig.process import eventually
from rig.stoxd import Stoxd
from talk import given_back

FIRST, SECOND = (dns.GATEWAY, 5060), ("10.99.0.2", 5060)


@pytest.fixture(scope="module")
def shared(rig):
    server = rig.up(Postgres("postgres-owners"))
    yield server
    rig.down(server)


def second_of(rig, first, **options):
    return Stoxd(rig, name="stoxd-second", behind=first, listen_sip_udp=[SECOND[0] + ":5060"], listen_sip_tcp=[SECOND[0] + ":5060"], **options)


@pytest.fixture
def cluster(rig, start, shared):
    """Two nodes with one store, behind one proxy: the first one is linked first."""
    url = shared.database()
    first = Stoxd(rig, in_two=True, store=url + "&application_name=first")
    second = second_of(rig, first, empty=True, store=url + "&application_name=second")
    return start(first), start(second)


class Back:
    """Numbered messages of a person on XMPP to one of ours, and which node has brought each to SIP."""

    def __init__(self, person, office, label):
        self.person, self.office, self.label, self.sent = person, office, label, []

    def send(self, n):
        for _ in range(n):
            self.sent.append("%s %d" % (self.label, len(self.sent)))
            self.person.send("alice@contoso.example", self.sent[-1], id="%s-%d" % (self.label, len(self.sent)))

    def wait(self, timeout=60):
        self.office.wait_message(self.sent[-1], timeout)

    def pass_on(self, n):
        """n more; the addresses that they have come from."""
        self.send(n)
        self.wait()
        return self.by(self.sent[-n:])

    def owner(self, n):
        """The address that n in a row come from. A node that stands still for longer than its lease leaves its pairs to the other one."""
        return eventually(lambda: [by for by in [self.pass_on(n)] if len(by) == 1], "one of both gets what comes", 60)[0].pop()

    def by(self, texts):
        """The addresses that these have come from."""
        return {r.peer[0] for r in self.office.received.all if r.body in texts}

    def judge(self):
        came = [r.body for r in self.office.received.all if r.body in set(self.sent)]
        return {"sent": len(self.sent), "lost": len(set(self.sent) - set(came)), "twice": len(came) - len(set(came))}


def test_a_pair_of_domains_moves_to_the_other_node_when_its_own_is_killed(cluster, office, romeo, figures):
    first, second = cluster
    back = Back(romeo, office, "owned")
    nodes = {FIRST[0]: first, SECOND[0]: second}
    one, two = (SipTraffic(office, romeo.jid, at, rate=40, window=50, label=label).start() for at, label in ((FIRST, "one"), (SECOND, "two")))
    traffic = {FIRST[0]: one, SECOND[0]: two}
    one.wait_ok(20)
    two.wait_ok(20)  # each of both may send
    back.owner(20)  # one of both gets what comes

    holders = []  # the worst moment: SIP has some that it has not answered

    def hold(got):
        holders.append(got.peer[0])
        return None if got.peer[0] == holders[0] else 200

    office.answer = hold
    held = len(back.sent)
    back.send(4)
    office.wait_message(back.sent[held])
    dead, alive = holders[0], next(at for at in nodes if at != holders[0])
    nodes[dead].kill(outside=False)
    died = time.monotonic()
    office.answer = 200
    assert back.pass_on(20) == {alive}
    moved_s = time.monotonic() - died
    eventually(lambda: back.judge()["lost"] == 0, "what the killed node had not answered has come by the other one", 60)
    traffic[alive].wait_ok(20)

    for attempt in range(3):  # who stands still for longer than his lease loses it by right: then the other one has it, and is the one to keep it
        nodes[dead].start()
        traffic[dead].wait_ok(60)  # all that it had not answered, too, which comes again from SIP
        stays = back.pass_on(5) == {alive}
        if stays:
            break
        dead = back.owner(5)
        alive = next(at for at in nodes if at != dead)
        nodes[dead].kill(outside=False)
        assert back.pass_on(5) == {alive}
    assert stays, "it stays where it went"
    one.stop()
    two.stop()

    assert office.message(romeo.jid, "the last", target=SECOND).wait() == 200
    romeo.wait_message("the last")
    entries = [(m["body"], m["id"], m.arrived_at) for m in romeo.messages.all if m["type"] != "error"]
    there = {t.label: judge(t, Delivered(entries, t.label)) for t in (one, two)}
    figures(moved_after_s=round(moved_s, 1), xmpp_to_sip=back.judge(), sip_to_xmpp=there)
    for label, f in there.items():
        assert (f["lost"], f["repeats_with_another_id"], f["refused_but_delivered"]) == (0, 0, 0), label
        assert set(f["answered"]) == {"200"}, label
    assert back.judge()["lost"] == 0
    assert not [m for m in romeo.messages.all if m["type"] == "error"]


def test_a_node_that_is_stopped_leaves_its_pairs_to_the_other_one(cluster, office, romeo):
    first, second = cluster
    back = Back(romeo, office, "left")
    owner = back.owner(10)
    ends, stays = (first, SECOND) if owner == FIRST[0] else (second, FIRST)
    assert ends.process.stop(40) == 0
    ends.process = None
    assert back.pass_on(10) == {stays[0]}
    assert back.judge() == {"sent": len(back.sent), "lost": 0, "twice": 0}
    assert office.message(romeo.jid, "by the one that is left", target=stays).wait() == 200
    ends.start()


def test_gateways_of_different_installations_share_a_proxy_and_no_domain(rig, start, office, romeo):
    """Each has its own store and secrets; the second one also claims a domain of the first one's."""
    first = Stoxd(rig, in_two=True)
    second = second_of(rig, first, partners={"fabrikam.example": {}},
                       sip_domains={"tailspin.example": {"route": "office"}, "contoso.example": {"route": "office"}})
    start(first)
    start(second)
    assert office.message(romeo.jid, "of contoso", target=FIRST).wait() == 200
    assert office.message(romeo.jid, "of tailspin", target=SECOND, sender="carol@tailspin.example").wait() == 200
    romeo.wait_message("of contoso")
    romeo.wait_message("of tailspin")
    for to, node in ("alice@contoso.example", FIRST), ("carol@tailspin.example", SECOND):
        romeo.send(to, "to " + to)
        assert office.wait_message("to " + to).peer[0] == node[0]

    refused = office.message(romeo.jid, "as if it were of contoso", target=SECOND)
    assert refused.wait() >= 400
    assert office.message(romeo.jid, "after it", target=FIRST).wait() == 200
    romeo.wait_message("after it")
    assert not [m for m in romeo.messages.all if m["body"] == "as if it were of contoso"]


def test_what_comes_for_a_domain_whose_gateway_has_no_such_partner_goes_back(rig, start, office, romeo):
    first = Stoxd(rig, in_two=True)
    second = second_of(rig, first, partners={"wingtip.example": {}}, sip_domains={"tailspin.example": {"route": "office"}})
    start(first)
    start(second)
    assert "policy-violation" in given_back(romeo, "carol@tailspin.example", "not federated")
    assert office.message(romeo.jid, "others go on", target=FIRST).wait() == 200


def test_of_two_gateways_with_one_link_key_the_linked_one_stays_and_the_other_says_why(rig, start, office, romeo):
    first = start(Stoxd(rig, in_two=True))
    second = second_of(rig, first, sip_domains={"tailspin.example": {"route": "office"}})
    second.perimeter.theirs = first.perimeter.theirs  # link.key was copied
    second._link = lambda: None  # which is not waited for
    label = first.perimeter.label
    links = first.ctl_json("proxy", "status", label)["links"]
    start(second)
    for _ in range(3):
        at = second.mark()
        second.wait_event("link-lost", 40, since=at, reason="too-many")
    why = second.ctl_json("proxy", "status", label)["why"]
    assert "another gateway, gw.contoso.example at " in why and "is linked with the same key: each needs its own" in why
    code, out, err = second.ctl("proxy", "test", label, ok=False)
    assert code == 1 and "is linked with the same key" in out + err
    assert "is linked with the same key" in second.ctl("check", ok=False)[1]
    status = first.ctl_json("proxy", "status", label)
    assert (status["state"], status["links"]) == ("ready", links)
    assert office.message(romeo.jid, "undisturbed", target=FIRST).wait() == 200
    assert len(first.events("link-key-used-twice")) == 1

    at = second.mark()
    first.kill(outside=False)
    second.wait_event("settings-used", 40, since=at, proxy=label)  # as a gateway that was started anew
    assert office.message(romeo.jid, "its turn", target=SECOND, sender="carol@tailspin.example").wait() == 200
    first._link = lambda: None
    first.start()
    first.wait_event("link-lost", 40, reason="too-many")
