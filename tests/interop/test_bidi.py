"""
One stream for both directions (XEP-0288), with a real Prosody and its mod_s2s_bidi, and between two gateways: how many TCP
connections there are, whoever opened the first, and what becomes of messages when it is cut.
"""
import random
import subprocess

import pytest

from rig import dns
from rig.cutter import Cutter
from rig.numbered import Delivered, SipTraffic, judge, unknown_ids
from rig.peers import Prosody
from rig.process import eventually
from rig.sipua import SipUa
from rig.stoxd import Stoxd
from rig.xmppclient import XmppClient
from talk import Talk, streams
from test_cut import (BEHIND, CUTS, TIMEOUT, TO_PARTNER, TO_PROSODY, UNLIMITED, Wires, own_loss_max, served_twice,
                      unanswered_here)

PROSODY = "10.99.0.13"
THEIRS = "bidi.example"
ROMEO = "romeo@" + THEIRS
EXTERNAL = {"tls": "required", "sasl": "required", "dialback": False}
DIALBACK = {"tls": "required", "sasl": "not-supported", "dialback": True}


@pytest.fixture(scope="module")
def bidi_prosody(rig):
    peer = Prosody({THEIRS: rig.cert(THEIRS)}, [ROMEO], address=PROSODY, name="prosody-bidi", bidi=True)
    yield rig.up(peer)
    rig.down(peer)


@pytest.fixture
def person(rig, bidi_prosody, start):
    return start(XmppClient(ROMEO, PROSODY, rig.pki.trust_file))


def gateway_with(stoxd, proxy=PROSODY, **how):
    return stoxd(gateway=UNLIMITED, partners={THEIRS: {"proxy": proxy, "bidi": True, **how}})


def connections(a=dns.GATEWAY, b=PROSODY):
    """TCP connections that stand between port 5269 of one and any port of the other, each counted once."""
    rows = subprocess.run(["ss", "-Htn", "state", "established"], check=True, stdout=subprocess.PIPE, text=True).stdout
    ends = {tuple(sorted(row.split()[2:4])) for row in rows.splitlines()}
    return [e for e in ends if any(x in e for x in (a + ":5269", b + ":5269"))]


def pass_both_ways(office, person):
    with Talk(office, person, "bidi") as talk:
        talk.wait(20)
    talk.check_undisturbed()


def test_one_connection_that_we_opened_carries_both_ways_with_prosody(stoxd, office, person):
    gateway = gateway_with(stoxd, **EXTERNAL)
    pass_both_ways(office, person)
    assert len(connections()) == 1
    assert [direction for _, direction in streams(gateway, THEIRS)] == ["both"]
    assert not [e for e in gateway.events("stream-authenticated") if e["direction"] == "in"]


def test_by_dialback_that_we_began_with_prosody_both_ways_too(stoxd, office, person):
    """Prosody asks about our key on a stream of its own, and keeps that: there are two, and each is good for both ways."""
    gateway = gateway_with(stoxd, **DIALBACK)
    pass_both_ways(office, person)
    assert len(connections()) <= 2
    assert {direction for _, direction in streams(gateway, THEIRS)} == {"both"}


@pytest.mark.parametrize("how", [EXTERNAL, DIALBACK], ids=["external", "dialback"])
def test_one_connection_that_prosody_opened_carries_both_ways(stoxd, office, person, how):
    # Where the gateway looks for the partner nobody answers: it depends on the partner's stream.
    gateway = gateway_with(stoxd, proxy="10.99.0.14", **how)
    person.send("alice@contoso.example", "first")
    office.wait_message("first")
    pass_both_ways(office, person)
    assert len(connections()) == 1
    assert [direction for _, direction in streams(gateway, THEIRS)] == ["both"]
    assert not [e for e in gateway.events("stream-authenticated") if e["direction"] == "out"]


def test_without_the_setting_there_are_two(stoxd, office, person):
    gateway = gateway_with(stoxd, bidi=False)
    pass_both_ways(office, person)
    assert len(connections()) == 2
    assert {direction for _, direction in streams(gateway, THEIRS)} == {"in", "out"}


def test_the_test_of_a_partner_needs_no_way_back(rig, stoxd, bidi_prosody):
    gateway = gateway_with(stoxd)
    said = gateway.ctl("partner", "test", THEIRS)
    assert "carries both directions" in said.splitlines()[-1], said
    assert not [e for e in gateway.events("stream-authenticated") if e["direction"] == "in"]


