"""
Ways to SIP servers on the wire: `stoxctl route test` names what is wrong, and servers that fail, hurry away or hide behind a DNS
that does not answer have each their named outcome.
"""
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import socket
import ssl
import threading
import time

import pytest

import support
from rig import dns, scripted
from rig.process import Failed, eventually
from rig.sipua import SipUa
from rig.stoxd import Stoxd
from support import error_of, expect_stanza

AT = "10.99.0.18"
UP, EXPIRED, WRONG, UNKNOWN, FORBIDDEN, BUSY, MUTE = ("10.99.93.%d" % i for i in range(1, 8))
PLAIN, STRICT = "10.99.93.11", "10.99.93.12"
FIRST, SECOND = "10.99.93.21", "10.99.93.22"
TLS_FIRST, TLS_SECOND = "10.99.93.31", "10.99.93.32"
TLS_THIRD, TLS_FOURTH = "10.99.93.33", "10.99.93.34"
RESTING, BRIEF = ("10.99.93.41", "10.99.93.42"), ("10.99.93.43", "10.99.93.44")
POOL = "pool.contoso.example"

# route: (settings, fault, what the verdict says of fault and remedy)
CASES = {
    "good": ({"next_hop": UP}, "none", r"The way to r-good.example works: 10.99.93.1:5060 \(udp\) answers"),
    "by-dns": ({"transport": "any"}, "none", r"The way to r-by-dns.example works: 10.99.93.1:5060 \(tcp\) answers"),
    "no-name": ({"next_hop": "sip.nowhere.example"}, "dns-no-name", "sip.nowhere.example does not exist in DNS.*--next-hop"),
    "no-srv": ({}, "dns-no-server", "has neither SRV records nor an address; add SRV records such as _sip._tcp.r-no-srv.example"),
    "no-host": ({}, "dns-no-such-host", "does-not-exist.example, which the SRV records of r-no-host.example name, has no address"),
    "not-offered": ({}, "dns-not-offered", r"offers no SIP \(SRV target"),
    "to-us": ({}, "leads-to-us", "leads to this gateway itself.*where this gateway itself listens"),
    "private": ({}, "address-not-allowed", "192.168.7.7, a private address.*--add-sources"),
    "wrong-port": ({"next_hop": UP + ":5099", "transport": "tcp"}, "connection-refused",
                   r"[Nn]othing listens at 10.99.93.1:5099 \(tcp\).*correct host, port and transport"),
    "wrong-udp-port": ({"next_hop": UP + ":5099"}, "connection-refused", "othing listens at 10.99.93.1:5099"),
    "firewall": ({"next_hop": dns.SILENT, "transport": "tcp"}, "connection-timeout", "does not answer at all.*a firewall drops"),
    "expired": ({"next_hop": EXPIRED + ":5061", "transport": "tls", "tls_names": [POOL]}, "certificate-expired",
                r"has expired \(certificate expired .*renew it there"),
    "wrong-name": ({"next_hop": WRONG + ":5061", "transport": "tls", "tls_names": [POOL]}, "certificate-wrong-name",
                   "is for another name.*it is for mallory.example.*--add-tls-names"),
    "unknown-ca": ({"next_hop": UNKNOWN + ":5061", "transport": "tls", "tls_names": [POOL]}, "certificate-unknown-authority",
                   "comes from an authority that is not trusted here.*trust-file"),
    "no-tls": ({"next_hop": PLAIN + ":5060", "transport": "tls"}, "tls-not-offered", "does not speak TLS.*5061"),
    "forbidden": ({"next_hop": FORBIDDEN}, "forbidden", "refuses this gateway .it answers OPTIONS by 403.*its certificate"),
    "busy": ({"next_hop": BUSY}, "unavailable", "cannot serve now .it answers OPTIONS by 503"),
    "mute": ({"next_hop": MUTE}, "no-answer", "answers nothing to OPTIONS.*lists this gateway's address"),
    "our-certificate": ({"next_hop": STRICT + ":5061", "transport": "tls", "tls_names": [POOL]}, "our-certificate-refused",
                        "refuses our certificate.*--sip-certificate"),
    "half": ({"next_hop": [UP, MUTE]}, "no-answer", "The way to r-half.example works: 10.99.93.1:5060 .udp. answers; but 10.99.93.7"),
}
RECORDS = [
    "set r-by-dns NAPTR 10 10 \"s\" \"SIP+D2T\" \"\" _sip._tcp.r-by-dns.example.", "set _sip._tcp.r-by-dns SRV 1 0 5060 sip-up",
    "set sip-up A " + UP, "set r-no-srv TXT here", "set _sip._udp.r-no-host SRV 1 0 5060 does-not-exist",
    "set _sip._udp.r-not-offered SRV 0 0 0 .", "set _sip._udp.r-to-us SRV 1 0 5060 sip-to-us", "set sip-to-us A " + AT,
    "set _sip._udp.r-private SRV 1 0 5060 sip-private", "set sip-private A " + dns.INSIDE4,
    "set _sip._udp.r-moving SRV 1 0 5060 sip-up",
]


