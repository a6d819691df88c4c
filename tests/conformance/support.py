"""What the wire tests share: partners with names of their own, stream steps, and SIP by the byte."""
import contextlib
import itertools
import re
import select
import socket
import threading
import time
import xml.etree.ElementTree as ET

from rig import dns, scripted, xmlstream
from rig.process import Failed
from rig.sipua import Message
from rig.stoxd import Stoxd
from rig.xmlstream import DIALBACK, SASL, SM, STANZAS, TLS

GATEWAY_SIP, GATEWAY_XMPP = (dns.GATEWAY, 5060), (dns.GATEWAY, 5269)
RAW = "10.99.0.7"  # a SIP peer by the byte; trusted like the office
RAW_UDP, RAW_TCP = "10.99.0.8", "10.99.0.9"  # next hops by the byte, of raw.example and stream.example
OTHER = "10.99.0.3"  # a gateway that a test starts beside the module's
STRANGER = "10.99.0.66"  # an address that no route lists
DOMAIN = "contoso.example"
ALICE = "alice@contoso.example"

STREAMS_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
SM_FEATURE = "<sm xmlns='%s'/>" % SM
DIALBACK_FEATURE = "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
EXTERNAL = "<mechanisms xmlns='%s'><mechanism>EXTERNAL</mechanism></mechanisms>" % SASL
STARTTLS_REQUIRED = "<starttls xmlns='%s'><required/></starttls>" % TLS

# kind: (how many domains there are, settings). Each leads by its own address to the test that took it.
KINDS = {
    "sm": (200, {"tls": "required", "sasl": "required", "dialback": False}),
    "dialback": (45, {"tls": "required", "sasl": "not-supported", "dialback": True}),
    "either": (30, {"tls": "required", "sasl": "optional", "dialback": True}),
    "clear": (4, {"tls": "not-supported", "sasl": "not-supported", "dialback": True}),
    "sub.deep": (4, {"tls": "required", "sasl": "required", "dialback": False}),
}
_next = {}


def begin_names():
    """A new gateway has no memory of them: they may be used again."""
    _next.update({kind: itertools.count(1) for kind in KINDS})


begin_names()


def _names(kind):
    return {"%s%d.example" % (kind, i): "10.99.%d.%d" % (20 + list(KINDS).index(kind), i)
            for i in range(1, KINDS[kind][0] + 1)}


def partners():
    return {domain: dict(how, proxy=address, type="federated") for kind, (_, how) in KINDS.items()
            for domain, address in _names(kind).items()}


def share_certificates(rig):
    """One certificate for all scripted partners, to save the time; what is about certificates makes its own."""
    names = list(partners())
    cert = rig.pki.issue("scripted-partners", names)
    for name in names:
        rig._certs[name] = cert


# Where no test waits for these times to be over: nothing ends because somebody stood still for some seconds.
PATIENT = {"hold_time": 28, "stream_establishment_timeout": 60}


def settings(at=dns.GATEWAY, **changes):
    """Of the modules' gateways: short where a wait can be short. at: the address it listens on."""
    given = {
        "host_name": at, "listen_sip_udp": [at + ":5060"], "listen_sip_tcp": [at + ":5060"],
        "listen_xmpp": [at + ":5269"],
        "routes": {"office": {"next_hop": dns.OFFICE + ":5060", "transport": "udp", "sources": [dns.OFFICE, RAW]},
                   "raw": {"next_hop": RAW_UDP + ":5060", "transport": "udp"},
                   "stream": {"next_hop": RAW_TCP + ":5060", "transport": "tcp"}},
        "sip_domains": {DOMAIN: {"route": "office"}, "raw.example": {"route": "raw"},
                        "stream.example": {"route": "stream"}},
        "partners": partners(),
        "gateway": {"hold_time": 4, "stream_establishment_timeout": 5},
    }
    given.update(changes)
    return given


# ---- XMPP ----


def parse(text):
    """A stanza as an element tree; the stream's declarations are put back."""
    return ET.fromstring("<root xmlns='jabber:server' xmlns:db='%s' xmlns:stream='%s'>%s</root>" % (
        DIALBACK, xmlstream.STREAM, text))[0]


def error_of(stanza):
    """(condition, type, by) of an error stanza."""
    error = stanza.find("{jabber:server}error")
    condition = next(c for c in error if c.tag.startswith("{%s}" % STANZAS) and not c.tag.endswith("}text"))
    return condition.tag.split("}")[1], error.get("type"), error.get("by")


def body_of(stanza):
    el = stanza.find("{jabber:server}body")
    return None if el is None else el.text


