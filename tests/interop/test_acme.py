"""
Certificates from an ACME authority (pebble) whose nonces are refused at random: asked for, renewed by request and without, while
messages go both ways with Prosody and with a SIP server over TLS. STOX_PROOF=1: fifty renewals.
"""
import base64
import contextlib
import os
import re
import socket
import sqlite3
import ssl

import pages
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rig import dns, scripted
from rig.pebble import Pebble
from rig.process import eventually
from rig.sipua import SipUa
from rig.stoxd import Stoxd
from talk import Talk, streams
from test_keys import memory_holds, scalar_in, scalar_of

pytestmark = pytest.mark.apart

PROOF = os.environ.get("STOX_PROOF") == "1"
OURS, SCRIPTED, HOST = "contoso.example", "scripted.example", "gw.contoso.example"
SIP_TLS = (dns.GATEWAY, 5061)
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the module ssl has no name for
HTTP, TLS = {"listen_acme_http": [dns.GATEWAY + ":80"]}, {"listen_acme_tls": [dns.GATEWAY + ":443"]}


@pytest.fixture
def authority(rig, start):
    """authority(...): pebble, rig/pebble.py."""
    return lambda **how: start(Pebble(rig, rig.pki.issue("pebble", [dns.AUTHORITY_NAME]), **how))


@pytest.fixture
def made(rig, stoxd):
    """made(pebble, ...): a gateway that asks it."""
    def make(pebble, listens=HTTP, gateway=(), **more):
        return stoxd(trust_file=pebble.trust_file, partners={"fabrikam.example": {}, SCRIPTED: {}}, **listens, **more,
                     gateway={"acme_directory": pebble.directory, "acme_terms": True, "acme_trust_file": rig.pki.trust_file,
                              **dict(gateway)})
    return make


def shown(rig, pebble, whenever=False):
    """Its number. whenever: one that lives for seconds may be over when a busy machine gets to look."""
    context = scripted.client_context(rig)
    context.load_verify_locations(cadata=pebble.root)
    context.verify_flags |= NO_CHECK_TIME if whenever else 0
    wire = scripted.connect((dns.GATEWAY, 5269), source=dns.SCRIPTED)
    wire.secure(SCRIPTED, OURS, context)
    number = wire.sock.getpeercert()["serialNumber"]
    wire.close()
    return number


def request(gateway, name, *flags, names=OURS, ok=True):
    return gateway.ctl("cert", "request", name, "--acme", "yes", "--key-type", "p256", "--names", names, *flags, ok=ok, timeout=120)


def renews(gateway, name):
    """When, or None: it is looked up after the certificate has come."""
    return gateway.ctl_json("cert", "show", name)["acme-order"]["renews"]


def said(done):
    return done[1] + done[2]


def account_of(gateway, name):
    """The private number of the account's key, which no command gives out: out of the store, by the file that opens it."""
    state = gateway.settings["state_dir"]
    with open(os.path.join(state, "certificates.key"), "rb") as f, \
            contextlib.closing(sqlite3.connect(os.path.join(state, "stox.db"))) as db:
        opener, dump = AESGCM(f.read()), "\n".join(db.iterdump())
    box = base64.b64decode(re.findall(r'"acme-account": ?"v1\.[0-9a-f]+\.([^"]+)"', dump)[-1])
    return scalar_in(opener.decrypt(box[:12], box[12:], b"acme/" + name.encode()))


def connections(port):
    """Those that stand, by both ends, of which one has this port."""
    with open("/proc/net/tcp") as f:
        rows = [line.split()[1:4] for line in f.readlines()[1:]]
    return {(here, there) for here, there, state in rows
            if state == "01" and "%04X" % port in (here.partition(":")[2], there.partition(":")[2])}


