"""
sipp as a Lync front end (the scenarios are in sipp/), and people on XMPP: over UDP directly, over TCP and mutual TLS behind an
Edge, which is in the route set of every session.
"""
import os
import re
import socket
from xml.sax.saxutils import escape

import pytest

from rig import dns
from rig.kamailio import PORTS, Edge
from rig.sipp import Sipp
from rig.stoxd import Stoxd

ALICE = "alice@contoso.example"
CONTACT = "sip:alice@contoso.example;opaque=user:epid:ab12cd34ef;gruu"
TEXT = "\u00e9 \u4f60\u597d \U0001f600"
STATES = "http://jabber.org/protocol/chatstates"


# sipp's own TCP: it listens only where it answers, and has one connection for all that it sends.
and_direct_tcp = pytest.mark.parametrize("world", ["udp", "tcp", "tls", "tcp, no Edge"], indirect=True)
usual = pytest.mark.parametrize("world", ["udp", "tcp", "tls"], indirect=True)
behind_the_edge = pytest.mark.parametrize("world", ["tcp", "tls"], indirect=True)


@pytest.fixture(scope="module")
def certs(rig):
    return {name: rig.pki.issue("sipp-" + name, dns=[name + ".contoso.example"]) for name in ("edge", "gw")}


class World:
    def __init__(self, rig, certs, transport, direct):
        self.transport, self.direct = transport, direct
        hop, sources = (dns.POOL, [dns.POOL]) if direct else (dns.EDGE, [dns.EDGE, dns.GATEWAY])
        self.route = {"next_hop": "%s:%d" % (hop, PORTS[transport]), "transport": transport, "im": "session"}
        if transport == "tls":
            self.route.update(identify_by="certificate", tls_names=["edge.contoso.example"])
        else:
            self.route["sources"] = sources
        self.gateway = Stoxd(rig, name="stoxd-sipp", routes={"pool": self.route},
                             sip_domains={"contoso.example": {"route": "pool"}},
                             listen_sip_tls=[dns.GATEWAY + ":5061"],
                             gateway={"sip_certificate": certs["gw"].file, "sip_key": certs["gw"].key})
        self.things = [self.gateway] + ([] if direct else [Edge(transport, certs["edge"], rig.pki.trust_file)])
        self.to_stox = "%s:5060" % (dns.GATEWAY if direct else dns.EDGE)

    def begins(self, scenario, peer, **how):
        return Sipp(scenario, self.to_stox, address=dns.POOL, peer=peer, **{"user": ALICE, "contact": CONTACT, **how})

    def answers(self, scenario, **how):
        return Sipp(scenario, address=dns.POOL, transport=self.transport if self.direct else "udp", **{"user": ALICE, "contact": CONTACT, **how})


@pytest.fixture(scope="module")
def world(request, rig, certs):
    transport, _, no_edge = request.param.partition(", ")
    made = World(rig, certs, transport, no_edge or transport == "udp")
    for thing in made.things:
        rig.up(thing)
    yield made
    for thing in reversed(made.things):
        rig.down(thing)


def state_of(person, state, since=0):
    what = "{%s}%s" % (STATES, state)
    return person._wait(lambda m: m if m.xml.find(what) is not None else None, what, 20, since)


def tell(person, state, text=None, thread=None):
    """What a client with chat states sends: a state, a text that comes with one. Returns its id. A text without one would say that he
    has none, and in the next test nobody would tell him who is typing."""
    ident = person.xmpp.new_id()
    person.send_raw("<message to='%s' type='chat' id='%s'><%s xmlns='%s'/>%s%s</message>" % (
        ALICE, ident, state, STATES, "<body>%s</body>" % escape(text) if text else "",
        "<thread>%s</thread>" % thread if thread else ""))
    return ident


@usual
def test_a_lync_front_end_begins_a_conversation(world, romeo, table):
    """The text inside the INVITE is not announced as taken, so that it comes again, and arrives once."""
    with table.row("sipp as Lync, Prosody", world.transport, "to XMPP",
                   "INVITE with a first text, texts, KeyboardActivity both ways, UPDATE, re-INVITE, file transfer: 415, BYE"):
        with world.begins("calls", romeo.jid) as lync:
            romeo.wait_message("Hello, Romeo")
            state_of(romeo, "composing")
            romeo.wait_message("Is it you? " + TEXT)
            lync.wait_for("SIP/2.0 200 OK", times=4)
            tell(romeo, "composing")
            lync.wait_for("SIP/2.0 200 OK", times=5)
            tell(romeo, "active", "Back, one: " + TEXT)
            tell(romeo, "active", "Back, two: <b> &")
            lync.wait()
        assert romeo.bodies() == ["Hello, Romeo", "Is it you? " + TEXT]
        state_of(romeo, "gone")


@and_direct_tcp
def test_a_lync_front_end_is_called(world, juliet, table):
    with table.row("sipp as Lync, ejabberd", world.transport, "to SIP",
                   "INVITE, texts and KeyboardActivity both ways, BYE when the person is gone"):
        with world.answers("answers") as lync:
            tell(juliet, "active", "Good evening, Alice")
            juliet.wait_message("Good evening, Romeo: " + TEXT)
            state_of(juliet, "composing")
            lync.wait_for("SIP/2.0 200 OK", times=5)
            tell(juliet, "composing")
            lync.wait_for("SIP/2.0 200 OK", times=6)
            tell(juliet, "active", "And you: " + TEXT)
            lync.wait_for("And you")
            tell(juliet, "gone")
            lync.wait()
        assert juliet.bodies() == ["Good evening, Romeo: " + TEXT]


