"""
Partners' certificates on the wire, beside authorities and names: DNS (RFC 7673), pins, revocation lists. What a certificate
itself can be is in test_certs.c and, with STOX-S2S-35, in test_s2s_wire.py.
"""
import contextlib
import os
import signal
import ssl

import pytest

import support
from rig import dns, pki, scripted
from rig.process import Failed
from rig.stoxd import Stoxd
from rig.xmlstream import TLS, header
from support import DOMAIN, SM_FEATURE, STARTTLS_REQUIRED, expect_stanza

AT = "10.99.0.18"
DIALBACK_TOO = {"tls": "required", "sasl": "optional", "dialback": True}
EXTERNAL_ONLY = {"tls": "required", "sasl": "required", "dialback": False}
# domain: (address, settings). All are found by DNS; those of insecure.example by a zone that is not signed.
DOMAINS = {
    "dane-right.example": ("10.99.90.1", EXTERNAL_ONLY),
    "dane-wrong.example": ("10.99.90.2", DIALBACK_TOO),
    "dane-clear.example": ("10.99.90.3", {"tls": "optional", "sasl": "optional", "dialback": True}),
    "dane-none.example": ("10.99.90.4", EXTERNAL_ONLY),
    "dane-nosrv.example": ("10.99.90.5", EXTERNAL_ONLY),
    "insecure.example": (dns.SCRIPTED, EXTERNAL_ONLY),
    "bogus.example": (dns.SCRIPTED, EXTERNAL_ONLY),
    "pinned.example": ("10.99.90.6", DIALBACK_TOO),
    "revoked.example": ("10.99.90.7", EXTERNAL_ONLY),
}


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    """A gateway that validates DNSSEC and knows revocation lists; nobody is on them yet."""
    for domain, (address, _) in DOMAINS.items():
        label = domain.partition(".")[0]
        if domain in dns.ZONES or label == "dane-nosrv":
            continue
        rig.dns.change("example", "set %s-host A %s" % (label, address),
                       "set _xmpp-server._tcp.%s SRV 5 0 5269 %s-host.example." % (label, label))
    # There before the gateway asks for any name: a denial for a name beside it would deny it too (RFC 8198).
    rig.dns.change("example", "set dane-nosrv A %s" % DOMAINS["dane-nosrv.example"][0],
                   "set _5269._tcp.dane-nosrv TLSA " + ee(rig.cert("dane-nosrv.example", by=None)))
    return start_for_module(Stoxd(rig, name="stoxd-certs", **support.settings(
        AT, dns_trust_anchor=rig.dns.trust_anchor_file, crl_file=rig.pki.lists("lists.pem"),
        sip_domains={DOMAIN: {"route": "office"}}, gateway=support.PATIENT,
        partners={d: dict(how, type="federated") for d, (_, how) in DOMAINS.items()})))


@pytest.fixture
def peer(rig, start, gateway):
    return lambda domain: start(support.Partner(rig, "sm", domain, DOMAINS[domain][0], at=AT))


def set_tlsa(rig, owner, *records, zone="example"):
    rig.dns.change(zone, *("set %s TLSA %s" % (owner, r) for r in records))


def ee(cert):
    return "3 1 1 " + pki.key_hash(cert).hex()


def server_context(cert):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.file, cert.key)
    return context


def client_context(rig, cert):
    context = scripted.client_context(rig)
    context.load_cert_chain(cert.file, cert.key)
    return context


def send(sip, p):
    return sip.message("romeo@" + p.domain, "hello", target=(AT, 5060))


def serve(p, cert, features=STARTTLS_REQUIRED):
    """The gateway's stream to us up to TLS with this certificate."""
    wire = p.accept()
    wire.accept_stream(p.domain, features)
    wire.expect(r"<starttls\b[^>]*/>")
    wire.send("<proceed xmlns='%s'/>" % TLS)
    return wire.start_tls(server_context(cert), server_side=True)


def is_reached(gateway, sip, p, cert, certificate):
    """A message arrives on a stream that was secured as the log says."""
    at = gateway.mark()
    txn = send(sip, p)
    wire = serve(p, cert)
    wire.accept_authenticated(p.domain, SM_FEATURE)
    wire.expect(r"<enable\b[^>]*/>")
    wire.send("<enabled xmlns='urn:xmpp:sm:3'/>")
    expect_stanza(wire)
    support.acknowledge(wire, 1)
    assert txn.wait() == 200
    gateway.wait_event("stream-secured", since=at, remote=p.domain, certificate=certificate)
    return wire


