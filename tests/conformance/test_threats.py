"""What has gone wrong in comparable systems, tried on the wire. Each test bears the id of its threat class."""
import base64
import contextlib
import json
import os
import re
import ssl
import subprocess
import threading
import time

import pytest

import support
from rig import dns, ns, numbered, scripted
from rig.process import Failed, eventually
from rig.sipua import SipUa
from rig.stoxd import Stoxd, program
from rig.xmlstream import SASL, SM, TLS, header
from support import (ALICE, DOMAIN, GATEWAY_SIP, RAW, STRANGER, Tcp, Udp, expect_stanza,
                     expect_stream_error, message, request)
from test_s2s_pairs_wire import accept_for_dialback, answer_verify, offered_key, verify
from test_s2s_wire import sent_to

pytestmark = pytest.mark.apart

CYCLES = 1000000 if os.environ.get("STOX_PROOF") == "1" else 10000


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    """One test waits for the hold time; the others would not mind a longer one."""
    support.begin_names()
    return start_for_module(Stoxd(rig, **support.settings(gateway={"hold_time": 12, "stream_establishment_timeout": 15})))


# ---- identity ----


@pytest.mark.parametrize("answer", [
    "<db:result from='{p}' to='{d}' type='valid'/>", "<db:verify from='{p}' to='{d}' id='{id}' type='valid'/>",
    "<db:verify from='{p}' to='{d}' id='other' type='valid'/>", "<db:result from='{o}' to='{d}' type='valid'/>",
    "<db:result from='{d}' to='{p}' type='valid'/>", "<db:verify from='{d}' to='{p}' id='{id}' type='valid'/>"])
def test_I1_answers_that_nobody_asked_for(alive, partner, sip, answer):
    """Before, and after a real dialback on the same stream."""
    mark = sip.mark()
    p, other = partner("dialback"), partner("dialback")
    fill = {"p": p.domain, "o": other.domain, "d": DOMAIN}
    wire = p.secured(cert=False)
    wire.open_stream(p.domain, DOMAIN)
    wire.send(answer.format(id=wire.stream_id, **fill))
    p.send_message(wire, body="I1 before")
    assert "stream:error" in wire.expect_end()
    wire = p.secured(cert=False)
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<db:result from='%s' to='%s'>k</db:result>" % (p.domain, DOMAIN))
    answer_verify(p)
    wire.expect(r"<db:result\b[^>]*type=['\"]valid['\"]")
    with contextlib.suppress(OSError):
        wire.send(answer.format(id=wire.stream_id, **fill).replace(p.domain, other.domain))
        p.send_message(wire, sender="romeo@" + other.domain, body="I1 after")
    assert "stream:error" in wire.expect_end()
    support.nothing_came(sip, mark)


def test_I1_verify_answer_for_another_stream_or_pair(alive, partner, sip):
    """The authoritative server answers, but not what was asked."""
    mark = sip.mark()
    for change in {"id": "another-stream"}, {"from": "somebody.example"}, {"to": "raw.example"}:
        p = partner("dialback")
        wire = p.secured(cert=False)
        wire.open_stream(p.domain, DOMAIN)
        wire.send("<db:result from='%s' to='%s'>k</db:result>" % (p.domain, DOMAIN))
        authority, got = answer_verify(p, kind=None)
        said = dict({"from": got["to"], "to": got["from"], "id": got["id"]}, **change)
        authority.send("<db:verify from='%s' to='%s' id='%s' type='valid'/>" % (said["from"], said["to"], said["id"]))
        with contextlib.suppress(OSError):  # the true answer comes behind it, if anybody listens yet
            authority.send("<db:verify from='%s' to='%s' id='%s' type='invalid'/>" % (got["to"], got["from"], got["id"]))
        assert wire.expect(r"<db:result\b[^>]*type=['\"](\w+)['\"]").group(1) in ("invalid", "error"), "believed %s" % change
    support.nothing_came(sip, mark)