# ---- cuts ----


def test_cut_with_prosody_nothing_is_lost_in_silence(rig, stoxd, office, person, start, figures):
    gateway = stoxd(listen_xmpp=[BEHIND], gateway=UNLIMITED, partners={THEIRS: {"proxy": TO_PARTNER, "bidi": True}})
    wires = Wires(start, PROSODY, 4)
    with Talk(office, person, "cut", **TO_PROSODY) as talk:
        for wire in wires.there, wires.back:  # one of them carries the stream, and after a cut perhaps the other
            wire.begin()
        eventually(lambda: sum(wires.cuts().values()) >= CUTS, "%d cuts" % CUTS, TIMEOUT)
        for wire in wires.there, wires.back:
            wire.hold()
        talk.wait(20, TIMEOUT)
    results = talk.judge()
    there, back = results["sip_to_xmpp"], results["xmpp_to_sip"]
    unknown = unknown_ids(gateway)
    firsts = {m["body"]: m["id"] for m in reversed(person.messages.all) if m["type"] != "error"}
    seen, returned = {r.body for r in office.received.all}, set(talk.errors())
    silent = [b for n, b in enumerate(talk.back) if b not in seen and "cut-%d" % n not in returned]
    back.pop("lost")
    there["not_sent_but_delivered"] = sum(firsts[s.body] not in unknown for s in talk.traffic.sent
                                          if s.status >= 300 and s.body in firsts)
    back.update(never_reached_us=len(silent), unanswered_here=unanswered_here(gateway), served_twice=served_twice(gateway))
    figures(cuts=wires.cuts(), sip_to_xmpp=there, xmpp_to_sip=back)
    assert (there["lost"], there["repeats_with_another_id"], there["written_after_the_answer"]) == (0, 0, 0)
    assert there["not_sent_but_delivered"] == 0
    assert (back["unanswered_here"], back["repeats_with_another_branch"]) == (0, 0)
    assert back["never_reached_us"] <= own_loss_max(back["sent"])  # Prosody's own, as in test_cut.py


def test_cut_between_two_gateways_nothing_is_lost(rig, start, office, figures):
    """
    Without resumption what was not acknowledged comes again, by the same id, and SIP takes it for the first copy. What broke
    three streams in a row is told as unknown.
    """
    other = start(SipUa("10.99.0.7"))
    far = start(Stoxd(rig, name="stoxd-far", listen_xmpp=["10.99.0.2:5269"], listen_sip_udp=["10.99.0.2:5060"],
                      listen_sip_tcp=["10.99.0.2:5060"], sip_domains={"tailspin.example": {"route": "other"}},
                      routes={"other": {"next_hop": "10.99.0.7:5060"}},
                      partners={"contoso.example": {"proxy": "10.99.0.14", "bidi": True}}))
    near = start(Stoxd(rig, partners={"tailspin.example": {"proxy": TO_PARTNER, "bidi": True}}))
    wire = start(Cutter(TO_PARTNER, ("10.99.0.2", 5269), random.Random(5), cuts=CUTS))
    there = SipTraffic(office, "bob@tailspin.example", (dns.GATEWAY, 5060), rate=150, label="cut").start()
    there.wait_ok(1)
    back = SipTraffic(other, "bob@contoso.example", ("10.99.0.2", 5060), rate=150, label="cut", domain="tailspin.example",
                      senders=("erin", "frank")).start()
    back.wait_ok(1)
    assert {direction for _, direction in streams(near) | streams(far)} == {"both"}
    wire.begin()
    wire.wait_done(TIMEOUT)
    results = {}
    for name, traffic, end, sender in ("there", there, other, near), ("back", back, office, far):
        traffic.wait_ok(20, TIMEOUT)
        traffic.stop()
        entries = [(r.body, r.message.branch, None) for r in end.received.all]
        results[name] = {**judge(traffic, Delivered(entries, "cut")), "unknown": len(unknown_ids(sender))}
    figures(cuts=wire.kinds, **results)
    for each in results.values():
        assert (each["lost"], each["out_of_order"], each["repeats_with_another_id"]) == (0, 0, 0), results
        assert each["refused_but_delivered"] <= each["unknown"], results