def test_renewals_end_no_stream_and_lose_no_message_of_prosody_and_a_sip_server(rig, authority, made, romeo, start, figures):
    pebble = authority(reject=30)
    theirs = rig.pki.issue("acme-office", ["sip.contoso.example"])
    office = start(SipUa(dns.OFFICE, cert=theirs, trust=pebble.trust_file))
    gateway = made(pebble, listen_sip_tls=["%s:%d" % SIP_TLS],
                   routes={"office": {"next_hop": dns.OFFICE + ":5061", "transport": "tls", "im": "pager",
                                      "tls_names": ["sip.contoso.example"], "identify_by": "certificate"}})
    request(gateway, "edge")
    request(gateway, "sip", "--use", "sip", names=HOST)
    gateway.ctl("cert", "assign", "sip", "--sip")
    with Talk(office, romeo, "acme", target=SIP_TLS, transport="tls") as talk:  # Prosody does not know pebble's root
        talk.wait(5)
        kept, lines = streams(gateway, "fabrikam.example"), connections(5061)
        assert len(kept) == 2 and lines
        gateway.ctl("cert", "assign", "edge", "--domain", OURS)
        serials = {shown(rig, pebble)}
        for i in range(50 if PROOF else 2):
            gateway.ctl("cert", "renew", "edge", timeout=120)
            gateway.ctl("cert", "renew", "sip", timeout=120)
            serials.add(shown(rig, pebble))
            talk.wait(10)
        assert streams(gateway, "fabrikam.example") == kept and connections(5061) >= lines
    assert len(serials) == i + 2
    figures(renewals=2 * (i + 1), **talk.check_undisturbed())


def test_a_certificate_is_renewed_by_itself_when_a_third_of_its_life_is_left(rig, authority, made, office, romeo):
    pebble = authority(seconds=15)
    gateway = made(pebble)
    with Talk(office, romeo, "alone") as talk:
        talk.wait(5)
        kept = streams(gateway, "fabrikam.example")
        request(gateway, "edge")
        gateway.ctl("cert", "assign", "edge", "--domain", OURS)
        first, at = shown(rig, pebble, whenever=True), gateway.mark()
        eventually(lambda: renews(gateway, "edge"), "when it renews it is known")
        gateway.wait_event("certificate-came", timeout=60, since=at, certificate="edge")
        eventually(lambda: shown(rig, pebble, whenever=True) != first, "the new one is shown")
        talk.wait(10)
        assert streams(gateway, "fabrikam.example") == kept
    talk.check_undisturbed()


def test_a_renewal_that_failed_is_tried_again_by_itself(authority, made):
    """A twelfth of its life later: 2 s."""
    pebble = authority(seconds=12)
    gateway = made(pebble)
    request(gateway, "edge")
    pebble.stop()
    at = gateway.mark()
    why = gateway.wait_event("certificate-not-got", timeout=60, since=at, certificate="edge")["why"]
    assert "cannot be asked" in why and pebble.directory in why
    at = gateway.mark()
    pebble.start()  # another root, and no account: as if it had forgotten all
    gateway.wait_event("certificate-asked-for", timeout=60, since=at, certificate="edge")


def test_a_restart_does_not_forget_when_a_failure_is_tried_again(authority, made):
    pebble = authority()
    gateway = made(pebble)
    pebble.stop()
    request(gateway, "edge", ok=False)
    before = gateway.ctl_json("cert", "show", "edge")["acme-order"]
    assert before["failures"] == 1 and before["next-try"]
    gateway.stop()
    gateway.start()
    after = eventually(lambda: gateway.ctl_json("cert", "show", "edge").get("acme-order"), "what failed is known again")
    assert (after["failures"], after["next-try"]) == (1, before["next-try"]), (before, after)
    pebble.start()
    request_again = gateway.ctl("cert", "renew", "edge", ok=False, timeout=120)  # an administrator need not wait
    assert gateway.wait_event("certificate-asked-for", timeout=20, certificate="edge"), request_again


def test_a_name_is_proved_on_port_443_and_no_key_is_left_in_memory(authority, made):
    gateway = made(authority(), TLS)
    with pytest.raises(ConnectionError):
        socket.create_connection((dns.GATEWAY, 443), 5)
    request(gateway, "edge")
    assert gateway.ctl_json("cert", "show", "edge")["state"] == "installed"
    with pytest.raises(ConnectionError):
        socket.create_connection((dns.GATEWAY, 443), 5)
    for scalar in scalar_of(gateway), account_of(gateway, "edge"):
        texts = scalar.hex().encode(), base64.urlsafe_b64encode(scalar)[:40], base64.b64encode(scalar)[:40]
        assert not memory_holds(gateway.process.pid, scalar, scalar[::-1], *texts)


