"""
Presence that is published at Stox (route setting publish), by real programs: baresip at Stox itself, baresip and linphone through
Kamailio, and Kamailio for whoever is registered there. A person on Prosody sees it come, change, be renewed, run out and go, also when
Stox starts anew, which knows nothing then of what was published before.
"""
import os
import re

import pytest

from rig import dns, xmpppresence
from rig.kamailio import PORTS, Kamailio
from rig.linphone import LinphoneApp
from rig.phone import Phone
from rig.process import eventually
from rig.stoxd import Stoxd
from rig.xmppclient import XmppClient

PROOF = os.environ.get("STOX_PROOF") == "1"
ALICE, BOB, ROMEO = "alice@contoso.example", "bob@contoso.example", "romeo@fabrikam.example"
DEVICE = ALICE + "/t4109"  # what baresip calls its tuple, always
SHORT_S = 3
TRANSPORTS = ["udp", "tcp", "tls"] if PROOF else ["tls"]
SETTINGS = {"notify_pace": 200, "subscription_min": 1}
# Of what baresip prints: a renewal's answer comes behind it.
RENEWS, TAKEN, TOO_LATE = re.compile("^SIP-If-Match:"), re.compile("^SIP-ETag:|^SIP/2.0 412 "), re.compile("^SIP/2.0 412 ")


class Direct:
    """baresip is the SIP side; Stox knows it by its address."""

    peers, transport = "baresip, Prosody", "udp"

    def __init__(self, rig):
        route = {"next_hop": "10.99.0.6:5060", "transport": "udp", "publish": True}
        self.gateway = rig.up(Stoxd(rig, name="stoxd-publish", gateway=SETTINGS, routes={"office": route}))
        self.things = [self.gateway]

    def phone(self):
        return Phone(ALICE, dns.GATEWAY, [ROMEO], presence=True, published_for=SHORT_S)


class Proxied:
    """Kamailio passes on what phones publish, or publishes for them."""

    def __init__(self, rig, transport, *defines, postgres=None):
        self.peers, self.transport = "baresip, Kamailio, Prosody", transport
        certs = {name: rig.pki.issue("sip-publish-%s-%s" % (name, transport), dns=[name + ".contoso.example"]) for name in ("sip", "gw")}
        route = {"next_hop": "%s:%d" % (dns.KAMAILIO, PORTS[transport]), "transport": transport, "tls_names": ["sip.contoso.example"],
                 "publish": True}
        if transport != "udp":  # Kamailio's connections come from the address they go to: all of 10.99.0.0/16 is local
            route["sources"] = [dns.KAMAILIO, dns.GATEWAY]
        if transport == "tls":
            route["identify_by"] = "certificate"
        self.gateway = rig.up(Stoxd(rig, name="stoxd-publish", routes={"office": route}, listen_sip_tls=[dns.GATEWAY + ":5061"],
                                    gateway={"sip_certificate": certs["gw"].file, "sip_key": certs["gw"].key, **SETTINGS}))
        self.server = rig.up(Kamailio(transport, certs["sip"], rig.pki.trust_file, postgres=postgres,
                                      defines=["PRESENCE_AT_STOX", *defines]))
        self.things = [self.server, self.gateway]

    def phone(self):
        return Phone(ALICE, dns.KAMAILIO, [ROMEO], registers=True, presence=True, published_for=SHORT_S)


@pytest.fixture(scope="module")
def world(request, rig):
    if request.param == "direct":
        it = Direct(rig)
    elif request.param == "registrar":
        it = Proxied(rig, "tls", "REGISTERED_IS_PRESENT", postgres=request.getfixturevalue("postgres"))
    else:
        it = Proxied(rig, request.param)
    yield it
    for thing in it.things:
        rig.down(thing)


def among(*kinds):
    return pytest.mark.parametrize("world", kinds, indirect=True)


def published(world):
    """How many publications there are."""
    return int(re.search(r"^stox_publications (\d+)", world.gateway.ctl("metrics"), re.M)[1])


@pytest.fixture
def romeo(rig, prosody, start):
    it = xmpppresence.attach(start(XmppClient(ROMEO + "/balcony", dns.PROSODY, rig.pki.trust_file)))
    yield it
    for user in ALICE, BOB:
        it.removes(user)
    it.settle("contoso.example")  # or the next test might find them, or hear of their end


def watches(romeo, whom, resource=None):
    romeo.asks(whom)
    romeo.wait("subscribed", whom)
    return romeo.wait("available", resource or whom)


@pytest.fixture
def phone(world, start):
    """baresip. It may publish twice when it starts, and forget the first one; so each test waits until all has run out."""
    it = start(world.phone())
    yield it
    it.stop()
    eventually(lambda: not published(world), "nothing is left of it")


def seen_in_the_end(romeo, word):
    """available or unavailable. A machine that stands still may let run out in between what lasts for 3 s only."""
    def last():
        told = [p.xml.get("type") or "available" for p in list(romeo.told.all) if str(p["from"]) == DEVICE]
        return told and told[-1] == word
    eventually(last, "%s is %s" % (DEVICE, word), 40)


