"""
Certificates that are not as they must be, at Kamailio and at Stox: each is told by its name to the administrator (`stoxctl route
test`, the log), and to whoever writes, and nothing passes.
"""
import os

import pytest

from rig import dns
from rig.kamailio import Kamailio
from rig.phone import Phone
from rig.stoxd import Stoxd

ALICE, ROMEO = "alice@contoso.example", "romeo@fabrikam.example"
SIP, GW = "sip.contoso.example", "gw.contoso.example"

# Kamailio's certificate: {name: how it is made, what stoxctl route test says of it, a word of the log's reason}
THEIRS = {
    "expired": ({"dns": [SIP], "days": (-30, -1)}, "certificate-expired", "expired"),
    "not valid yet": ({"dns": [SIP], "days": (10, 30)}, "certificate-not-yet-valid", "not valid before"),
    "wrong name": ({"dns": ["mail.contoso.example"]}, "certificate-wrong-name", "mail.contoso.example"),
    "unknown authority": ({"dns": [SIP], "by": "unknown"}, "certificate-unknown-authority", "not trusted"),
    "self-signed": ({"dns": [SIP], "by": None}, "certificate-unknown-authority", "self-signed"),
}


@pytest.fixture(scope="module")
def certs(rig):
    made = {**{"their " + name: how for name, (how, _, _) in THEIRS.items()}, "good": {"dns": [SIP]}, "ours": {"dns": [GW]},
            "our other name": {"dns": ["other.contoso.example"]}, "our unknown authority": {"dns": [GW], "by": "unknown"}}
    return {name: rig.pki.issue("sip-certs-" + name.replace(" ", "-"), **how) for name, how in made.items()}


@pytest.fixture(scope="module")
def phone(rig):
    phone = rig.up(Phone(ALICE, dns.KAMAILIO, [ROMEO]))
    yield phone
    rig.down(phone)


@pytest.fixture
def world(rig, certs, start):
    """world(Kamailio's certificate, ours): the gateway, with Kamailio as its next hop."""
    def make(theirs, ours):
        route = {"next_hop": dns.KAMAILIO + ":5061", "transport": "tls", "tls_names": [SIP], "identify_by": "certificate"}
        gateway = start(Stoxd(rig, name="stoxd-certs", routes={"office": route}, listen_sip_tls=[dns.GATEWAY + ":5061"],
                              gateway={"sip_certificate": certs[ours].file, "sip_key": certs[ours].key}))
        start(Kamailio("tls", certs[theirs], rig.pki.trust_file))
        return gateway
    return make


def verdict_of(gateway):
    """What stoxctl route test finds (the word for programs), and what it shows."""
    at = gateway.mark()
    _, out, _ = gateway.ctl("route", "test", "office", ok=False)
    return gateway.wait_event("route-tested", since=at)["fault"], out


def answer_to(phone):
    at = phone.mark()
    phone.say("is anybody there?")
    return phone.wait_response(since=at)[0]


@pytest.mark.parametrize("kind", THEIRS)
def test_a_certificate_of_kamailio_that_will_not_do(world, romeo, phone, table, kind):
    _, fault, why = THEIRS[kind]
    gateway = world("their " + kind, "ours")
    with table.row("Kamailio, Prosody", "tls", "to SIP", "Kamailio's certificate, %s: %s" % (kind, fault)):
        at = gateway.mark()
        stanza_id = romeo.send(ALICE, "hello")
        assert romeo.wait_error(stanza_id)["error"]["condition"] == "remote-server-timeout"
        assert why in gateway.wait_event("sip-peer-refused", since=at, route="office", direction="out").line
        found, shown = verdict_of(gateway)
        assert found == fault and why in shown
    with table.row("Kamailio, baresip", "tls", "to XMPP", "Kamailio's certificate, %s: 403" % kind):
        at = gateway.mark()
        assert answer_to(phone) == 403
        event = gateway.wait_event("sip-stranger" if kind == "wrong name" else "sip-peer-unproven", since=at)
        assert why in event.line
    assert romeo.bodies() == [] and not any("hello" in line for line in phone.process.out.all)


# Ours, as Kamailio takes it: {name: the error on XMPP, what stoxctl route test says}
OURS = {"other name": ("forbidden", "forbidden"), "unknown authority": ("remote-server-timeout", "our-certificate-refused")}


@pytest.mark.parametrize("kind", OURS)
def test_a_certificate_of_ours_that_kamailio_does_not_take(world, romeo, phone, table, kind):
    """Also where it says so only after the handshake, as in TLS 1.3, its sender is told at once: nothing was read."""
    condition, fault = OURS[kind]
    gateway = world("good", "our " + kind)
    with table.row("Kamailio, Prosody", "tls", "to SIP", "Stox's certificate, %s: %s" % (kind, fault)):
        stanza_id = romeo.send(ALICE, "hello")
        assert romeo.wait_error(stanza_id, timeout=20)["error"]["condition"] == condition
        assert verdict_of(gateway)[0] == fault
        assert not any("hello" in line for line in phone.process.out.all)


def test_an_expired_certificate_of_ours_is_not_taken_by_stox_itself(world, certs):
    gateway = world("good", "ours")
    expired = certs["their expired"]
    status, _, why = gateway.ctl("gateway", "set", "--sip-certificate", expired.file, "--sip-key", expired.key, ok=False)
    assert status == 1 and "expired" in why


if os.environ.get("STOX_PROOF") == "1":  # Kamailio gives up after its fr_timer only
    def test_a_certificate_of_ours_that_kamailio_does_not_trust_and_a_phone(world, phone, table):
        gateway = world("good", "our unknown authority")
        with table.row("Kamailio, baresip", "tls", "to XMPP", "Stox's certificate, unknown authority: 408 by Kamailio"):
            at = gateway.mark()
            assert answer_to(phone) == 408
            assert "unknown_ca" in gateway.wait_event("sip-connect-failed", since=at)["reason"]