class Scripted:
    """A TCP server that does one thing with each connection."""

    def __init__(self, address, port, behave):
        self.listener, self.behave = scripted.Listener(address, port), behave
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def _serve(self):
        while True:
            try:
                wire = self.listener.accept(60)
            except Failed:
                continue
            except OSError:
                return
            with contextlib.suppress(Failed, OSError), contextlib.closing(wire):
                self.behave(wire)

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(20)
        self.listener.stop()


def in_clear(wire):
    wire.expect(r"[\s\S]")
    wire.send("SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    wire.expect_end()


@pytest.fixture(scope="module")
def certs(rig):
    made = {"pool": {"dns": [POOL]}, "other": {"dns": ["mallory.example"]}, "expired": {"dns": [POOL], "days": (-30, -1)},
            "unknown": {"dns": [POOL], "by": "unknown"}, "gateway": {"dns": ["gw.contoso.example"]}}
    return {name: rig.pki.issue("route-" + name, **how) for name, how in made.items()}


def insisting(rig, cert):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert.file, cert.key)
    context.load_verify_locations(rig.pki.unknown.file)
    context.verify_mode = ssl.CERT_REQUIRED

    def behave(wire):
        with contextlib.suppress(Exception):
            wire.start_tls(context, server_side=True)
        wire.expect_end()
    return behave


@pytest.fixture(scope="module")
def servers(rig, certs, start_for_module):
    uas = {at: start_for_module(SipUa(at)) for at in (UP, FORBIDDEN, BUSY, MUTE)}
    for at, cert in (EXPIRED, "expired"), (WRONG, "other"), (UNKNOWN, "unknown"):
        uas[at] = start_for_module(SipUa(at, cert=certs[cert], trust=rig.pki.trust_file))
    uas[FORBIDDEN].options, uas[BUSY].options, uas[MUTE].options = 403, 503, None
    start_for_module(Scripted(PLAIN, 5060, in_clear))
    start_for_module(Scripted(STRICT, 5061, insisting(rig, certs["pool"])))
    return uas


@pytest.fixture(scope="module")
def gateway(rig, servers, certs, start_for_module):
    support.begin_names()
    rig.dns.change("example", *RECORDS)
    routes = {name: dict(how) for name, (how, _, _) in CASES.items()}
    for name in "by-dns", "no-srv", "no-host", "not-offered", "to-us", "moving":
        routes.setdefault(name, {})["sources"] = [UP]
    for name in "no-name", "private":
        routes[name]["sources"] = [UP]
    routes["any"] = {"next_hop": UP, "transport": "any"}
    routes["two"] = {"next_hop": [FIRST, SECOND]}
    routes["resting"], routes["brief"] = {"next_hop": list(RESTING)}, {"next_hop": list(BRIEF)}
    routes["two-tls"] = {"next_hop": [TLS_FIRST + ":5061", TLS_SECOND + ":5061"], "transport": "tls", "tls_names": [POOL]}
    routes["refusing"] = {**routes["two-tls"], "next_hop": [TLS_THIRD + ":5061", TLS_FOURTH + ":5061"]}
    routes["watched"] = {"next_hop": [FIRST, SECOND], "health_interval": 1}
    how = support.settings(AT, name="stoxd-route", routes=routes,
                           sip_domains={"r-%s.example" % name: {"route": name} for name in routes})
    cert = rig.pki.issue("route-domains", list(how["sip_domains"]))
    rig._certs.update({domain: cert for domain in how["sip_domains"]})
    how["gateway"] = {**support.PATIENT, "sip_certificate": certs["gateway"].file, "sip_key": certs["gateway"].key}
    return start_for_module(Stoxd(rig, **how))


def fits(name, said, fault, pattern):
    status, out, err = said
    if not out.startswith("{"):
        return "%s: %d %s%s" % (name, status, out, err)
    test = json.loads(out)
    steps = "\n".join("    %(ms)5d %(step)s %(result)s %(text)s" % s for s in test["steps"])
    good = test["done"] and test["fault"] == fault and re.search(pattern, test["verdict"], re.DOTALL) and \
        status == (0 if test["works"] else 1)
    return None if good else "%s: exit %d, %s instead of %s: %s\n%s" % (name, status, test["fault"], fault, test["verdict"],
                                                                         steps)


