"""
`stoxctl partner test`: whatever is wrong with a partner, it names the fault and what helps. All at the same time against one
gateway; partners that are broken in one way each are scripted, the others are Prosody and ejabberd.
"""
import concurrent.futures
import contextlib
import json
import re
import socket
import ssl
import threading

import pytest

from rig import dns, pki, scripted, xmlstream
from rig.process import Failed, eventually

SETUP_S = 20
OURS = "contoso.example"
CUT_OFF = "cut-off.example"  # a domain of ours whose DNS leads nowhere: partners cannot reach us
EXTERNAL = "<mechanisms xmlns='%s'><mechanism>EXTERNAL</mechanism></mechanisms>" % xmlstream.SASL
DIALBACK = "<dialback xmlns='%s'><errors/></dialback>" % xmlstream.DIALBACK_FEATURE
STARTTLS = "<starttls xmlns='%s'><required/></starttls>" % xmlstream.TLS


# ---- what the scripted partners do with a connection of the gateway's ----

def with_certificate(peer, wire):
    """TLS and EXTERNAL offered: what is wrong is the certificate."""
    wire.accept_secure(peer.domain, scripted.server_context(peer.rig, peer.domain))
    wire.accept_stream(peer.domain, EXTERNAL)
    wire.expect_end()


def with_old_tls(peer, wire):
    context = scripted.server_context(peer.rig, peer.domain)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    wire.accept_secure(peer.domain, context)


def without_tls(peer, wire):
    wire.accept_stream(peer.domain, DIALBACK)
    wire.expect(r"<starttls\b[^>]*/>")
    wire.send("<failure xmlns='%s'/></stream:stream>" % xmlstream.TLS)


def with_tls_required(peer, wire):
    wire.accept_stream(peer.domain, STARTTLS)
    wire.expect_end()


def refusing_our_chain(peer, wire):
    wire.accept_secure(peer.domain, peer.strict_context())


def refusing_external(peer, wire):
    wire.accept_secure(peer.domain, scripted.server_context(peer.rig, peer.domain))
    wire.accept_stream(peer.domain, EXTERNAL)
    wire.expect(r"<auth\b[^>]*(/>|>[^<]*</auth>)")
    wire.send("<failure xmlns='%s'><not-authorized/></failure>" % xmlstream.SASL)
    wire.expect_end()


def without_external(peer, wire):
    wire.accept_secure(peer.domain, scripted.server_context(peer.rig, peer.domain))
    wire.accept_stream(peer.domain, DIALBACK)
    wire.expect_end()


def not_listing_us(peer, wire):
    wire.expect(r"<stream:stream\b[^>]*>")
    wire.send(xmlstream.header(peer.domain, OURS, "refused") +
              "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:"
              "xml:ns:xmpp-streams'>contoso.example is on no list</text></stream:error></stream:stream>")
    wire.expect_end()


def saying_nothing(peer, wire):
    wire.expect_end(SETUP_S + 10)


def hanging_up(peer, wire):
    wire.expect(r"<stream:stream\b[^>]*>")


def _believing(peer, wire):
    wire.accept_secure(peer.domain, scripted.server_context(peer.rig, peer.domain))
    wire.accept_authenticated(peer.domain)
    return wire.expect(r"<iq type='get'[^>]* id='([^']*)'><ping [^>]*/></iq>").group(1)


def with_a_way_back(peer, wire, answers=True, certificate=None):
    """Believes us, and opens a stream of its own."""
    ping = _believing(peer, wire)
    back = scripted.connect((dns.GATEWAY, 5269), source=peer.address)
    with contextlib.closing(back):
        back.secure(peer.domain, OURS, scripted.client_context(peer.rig, certificate or peer.domain))
        if certificate:
            back.send(xmlstream.header(peer.domain, OURS))
            back.expect_end()
        else:
            back.authenticate(peer.domain, OURS)
            if answers:
                back.send("<iq type='result' from='%s' to='%s' id='%s'/>" % (peer.domain, OURS, ping))
        wire.expect("</stream:stream>", SETUP_S + 10)


def without_answer(peer, wire):
    with_a_way_back(peer, wire, answers=False)


