"""
A scripted SIP user agent or SIP server over UDP and TCP, with a thread of its own: sends MESSAGE requests with RFC
3261's retransmissions (17.1.2: Timers E, F), answers those that come as the test says, and records everything, repeats
too. Fast enough for thousands of messages each second.
"""
import asyncio
import itertools
import os
import re
import socket
import ssl
import threading
import time

from .process import Failed, Lines
from .sipsession import Session, tag_of, uri_of

T1, T2 = 0.5, 4.0
_COMPACT = {"i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type",
            "f": "from", "s": "subject", "k": "supported", "t": "to", "v": "via"}


class Message:
    """A request or a response. headers: [(name in lower case, value)], in order."""

    def __init__(self, head, body):
        lines = head.decode("utf-8", "replace").split("\r\n")
        self.start, self.body = lines[0], body
        self.headers = []
        for line in lines[1:]:
            if line[:1] in " \t" and self.headers:
                name, value = self.headers.pop()
                self.headers.append((name, value + " " + line.strip()))
                continue
            name, _, value = line.partition(":")
            name = name.strip().lower()
            self.headers.append((_COMPACT.get(name, name), value.strip()))
        words = self.start.split(" ", 2)
        self.is_response = words[0] == "SIP/2.0"
        if self.is_response:
            self.status, self.reason = int(words[1]), words[2] if len(words) > 2 else ""
        else:
            self.method, self.uri = words[0], words[1]

    def get(self, name, default=None):
        return next((v for n, v in self.headers if n == name), default)

    def all(self, name):
        return [v for n, v in self.headers if n == name]

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def branch(self):
        return _param(self.get("via", ""), "branch")

    def __str__(self):
        return "%s\n%s\n\n%s" % (self.start, "\n".join("%s: %s" % h for h in self.headers), self.text)


def _param(value, name):
    for part in value.split(";")[1:]:
        key, _, v = part.partition("=")
        if key.strip().lower() == name:
            return v.strip()
    return None


class Received:
    """A request that came in: how often, from where, and what was answered. reply() answers it later."""

    def __init__(self, ua, message, peer):
        self.ua, self.message, self.peer = ua, message, peer
        self.copies = 1
        self.responses = []
        self.repeats = Lines()

    body = property(lambda self: self.message.text)

    def wait_copies(self, n, timeout=20):
        """Until it has come n times in all."""
        return self.repeats.wait(lambda _: self.copies >= n, timeout)[0]

    def reply(self, status, reason="", headers=(), body=b""):
        self.ua.loop.call_soon_threadsafe(self.ua._reply, self, status, reason, headers, body)


class Transaction:
    """
    A request we sent. response is None until the final one; status 0 says that none came (Timer F). sent_at: time.time()
    of each copy.
    """

    def __init__(self, branch, call_id, wire, on_done, session=None):
        self.branch, self.call_id, self.wire, self.session = branch, call_id, wire, session
        self.response, self.provisional, self.sent_at, self.finals = None, [], [], 0
        self._done, self._on_done = threading.Event(), on_done
        self.timers, self.flow = [], None

    def finish(self, response):
        self.response = response
        for timer in self.timers:
            timer.cancel()
        self._done.set()
        if self._on_done:
            self._on_done(self)

    @property
    def sent(self):
        return len(self.sent_at)

    @property
    def done(self):
        return self._done.is_set()

    @property
    def status(self):
        return self.response.status if self.response else 0

    @property
    def reason(self):
        return self.response.reason if self.response else ""

    def wait(self, timeout=40):
        """Waits for the end, bounded; returns the status."""
        if not self._done.wait(timeout):
            raise Failed("no end of SIP transaction %s within %g s" % (self.branch, timeout))
        return self.status