def is_refused(gateway, sip, p, cert, *said):
    """No way of authentication is tried with it, and the log says why."""
    at = gateway.mark()
    txn = send(sip, p)
    with contextlib.suppress(Failed, ssl.SSLError, OSError):
        wire = serve(p, cert)
        wire.accept_stream(p.domain, support.EXTERNAL + support.DIALBACK_FEATURE)
        text = wire.expect_end()
        assert "<auth" not in text and "db:result" not in text, text
    why = gateway.wait_event("stream-failed", since=at, remote=p.domain, direction="out")["why"]
    assert all(s in why for s in said), why
    assert txn.wait() == 504


# ---- DNS ----


def test_STOX_S2S_42_dane_ee_makes_a_self_signed_certificate_good(rig, gateway, peer, sip):
    cert = rig.pki.issue("dane-self-signed", ["nobody.example"], by=None)
    set_tlsa(rig, "_5269._tcp.dane-right-host", ee(cert))
    is_reached(gateway, sip, peer("dane-right.example"), cert, "dane")


def test_STOX_S2S_42_wrong_record_refuses_a_good_certificate(rig, gateway, peer, sip):
    """Dialback, which the settings allow, does not make good for it."""
    cert, other = rig.pki.issue("dane-wrong.example"), rig.pki.issue("dane-other.example")
    set_tlsa(rig, "_5269._tcp.dane-wrong-host", ee(other))
    is_refused(gateway, sip, peer("dane-wrong.example"), cert, "none of those that the DNS names (TLSA)",
               "must correct the records")


def test_STOX_S2S_42_records_make_tls_mandatory(rig, gateway, peer, sip):
    """The settings allow dialback in clear; a server with TLSA records has TLS, whatever its features say."""
    cert = rig.pki.issue("dane-clear.example")
    set_tlsa(rig, "_5269._tcp.dane-clear-host", ee(cert))
    p = peer("dane-clear.example")
    txn = send(sip, p)
    wire = p.accept()
    wire.accept_stream(p.domain, support.DIALBACK_FEATURE)
    assert "db:result" not in wire.expect(r"<starttls\b[^>]*/>").string
    wire.send("<failure xmlns='%s'/></stream:stream>" % TLS)
    assert "db:result" not in wire.expect_end()
    assert txn.wait() == 504


def test_STOX_S2S_42_no_records_leave_it_to_authorities(rig, gateway, peer, sip):
    is_reached(gateway, sip, peer("dane-none.example"), rig.pki.issue("dane-none.example"), "ok")


def test_STOX_S2S_42_without_srv_the_domain_itself(rig, gateway, peer, sip):
    is_reached(gateway, sip, peer("dane-nosrv.example"), rig.cert("dane-nosrv.example"), "dane")


def test_STOX_S2S_42_unsigned_zone_is_ignored(rig, gateway, peer, sip):
    other = rig.pki.issue("dane-other-2.example")
    set_tlsa(rig, "_5269._tcp.xmpp", ee(other), zone="insecure.example")
    is_reached(gateway, sip, peer("insecure.example"), rig.pki.issue("insecure.example"), "ok")


def test_STOX_S2S_42_bogus_zone_is_not_connected_to(gateway, peer, sip):
    p, at = peer("bogus.example"), gateway.mark()
    txn = send(sip, p)
    assert txn.wait() == 504
    p.nobody_connects()
    assert "DNSSEC validation failed" in gateway.wait_event("stream-failed", since=at, remote=p.domain)["why"]


def test_STOX_S2S_36_target_of_a_secure_srv_is_a_name(rig, gateway, peer, sip):
    p = peer("dane-none.example")
    cert = rig.pki.issue("target-of-dane-none", ["dane-none-host.example"])
    for info in gateway.ctl_json("stream", "list"):
        gateway.ctl("stream", "close", str(info["id"]))
    is_reached(gateway, sip, p, cert, "ok")


# ---- pins ----


def test_I3_pins_both_ways_and_live(rig, gateway, peer, sip):
    """A pin makes a self-signed certificate good, keeps out a good one, and counts from the moment it is set."""
    p = peer("pinned.example")
    own, good = rig.pki.issue("pinned-self-signed", ["whatever.example"], by=None), rig.pki.issue("pinned.example")
    before = p.connect().secure(p.domain, DOMAIN, client_context(rig, good))
    before.authenticate(p.domain, DOMAIN)
    gateway.ctl("partner", "set", p.domain, "--add-pin", pki.pin(own))
    assert "none of those that are expected" in before.expect_end()
    wire = p.connect().secure(p.domain, DOMAIN, client_context(rig, good))
    wire.send(header(p.domain, DOMAIN))
    text = wire.expect_end()
    assert "policy-violation" in text and pki.pin(good) in text and "<stream:features" not in text
    is_refused(gateway, sip, p, good, pki.pin(good), "none of the partner's pins", "--add-pin")
    wire = p.connect().secure(p.domain, DOMAIN, client_context(rig, own))
    wire.authenticate(p.domain, DOMAIN)
    gateway.ctl("partner", "set", p.domain, "--remove-pin", pki.pin(own))
    assert "its key is not pinned" in wire.expect_end()
    wire = p.connect().secure(p.domain, DOMAIN, client_context(rig, own))
    assert "EXTERNAL" not in wire.open_stream(p.domain, DOMAIN)