def with_expired_way_back(peer, wire):
    with_a_way_back(peer, wire, certificate="expired.example")


class Peer:
    """A scripted partner of its own name and address."""

    def __init__(self, rig, domain, number, behave):
        self.rig, self.domain, self.behave = rig, domain, behave
        rig.cert(domain)  # now: the authority signs one at a time
        self.address = "10.99.40.%d" % number
        self.listener = scripted.Listener(self.address)
        self.thread = threading.Thread(target=self._serve, daemon=True, name=domain)
        self.thread.start()

    def strict_context(self):
        """Trusts another authority than ours, and insists."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cert = self.rig.cert(self.domain)
        context.load_cert_chain(cert.file, cert.key)
        context.load_verify_locations(self.rig.pki.unknown.file)
        context.verify_mode = ssl.CERT_REQUIRED
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # the refusal is part of the handshake
        return context

    def _serve(self):
        with contextlib.suppress(Failed, OSError):
            wire = self.listener.accept(600)
            with contextlib.closing(wire):
                with contextlib.suppress(Failed, OSError):
                    self.behave(self, wire)
                self._let_go(wire)

    @staticmethod
    def _let_go(wire):
        """Without a reset: it would be one if there were something unread, and could overtake what was said last."""
        sock = socket.socket(fileno=wire.sock.detach())
        with contextlib.closing(sock):
            sock.settimeout(SETUP_S + 10)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.sock.shutdown(socket.SHUT_RDWR)  # nobody may have come
        self.thread.join(20)
        self.listener.stop()


STRICT = {"tls": "required", "sasl": "required", "dialback": False}
ANY = {"tls": "optional", "sasl": "optional", "dialback": True}
CLEAR = {"tls": "not-supported", "sasl": "not-supported", "dialback": True}
OVER_TLS = {"tls": "required", "sasl": "not-supported", "dialback": True}

# partner: (settings, scripted behaviour or None, fault, what the verdict says of fault and remedy)
CASES = {
    "nothing.example": (ANY, None, "dns-no-address", "neither XMPP server records nor an address.*must publish the SRV record"),
    "srv-dot.example": (ANY, None, "dns-not-offered", r"offers no XMPP \(SRV target \"\.\"\).*must publish"),
    "no-target.example": (ANY, None, "dns-no-such-server", "does not exist .*does-not-exist.example.*must correct the SRV"),
    "t-wrong-port.example": (STRICT, saying_nothing, "connection-refused", "refuses the connection .*:5270.*host and port"),
    "silent.example": (ANY, None, "connection-timeout", "does not answer at all.*firewall.*5269"),
    "expired.example": (STRICT, with_certificate, "certificate-expired", "has expired.*must renew"),
    "wrong-name.example": (STRICT, with_certificate, "certificate-wrong-name", "does not name wrong-name.example.*dNSName"),
    "unknown-ca.example": (STRICT, with_certificate, "certificate-unknown-authority", "not trusted here.*trust-file"),
    "self-signed.example": (STRICT, with_certificate, "certificate-self-signed", "self-signed.*--add-pin sha256/[^.]{30,}"),
    "not-yet.example": (STRICT, with_certificate, "certificate-not-yet-valid", "not valid yet.*clock of this machine"),
    "t-old.example": (STRICT, with_old_tls, "tls-too-old", "older than 1.2.*turn on TLS 1.2 or 1.3"),
    "no-tls.example": (STRICT, without_tls, "tls-not-offered", "offers no TLS.*STARTTLS.*--tls optional"),
    "t-tls.example": (CLEAR, with_tls_required, "tls-forbidden", "insists on TLS.*forbids.*--tls optional"),
    "t-chain.example": (STRICT, refusing_our_chain, "our-certificate-refused", "refuses the certificate of contoso.example"),
    "t-external.example": (STRICT, refusing_external, "external-refused", "SASL EXTERNAL.*allow dialback"),
    "t-none.example": (STRICT, without_external, "external-not-offered", "does not offer.*allow dialback"),
    "t-unlisted.example": (STRICT, not_listing_us, "not-allowed", "contoso.example is on no list.*must list contoso.example"),
    "t-hung.example": (STRICT, saying_nothing, "timeout", "says nothing more.*the stream header.*no XMPP server"),
    "t-closing.example": (STRICT, hanging_up, "closed", "gives no reason.*log of the partner"),
    "t-elsewhere.example": (STRICT, None, "host-unknown", "does not serve t-elsewhere.example.*add the domain"),
    "trap-loopback.example": (ANY, None, "leads-to-us", r"back to this gateway .*127\.0\.0\.1.*must correct the SRV"),
    "t-ours.example": (ANY, None, "leads-to-us", "back to this gateway .*this gateway itself listens.*must correct the SRV"),
    "t-pinned.example": (STRICT, with_certificate, "certificate-not-pinned", "none of the partner's pins.*--add-pin sha256/"),
    "t-dane.example": (STRICT, with_certificate, "certificate-against-dane", "DANE.*TLSA records"),
    "t-back.example": (STRICT, with_expired_way_back, "certificate-expired", "its own stream to us fails.*has expired.*renew"),
    "t-mute.example": (STRICT, without_answer, "no-answer", "does not answer a ping.*must let its server answer"),
    "t-good.example": (STRICT, with_a_way_back, "none", "t-good.example works"),
    "fabrikam.example": (OVER_TLS, None, "none", "fabrikam.example works.*dialback-over-tls"),
    "wingtip.example": (STRICT, None, "none", r"wingtip.example works.*\(sasl-external\).*\(sasl-external\)"),
}

# The same of another domain of ours, that nobody can reach.
BACKWARD = {
    "fabrikam.example": ("dialback-blocked", "cannot reach ours.*_xmpp-server._tcp.cut-off.example.*5269"),
    "wingtip.example": ("no-way-back", "answers nothing within .*_xmpp-server._tcp.cut-off.example.*5269"),
}


def _names(rig, peers):
    """The records that the rig's zones do not have."""
    commands = []
    for peer in peers:
        label = peer.domain.split(".")[0]
        port = 5270 if label == "t-wrong-port" else 5269
        commands += ["unset _xmpp-server._tcp.%s" % label] if not label.startswith("t-") else []
        commands += ["set _xmpp-server._tcp.%s SRV 5 0 %d %s-at" % (label, port, label),
                     "set %s-at A %s" % (label, peer.address)]
    commands += ["set _xmpp-server._tcp.t-elsewhere SRV 5 0 5269 xmpp.fabrikam.example.",
                 "set _xmpp-server._tcp.t-ours SRV 5 0 5269 gw.contoso.example.",
                 "set _xmpp-server._tcp.cut-off SRV 5 0 5269 refused-host",
                 "set _5269._tcp.t-dane-at TLSA 3 1 1 " + "ab" * 32]
    rig.dns.change("example", *commands)