class SipUa:
    """
    answer: what a MESSAGE gets: a status, (status, reason), (status, reason, headers), None for nothing (yet: see
    Received.reply), or a function of Received that returns one of these. Other requests get 501, OPTIONS what options says:
    a status, or None for nothing. presence (sippresence.attach) takes SUBSCRIBE, NOTIFY and PUBLISH.
    trust: a file of authorities; then it speaks TLS too, at the port behind the other, with cert (pki.Cert) if there is one.
    again: what a connection that ends leaves unanswered is sent once more by a new one, until Timer F.
    """

    def __init__(self, address, *, port=5060, transport="udp", user="alice@contoso.example", answer=200, cert=None,
                 trust=None, again=False):
        self.address, self.port, self.transport, self.user, self.answer = address, port, transport, user, answer
        self.on_invite = None  # a function of Received that says what an INVITE gets; None: 501
        self.presence = None  # sippresence.Presence: what SUBSCRIBE, NOTIFY and PUBLISH get; None: 501
        self.sessions = {}  # by Call-ID and our tag
        self.received = Lines()  # of Received, each once, in the order they came
        self.others = Lines()  # messages that belong to no transaction
        self.again = again
        self._ids = itertools.count(1)
        self._salt = os.urandom(6).hex()
        self._client, self._server, self._flows = {}, {}, {}
        self._cert, self._trust, self._tls = cert, trust, None
        self.options = 200
        self._accepted = set()  # both ways; they end with us
        self.shown = []  # certificates (DER, or None) of those who connected over TLS

    # The thread's ends.

    def start(self):
        self.loop = asyncio.new_event_loop()
        up = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(up,), daemon=True, name="sip " + self.address)
        self._thread.start()
        if not up.wait(20):
            raise Failed("SIP user agent: cannot listen on %s:%d" % (self.address, self.port))
        return self

    def _run(self, up):
        asyncio.set_event_loop(self.loop)
        self._udp = self._tcp = None
        self.loop.run_until_complete(self._listen())
        self.loop.call_soon(up.set)
        self.loop.run_forever()

    async def _listen(self):
        sock = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind((self.address, self.port))
        self._udp, _ = await self.loop.create_datagram_endpoint(lambda: _Udp(self), sock=sock)
        self._tcp = await self.loop.create_server(lambda: _Tcp(self), self.address, self.port, reuse_address=True)

        if self._trust and self._cert:
            self._tls = await self.loop.create_server(lambda: _Tcp(self), self.address, self.port + 1,
                                                      reuse_address=True, ssl=self._context(server=True))

    def _context(self, server=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_OPTIONAL if server else ssl.CERT_REQUIRED
        context.load_verify_locations(self._trust)
        if self._cert:
            context.load_cert_chain(self._cert.file, self._cert.key)
        return context

    def stop(self):
        async def end():
            try:
                for listener in filter(None, (self._udp, self._tcp, self._tls)):
                    listener.close()
                for flow in list(self._flows.values()):
                    flow.task.cancel()  # if it has not come to stand yet
                for transport in list(self._accepted):
                    transport.abort()  # and nothing else: of what was closed before, asyncio knows no more to abort
            finally:  # or its thread would be waited for to the bound
                self.loop.call_soon(self.loop.stop)
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(end(), self.loop).result(20)
            self._thread.join(20)

    # Sending.

    def new_branch(self):
        return "z9hG4bK%s%d" % (self._salt, next(self._ids))

    def request(self, to, body, *, target, sender=None, method="MESSAGE", content_type="text/plain", headers=(),
                uri=None, call_id=None, cseq=None, branch=None, transport=None, on_done=None, retransmit=True,
                from_tag=None, to_tag=None, session=None):
        """Sends a request to target (address, port); returns its Transaction. to, sender: bare addresses."""
        n = next(self._ids)
        transport = transport or self.transport
        branch = branch or "z9hG4bK%s%d" % (self._salt, n)
        call_id = call_id or "%s-%d@%s" % (self._salt, n, self.address)
        body = body.encode() if isinstance(body, str) else body
        lines = ["%s %s SIP/2.0" % (method, uri or "sip:" + to),
                 "Via: SIP/2.0/%s %s:%d;branch=%s;rport" % (transport.upper(), self.address, self.port, branch),
                 "Max-Forwards: 70", "From: <sip:%s>;tag=%s" % (sender or self.user, from_tag or branch[7:]),
                 "To: <sip:%s>%s" % (to, ";tag=" + to_tag if to_tag else ""),
                 "Call-ID: %s" % call_id,
                 "CSeq: %d %s" % (cseq or n, method), *headers]
        if body:
            lines.append("Content-Type: " + content_type)
        lines += ["Content-Length: %d" % len(body), "", ""]
        txn = Transaction(branch, call_id, "\r\n".join(lines).encode() + body, on_done, session)
        self.loop.call_soon_threadsafe(self._send, txn, target, transport, retransmit)
        return txn

    def message(self, to, body, **how):
        return self.request(to, body, **how)

    def send_many(self, to, bodies, *, target, window=100, timeout=60, **how):
        """Sends all, at most window unanswered at once. Returns their transactions, all ended, in the order sent."""
        room = threading.Semaphore(window)
        txns = []
        for body in bodies:
            if not room.acquire(timeout=timeout):
                raise Failed("SIP: %d unanswered for %g s" % (window, timeout))
            txns.append(self.request(to, body, target=target, on_done=lambda _: room.release(), **how))
        for txn in txns:
            txn.wait(timeout)
        return txns

    def send_bytes(self, wire, target, transport="udp"):
        """Sends bytes as they are; what comes back goes to others."""
        self.loop.call_soon_threadsafe(self._emit, wire, target, transport)

    def _emit(self, wire, target, transport):
        if transport == "udp":
            self._udp.sendto(wire, target)
        else:
            self._flow(target, transport).write(wire)

    def _flow(self, target, transport):
        key = target, transport
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = _Outgoing(self, key, self._context() if transport == "tls" else None)
        return flow

    def _send(self, txn, target, transport, retransmit):
        self._client[txn.branch] = txn
        txn.timers = [self.loop.call_later(64 * T1, txn.finish, None)]
        if transport == "udp" and retransmit:
            self._retransmit(txn, target, T1)
        elif transport == "udp":
            txn.sent_at.append(time.time())
            self._emit(txn.wire, target, transport)
        else:
            self._send_by_flow(txn, (target, transport))

    def _send_by_flow(self, txn, key):
        if not txn.done:
            txn.sent_at.append(time.time())
            txn.flow = self._flow(*key)
            txn.flow.write(txn.wire)

    def on_flow_ended(self, flow):
        """It stands no more, or has never stood."""
        if self._flows.get(flow.key) is flow:
            del self._flows[flow.key]
        for txn in list(self._client.values()) if self.again else ():
            if txn.flow is flow and not txn.done:
                self.loop.call_later(0.1, self._send_by_flow, txn, flow.key)

    def _retransmit(self, txn, target, wait):
        txn.sent_at.append(time.time())
        self._udp.sendto(txn.wire, target)
        later = self.loop.call_later(wait, self._retransmit, txn, target,
                                     T2 if txn.provisional else min(2 * wait, T2))
        txn.timers[1:] = [later]

    def give_up(self):
        """What has no answer yet is repeated no more, from now on, and gets none."""
        async def end():
            for txn in [t for t in self._client.values() if not t.done]:
                txn.finish(None)
        asyncio.run_coroutine_threadsafe(end(), self.loop).result(20)

    # Receiving.

    def on_message(self, message, peer, send):
        if message.is_response:
            self._on_response(message)
        elif message.method == "ACK":
            self.others.add(message)
        else:
            self._on_request(message, peer, send)

    def _on_response(self, message):
        txn = self._client.get(message.branch)
        if txn is None:
            self.others.add(message)
        elif message.status < 200:
            txn.provisional.append(message)
        else:
            txn.finals += 1
            if txn.session:
                self._invite_answered(txn, message)
            if not txn.done:
                txn.finish(message)

    def _invite_answered(self, txn, message):
        """The ACK, once for each final answer that comes; that to a refusal is part of its transaction."""
        if message.status < 300:
            txn.session.accepted(message)
            return
        head = txn.wire.decode("utf-8", "replace").split("\r\n")
        lines = ["ACK " + head[0].split(" ", 1)[1], head[1], "Max-Forwards: 70"]
        lines += [line for line in head if line.startswith(("From:", "Call-ID:"))]
        lines += ["To: " + message.get("to", ""), "CSeq: 1 ACK", "Content-Length: 0", "", ""]
        self._emit("\r\n".join(lines).encode(), txn.session.target, txn.session.transport)

    def _session_of(self, message):
        return self.sessions.get((message.get("call-id"), tag_of(message.get("to"))))

    def _on_invite(self, got):
        message = got.message
        status, reason, headers, body = self.on_invite(got) or (None, "", (), "")
        if status is None:
            return
        if status < 300:
            contact = message.get("contact", "")
            where = re.fullmatch(r"(?:sips?:)?(?:[^@]*@)?([^:;]*)(?::(\d+))?.*", uri_of(contact))
            host = where.group(1) if re.fullmatch(r"[0-9.]+", where.group(1)) else got.peer[0]
            transport = "tcp" if "transport=tcp" in contact else "tls" if "transport=tls" in contact else "udp"
            session = Session(self, uri_of(message.get("from"))[4:].split(";")[0],
                              (host, int(where.group(2) or 5060)), transport, message.get("call-id"),
                              self._salt, uri_of(message.get("to")), uri_of(message.get("to"))[4:].split(";")[0])
            session.remote_tag, session.remote_target = tag_of(message.get("from")), uri_of(contact)
            session.invite, session.up = got, True
            self.sessions[(session.call_id, self._salt)] = session
            headers = [*headers, "Contact: <sip:%s:%d;transport=%s>" % (self.address, self.port, transport),
                       "Content-Type: application/sdp"]
        self._reply(got, status, reason, headers, body.encode() if status < 300 else b"")

    def _inside(self, got, session):
        """What comes in a session besides texts."""
        if got.message.method == "BYE":
            session.ended = True
            del self.sessions[(session.call_id, session.local_tag)]
        self.others.add(got.message)  # before the answer makes something happen elsewhere
        self._reply(got, 200, "", (), b"")

    def _on_request(self, message, peer, send):
        key = (message.branch, message.method)
        known = self._server.get(key)
        if known:
            known.copies += 1
            known.repeats.add(known.copies)
            if known.responses:
                send(known.responses[-1])
            return
        got = Received(self, message, peer)
        got.send = send
        self._server[key] = got
        if self.presence and message.method in ("SUBSCRIBE", "NOTIFY", "PUBLISH"):
            self.presence.on_request(got)
            return
        session = self._session_of(message)
        if message.method == "INVITE" and self.on_invite and not tag_of(message.get("to")):
            self.others.add(message)
            self._on_invite(got)
            return
        if tag_of(message.get("to")) and not session:
            self.others.add(message)
            self._reply(got, 481, "", (), b"")
            return
        if session and message.method != "MESSAGE":
            self._inside(got, session)
            return
        if message.method != "MESSAGE":
            status = self.options if message.method == "OPTIONS" else 501
            self.others.add(message)
            if status is not None:
                self._reply(got, status, "", (), b"")
            return
        answer = self.answer(got) if callable(self.answer) else self.answer
        self.received.add(got)  # before its answer can lead to anything
        if answer is not None:
            status, reason, headers = (tuple(answer) + ("", ()))[:3] if isinstance(answer, tuple) else (answer, "", ())
            self._reply(got, status, reason, headers, b"")

    def _reply(self, got, status, reason, headers, body):
        lines = ["SIP/2.0 %d %s" % (status, reason or {200: "OK", 202: "Accepted"}.get(status, "Scripted"))]
        lines += ["Via: " + v for v in got.message.all("via")]
        to = got.message.get("to", "")
        if status > 100 and ";tag=" not in to:
            to += ";tag=" + self._salt
        lines += ["From: " + got.message.get("from", ""), "To: " + to, "Call-ID: " + got.message.get("call-id", ""),
                  "CSeq: " + got.message.get("cseq", ""), *headers, "Content-Length: %d" % len(body), "", ""]
        got.responses.append("\r\n".join(lines).encode() + body)
        got.send(got.responses[-1])

    # What tests ask.

    def mark(self):
        return len(self.received.all)

    def wait_message(self, text, timeout=20, since=0):
        """The Received whose body contains this."""
        got, _ = self.received.wait(lambda r: r if text in r.body else None, timeout, since)
        if got is None:
            raise Failed("SIP: no MESSAGE with %r within %g s; got %s" % (text, timeout, self.bodies()[-5:]))
        return got

    def wait_other(self, method, timeout=20, since=0, **headers):
        """
        The next message of this method that was no text; Lines' mark is len(ua.others.all). headers: what these have to be, names with _
        for -. An ACK comes as often as what it answers, so that one of before may come late.
        """
        def found(m):
            if not m.is_response and m.method == method and all(m.get(k.replace("_", "-")) == v for k, v in headers.items()):
                return m
        got, _ = self.others.wait(found, timeout, since)
        if got is None:
            raise Failed("SIP: no %s %s within %g s; got %s" % (method, headers or "", timeout, [m.start for m in self.others.all[-5:]]))
        return got

    def wait_count(self, n, timeout=60):
        self.received.wait(lambda _: len(self.received.all) >= n, timeout)
        if len(self.received.all) < n:
            raise Failed("SIP: %d of %d messages within %g s" % (len(self.received.all), n, timeout))
        return self.received.all

    def bodies(self):
        return [r.body for r in self.received.all]


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, ua):
        self.ua = ua

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        head, _, body = data.partition(b"\r\n\r\n")
        if not head.strip():
            return
        self.ua.on_message(Message(head, body), peer, lambda wire: self.transport.sendto(wire, peer))