def test_I1_key_of_another_stream(alive, partner, sip):
    """A key that the gateway made for one stream proves nothing on another, nor for another domain of ours."""
    p = partner("dialback")
    sent_to(sip, p)
    wire = accept_for_dialback(p)
    key = offered_key(wire)[2]
    assert verify(p, key, wire.stream_id) == "valid"
    assert verify(p, key, wire.stream_id[::-1]) == "invalid"
    assert verify(p, key, wire.stream_id, sender="stream.example") == "invalid"


def test_I4_external_without_proof(rig, alive, partner, sip):
    """Never offered without a certificate of from; a try without the offer fails; so do others' names."""
    mark = sip.mark()
    p, other = partner("either"), partner("either")
    for cert, sender in (False, p.domain), (True, "recorder.example"):
        wire = p.secured(cert=cert, sender=p.domain)
        wire.send(header(sender, DOMAIN))
        with contextlib.suppress(Failed):
            features = wire.expect(r"<stream:features\b.*?</stream:features>").group()
            assert "EXTERNAL" not in features
            wire.send("<auth xmlns='%s' mechanism='EXTERNAL'>%s</auth>" % (SASL,
                                                                           base64.b64encode(sender.encode()).decode()))
            assert "<success" not in wire.expect(r"<failure.*?</failure>|<stream:error>.*").group()
    cert = rig.pki.issue("two-domains", [p.domain, other.domain])
    context = scripted.client_context(rig)
    context.load_cert_chain(cert.file, cert.key)
    wire = p.connect()
    wire.secure(p.domain, DOMAIN, context)
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<auth xmlns='%s' mechanism='EXTERNAL'>%s</auth>" % (SASL,
                                                                   base64.b64encode(other.domain.encode()).decode()))
    assert "invalid-authzid" in wire.expect(r"<failure.*?</failure>").group()
    wire.send("<auth xmlns='%s' mechanism='EXTERNAL'>=</auth>" % SASL)
    wire.expect("<success")
    wire.open_stream(p.domain, DOMAIN)
    p.send_message(wire, sender="romeo@" + other.domain, body="I4")  # in the certificate, and not proven
    expect_stream_error(wire, "invalid-from")
    support.nothing_came(sip, mark)


def test_I5_bytes_in_one_write_with_starttls(alive, partner, sip):
    mark = sip.mark()
    p = partner()
    wire = p.connect()
    wire.send(header(p.domain, DOMAIN) + "<starttls xmlns='%s'/>" % TLS + header(p.domain, DOMAIN) +
              "<auth xmlns='%s' mechanism='EXTERNAL'>=</auth><message from='a@%s' to='%s'><body>I5</body></message>" % (
                  SASL, p.domain, ALICE))
    with contextlib.suppress(Failed, ssl.SSLError, OSError):
        wire.expect(r"<proceed[^>]*>")
        wire.start_tls(p.client(), hostname=DOMAIN)
        wire.expect_silence(0.3)  # nothing injected is answered inside
        assert "mechanisms" in wire.open_stream(p.domain, DOMAIN)
    support.nothing_came(sip, mark)


@pytest.mark.parametrize("sender", [
    "", "{o}", "romeo@{o}", "romeo@{d}", "romeo@sub.{p}", "romeo@x{p}", "romeo@{p}.{o}", "romeo@{p}@{o}",
    "romeo@{o}/@{p}",
    "romeo@{o}/{p}", "{o}/romeo@{p}", "romeo%40{p}@{o}", "romeo\\40{p}@{o}", "romeo@{p}x", "romeo@{p}:5269",
    "romeo@{p} ",
    "romeo@ {p}", "romeo@[{p}]", "@{p}", "romeo@", "romeo@{o}&#0;.{p}", "romeo@{p}&#10;", "<x/>"])
