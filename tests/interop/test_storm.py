"""
Presence storms and reconnect herds (threats B3, D12): one partner and one SIP system whose people all change, or all come back, at
once, while others write to each other. STOX_PROOF=1: 10,000 who watch in the storm, 20,000 in the herd.
"""
import os
import re

import pytest

from rig import dns, storm
from rig.process import eventually
from talk import Talk
from test_size import Stopwatch

PROOF = os.environ.get("STOX_PROOF") == "1"
PEOPLE = 10000 if PROOF else 200  # in a storm
ROUNDS = 60 if PROOF else 10  # each of them changes so often
HERD = 20000 if PROOF else 200
RATE = 400 if PROOF else 100  # presence-rate: what a herd comes at
PACE_MS = 2000  # notify-pace
WINDOW = 256  # unanswered at a time
MESSAGE_MS = 500  # B3: p99
ROOM_KIB = 32 * 1024
ANSWERS_MAX = 500000  # that are remembered for repetitions (RFC 3261 17.2.2), some 150 bytes each

GATEWAY_SIP, GATEWAY_XMPP = dns.GATEWAY + ":5060", dns.GATEWAY + ":5269"
PHONES, CROWD = dns.PHONE + ":5060", dns.RECORDER + ":5269"
SIP_DOMAIN, XMPP_DOMAIN = "branch.example", "storm.example"


@pytest.fixture
def begin(rig, stoxd, start):
    """begin(kind, **gateway settings): (gateway, SIP side, partner)."""
    def make(kind, **settings):
        people = start(storm.partner(rig, CROWD, GATEWAY_XMPP, XMPP_DOMAIN, SIP_DOMAIN))
        phones = start(kind(PHONES, GATEWAY_SIP, SIP_DOMAIN, XMPP_DOMAIN))
        gateway = stoxd(
            log_level="info", gateway={"user_message_rate": 0, "sip_user_message_rate": 0, "notify_pace": PACE_MS, **settings},
            partners={"fabrikam.example": {}, XMPP_DOMAIN: {"proxy": CROWD}},
            routes={"office": {"next_hop": dns.OFFICE + ":5060", "transport": "udp", "im": "pager"},
                    "branch": {"next_hop": PHONES, "transport": "udp"}},
            sip_domains={"contoso.example": {"route": "office"}, SIP_DOMAIN: {"route": "branch"}})
        return gateway, phones, people
    return make


def metric(gateway, name):
    found = re.search(r"^%s (\d+)" % re.escape(name), gateway.ctl("metrics"), re.M)
    return int(found[1]) if found else 0


def watch_all(phones, n):
    assert phones.tell("open", n, 64)["opened"] == n


def be_watched_by_all(phones, people, n):
    phones.say("serve", n, 0)
    people.tell("ask", n, 64, 0, n)
    assert phones.answer()["opened"] == n


def undisturbed(talk, watch, name):
    """Of others' messages meanwhile: none lost, none late."""
    found = talk.check_undisturbed()
    late = watch.figures[name + "_message_ms"]
    if PROOF:
        assert late["p99"] < MESSAGE_MS, late
    return {**found, "message_ms": late, "seconds": watch.figures[name + "_s"]}


def test_B3_D12_a_storm_from_a_partner_is_told_by_the_newest_state_and_delays_no_message(begin, office, romeo, figures):
    gateway, phones, people = begin(storm.watchers, presence_rate=100000)
    watch_all(phones, PEOPLE)
    changes, before = PEOPLE * ROUNDS, gateway.resident_kib()

    def rage():
        people.say("tell", changes, WINDOW, 0, PEOPLE)
        return phones.tell("newest", changes - PEOPLE, 0)

    with Talk(office, romeo, "storm") as talk:
        watch = Stopwatch(talk)
        told = watch.run("storm", rage)
    room = gateway.resident_kib() - before
    figures(watchers=PEOPLE, changes=changes, notifies=told["answered"], room_kib=room, **undisturbed(talk, watch, "storm"),
            changes_in_s=round(people.answer()["seconds"], 1))
    assert told["newest"] == PEOPLE
    assert told["answered"] <= PEOPLE * (2 + told["seconds"] * 1000 / PACE_MS) and told["answered"] < changes
    assert room < ROOM_KIB


