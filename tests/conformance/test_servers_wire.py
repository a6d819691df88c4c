"""Finding partners on the wire: direct TLS in both directions, DANE with it, and servers or addresses that do not work."""
import contextlib
import re
import socket
import ssl
import subprocess

import pytest

import support
from rig import dns, ns, pki, scripted
from rig.stoxd import Stoxd
from rig.xmlstream import header
from support import DOMAIN, EXTERNAL, SM_FEATURE, expect_stanza, expect_stream_error

AT = "10.99.0.17"
EXTERNAL_ONLY = {"tls": "required", "sasl": "required", "dialback": False}
SIX = "fd99::1717"
# domain: (address, settings)
DOMAINS = {
    "direct-out.example": ("10.99.91.1", EXTERNAL_ONLY),
    "direct-dane.example": ("10.99.91.2", EXTERNAL_ONLY),
    "direct-wrong.example": ("10.99.91.3", EXTERNAL_ONLY),
    "direct-in.example": ("10.99.91.4", EXTERNAL_ONLY),
    "direct-never.example": ("10.99.91.5", {"tls": "not-supported", "sasl": "not-supported", "dialback": True}),
    "two-servers.example": ("10.99.91.6", EXTERNAL_ONLY),
    "six-and-four.example": ("10.99.91.7", EXTERNAL_ONLY),
}


def _records(domain, address):
    label = domain.partition(".")[0]
    yield "set %s-host A %s" % (label, address)
    if label == "six-and-four":
        yield "set %s-host AAAA %s" % (label, SIX)
    if label == "two-servers":
        yield "set two-servers-first A 10.99.91.106"
        yield "set _xmpp-server._tcp.two-servers SRV 1 0 5269 two-servers-first.example."
    if label.startswith("direct-"):
        yield "set _xmpp-server._tcp.%s SRV 0 0 0 ." % label
        yield "set _xmpps-server._tcp.%s SRV 5 0 5270 %s-host.example." % (label, label)
    else:
        yield "set _xmpp-server._tcp.%s SRV 5 0 5269 %s-host.example." % (label, label)


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    for domain, (address, _) in DOMAINS.items():
        rig.dns.change("example", *_records(domain, address))
    # There before the gateway asks for any name: a denial for a name beside it would deny it too (RFC 8198).
    for label, name in ("direct-dane", "direct-dane.example"), ("direct-wrong", "direct-other.example"):
        cert = rig.cert(name, dns=["nobody.example"], by=None)
        rig.dns.change("example", "set _5270._tcp.%s-host TLSA 3 1 1 %s" % (label, pki.key_hash(cert).hex()))
    return start_for_module(Stoxd(rig, name="stoxd-servers", **support.settings(
        AT, listen_xmpps=[AT], dns_trust_anchor=rig.dns.trust_anchor_file, sip_domains={DOMAIN: {"route": "office"}},
        gateway={**support.PATIENT, "partner_networks": [ns.NETWORK, ns.SILENT, "fd99::/64"]},
        partners={d: dict(how, type="federated") for d, (_, how) in DOMAINS.items()})))


class Direct(support.Partner):
    """A partner whose server takes direct TLS at port 5270."""

    def start(self):
        self.listener = scripted.Listener(self.address, 5270)
        return self

    def accept_direct(self, cert=None):
        """The gateway's stream, inside TLS; wire.asked: the server's name that it asked for."""
        cert = cert or self.rig.cert(self.domain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert.file, cert.key)
        context.load_verify_locations(self.rig.pki.trust_file)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["xmpp-server"])
        asked = []
        context.sni_callback = lambda sock, name, ctx: asked.append(name)
        wire = self.accept()
        wire.start_tls(context, server_side=True)
        wire.asked = asked
        return wire


def send(sip, p):
    return sip.message("romeo@" + p.domain, "hello", target=(AT, 5060))


def take_message(wire, p, txn):
    wire.accept_authenticated(p.domain, SM_FEATURE)
    wire.expect(r"<enable\b[^>]*/>")
    wire.send("<enabled xmlns='urn:xmpp:sm:3'/>")
    expect_stanza(wire)
    support.acknowledge(wire, 1)
    assert txn.wait() == 200


@pytest.fixture
def direct(rig, start, gateway):
    return lambda domain: start(Direct(rig, "sm", domain, DOMAINS[domain][0], at=AT))


@pytest.fixture
def peer(rig, start, gateway):
    return lambda domain: start(support.Partner(rig, "sm", domain, DOMAINS[domain][0], at=AT))


# ---- out ----


def test_STOX_S2S_04_direct_tls_with_name_and_protocol_and_no_starttls(gateway, direct, sip):
    p = direct("direct-out.example")
    txn = send(sip, p)
    wire = p.accept_direct()
    assert wire.asked == ["direct-out.example"]
    assert wire.sock.selected_alpn_protocol() == "xmpp-server"
    take_message(wire, p, txn)
    assert b"starttls" not in wire.all