def test_I6_sender_addresses_inside_a_proven_stream(alive, partner, sip, sender):
    """Only romeo@p is p's: whatever is delivered comes from there, all else is not delivered."""
    mark = sip.mark()
    p, other = partner(), partner()
    wire = p.incoming()
    wire.send("<message from='%s' to='%s'><body>I6</body></message>" % (
        sender.replace("<", "&lt;").format(p=p.domain, o=other.domain, d=DOMAIN), ALICE))
    with contextlib.suppress(OSError):
        p.send_message(wire, body="I6 end")
        wire.send("</stream:stream>")
    wire.expect_end()
    support.heard(sip)
    for got in sip.received.all[mark:]:
        assert re.match(r"<sip:[^@>]*@%s[;>]" % re.escape(p.domain), got.message.get("from")), str(got.message)
    assert "I6" not in [r.body for r in sip.received.all[mark:]]


@pytest.mark.parametrize("sender", ["romeo@{P}", "Romeo@{p}", "romeo@{p}.", "romeo@{p}/r@{o}", "romeo@{p}/{o}"])
def test_I6_forms_of_a_proven_sender(alive, partner, sip, sender):
    mark = sip.mark()
    p, other = partner(), partner()
    wire = p.incoming()
    wire.send("<message from='%s' to='%s'><body>I6 good</body></message>" % (
        sender.format(p=p.domain, P=p.domain.upper(), o=other.domain), ALICE))
    got = sip.wait_message("I6 good", 20, mark).message
    assert got.get("from").startswith("<sip:romeo@%s" % p.domain)


def test_I8_methods_listeners_and_peers(alive, partner):
    """Every method on every transport from the wrong peer: nothing, or 403. Headers that two read differently."""
    p = partner()
    methods = ["MESSAGE", "SUBSCRIBE", "INVITE", "REGISTER", "OPTIONS", "NOTIFY", "PUBLISH", "REFER", "INFO", "BYE",
               "X"]
    with Udp(STRANGER) as peer:
        for method in methods:
            peer.send(request(method, "sip:romeo@" + p.domain, body="x"))
        support.no_answer(peer)
    for method in methods:
        with Tcp(STRANGER) as peer:
            peer.send(request(method, "sip:romeo@" + p.domain, body="x", transport="TCP"))
            assert [m.status for m in peer.drain()] == [403], method
    evil = "<sip:boss@raw.example>;tag=e"
    with Udp() as peer:
        for lines in (["From: " + evil], ["f: " + evil], ["From : " + evil], ["from\t: " + evil], ["\x01From: " + evil],
                      ["To: <sip:other@%s>" % p.domain], ["Call-ID: two"], ["CSeq: 9 MESSAGE"],
                      ["X: y\rFrom: " + evil]):
            data = request(uri="sip:romeo@" + p.domain, body="x", headers=lines, content_type="image/png")
            got = peer.status(data.replace(b"X: y\rF", b"X: y\rF"))
            assert got.status in (400, 415, 403), (lines, got.status)
            if "From" in lines[0] and not lines[0].startswith(("\x01", "X")):
                assert got.status == 400, lines  # two senders: neither
    p.nobody_connects()


# ---- availability ----


def test_D1_entities_and_external_documents(alive, partner):
    bombs = ["<!DOCTYPE s [<!ENTITY a '%s'>%s]>" % ("x" * 100, "".join(
        "<!ENTITY a%d '&a%s;&a%s;'>" % (i, i - 1 or "", i - 1 or "") for i in range(1, 20))),
        "<!DOCTYPE s SYSTEM 'file:///etc/passwd'>", "<!DOCTYPE s [<!ENTITY % x SYSTEM 'http://10.99.0.99/'> %x;]>",
        "<!DOCTYPE s [<!ATTLIST s a CDATA 'd'>]>"]
    p = partner()

    def cost(bomb, in_stream):
        cpu = alive.cpu_seconds()
        wire = p.incoming() if in_stream else p.connect()
        before = len(wire.all)
        wire.send(bomb)
        text = wire.expect_end()
        assert "stream:error" in text and len(wire.all) - before < 2000
        return [alive.cpu_seconds() - cpu]

    for bomb in bombs:
        for in_stream in False, True:
            support.undisturbed(lambda: cost(bomb, in_stream), lambda cpu: cpu <= 0.05)