def test_B3_a_storm_from_sip_is_told_by_the_newest_state_and_delays_no_message(begin, office, romeo, figures):
    gateway, phones, people = begin(storm.watched, presence_rate=100000)
    be_watched_by_all(phones, people, PEOPLE)
    changes, before = PEOPLE * ROUNDS, gateway.resident_kib()
    with Talk(office, romeo, "sip-storm") as talk:
        watch = Stopwatch(talk)
        told = watch.run("storm", lambda: phones.tell("tell", changes, WINDOW))
        eventually(lambda: people.tell("tell", 0, 1, 0, PEOPLE)["least"] == 1 + ROUNDS, "everybody to know the newest state", 60)
    room = gateway.resident_kib() - before
    figures(watchers=PEOPLE, changes=changes, room_kib=room, **undisturbed(talk, watch, "storm"),
            stanzas=people.tell("tell", 0, 1, 0, PEOPLE)["taken"])
    assert told["answered"] == changes
    assert room < ROOM_KIB + min(changes, ANSWERS_MAX) // 4


def test_B3_a_herd_of_sip_watchers_and_of_a_partner_comes_back_at_the_pace_and_nobody_else_notices(rig, begin, office, romeo,
                                                                                                  figures):
    """The partner loses all its streams and comes back: probes at the pace, and nothing that is not new is told. Then the gateway
    itself starts anew, and all phones subscribe at once."""
    gateway, phones, people = begin(storm.watchers, presence_rate=RATE, notify_pace=200)
    watch_all(phones, HERD)
    with Talk(office, romeo, "herd") as talk:
        watch = Stopwatch(talk)
        people.stop()
        people.start()
        watch.run("partner", lambda: (people.tell("tell", 1, 1, HERD, 1), eventually(
            lambda: people.tell("tell", 0, 1, 0, 1)["probes"] >= HERD, "a probe for each", 60 + 2 * HERD / RATE, every=0.5)))
    told = phones.tell("hear", HERD, 0)["answered"]
    back = undisturbed(talk, watch, "partner")
    gateway.kill()
    gateway.start()
    rig.down(phones)
    rig.up(phones)
    with Talk(office, romeo, "again") as talk:
        watch = Stopwatch(talk)
        opened = watch.run("start", lambda: phones.tell("open", HERD, 1000))
    again = undisturbed(talk, watch, "start")
    figures(watchers=HERD, rate=RATE, partner_back=back, told_again=told, start=again, resident_kib=gateway.resident_kib())
    assert told == 0
    assert people.tell("tell", 0, 1, 0, 1)["probes"] >= 2 * HERD
    assert opened["opened"] == HERD
    for seconds in (back["seconds"], again["seconds"]):
        assert seconds >= (HERD - RATE) / RATE * 0.9  # a second's worth comes at once


def test_B3_after_a_start_all_that_xmpp_watches_is_asked_for_at_the_pace_and_nobody_notices(begin, office, romeo, figures):
    gateway, phones, people = begin(storm.watched, presence_rate=RATE)
    be_watched_by_all(phones, people, HERD)
    gateway.kill()
    phones.stop()  # or what it answers at once would be nobody's a moment later
    phones.start()
    gateway.start()
    with Talk(office, romeo, "restored") as talk:
        watch = Stopwatch(talk)
        people.say("ask", HERD, HERD, 0, HERD)  # all of them at once, besides
        restored = watch.run("start", lambda: phones.tell("serve", HERD, 0))
    found = undisturbed(talk, watch, "start")
    figures(watched=HERD, rate=RATE, **found, resident_kib=gateway.resident_kib())
    assert restored["opened"] == HERD
    assert metric(gateway, 'stox_presence_requests_total{direction="xmpp-to-sip"}') <= HERD + HERD // 10  # none is asked twice