def test_I3_a_withdrawn_pin_ends_what_dialback_took_its_word_for(rig, gateway, peer, sip):
    """XEP-0344: with a good certificate nobody is asked for the key. When only a pin made it good, both go together."""
    p = peer("pinned.example")
    own = rig.pki.issue("pinned-by-dialback", ["whatever.example"], by=None)
    gateway.ctl("partner", "set", p.domain, "--add-pin", pki.pin(own))
    wire = p.connect().secure(p.domain, DOMAIN, client_context(rig, own))
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<db:result from='%s' to='%s'>key</db:result>" % (p.domain, DOMAIN))
    wire.expect(r"<db:result[^>]* type='valid'")
    gateway.ctl("partner", "set", p.domain, "--remove-pin", pki.pin(own))
    assert "its key is not pinned" in wire.expect_end()


def test_I3_pin_expired_all_the_same(rig, gateway, peer, sip):
    p = peer("pinned.example")
    old = rig.pki.issue("pinned-old", by=None, days=(-30, -1))
    gateway.ctl("partner", "set", p.domain, "--add-pin", pki.pin(old))
    wire = p.connect().secure(p.domain, DOMAIN, client_context(rig, old))
    features = wire.open_stream(p.domain, DOMAIN)
    assert "EXTERNAL" not in features and "dialback" in features  # as the settings say
    gateway.ctl("partner", "set", p.domain, "--remove-pin", pki.pin(old))


def test_I3_pins_are_checked_when_they_are_set(gateway):
    for wrong in "sha256/short", "md5/AAAA", "sha256/" + "A" * 44:
        status, _, said = gateway.ctl("partner", "set", "pinned.example", "--add-pin", wrong, ok=False)
        assert status and "is not sha256/ and the base64 of 32 bytes" in said


# ---- revocation ----


def resume(p, context, session):
    """TLS with the session of an earlier connection, if the gateway still takes it."""
    wire = p.connect()
    assert "starttls" in wire.open_stream(p.domain, DOMAIN)
    wire.send("<starttls xmlns='%s'/>" % TLS)
    wire.expect(r"<proceed\b[^>]*/>")
    return wire.start_tls(context, hostname=DOMAIN, session=session)


def test_STOX_S2S_35_revoked_while_running(rig, gateway, peer, sip):
    """A list takes effect when it is there, and a session of before does not bring its owner back."""
    p = peer("revoked.example")
    cert = rig.pki.issue("revoked.example")
    context = client_context(rig, cert)
    wire = p.connect().secure(p.domain, DOMAIN, context)
    wire.authenticate(p.domain, DOMAIN)
    wire = resume(p, context, wire.sock.session)
    assert wire.sock.session_reused
    wire.authenticate(p.domain, DOMAIN)
    rig.pki.revoke(cert)
    rig.pki.lists("lists.pem")
    at = gateway.mark()
    os.kill(gateway.process.pid, signal.SIGHUP)
    gateway.wait_event("revocation-lists", since=at, lists="2")
    assert "<reset" in wire.expect_end()  # STOX-S2S-38
    wire = resume(p, context, wire.sock.session)
    assert not wire.sock.session_reused
    wire.send(header(p.domain, DOMAIN))
    text = wire.expect_end()
    assert "EXTERNAL" not in text and "is revoked by its authority" in text
    is_refused(gateway, sip, p, cert, "is revoked by its authority")


def test_I3_a_damaged_list_leaves_the_one_of_before(rig, gateway):
    path = rig.pki.lists("lists.pem")
    with open(path + ".new", "w") as f:
        f.write("nothing")
    os.replace(path + ".new", path)
    at = gateway.mark()
    os.kill(gateway.process.pid, signal.SIGHUP)
    assert "holds no revocation list" in gateway.wait_event("revocation-lists-not-read", since=at)["why"]
    rig.pki.lists("lists.pem")
    at = gateway.mark()
    os.kill(gateway.process.pid, signal.SIGHUP)
    gateway.wait_event("revocation-lists", since=at, lists="2")