def _names_back(rig, peers):
    commands = ["unset %s" % n for n in ("_xmpp-server._tcp.t-elsewhere", "_xmpp-server._tcp.t-ours",
                                         "_xmpp-server._tcp.cut-off", "_5269._tcp.t-dane-at")]
    for peer in peers:
        label = peer.domain.split(".")[0]
        commands += ["unset _xmpp-server._tcp.%s" % label, "unset %s-at" % label]
        if not label.startswith("t-"):
            commands.append("set _xmpp-server._tcp.%s SRV 5 0 5269 scripted-host" % label)
    rig.dns.change("example", *commands)


@pytest.fixture
def broken(rig, prosody, ejabberd, stoxd):
    """A gateway with all of these partners."""
    shared = [domain for domain in CASES if domain.startswith("t-")]
    cert = rig.pki.issue("broken-partners", shared)
    rig._certs.update({domain: cert for domain in shared})
    rig.cert("expired.example")
    peers = [Peer(rig, domain, 1 + i, case[1]) for i, (domain, case) in enumerate(CASES.items()) if case[1]]
    _names(rig, peers)
    partners = {domain: dict(case[0]) for domain, case in CASES.items()}
    partners["t-pinned.example"]["pins"] = [pki.pin(rig.cert("somebody.example"))]
    yield stoxd(partners=partners, dns_trust_anchor=rig.dns.trust_anchor_file,
                sip_domains={OURS: {"route": "office"}, CUT_OFF: {"route": "office"}},
                gateway={"stream_establishment_timeout": SETUP_S})
    for peer in peers:
        peer.stop()
    _names_back(rig, peers)