@pytest.mark.parametrize("piece", ["<stream:stream xmlns='{x}", "<{x}", "<a {x}", "<!--{x}", "{h}<a>{x}",
                                   "{h}<a b='{x}", " {s}",
                                   "{h}{s}"])
def test_D2_endless_pieces_before_authentication(alive, partner, piece):
    p = partner()
    before = alive.resident_kib()
    wire = p.connect()
    start = piece.format(h=header(p.domain, DOMAIN), x="x", s=" ")
    with contextlib.suppress(OSError, Failed):
        wire.send(start)
        for _ in range(200):
            wire.send((" " if piece.endswith("{s}") else "x") * 16384, timeout=2)
    with contextlib.suppress(Failed):
        wire.expect_end(1 if piece.endswith("{s}") else 20)
    assert alive.resident_kib() - before < 1024
    if not piece.endswith("{s}"):  # white space is no element, and its life is bounded all the same
        assert wire.ended


def cycle(kind, port, source, n, cert):
    """n connections of tests/fault/cycle, through all states; how often it got there."""
    at = os.path.join(os.path.dirname(program()), "../../tests/fault/cycle")
    done = subprocess.run([at if os.path.exists(at) else os.path.join(ns.REPO, "build/tests/fault/cycle"), kind,
                           "%s:%d" % (support.OTHER, port), "--cycles", str(n), "--from", source, "--tls-cert",
                           cert.file, "--tls-key", cert.key], stdout=subprocess.PIPE, text=True, timeout=3600)
    assert done.returncode == 0
    return json.loads(done.stdout)


def descriptors_at_rest(gateway, listening):
    """
    How many there are when no connection is held any more: the cycles are gone before the gateway has heard of it. The least of some
    looks: a certificate's file may be read at this moment, to see whether it was renewed.
    """
    eventually(lambda: gateway.inet_sockets() <= listening, "all connections are given back", 60)
    return min(gateway.n_fds(gateway.process.pid) for _ in range(20))


@pytest.mark.parametrize("kind, port, source", [
    ("xmpp", 5269, "10.99.201.1"), ("sip", 5060, "10.99.201.1"), ("sip", 5060, "10.99.202.1"),
], ids=["xmpp", "sip-known", "sip-stranger"])
def test_D3_connect_garbage_close(rig, start, kind, port, source):
    """At every state of the set-up, 18 on XMPP and 6 on SIP: descriptors come back, memory too."""
    how = support.settings(support.OTHER, log_level="error", partners={"scripted.example": {"dialback": True}})
    how["routes"]["office"]["sources"].append("10.99.201.0/24")
    gateway = start(Stoxd(rig, name="stoxd-cycled", **how))
    cert = rig.cert("scripted.example")
    listening = gateway.inet_sockets()
    warm = cycle(kind, port, source, 3600, cert)  # whatever is taken once is taken now
    assert len(warm["reached"]) == {"xmpp": 18, "sip": 6}[kind]
    count, kib, began = descriptors_at_rest(gateway, listening), gateway.resident_kib(), time.monotonic()
    result = cycle(kind, port, source, CYCLES, cert)
    seconds = time.monotonic() - began
    count_after, after = descriptors_at_rest(gateway, listening), gateway.resident_kib()
    print(numbered.write("connect-garbage-close, %s from %s" % (kind, source), {
        "cycles": CYCLES, "seconds": round(seconds), "resident_kib": [kib, after],
        "descriptors": [count, count_after], **result}))
    assert result["refused"] == 0 and set(result["missed"].values()) == {0}
    assert count_after == count
    assert after - kib <= 1024 or "ASAN_OPTIONS" in os.environ  # a sanitizer keeps what was freed