def expect_stanza(wire, name="message", timeout=20):
    """The next stanza of this name, acknowledgement requests before it skipped."""
    return parse(wire.expect(r"<%s\b(?:[^>]*[^/>])?>.*?</%s>|<%s\b[^>]*/>" % (name, name, name), timeout).group())


def expect_stream_error(wire, condition, timeout=20):
    """The stream error with this condition, the stream's end, and the end of TCP. Returns all of it."""
    text = wire.expect(r"<stream:error>.*?</stream:error>", timeout).group()
    assert re.search(r"<%s xmlns=['\"]%s['\"]" % (condition, STREAMS_ERRORS), text), text
    wire.expect(r"</stream:stream>", timeout)
    wire.expect_end(timeout)
    return text


class Partner:
    """A partner domain of this test alone. It opens streams to the gateway, and takes those the gateway opens."""

    def __init__(self, rig, kind="sm", domain=None, address=None, at=dns.GATEWAY):
        self.rig, self.kind, self.at = rig, kind, at
        if domain is None:
            n = next(_next[kind])
            domain, address = list(_names(kind).items())[n - 1]
        self.domain, self.address = domain, address
        self.wires = []

    def start(self):
        self.listener = scripted.Listener(self.address)
        return self

    def stop(self):
        for wire in self.wires:
            with contextlib.suppress(OSError):
                wire.close()
        self.listener.stop()

    def kept(self, wire):
        self.wires.append(wire)
        return wire

    # Toward the gateway.

    def connect(self, **how):
        return self.kept(scripted.connect((self.at, 5269), source=self.address, **how))

    def client(self, cert=True):
        return scripted.client_context(self.rig, self.domain if cert is True else cert or None)

    def secured(self, to=DOMAIN, sender=None, cert=True):
        """TLS stands; nothing was sent inside it yet."""
        wire = self.connect()
        return wire.secure(sender or self.domain, to, self.client(cert))

    def incoming(self, to=DOMAIN):
        """An authenticated stream to the gateway: stanzas may go. wire.features: the last ones."""
        wire = self.secured(to)
        wire.features = wire.authenticate(self.domain, to)
        return wire

    def send_message(self, wire, to=ALICE, body="hello", stanza_id="m1", mtype="chat", sender=None, extra="", attrs=""):
        wire.send("<message from='%s' to='%s' id='%s'%s%s>%s%s</message>" % (
            sender or "romeo@%s/orchard" % self.domain, to, stanza_id, " type='%s'" % mtype if mtype else "", attrs,
            "<body>%s</body>" % body if body is not None else "", extra))

    # From the gateway.

    def server(self, **how):
        return scripted.server_context(self.rig, self.domain, **how)

    def accept(self, timeout=20):
        return self.kept(self.listener.accept(timeout))

    def accept_authenticated(self, features="", timeout=20):
        """The gateway's stream to us, authenticated by SASL EXTERNAL, with these features at the end."""
        wire = self.accept(timeout)
        wire.accept_secure(self.domain, self.server())
        wire.accept_authenticated(self.domain, features)
        return wire

    def accept_sm(self, timeout=20, more=""):
        """The same with stream management on. more: other features beside it."""
        wire = self.accept_authenticated(SM_FEATURE + more, timeout)
        wire.expect(r"<enable\b[^>]*/>")
        wire.send("<enabled xmlns='%s'/>" % SM)
        return wire

    def was_told_nothing(self, wire, to=DOMAIN, back=None):
        """
        That what was sent on wire, and all else by now, brings this partner nothing: the answer to a ping comes first, on back or on the
        first stream that the gateway opens, which is returned.
        """
        wire.send("<iq type='get' id='behind' from='%s' to='%s'><ping xmlns='%s'/></iq>" % (self.domain, to, xmlstream.PING))
        back = back or self.accept_sm()
        found = back.expect(r"<(?:message|presence|iq)\b[^>]*>").group()
        assert found.startswith("<iq") and "behind" in found, found
        return back

    def nobody_connects(self, seconds=0.1):
        assert not select.select([self.listener.sock], [], [], seconds)[0], "the gateway connected to " + self.domain


def acknowledge(wire, h):
    wire.expect(r"<r\b[^>]*/>")
    wire.send("<a xmlns='%s' h='%d'/>" % (SM, h))


# ---- SIP by the byte ----

_calls = itertools.count(1)