class _Tcp(asyncio.Protocol):
    def __init__(self, ua):
        self.ua, self.data, self.transport = ua, b"", None

    def connection_made(self, transport):
        self.transport = transport
        self.peer = transport.get_extra_info("peername")
        self.ua._accepted.add(transport)
        tls = transport.get_extra_info("ssl_object")
        if tls and tls.server_side:
            self.ua.shown.append(tls.getpeercert(True))

    def connection_lost(self, _):
        self.ua._accepted.discard(self.transport)

    def data_received(self, data):
        self.data += data
        while True:
            self.data = self.data.lstrip(b"\r\n")
            at = self.data.find(b"\r\n\r\n")
            if at < 0:
                return
            message = Message(self.data[:at], b"")
            end = at + 4 + int(message.get("content-length", "0"))
            if len(self.data) < end:
                return
            message.body, self.data = self.data[at + 4:end], self.data[end:]
            self.ua.on_message(message, self.peer, self.transport.write)


class _Outgoing(_Tcp):
    """A connection we opened; what is written before it stands waits."""

    def __init__(self, ua, key, tls):
        super().__init__(ua)
        self.key, self.target, self.tls, self.waiting = key, key[0], tls, []
        self.task = ua.loop.create_task(self._connect())

    async def _connect(self):
        try:
            await self.ua.loop.create_connection(lambda: self, *self.target, local_addr=(self.ua.address, 0),
                                                 ssl=self.tls)
        except OSError:
            self.ua.on_flow_ended(self)
            return
        for wire in self.waiting:
            self.transport.write(wire)
        self.waiting = None

    def write(self, wire):
        if self.waiting is None:
            self.transport.write(wire)
        else:
            self.waiting.append(wire)

    def connection_lost(self, error):
        super().connection_lost(error)
        self.ua.on_flow_ended(self)