def test_D5_depth(alive, partner, sip):
    mark = sip.mark()
    p = partner()
    for in_stream in True, False:
        wire = p.incoming() if in_stream else p.connect()
        with contextlib.suppress(OSError):
            wire.send(("" if in_stream else header(p.domain, DOMAIN)) + "<x>" * (80000 if in_stream else 4000))
        text = wire.expect_end()
        assert "policy-violation" in text or "not-authorized" in text
    nested = b"x"
    for i in range(300):
        nested = b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n%s\r\n--b%d--\r\n" % (
            i, i - 1, nested, i)
    with Tcp() as peer:
        got = peer.status(request(uri="sip:romeo@" + p.domain, body=nested.decode(), transport="TCP",
                                  content_type="multipart/mixed; boundary=b299"))
        assert got.status in (400, 413, 415)
    support.nothing_came(sip, mark)


class Handshakes:
    """One address that makes TLS handshakes as fast as it can, in threads; with: until the end of the block."""

    def __init__(self, rig, source, p, n_threads=8):
        self.rig, self.source, self.p, self.done, self._stop = rig, source, p, [], threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(n_threads)]

    def _run(self):
        context = scripted.client_context(self.rig)
        while not self._stop.is_set():
            with contextlib.suppress(Failed, OSError):  # ended in the midst of one
                wire = scripted.connect((dns.GATEWAY, 5269), source=self.source)
                wire.secure(self.p.domain, DOMAIN, context)
                self.done.append(time.monotonic())
                wire.close()

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(20)


def test_D7_handshakes_of_one_address_wait_for_each_other(rig, alive, partner):
    """64 at once and 50 a second, however many it asks for; another address has no part in that."""
    p, began, served = partner(), time.monotonic(), []
    with Handshakes(rig, "10.99.203.7", p) as flood:
        eventually(lambda: len(flood.done) >= 64, "the burst is used up", 60)
        for _ in range(8):
            at = time.monotonic()
            p.incoming().close()
            served.append(time.monotonic() - at)
        eventually(lambda: len(flood.done) >= 100, "its turn comes, again and again", 60)
        n, seconds = len(flood.done), time.monotonic() - began
    assert n <= 64 + 50 * seconds + 1, (n, seconds)
    print("%d handshakes in %.1f s; another address was served within %.0f ms" % (n, seconds, max(served) * 1000))


def test_D12_no_amplification(alive, partner, sip):
    """To an unproven source: no octet. To a known one: one datagram for one datagram, and no repetitions but RFC 3261's of an
    answer to INVITE, until the ACK."""
    whom = "sip:x@" + partner().domain
    with Udp(STRANGER) as peer:
        for method in "OPTIONS", "MESSAGE", "INVITE", "SUBSCRIBE":
            peer.send(request(method, whom))
        support.no_answer(peer)
    with Udp() as peer:
        refused = message(peer.send(request("INVITE", whom)).receive()[0])
        assert refused.status == 400  # it has no Contact
        peer.send(request("ACK", whom, branch=refused.branch, call_id=refused.get("call-id"),
                          cseq=refused.get("cseq").replace("INVITE", "ACK"), sender=refused.get("from"),
                          to=refused.get("to")))
        mark = request("OPTIONS", whom)
        *repeated, last = peer.send(mark).until(lambda m: m.get("call-id").encode() in mark)  # the ACK has been looked at
        assert last.status == 200 and {m.raw for m in repeated} <= {refused.raw}
        assert peer.receive(1.2) is None
        peer.send(request("SUBSCRIBE", whom))
        assert message(peer.receive()[0]).status == 489
        asked = request("SUBSCRIBE", whom, headers=["Event: presence", "Contact: <sip:alice@%s>" % RAW])
        assert message(peer.send(asked).receive()[0]).status == 200
        # The NOTIFY goes to the route of the one who asked, whoever sent it.
        assert sip.wait_other("NOTIFY", call_id=message(asked).get("call-id"))
        support.no_answer(peer)