def request(method="MESSAGE", uri="sip:romeo@sm1.example", *, sender=ALICE, body=b"", content_type="text/plain",
            transport="UDP", sent_by=RAW, headers=(), drop=(), branch=None, call_id=None, cseq=None, to=None, via=None):
    """A well-formed request, with lines added, and lines left out by their names."""
    n = next(_calls)
    body = body.encode() if isinstance(body, str) else body
    lines = [("Via", via or "SIP/2.0/%s %s;branch=%s" % (transport, sent_by, branch or "z9hG4bKraw%d" % n)),
             ("Max-Forwards", "70"), ("From", sender if "<" in sender or ":" in sender else
                                      "<sip:%s>;tag=from%d" % (sender, n)),
             ("To", to or "<%s>" % uri), ("Call-ID", call_id or "raw-%d@sip.contoso.example" % n),
             ("CSeq", cseq or "%d %s" % (n, method))]
    lines += [tuple(h.split(": ", 1)) for h in headers]
    if body or content_type != "text/plain":
        lines.append(("Content-Type", content_type))
    lines.append(("Content-Length", "%d" % len(body)))
    text = "%s %s SIP/2.0\r\n%s\r\n\r\n" % (
        method, uri, "\r\n".join("%s: %s" % line for line in lines if line[0] not in drop))
    return text.encode("utf-8", "surrogateescape") + body