def test_port_443_answers_nobody_but_who_asks_for_the_proof_of_this_name(rig, start, made):
    """While the proof is shown: another protocol, none, another name, none, and plain text."""
    from rig.acmeserver import URL, AcmeServer, answer
    faults = []

    def attempt(name, protocols):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if protocols:
            context.set_alpn_protocols(protocols)
        with socket.create_connection((dns.GATEWAY, 443), 20) as sock, context.wrap_socket(sock, server_hostname=name) as tls:
            return tls.selected_alpn_protocol(), tls.getpeercert(binary_form=True)

    def plain_text():
        with socket.create_connection((dns.GATEWAY, 443), 20) as sock:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            got = b""
            with contextlib.suppress(ConnectionResetError):  # what is not read resets
                while data := sock.recv(1000):
                    got += data
            return got

    def on_proof(asked):
        try:
            for name, protocols in (OURS, ["h2"]), (OURS, []), ("other.example", ["acme-tls/1"]), (None, ["acme-tls/1"]):
                with pytest.raises(ssl.SSLError):
                    attempt(name, protocols)
            assert b"HTTP" not in plain_text()
            protocol, cert = attempt(OURS, ["h2", "acme-tls/1"])
            assert protocol == "acme-tls/1"
            assert bytes.fromhex("06082b0601050507011f0101ff04220420") in cert, "critical, and a hash"
        except BaseException as e:  # told where the test can see it
            faults.append(e)
        ca.answers["/name"] = ca.name_of("valid")
        return 200, {}, b"{}"

    ca = start(AcmeServer(rig))
    ca.trust_file = ca.rig.pki.trust_file
    ca.answers["/name"] = lambda asked: ca.name_of("pending", "tls-alpn-01")(asked)
    ca.answers["/order/1"] = answer(200, {"status": "invalid", "finalize": URL + "/f", "authorizations": [URL + "/name"]})
    ca.answers["/proof"] = on_proof
    gateway = made(ca, TLS)
    request(gateway, "edge", ok=False)
    assert ca.asked("/proof") and not faults, faults


def test_an_authority_for_customers_only_is_told_who_they_are(authority, made):
    pebble = authority(customers={"us": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"})
    gateway = made(pebble)
    assert "acme-binding-id" in said(request(gateway, "edge", ok=False))
    gateway.ctl("gateway", "set", "--acme-binding-id", "us", "--acme-binding-key", "bm90IGl0cyBrZXk")
    assert "opening the account" in said(gateway.ctl("cert", "renew", "edge", ok=False, timeout=120))
    gateway.ctl("gateway", "set", "--acme-binding-key", pebble.customers["us"])
    gateway.ctl("cert", "renew", "edge", timeout=120)
    assert pebble.customers["us"] not in gateway.ctl("gateway", "show") + gateway.ctl("config", "export")


def test_a_name_that_does_not_lead_here_is_refused_with_what_to_do(authority, made):
    done = request(made(authority()), "else", names="sip.contoso.example", ok=False)
    assert "proving that sip.contoso.example is ours" in said(done)
    assert "on port 80" in said(done)


class Documented(Stoxd):
    """With the lines that docs/ACME.md gives for the bootstrap file; what else is in it is not that page's."""

    def __init__(self, rig, **settings):
        (text,) = [b for b in pages.blocks("ACME.md") if b.startswith("listen-acme-http = ")]
        super().__init__(rig, **settings, **pages.settings(text))


def test_the_page_s_commands_lead_to_a_certificate_that_is_shown(rig, authority, start, tmp_path):
    """From its first line to its last; what stands for the reader's own is put in its place."""
    pebble = authority(customers={"us": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"})
    gateway = start(Documented(rig, name="stoxd-acme-page", trust_file=pebble.trust_file, partners={SCRIPTED: {}}))
    shell = pages.Shell(gateway, tmp_path)
    own = {"https://acme.example/directory": pebble.directory, "/etc/stox/acme-root.pem": rig.pki.trust_file,
           "binding-id ID": "binding-id us", "binding-key KEY": "binding-key " + pebble.customers["us"]}
    lines = pages.commands("ACME.md")
    assert all(any(theirs in line for line in lines) for theirs in own)
    for line in lines:
        for theirs, ours in own.items():
            line = line.replace(theirs, ours)
        shell.run(line, status=None if line == "stoxctl check" else 0)  # the rig's gateway lacks what that asks for besides
    assert shown(rig, pebble)
    assert "certificate is renewed by ACME" in shell.run("stoxctl check", status=None)
    eventually(lambda: renews(gateway, "edge"), "when it renews it is known")