def test_D13_a_request_that_was_here(alive):
    with Udp() as peer:
        for via in "SIP/2.0/UDP %s:5060;branch=z9hG4bKx" % dns.GATEWAY, "SIP/2.0/TCP %s;branch=z9hG4bKy" % dns.GATEWAY:
            for method in "OPTIONS", "MESSAGE":
                assert peer.status(request(method, "sip:x@sm1.example", body="x",
                                           headers=["Via: " + via])).status == 482


def test_D13_two_gateways_back_to_back(rig, start, sip):
    """At most two passes, an error to the sender, and silence after."""
    ring = support.Ring(rig, start)
    txn = sip.message("romeo@ring.example", "D13", target=(ring.A, 5060))
    assert txn.wait() >= 400
    support.request_dies_out(ring)
    assert ring.passes() <= 2


LINES_MAX = 256  # header lines in one message; a request of ours has seven
REPEATED = ["Via: SIP/2.0/UDP h.example;branch=z9hG4bK%d", "Route: <sip:r%d.example;lr>", "Record-Route: <sip:r%d.example;lr>",
            "Contact: <sip:c%d@h.example>", "Accept: text/t%d", "Supported: t%d", "Allow: M%d", "Warning: 399 h \"%d\"",
            "P-Asserted-Identity: <sip:p%d@contoso.example>", "Privacy: none%d", "Authorization: Digest realm=\"r%d\"",
            "Proxy-Authorization: Digest nonce=\"%d\"", "Require: %d", "Proxy-Require: %d", "X-Unknown: %d"]


@pytest.mark.parametrize("line", REPEATED, ids=[line.split(":")[0] for line in REPEATED])
def test_D10_sip_headers_around_their_bound(alive, line):
    """None, one, as many as may be and one less and more, far too many: an answer to each, and the next request is served."""
    refused = 420 if line.startswith("Require") else None
    with Tcp() as peer, Udp() as other:
        for n in 0, 1, LINES_MAX - 8, LINES_MAX - 7, LINES_MAX - 6, 1000:
            data = request("OPTIONS", "sip:x@sm1.example", transport="TCP", headers=[line % i for i in range(n)])
            good = peer.status(data).status
            assert good in ((refused or 200,) if 0 < n <= LINES_MAX - 7 else (200,) if n == 0 else (400, 513)), n
            if good in (400, 513):
                break  # of such a message nobody knows where it ends
        assert n > LINES_MAX - 7
        commas = ", ".join(line.split(": ", 1)[1] % i for i in range(400))
        if not line.split(": ")[0].endswith(("Authorization", "Privacy")):
            got = other.status(request("OPTIONS", "sip:x@sm1.example", headers=[line.split(": ")[0] + ": " + commas]))
            assert got.status in (refused or 200, 400, 513)


def test_D11_no_credentials_cost_no_memory(alive):
    """Ten thousand challenges' worth of credentials for a route that asks for none: they are overlooked."""
    value = 'Digest username="%s", realm="contoso.example", nonce="%s", uri="sip:x", response="%s", nc=00000001, cnonce="c"'
    with Tcp() as peer:
        before = alive.resident_kib()
        for i in range(200):
            got = peer.status(request("OPTIONS", "sip:x@sm1.example", transport="TCP", headers=[
                "Authorization: " + value % ("u" * (i * 40), "n" * (i * 40), "r" * (i * 40))]))
            assert got.status == 200
        assert alive.resident_kib() - before < 1024 or "ASAN_OPTIONS" in os.environ