def _test(gateway, domain, *more):
    return gateway.ctl("partner", "test", domain, *more, ok=False)


def _wrong(domain, said, fault, pattern):
    """What does not fit, as text; None: all does."""
    status, out, err = said
    if not out.startswith("{"):
        return "%s: %d %s%s" % (domain, status, out, err)
    test = json.loads(out)
    steps = "\n".join("    %(ms)5d %(step)s %(result)s %(text)s" % s for s in test["steps"])
    fits = test["done"] and test["fault"] == fault and re.search(pattern, test["verdict"], re.DOTALL) and \
        status == (0 if fault == "none" else 1) and test["works"] == (fault == "none")
    return None if fits else "%s: exit %d, %s instead of %s: %s\n%s" % (
        domain, status, test["fault"], fault, test["verdict"], steps)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_each_broken_set_up_is_named_with_its_remedy(broken):
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        running = [(domain, pool.submit(_test, broken, domain, "--from", OURS, "--json"), case[2], case[3])
                   for domain, case in CASES.items()]
        running += [(domain, pool.submit(_test, broken, domain, "--from", CUT_OFF, "--json"), *want)
                    for domain, want in BACKWARD.items()]
        wrong = [_wrong(domain, future.result(), fault, pattern) for domain, future, fault, pattern in running]
    assert not any(wrong), "\n\n".join(w for w in wrong if w)


def test_the_steps_are_shown_and_kept_with_streams_and_failures(rig, ejabberd, office, stoxd):
    gateway = stoxd(partners={"wingtip.example": STRICT, "refused.example": STRICT})
    status, out, err = _test(gateway, "wingtip.example")
    assert (status, err) == (0, ""), out + err
    steps = re.findall(r"^ *[\d.]+ s  (\w+) ", out, re.MULTILINE)
    in_order = list(dict.fromkeys(steps))
    assert in_order[:6] == ["dns", "connect", "stream", "tls", "certificate", "proof"], out
    assert {"ready", "ping", "inbound"} <= set(in_order), out
    assert re.search(r"\n\nwingtip.example works: [^\n]*\.\n$", out), out

    back = next(s for s in gateway.ctl_json("stream", "list") if s["direction"] == "in")
    shown = gateway.ctl_json("stream", "show", str(back["id"]))
    assert shown["certificate"] == "ok" and shown["pin"] == pki.pin(rig.cert("wingtip.example")), shown
    assert shown["pairs"] == [{"local": OURS, "remote": "wingtip.example", "method": "sasl-external"}], shown
    assert "wingtip.example has proven itself to contoso.example by sasl-external" in [s["text"] for s in shown["steps"]]
    assert gateway.ctl("stream", "show", "999999", ok=False)[0] == 5

    assert office.message("romeo@refused.example", "lost", target=(dns.GATEWAY, 5060)).wait() >= 300
    kept = gateway.ctl_json("partner", "status", "refused.example")
    assert [(f["direction"], f["fault"]) for f in kept["failed"]] == [("out", "connection-refused")], kept
    assert "10.99.0.99:5269" in kept["failed"][0]["steps"][-1]["text"], kept
    assert "last set-up that failed" in gateway.ctl("partner", "status", "refused.example")
    eventually(lambda: [s["id"] for s in gateway.ctl_json("partner", "status", "wingtip.example")["streams"]] == [back["id"]],
               "the stream of the test has ended, and the partner's own stands")


def test_a_test_of_nobody_is_refused(stoxd):
    gateway = stoxd(partners={"wingtip.example": STRICT})
    assert _test(gateway, "fabrikam.example")[0::2] == (5, "stoxctl: this domain belongs to no partner\n")
    status, _, err = _test(gateway, "wingtip.example", "--from", "fabrikam.example")
    assert status == 1 and "none of our SIP domains" in err