def is_seen(romeo, phone):
    phone.publishes(True)
    watches(romeo, ALICE, DEVICE)


@among("direct", *TRANSPORTS)
def test_what_baresip_publishes_is_seen(world, table, romeo, phone):
    its = world.peers, world.transport, "to XMPP"
    with table.row(*its, "presence, published at Stox: seen, offline, available"):
        is_seen(romeo, phone)
        for online, word in (False, "unavailable"), (True, "available"):
            phone.publishes(online)
            seen_in_the_end(romeo, word)
    with table.row(*its, "presence, published at Stox: closed, started again, removed"):
        phone.stop()
        seen_in_the_end(romeo, "unavailable")
        phone.start()
        phone.publishes(True)
        seen_in_the_end(romeo, "available")
        romeo.asks_no_more(ALICE)
        seen_in_the_end(romeo, "unavailable")


def renewed(phone, at):
    """Until it has renewed what it has published; whether it was not too late for that. And how far was read."""
    _, at = phone.process.out.wait(RENEWS.match, 30, at)
    line, at = phone.process.out.wait(lambda text: text if TAKEN.match(text) else None, 30, at)
    assert line
    return not TOO_LATE.match(line), at


@among("direct", *TRANSPORTS[1:])
def test_what_baresip_publishes_is_renewed_and_runs_out(world, table, romeo, phone):
    with table.row(world.peers, world.transport, "to XMPP", "presence, published at Stox: renewed in time, run out"):
        is_seen(romeo, phone)
        mark, at, in_time, late = romeo.mark(), phone.mark(), 0, 0
        while in_time < 2:
            was_in_time, at = renewed(phone, at)
            in_time, late = (in_time + 1, late) if was_in_time else (0, late + 1)
        gone = len([p for p in romeo.told.all[mark:] if str(p["from"]) == DEVICE and p.xml.get("type") == "unavailable"])
        late += not renewed(phone, at)[0]  # what had run out by now was renewed too late
        assert gone <= late
        phone.process.kill()
        seen_in_the_end(romeo, "unavailable")


@among(*TRANSPORTS)
@pytest.mark.parametrize("how", ["stop", "kill"] if PROOF else ["kill"])
def test_what_baresip_publishes_is_seen_again_after_a_new_start_of_stox(world, table, romeo, phone, how):
    what = "presence, published at Stox, after a new start of Stox (%s)" % {"stop": "in order", "kill": "kill -9"}[how]
    with table.row(world.peers, world.transport, "to XMPP", what):
        is_seen(romeo, phone)
        mark, at = romeo.mark(), phone.mark()
        getattr(world.gateway, how)()
        world.gateway.start()
        phone.process.wait_line(TOO_LATE.pattern, 90, at)
        romeo.wait("available", DEVICE, timeout=40, since=mark)
        phone.publishes(False)
        seen_in_the_end(romeo, "unavailable")


@among(*TRANSPORTS)
def test_what_linphone_publishes_is_seen(world, table, romeo, start):
    linphone = start(LinphoneApp(BOB, dns.KAMAILIO, address=dns.SECOND_PHONE, presence=True))
    with table.row("linphone, Kamailio, Prosody", world.transport, "to XMPP", "presence, published at Stox: busy and away with notes, closed"):
        watches(romeo, BOB)
        for activity, word in ("busy", "dnd"), ("away", "away"):
            linphone.publishes(activity, "out and about")
            seen = romeo.wait("available", BOB, lambda p: xmpppresence.said(p) == (word, "out and about"))
        mark = romeo.mark()
        linphone.goes_offline()
        romeo.wait("unavailable", str(seen["from"]), since=mark)


@among("registrar")
def test_who_is_registered_is_seen(world, table, romeo, start):
    """Of a phone without presence; Kamailio publishes for it, and renews that as the phone its registration. When Stox knows nothing of
    it any more, the next registration but one helps."""
    with table.row("Kamailio (pua_usrloc), Prosody", world.transport, "to XMPP",
                   "presence, published at Stox: registered, after a new start of Stox (kill -9), unregistered"):
        linphone = start(LinphoneApp(BOB, dns.KAMAILIO, address=dns.SECOND_PHONE))
        watches(romeo, BOB)
        mark = romeo.mark()
        world.gateway.kill()
        world.gateway.start()
        linphone.registers_anew()
        refusals = 0

        def is_seen():
            """Kamailio begins anew with a registration that comes when it has read the refusal, of which Stox knows a moment earlier."""
            nonlocal refusals
            told = [e for e in world.gateway.events("message-refused") if e["direction"] == "sip-publication" and e["status"] == "412"]
            if len(told) > refusals:
                refusals = len(told)
                linphone.registers_anew()
            return any(p["from"].bare == BOB and not p.xml.get("type") for p in romeo.told.all[mark:])

        eventually(is_seen, "he is seen again", 90)
        assert refusals
        mark = romeo.mark()
        linphone.goes_offline()
        romeo.wait("unavailable", BOB, since=mark)