def test_STOX_S2S_42_dane_counts_with_direct_tls(gateway, direct, sip):
    """The record stands at the port of direct TLS, and makes a self-signed certificate good."""
    p = direct("direct-dane.example")
    at = gateway.mark()
    txn = send(sip, p)
    take_message(p.accept_direct(), p, txn)
    gateway.wait_event("stream-secured", since=at, remote=p.domain, certificate="dane")


def test_STOX_S2S_42_a_wrong_record_refuses_direct_tls(gateway, direct, sip):
    p = direct("direct-wrong.example")
    at = gateway.mark()
    txn = send(sip, p)
    wire = p.accept_direct()
    wire.accept_stream(p.domain, EXTERNAL)
    assert "<auth" not in wire.expect_end()
    assert "TLSA" in gateway.wait_event("stream-failed", since=at, remote=p.domain)["why"]
    assert txn.wait() == 504


def test_the_second_server_when_tls_of_the_first_is_broken(gateway, peer, start, sip):
    p = peer("two-servers.example")
    first = start(scripted.Listener("10.99.91.106"))
    at = gateway.mark()
    txn = send(sip, p)
    broken = first.accept()
    broken.accept_stream(p.domain, support.STARTTLS_REQUIRED)
    broken.expect(r"<starttls\b[^>]*/>")
    broken.send("<proceed xmlns='%s'/>" % support.TLS)
    broken.expect(r"\x16\x03")
    broken.send("this is no TLS")
    wire = p.accept()
    wire.accept_secure(p.domain, p.server())
    take_message(wire, p, txn)
    assert "TLS" in gateway.wait_event("stream-next-server", since=at, remote=p.domain)["why"]
    broken.close()


@contextlib.contextmanager
def black_hole(address):
    """Nobody is refused there, and nobody hears anything: the listener's queue is full."""
    with contextlib.ExitStack() as open_sockets:
        listener = open_sockets.enter_context(socket.socket(socket.AF_INET6))
        listener.bind((address, 5269))
        listener.listen(0)
        for _ in range(2):
            filler = open_sockets.enter_context(socket.socket(socket.AF_INET6))
            filler.setblocking(False)
            filler.connect_ex((address, 5269))
        with pytest.raises(TimeoutError):
            socket.create_connection((address, 5269), 0.3)
        yield


def test_ipv4_does_not_wait_for_ipv6_that_is_swallowed(gateway, peer, sip):
    subprocess.run(["ip", "-6", "address", "add", SIX + "/128", "dev", "lo", "nodad"], check=True)
    p = peer("six-and-four.example")
    with black_hole(SIX):
        txn = send(sip, p)
        wire = p.accept(timeout=9)  # an attempt may take 10 s
        wire.accept_secure(p.domain, p.server())
        take_message(wire, p, txn)


# ---- in ----


def connect_direct(rig, p, alpn=("xmpp-server",)):
    context = scripted.client_context(rig, p.domain)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return p.kept(scripted.connect((AT, 5270), source=p.address)).start_tls(context, hostname=DOMAIN)


@pytest.mark.parametrize("alpn, chosen", [(("xmpp-server",), "xmpp-server"), (("h2", "xmpp-server"), "xmpp-server"),
                                          (("xmpp-client",), None), ((), None)])
def test_STOX_S2S_05_protocol_is_chosen_when_offered(rig, direct, alpn, chosen):
    p = direct("direct-in.example")
    wire = connect_direct(rig, p, alpn)
    assert wire.sock.selected_alpn_protocol() == chosen
    assert "EXTERNAL" in wire.open_stream(p.domain, DOMAIN)


def test_STOX_S2S_05_a_message_comes_in(rig, direct, sip):
    p = direct("direct-in.example")
    wire = connect_direct(rig, p)
    wire.authenticate(p.domain, DOMAIN)
    p.send_message(wire, body="by direct TLS")
    sip.wait_message("by direct TLS")
    assert b"starttls" not in wire.all


def test_STOX_S2S_05_no_starttls_inside(rig, direct):
    p = direct("direct-in.example")
    wire = connect_direct(rig, p)
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<starttls xmlns='%s'/>" % support.TLS)
    wire.expect(r"<failure xmlns='%s'/>" % re.escape(support.TLS))
    wire.expect_end()


def test_STOX_S2S_05_not_for_partners_without_tls(rig, direct):
    p = direct("direct-never.example")
    wire = connect_direct(rig, p)
    wire.send(header(p.domain, DOMAIN))
    assert "TLS is not used with your domain" in expect_stream_error(wire, "policy-violation")


def test_what_is_no_tls_is_cut_there(rig, direct):
    p = direct("direct-in.example")
    wire = p.kept(scripted.connect((AT, 5270), source=p.address))
    wire.send(header(p.domain, DOMAIN))
    assert "<stream" not in wire.expect_end()