@pytest.fixture(scope="module")
def without_dns(rig, start_for_module):
    """A gateway whose name servers do not answer."""
    routes = {"named": {"next_hop": "sip-up.example", "sources": [UP]}}
    return start_for_module(Stoxd(rig, **support.settings(
        "10.99.0.19", name="stoxd-no-dns", routes=routes, sip_domains={"named.example": {"route": "named"}},
        dns_servers=[dns.NOBODY])))


def test_each_broken_way_is_named_with_its_remedy(gateway, without_dns):
    cases = [(gateway, name, fault, pattern) for name, (_, fault, pattern) in CASES.items()]
    cases.append((without_dns, "named", "dns-failed", "DNS does not answer.*name servers"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = [(name, pool.submit(at.ctl, "route", "test", name, "--json", ok=False), fault, pattern)
                   for at, name, fault, pattern in reversed(cases)]
        wrong = [fits(name, future.result(), fault, pattern) for name, future, fault, pattern in running]
    assert not any(wrong), "\n\n".join(w for w in wrong if w)


def test_the_ladder_has_a_line_for_each_step(rig, gateway, certs, start):
    start(SipUa(TLS_FIRST, cert=certs["pool"], trust=rig.pki.trust_file))
    status, out, err = gateway.ctl("route", "test", "two-tls", ok=False)
    steps = re.findall(r"^ *[\d.]+ s  (\w+) ", out, re.MULTILINE)
    assert list(dict.fromkeys(steps)) == ["resolve", "connect", "tls", "certificate", "options", "speaker"], out + err
    assert "accepted for " + POOL in out and "this server may speak for r-two-tls.example" in out, out
    assert gateway.ctl("route", "test", "nothing-of-that-name", ok=False)[0] == 5
    assert "ICMP" not in out


# ---- what fails while it is in use ----


@pytest.fixture
def sender(rig, gateway, start):
    """sender(domain): a partner's stream to the gateway; say(body) sends to somebody of the domain."""
    def make(domain):
        p = start(support.Partner(rig, at=AT))
        wire = p.incoming(domain)
        ids = iter(range(1000))
        p.say = lambda body: p.send_message(wire, to="bob@" + domain, body=body, stanza_id="%s%d" % (domain, next(ids)))
        p.hears_nothing = lambda: p.was_told_nothing(wire, domain)
        return p
    return make


def test_a_next_hop_dies_between_messages(gateway, sender, start, rig):
    """Over UDP its machine says so (ICMP); the next one gets the message, the same Call-ID, and each message is there once."""
    first, second = start(SipUa(FIRST)), start(SipUa(SECOND))
    p = sender("r-two.example")
    p.say("one")
    got = first.wait_message("one", 20)
    rig.down(first)
    support.look_round(AT, UP)  # its answer has been looked at
    p.say("two")
    p.say("three")
    two = second.wait_message("two", 20)
    second.wait_message("three", 20)
    assert second.bodies() == ["two", "three"] and got.message.branch != two.message.branch
    assert all(m.count(".") == 1 for m in (got.message.branch, two.message.branch))
    support.heard(second, AT)
    assert second.bodies() == ["two", "three"]
    p.hears_nothing()


def test_503_with_retry_after(gateway, sender, start):
    """The first is left alone for so long; when all ask for that, the sender is told to wait."""
    uas = [start(SipUa(at, answer=(503, "Busy", ("Retry-After: 60",)))) for at in RESTING]
    p = sender("r-resting.example")
    p.say("one")
    back = p.accept_sm()
    assert error_of(expect_stanza(back))[1] == "wait"
    support.acknowledge(back, 1)
    assert [ua.bodies() for ua in uas] == [["one"], ["one"]]
    p.say("two")  # to nobody
    assert error_of(expect_stanza(back))[1] == "wait"
    support.acknowledge(back, 2)
    for ua in uas:
        support.heard(ua, AT)
    assert [ua.bodies() for ua in uas] == [["one"], ["one"]]
    shown = gateway.ctl_json("route", "status", "resting")["hops"]
    assert all(1 <= hop["left-alone-s"] <= 60 for hop in shown), shown


def test_503_with_retry_after_is_no_longer_than_it_says(gateway, sender, start):
    uas = [start(SipUa(at, answer=(503, "Busy", ("Retry-After: 2",)))) for at in BRIEF]
    p = sender("r-brief.example")
    p.say("one")
    assert error_of(expect_stanza(p.accept_sm()))[1] == "wait"
    for ua in uas:
        ua.answer = 200
    eventually(lambda: not any(hop["left-alone-s"] for hop in gateway.ctl_json("route", "status", "brief")["hops"]), "none is left alone")
    p.say("two")
    eventually(lambda: any("two" in ua.bodies() for ua in uas), "one of them has got it")


def test_a_certificate_expires_while_in_use(rig, gateway, certs, sender, start):
    """What stands goes on; a new connection shows the expired one, is refused by name, and the next hop gets the message."""
    first = start(SipUa(TLS_FIRST, cert=certs["pool"], trust=rig.pki.trust_file))
    second = start(SipUa(TLS_SECOND, cert=certs["pool"], trust=rig.pki.trust_file))
    p = sender("r-two-tls.example")
    p.say("one")
    first.wait_message("one", 20)
    rig.down(first)
    support.look_round(AT, UP)  # else "two" is written into what stood
    first = start(SipUa(TLS_FIRST, cert=certs["expired"], trust=rig.pki.trust_file))
    mark = gateway.mark()
    p.say("two")
    second.wait_message("two", 20)
    event = gateway.wait_event("sip-peer-refused", since=mark, route="two-tls")
    assert "expired" in event["why"] and not first.received.all
    p.hears_nothing()


def test_a_next_hop_that_refuses_our_certificate_has_read_nothing(rig, gateway, certs, sender, start):
    """In TLS 1.3 the text is written before it says so: the next hop gets it at once, and without one its sender is told at once."""
    start(Scripted(TLS_THIRD, 5061, insisting(rig, certs["pool"])))
    second = start(SipUa(TLS_FOURTH, cert=certs["pool"], trust=rig.pki.trust_file))
    p = sender("r-refusing.example")
    mark = gateway.mark()
    p.say("who reads this?")
    second.wait_message("who reads this?", 20)
    assert "unknown_ca" in gateway.wait_event("sip-connection-lost", since=mark, peer=TLS_THIRD + ":5061")["reason"]
    rig.down(second)
    support.look_round(AT, UP)
    start(Scripted(TLS_FOURTH, 5061, insisting(rig, certs["pool"])))
    p.say("nobody")
    assert support.error_of(support.expect_stanza(p.accept_sm()))[0] == "remote-server-timeout"


def test_dns_goes_away(rig, gateway, sender, servers):
    """What was found before goes on being used, and the log says so once; when DNS is back it is asked again."""
    up = servers[UP]
    p = sender("r-moving.example")
    mark = up.mark()
    p.say("before")
    up.wait_message("before", 20, mark)
    since = gateway.mark()
    os.kill(rig.dns.process.pid, signal.SIGSTOP)
    try:
        for n in range(40):
            mark = up.mark()
            p.say("during%d" % n)
            up.wait_message("during%d" % n, 20, mark)
            with contextlib.suppress(Failed):
                gateway.wait_event("sip-servers-not-found", 1, since, of="r-moving.example")
                break
        found = [e for e in gateway.events("sip-servers-not-found", since) if e["of"] == "r-moving.example"]
        assert len(found) == 1 and "go on being used" in found[0]["effect"], found
    finally:
        os.kill(rig.dns.process.pid, signal.SIGCONT)
    mark = up.mark()
    p.say("after")
    up.wait_message("after", 20, mark)


def test_STOX_SIP_51_what_is_too_long_for_udp_goes_by_tcp(gateway, sender, servers):
    """Where the route's transport is any; without a TCP server there, its sender is told."""
    up = servers[UP]
    p = sender("r-any.example")
    mark = up.mark()
    p.say("short")
    assert "SIP/2.0/UDP" in up.wait_message("short", 20, mark).message.get("via")
    p.say("long" + "x" * 1400)
    assert "SIP/2.0/TCP" in up.wait_message("longx", 20, mark).message.get("via")
    p.hears_nothing()


def test_STOX_SIP_58_hops_are_watched(rig, gateway, start):
    """By OPTIONS: up, down after two without an answer, and shown so to the administrator and to monitoring."""
    first, second = start(SipUa(FIRST)), start(SipUa(SECOND))
    second.options = 404

    def states(want, seconds=30):
        deadline = time.monotonic() + seconds
        shown = None
        while time.monotonic() < deadline:
            shown = [hop["state"] for hop in gateway.ctl_json("route", "status", "watched")["hops"]]
            if shown == want:
                return
        raise AssertionError("%s instead of %s" % (shown, want))

    states(["up", "up"])
    mark = gateway.mark()
    rig.down(first)
    states(["down", "up"])
    gateway.wait_event("sip-hop-down", since=mark, hop=FIRST + ":5060")
    assert 'stox_route_hop_up{route="watched",hop="%s:5060",transport="udp"} 0' % FIRST in gateway.ctl("metrics")
    assert "down" in gateway.ctl("route", "status", "watched")
    start(SipUa(FIRST))
    states(["up", "up"])