@usual
@pytest.mark.parametrize("status, condition", [
    ("488 Not Acceptable Here", "not-acceptable"), ("606 Not Acceptable", "not-acceptable"),
    ("480 Temporarily Unavailable", "recipient-unavailable"),
])
def test_a_lync_front_end_that_refuses(world, romeo, table, status, condition):
    with table.row("sipp as Lync, Prosody", world.transport, "to SIP", "INVITE refused, %s: %s" % (status[:3], condition)):
        with world.answers("refuses", status=status, warning='309 contoso.example "not allowed by policy"') as lync:
            stanza_id = tell(romeo, "active", "Good evening")
            assert romeo.wait_error(stanza_id)["error"]["condition"] == condition
            lync.wait()


@usual
def test_a_lync_front_end_that_blocks_a_text(world, romeo, table):
    with table.row("sipp as Lync, Prosody", world.transport, "to SIP", "606 to a text by policy, told; the next one passes"):
        with world.answers("blocks") as lync:
            stanza_id = tell(romeo, "active", "http://contoso.example")
            assert romeo.wait_error(stanza_id)["error"]["condition"] == "not-acceptable"
            tell(romeo, "active", "something else")
            lync.wait_for("something else")
            tell(romeo, "gone")
            lync.wait()


@usual
def test_a_call_without_a_conversation_is_refused(world, romeo, table):
    with table.row("sipp as Lync, Prosody", world.transport, "to XMPP", "INVITE for audio: 488"):
        with world.begins("audio", romeo.jid) as lync:
            lync.wait()


@usual
def test_somebody_who_is_not_there(world, prosody, table):
    with table.row("sipp as Lync, Prosody", world.transport, "to XMPP", "unknown user: 4xx, or ms-imdn after the 200"):
        with world.begins("nobody", "nobody@fabrikam.example") as lync:
            lync.wait()


@usual
@pytest.mark.parametrize("status", ["405 Method Not Allowed", "488 Not Acceptable Here", "606 Not Acceptable"])
def test_who_takes_no_conversation_gets_texts_of_their_own(world, romeo, table, status):
    """im = auto: after the refusal the text that waited, and the next one without another INVITE."""
    bob = "no-invite-%s@contoso.example" % status[:3]
    with table.row("sipp without INVITE, Prosody", world.transport, "to SIP", "INVITE refused, %s: texts by MESSAGE" % status[:3]):
        world.gateway.ctl("route", "set", "pool", "--im", "auto")
        with world.answers("refuses_then_texts", status=status) as peer:
            romeo.send(bob, "one")
            peer.wait()
        with world.answers("takes_text") as peer:
            romeo.send(bob, "two")
            peer.wait()
        world.gateway.ctl("route", "set", "pool", "--im", "session")
        assert romeo.bodies() == [] and all(m["type"] != "error" for m in romeo.messages.all)




class Glare:
    """Stox's call, which rings at the front end's usual port; ours comes from another one, with a Call-ID of ours."""

    def __init__(self, world, romeo, answers, calls, call_id):
        self.world, self.thread = world, "5-%s-%s" % (calls, world.transport)
        self.theirs = world.answers(answers)
        self.ours = world.begins(calls, romeo.jid, port=5070, call_id=call_id + self.thread,
                                 contact="sip:alice@%s:5070;transport=udp" % dns.POOL)
        self.romeo = romeo

    def ring(self):
        tell(self.romeo, "active", "Are you there, too?", self.thread)
        self.theirs.wait_for("180 Ringing")

    def pick_up(self):
        """An OPTIONS tells the scenario that the other call is up."""
        call_id = re.search(r"Call-ID: (\S+)", self.theirs.messages()).group(1)
        assert call_id.startswith("5-")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(("OPTIONS sip:alice@contoso.example SIP/2.0\r\nVia: SIP/2.0/UDP %s:9;branch=z9hG4bKup\r\n"
                         "From: <sip:test>;tag=x\r\nTo: <sip:alice>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\n"
                         "Content-Length: 0\r\n\r\n" % (dns.POOL, call_id)).encode(), (dns.POOL, 5060))


@behind_the_edge
def test_both_call_at_once_and_the_front_ends_call_stays(world, romeo, table):
    with table.row("sipp as Lync, Prosody", world.transport, "both", "both call, Lync's Call-ID is lower: Stox takes its call back"):
        glare = Glare(world, romeo, "glare_taken_back", "glare_stays", "1-")
        with glare.theirs:
            glare.ring()
            with glare.ours:
                glare.ours.wait()
                glare.theirs.wait()


@behind_the_edge
def test_both_call_at_once_and_stoxs_call_stays(world, romeo, table):
    with table.row("sipp as Lync, Prosody", world.transport, "both", "both call, Stox's Call-ID is lower: Lync's call ends by BYE"):
        glare = Glare(world, romeo, "glare_picked_up", "glare_yields", "9-")
        with glare.theirs:
            glare.ring()
            with glare.ours:
                romeo.wait_message("Are you there?")
                glare.ours.wait_for("SIP/2.0 200 OK", times=2)
                glare.pick_up()
                glare.ours.wait()
                glare.theirs.wait_for("Are you there, too?")
                tell(romeo, "gone")
                glare.theirs.wait()


if os.environ.get("STOX_PROOF") == "1":  # two minutes; an ordinary run has test_session_wire.py, where time is advanced
    @behind_the_edge
    @pytest.mark.parametrize("scenario, what", [
        ("timer_refreshed", "Session-Expires 90: Stox refreshes by UPDATE"),
        ("timer_over", "Session-Expires 90: not refreshed, Stox ends it by BYE"),
    ])
    def test_session_timers(world, romeo, table, scenario, what):
        with table.row("sipp as Lync, Prosody", world.transport, "both", what):
            with world.begins(scenario, romeo.jid, seconds=120) as lync:
                lync.wait()