def test_I10_an_alias_brings_no_requests(alive, partner, start):
    """Who says in Via, Contact or Route that he is another host does not get that host's traffic (RFC 5923)."""
    p = partner()
    real = start(SipUa(support.RAW_TCP, user="bob@stream.example", transport="tcp"))
    with Tcp() as thief:
        for via in ("SIP/2.0/TCP %s:5060;branch=z9hG4bK%s;alias", "SIP/2.0/TCP %s:5060;alias;branch=z9hG4bK%s;rport"):
            got = thief.status(request("OPTIONS", "sip:x@sm1.example", transport="TCP", via=via % (
                support.RAW_TCP, os.urandom(4).hex()), headers=[
                    "Contact: <sip:bob@%s;transport=tcp>" % support.RAW_TCP,
                    "Record-Route: <sip:%s;lr;transport=tcp>" % support.RAW_TCP]))
            assert got.status == 200
        wire = p.incoming("stream.example")
        for i in range(3):
            p.send_message(wire, to="bob@stream.example", body="I10 %d" % i, stanza_id="a%d" % i)
            real.wait_message("I10 %d" % i, 20)
        got = thief.send(request("OPTIONS", "sip:x@sm1.example", transport="TCP")).until(lambda m: m.is_response)
        assert [m.status for m in got] == [200]  # and nothing before it


NASTY = ["&#13;&#10;Evil: yes&#13;&#10;", "&#10;Evil: yes", "&#13;Evil: yes", "%0d%0aEvil:%20yes", "&#x85;Evil: yes",
         "&#x2028;Evil: yes", "a, b;c=d &lt;sip:evil@example.net&gt; &quot;", "&quot;&gt;;tag=evil", "\\r\\nEvil: yes"]


def test_E3_two_other_parsers_see_the_template(alive, partner, sip):
    """Read back by the rig's SIP parser and by Python's of mail: the same header names in the same number, whatever was sent."""
    import email.parser
    p = partner()
    wire = p.incoming()
    mark = sip.mark()
    p.send_message(wire, body="E3 plain", extra="<subject>s</subject><thread>t</thread>")
    template = sorted(n for n, _ in sip.wait_message("E3 plain", 20, mark).message.headers)
    for i, nasty in enumerate(NASTY):
        p.send_message(wire, body="E3 %d" % i, stanza_id="e%d%s" % (i, nasty.replace("&quot;", "")),
                       extra="<subject>%s</subject><thread>%s</thread><nick xmlns='http://jabber.org/protocol/nick'>%s</nick>"
                       % (nasty, nasty, nasty), sender="romeo@%s/%s" % (p.domain, nasty.replace("&#13;", "").replace(
                           "&#10;", "").replace("&#x85;", "").replace("&#x2028;", "")))
        got = sip.wait_message("E3 %d" % i, 20, mark).message
        assert sorted(n for n, _ in got.headers) == template, str(got)
        text = "\n".join("%s: %s" % h for h in got.headers) + "\n\n"
        assert sorted(k.lower() for k in email.parser.HeaderParser().parsestr(text).keys()) == template
    assert "evil" not in [n for r in sip.received.all[mark:] for n, _ in r.message.headers]


NUMBERS = ["-1", "0", "1", "32768", "2147483647", "2147483649", "4294967295", "4294967296", "4294967297",
           "9223372036854775808",
           "18446744073709551615", "18446744073709551616", "9" * 400, "", "+1", "1x", "0x1", " 1"]