class Udp:
    """A SIP peer on UDP by the byte, on these ports of one address. Messages in the order they came."""

    def __init__(self, address=RAW, ports=(5060,), target=dns.GATEWAY):
        self.socks, self.target = [], (target, 5060)
        for port in ports:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.bind((address, port))
            self.socks.append(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for sock in self.socks:
            sock.close()

    def send(self, data):
        self.socks[0].sendto(data, self.target)
        return self

    def receive(self, timeout=20):
        """The next datagram's bytes and where it came from; None at the bound."""
        ready = select.select(self.socks, [], [], timeout)[0]
        return ready[0].recvfrom(65536) if ready else None

    def forget(self):
        """All that has come by now."""
        while self.receive(0):
            pass

    def until(self, found, timeout=20):
        """All messages up to the one that found() likes, that one last."""
        messages, deadline = [], time.monotonic() + timeout
        while True:
            got = self.receive(max(0, deadline - time.monotonic()))
            if got is None:
                raise Failed("SIP: nothing like that within %g s; got %s" % (timeout, [str(m) for m in messages]))
            messages.append(message(got[0]))
            if found(messages[-1]):
                return messages

    def final(self, data, timeout=20):
        """The final response to a request that was sent, by its Call-ID."""
        call_id = re.search(rb"(?m)^(?:Call-ID|i) *: *(.*?)\r$", data).group(1).decode()
        return self.until(lambda m: m.is_response and m.get("call-id") == call_id and m.status >= 200, timeout)[-1]

    def status(self, data, timeout=20):
        """Sends a request; returns the final response."""
        return self.send(data).final(data, timeout)

    def asked(self, *before, timeout=20):
        """The next request that is none of these, which may be repeated meanwhile."""
        known = [m.branch for m in before]
        return self.until(lambda m: not m.is_response and m.branch not in known, timeout)[-1]

    def rest(self):
        """All messages that have come by now."""
        return [message(data) for data, _ in iter(lambda: self.receive(0), None)]


def message(data):
    head, _, body = data.partition(b"\r\n\r\n")
    found = Message(head, body)
    found.raw = data
    return found


class Tcp:
    """A SIP peer on TCP by the byte."""

    def __init__(self, source=RAW, target=dns.GATEWAY):
        self.wire = scripted.connect((target, 5060), source=source)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.close()

    def send(self, data):
        self.wire.send(data)
        return self

    def _one(self):
        data = self.wire.data
        at = data.find(b"\r\n\r\n")
        if at < 0:
            return None
        found = message(data[:at + 4])
        end = at + 4 + int(found.get("content-length", "0"))
        if len(data) < end:
            return None
        found.body, found.raw, self.wire.data = data[at + 4:end], data[:end], data[end:]
        return found

    def receive(self, timeout=20):
        """The next message; None at the bound or at the end."""
        deadline = time.monotonic() + timeout
        while True:
            found = self._one()
            if found or not self.wire._more(deadline):
                return found

    def until(self, found, timeout=20):
        messages, deadline = [], time.monotonic() + timeout
        while True:
            got = self.receive(max(0, deadline - time.monotonic()))
            if got is None:
                raise Failed("SIP: nothing like that %s; got %s" % (
                    "before the end" if self.wire.ended else "within %g s" % timeout, [str(m) for m in messages]))
            messages.append(got)
            if found(got):
                return messages

    def status(self, data, timeout=20):
        self.send(data)
        return self.until(lambda m: m.is_response and m.status >= 200, timeout)[-1]

    def drain(self, timeout=20):
        """Everything up to the end of the connection."""
        messages = []
        while True:
            got = self.receive(timeout)
            if got is None:
                break
            messages.append(got)
        assert self.wire.ended, "still open after %g s" % timeout
        return messages


def options(timeout=20, via="udp", source=RAW):
    """That the gateway answers OPTIONS."""
    with (Udp(source, (5999,)) if via == "udp" else Tcp(source)) as peer:
        port = ":5999" if via == "udp" else ""
        answer = peer.status(request("OPTIONS", "sip:%s" % dns.GATEWAY, sent_by=source + port, transport=via.upper()),
                             timeout)
        assert answer.status == 200, str(answer)
    return answer


def look_round(at, source):
    """What has come to the gateway before, the end of a connection too, has been looked at when this returns."""
    with Udp(source, (5999,), target=at) as peer:
        peer.status(request("OPTIONS", "sip:" + at, sent_by=source + ":5999"))  # whatever it says: it comes behind


def heard(ua, at=dns.GATEWAY):
    """
    Over UDP: what this agent has sent has been looked at, and what the gateway has sent it because of that, or before, is among what the
    agent has got when this returns. By three questions: what the gateway puts off to the end of a turn comes behind the answer to
    the first, and what the agent answers to that is looked at before the third.
    """
    for _ in range(3):
        assert ua.request("", "", target=(at, 5060), method="OPTIONS", uri="sip:" + at, transport="udp").wait(), "nothing is answered"


def nothing_came(ua, mark):
    """That this agent has got no MESSAGE since mark, of what the gateway has looked at by now."""
    heard(ua)
    assert ua.mark() == mark, ua.bodies()[mark:]


def no_answer(peer):
    """That what this peer has sent over UDP was looked at, and not one datagram has come to it."""
    options()
    assert peer.receive(0) is None


def undisturbed(measure, fits, tries=5):
    """
    That times are as they should be: what measure() returns fits, once. A machine that has other work makes them longer, now and
    then; those of a gateway that errs never fit.
    """
    for _ in range(tries):
        found = measure()
        if fits(*found):
            return
    raise AssertionError("not once in %d times as it should be: %s" % (tries, found))


def fresh_address(_n=itertools.count(1)):
    """An address of the rig that nobody has used."""
    n = next(_n)
    return "10.99.%d.%d" % (200 + n // 200, 1 + n % 200)


class Ring:
    """
    Two gateways wired into a ring by mistake: to A, ring.example is XMPP behind B; B hands ring.example to A as its SIP
    server. Each trusts the other.
    """

    A, B = "10.99.0.14", "10.99.0.15"

    def __init__(self, rig, start):
        def gateway(name, at, **how):
            return start(Stoxd(rig, name=name, **settings(at, **how)))
        self.a = gateway("stoxd-a", self.A, partners={"ring.example": {"proxy": self.B, "type": "federated",
                                                                       "dialback": False}},
                         sip_domains={DOMAIN: {"route": "office"}},
                         routes={"office": {"next_hop": dns.OFFICE + ":5060", "sources": [dns.OFFICE, self.B]}})
        self.b = gateway("stoxd-b", self.B, partners={DOMAIN: {"proxy": self.A, "type": "federated",
                                                               "dialback": False}},
                         sip_domains={"ring.example": {"route": "a"}},
                         routes={"a": {"next_hop": self.A + ":5060", "transport": "udp"}})

    def passes(self):
        """How often a message has crossed A toward XMPP."""
        return len([e for e in self.a.events("message") if e["direction"] == "sip-to-xmpp"])


def request_dies_out(ring, seconds=1.0):
    """That nothing crosses any more."""
    deadline = time.monotonic() + 30  # the last of it may be on its way yet
    while True:
        before, cpu = ring.passes(), ring.a.cpu_seconds() + ring.b.cpu_seconds()
        time.sleep(seconds)
        after, used = ring.passes(), ring.a.cpu_seconds() + ring.b.cpu_seconds() - cpu
        if after == before and used < 0.1 * seconds:
            break
        assert time.monotonic() < deadline, "it still goes round: %d, then %d passes, %.2f s" % (before, after, used)
    assert after <= 10


# ---- long waits, begun with the run ----

SLOW_GATEWAY = "10.99.0.2"


class _Stalled:
    def __init__(self, wire, drip):
        self.wire, self.drip = wire, iter(drip)
        self.since, self.until = time.monotonic(), None


class Slow:
    """
    One connection for each state a peer can stall in. Each trickles an octet every 5 s, so that only a deadline, and no
    pause between reads, can end it.
    """

    def __init__(self, rig):
        self.rig = rig
        self.gateway = Stoxd(rig, name="stoxd-slow", **settings(SLOW_GATEWAY, gateway={**PATIENT, "hold_time": 4}))
        self.stalled = {}

    def _xmpp(self):
        return scripted.connect((SLOW_GATEWAY, 5269), source=fresh_address())

    def _sip(self, data):
        return scripted.connect((SLOW_GATEWAY, 5060), source=RAW).send(data)

    def start(self):
        self.gateway.start()
        mine = list(_names("sm"))[-1]
        header = xmlstream.header(mine, DOMAIN)
        hold = self.stalled
        hold["tcp open"] = _Stalled(self._xmpp(), "")
        hold["white space only"] = _Stalled(self._xmpp(), " " * 99)
        hold["header half sent"] = _Stalled(self._xmpp(), header)
        hold["header sent"] = _Stalled(self._xmpp().send(header), " " * 99)
        wire = self._xmpp()
        wire.open_stream(mine, DOMAIN)
        wire.send("<starttls xmlns='%s'/>" % TLS).expect("<proceed")
        hold["tls half done"] = _Stalled(wire, "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + "r" * 99)
        wire = self._xmpp().secure(mine, DOMAIN, scripted.client_context(self.rig, mine))
        hold["tls done"] = _Stalled(wire, "")
        wire = self._xmpp().secure(mine, DOMAIN, scripted.client_context(self.rig, mine))
        wire.open_stream(mine, DOMAIN)
        hold["authentication idle"] = _Stalled(wire, " " * 99)
        wire = self._xmpp().secure(mine, DOMAIN, scripted.client_context(self.rig, mine))
        wire.open_stream(mine, DOMAIN)
        wire.send("<auth xmlns='%s' mechanism='EXTERNAL'" % SASL)
        hold["authentication half sent"] = _Stalled(wire, " " * 99)
        whole = request("OPTIONS", "sip:" + SLOW_GATEWAY, transport="TCP").decode()
        hold["sip header"] = _Stalled(self._sip(whole[:20]), whole[20:])
        hold["sip half body"] = _Stalled(self._sip(request("INVITE", "sip:x@sm1.example", transport="TCP",
                                                           body="v" * 99)[:-50]),
                                         "v" * 40)
        self.mute = Partner(self.rig, domain=list(_names("sm"))[-2], address=list(_names("sm").values())[-2],
                            at=SLOW_GATEWAY).start()
        self.mute_wires, self.mute_answers = [], []
        self._sip_socket = Udp(RAW, (5998,), SLOW_GATEWAY)
        self._send_to_mute()
        self.mute_wires.append(self.mute.accept_authenticated())
        self.mute_wires.append(self.mute.incoming())
        self.mute_since = time.monotonic()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _send_to_mute(self):
        self._sip_socket.send(request(uri="sip:romeo@" + self.mute.domain, body="x", sent_by=RAW + ":5998"))

    def _watch(self):
        next_drip = time.monotonic() + 5
        while not self._end.is_set():
            left = [s for s in self.stalled.values() if s.until is None]
            select.select([s.wire.sock for s in left] + self._sip_socket.socks, [], [], 0.1)
            now = time.monotonic()
            for wire in self.mute_wires:
                wire._more(now)
            got = self._sip_socket.receive(0)
            if got and message(got[0]).status >= 200:
                self.mute_answers.append((now - self.mute_since, message(got[0]).status))
            if now >= next_drip:
                self._send_to_mute()
            for s in left:
                s.wire._more(now)
                if s.wire.ended:
                    s.until = now
                elif now >= next_drip:
                    octet = next(s.drip, "")
                    with contextlib.suppress(OSError):
                        s.wire.send(octet.encode("latin-1"))
            if now >= next_drip:
                next_drip = now + 5

    def closed(self, name, within):
        """That this one was closed, so many seconds at most after it began."""
        stalled = self.stalled[name]
        deadline = stalled.since + within
        while stalled.until is None and time.monotonic() < deadline + 0.2:
            self._thread.join(0.05)
        assert stalled.until is not None, "%s: still open after %g s" % (name, within)
        assert stalled.until - stalled.since <= within, "%s: closed after %g s" % (name, stalled.until - stalled.since)
        return stalled.wire.all.decode("utf-8", "replace")

    def stop(self):
        self._end.set()
        self._thread.join(5)
        self._sip_socket.__exit__()
        self.mute.stop()
        for stalled in self.stalled.values():
            stalled.wire.close()
        self.gateway.stop()