@pytest.mark.parametrize("where", ["Content-Length", "CSeq", "Expires", "Max-Forwards", "port", "Via-port", "rport"])
def test_D14_numbers_in_sip(alive, where):
    """Every number at every border: an answer or silence, and the next request is served."""
    with Udp(ports=(5060, 1)) as peer:
        for n in NUMBERS:
            how = {}
            if where in ("Content-Length", "CSeq", "Expires", "Max-Forwards"):
                how = {"headers": ["%s: %s%s" % (where, n, " OPTIONS" if where == "CSeq" else "")], "drop": ()}
                data = request("OPTIONS", "sip:x@sm1.example", headers=["Expires: 1"])
                line = "%s: %s%s\r\n" % (where, n, " OPTIONS" if where == "CSeq" else "")
                data = re.sub(rb"(?m)^%s: .*\r\n" % where.encode(), line.encode(), data)
            elif where == "port":
                data = request("OPTIONS", "sip:x@sm1.example:" + n)
            elif where == "Via-port":
                data = request("OPTIONS", "sip:x@sm1.example",
                               via="SIP/2.0/UDP %s:%s;branch=z9hG4bKn%d" % (RAW, n, len(n)))
            else:
                data = request("OPTIONS", "sip:x@sm1.example",
                               via="SIP/2.0/UDP %s;rport=%s;branch=z9hG4bKr%d" % (RAW, n, len(n)))
            assert how is not None
            mark = request("OPTIONS", "sip:x@sm1.example")
            peer.send(data).send(mark)
            got = peer.until(lambda m: m.get("call-id").encode() in mark)
            mine = [m for m in got if m.get("call-id").encode() in data]  # an earlier one's may come late, by its port
            assert len(mine) <= 1 and got[-1].status == 200, n


@pytest.mark.parametrize("n", NUMBERS)
def test_D14_stream_management_counts(alive, partner, sip, n):
    p = partner()
    txn = sent_to(sip, p)
    wire = p.accept_sm()
    expect_stanza(wire)
    wire.expect(r"<r\b[^>]*/>")
    wire.send("<a xmlns='%s' h='%s'/>" % (SM, n))
    if n in ("0", "1"):
        wire.send("<a xmlns='%s' h='1'/>" % SM)  # it counts yet, and the stream stands
        assert txn.wait() == 200
        again = sent_to(sip, p, "again")
        expect_stanza(wire)
        support.acknowledge(wire, 2)
        assert again.wait() == 200
    else:
        assert "stream:error" in wire.expect_end()


@pytest.mark.parametrize("reference, good", [("&#65;", True), ("&#x10FFFF;", True), ("&#0;", False),
                                             ("&#x110000;", False),
                                             ("&#4294967361;", False), ("&#xD800;", False), ("&#-1;", False),
                                             ("&#xFFFE;", False), ("&#" + "9" * 400 + ";", False), ("&#;", False)])
def test_D14_character_references(alive, partner, sip, reference, good):
    mark = sip.mark()
    p = partner()
    wire = p.incoming()
    p.send_message(wire, body="D14" + reference)
    if good:
        sip.wait_message("D14", 20, mark)
    else:
        assert "not-well-formed" in wire.expect_end()
        support.nothing_came(sip, mark)


def test_D15_a_partner_that_never_reads(alive, partner, sip):
    """What waits for it is bounded and ends in an error; nobody else is slower."""
    p, other = partner(), partner()
    first = sent_to(sip, p)
    wire = p.accept_sm()
    expect_stanza(wire)
    support.acknowledge(wire, 1)
    assert first.wait() == 200
    good = sent_to(sip, other)
    good_wire = other.accept_sm()
    expect_stanza(good_wire)
    support.acknowledge(good_wire, 1)
    assert good.wait() == 200
    before = alive.resident_kib()
    body = "w" * 60000
    txns = [sip.message("romeo@" + p.domain, body, target=GATEWAY_SIP, transport="tcp") for _ in range(300)]
    quick = sip.message("romeo@" + other.domain, "still quick", target=GATEWAY_SIP)
    expect_stanza(good_wire)
    support.acknowledge(good_wire, 2)
    assert quick.wait() == 200 and not all(t.done for t in txns)  # it has not waited for them
    assert all(t.wait() in (480, 504) for t in txns)
    assert alive.resident_kib() - before < 32 * 1024
