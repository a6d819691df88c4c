#!/usr/bin/python3
"""
A recording XMPP partner server. Each stanza is on disk (fsync) before it is acknowledged, by XEP-0198 or by answering a
ping; what it is told to send is on disk before it is sent, and goes out again after a break until it was acknowledged.
So it can be killed at any moment and started again on the same record, and the record is the truth.

The process: python3 -m rig.recorder OPTIONS; commands come as JSON lines on stdin, news go out as JSON lines on stdout.
The test's end: class Recorder below.

    {"send": STANZA, "to": DOMAIN}    send it            {"set": {NAME: VALUE}}    change an option while it runs
    {"close": true}                   close all streams

Each has a number, "n", and is confirmed by the note "obeyed N": what a test does next by another way comes behind it.
"""
import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET

if __package__ in (None, ""):
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    __package__ = "rig"
    import rig  # noqa: F401

from . import xmlstream
from .xmlstream import DIALBACK, DIALBACK_FEATURE, PING, SASL, SM, SERVER, STANZAS, STREAM, TLS, Wire

OPTIONS = {
    "sm": True,  # offer XEP-0198 on incoming streams, use it on outgoing ones
    "ack": True,  # answer <r/>
    "ping": True,  # answer XEP-0199: True, False (silence) or "error"
    "external": True,  # offer and use SASL EXTERNAL
    "dialback": True,
    "resume": False,  # with sm: lets its streams be resumed, and resumes its own
    "die_after": 0,  # after so many recorded stanzas: kill -9, before any acknowledgement
}


class Journal:
    """The record, JSON lines. in: a stanza that came; out: one to send; acked: an out that arrived."""

    def __init__(self, path):
        self.n_in = self.n_out = 0
        self.unacked = {}  # number of out: (domain, stanza)
        self._new = []
        if os.path.exists(path):
            self._load(path)
        self.file = open(path, "ab", buffering=0)

    def _load(self, path):
        with open(path, "rb+") as f:
            data = f.read()
            whole = data.rfind(b"\n") + 1
            f.truncate(whole)  # a line cut by the kill was never acknowledged
        for line in data[:whole].splitlines():
            entry = json.loads(line)
            self.n_in = max(self.n_in, entry.get("in", 0))
            if "out" in entry:
                self.n_out = entry["out"]
                self.unacked[entry["out"]] = (entry["to"], entry["stanza"])
            self.unacked.pop(entry.get("acked"), None)

    def add(self, **entry):
        self._new.append(entry)

    def stanza(self, el, pair):
        self.n_in += 1
        body = el.find("{%s}body" % SERVER)
        self.add(**{"in": self.n_in, "kind": xmlstream.name(el)[0], "from": el.get("from"), "to": el.get("to"),
                    "id": el.get("id"), "type": el.get("type"), "body": None if body is None else body.text,
                    "pair": pair, "at": time.time(), "xml": ET.tostring(el, encoding="unicode")})

    def out(self, domain, stanza):
        self.n_out += 1
        self.unacked[self.n_out] = (domain, stanza)
        self.add(out=self.n_out, to=domain, stanza=stanza)
        return self.n_out

    def acked(self, number):
        if self.unacked.pop(number, None):
            self.add(acked=number)

    def sync(self):
        """To disk, then to whoever listens."""
        if not self._new:
            return
        new, self._new = self._new, []
        lines = "".join(json.dumps(e) + "\n" for e in new)
        self.file.write(lines.encode())
        os.fsync(self.file.fileno())
        sys.stdout.write(lines)
        sys.stdout.flush()


class Server:
    def __init__(self, arguments):
        self.domain, self.options = arguments.domain, dict(OPTIONS)
        self.options.update(json.loads(arguments.options))
        self.peers = dict(p.split("=") for p in arguments.peer)
        self.arguments = arguments
        self.journal = Journal(arguments.record)
        self.secret = hashlib.sha256(arguments.domain.encode()).hexdigest().encode()
        self.outgoing, self.wires, self.input = {}, set(), b""
        self.sessions = {}  # id: (peer, stanzas that came), of incoming streams that may be resumed
        self.loop = asyncio.get_event_loop()
        self.accepting = self._context(ssl.PROTOCOL_TLS_SERVER, ssl.CERT_OPTIONAL)
        self.connecting = self._context(ssl.PROTOCOL_TLS_CLIENT, ssl.CERT_REQUIRED)

    def _context(self, protocol, verify):
        context = ssl.SSLContext(protocol)
        context.load_cert_chain(self.arguments.cert, self.arguments.key)
        if not self.options["external"]:
            context.check_hostname = False
            verify = ssl.CERT_NONE
        context.verify_mode = verify
        context.load_verify_locations(self.arguments.trust)
        return context

    def key(self, receiving, originating, stream_id):
        """XEP-0185."""
        text = "%s %s %s" % (receiving, originating, stream_id)
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()

    def note(self, text):
        sys.stdout.write(json.dumps({"note": text}) + "\n")
        sys.stdout.flush()

    async def run(self):
        host, port = self.arguments.listen.rsplit(":", 1)
        await self.loop.create_server(lambda: Incoming(self), host, int(port), reuse_address=True)
        os.set_blocking(0, False)
        self.loop.add_reader(0, self.on_command)
        self.note("listening")
        for domain in {domain for domain, _ in self.journal.unacked.values()}:
            self.flow(domain)
        await asyncio.Event().wait()

    def on_command(self):
        data = os.read(0, 65536)
        if not data:
            os._exit(0)
        *lines, self.input = (self.input + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            self.obey(command)
            self.note("obeyed %d" % command["n"])

    def obey(self, command):
        if "set" in command:
            self.options.update(command["set"])
        if "acknowledge" in command:
            for wire in [w for w in self.wires if isinstance(w, Incoming)]:
                wire.acknowledge()
        if "close" in command:
            for wire in list(self.wires):
                wire.close()
        if "send" in command:
            number = self.journal.out(command["to"], command["send"])
            self.journal.sync()
            self.flow(command["to"]).send(number)

    def flow(self, domain):
        flow = self.outgoing.get(domain)
        if flow is None:
            flow = self.outgoing[domain] = Flow(self, domain)
        return flow

    def settle(self):
        """At the end of what one read brought: disk first, then the acknowledgements that were waiting for it."""
        self.journal.sync()
        limit = self.options["die_after"]
        if limit and self.journal.n_in >= limit:
            os.kill(os.getpid(), signal.SIGKILL)


class Incoming(Wire):
    def __init__(self, server):
        super().__init__()
        self.server, self.pairs, self.peer_domain = server, set(), None
        self.stream_id, self.n_stanzas, self.sm, self.answers = os.urandom(8).hex(), 0, False, []
        self.session = None
        self.external = False
        server.wires.add(self)

    def on_note(self, text):
        self.server.note("in: " + text)

    def on_lost(self):
        self.server.wires.discard(self)

    def on_open(self, attributes):
        self.peer_domain = attributes.get("from", self.peer_domain)
        self.write(xmlstream.header(self.server.domain, self.peer_domain, self.stream_id))
        options = self.server.options
        features = ""
        if not self.tls:
            features = "<starttls xmlns='%s'><required/></starttls>" % TLS
        elif not self.pairs:
            if options["external"] and self._certificate_is_of(self.peer_domain):
                features += "<mechanisms xmlns='%s'><mechanism>EXTERNAL</mechanism></mechanisms>" % SASL
            if options["dialback"]:
                features += "<dialback xmlns='%s'><errors/></dialback>" % DIALBACK_FEATURE
        if self.tls and options["sm"] and (self.pairs or "mechanism" not in features):
            features += "<sm xmlns='%s'/>" % SM
        self.write("<stream:features>%s</stream:features>" % features)

    def _certificate_is_of(self, domain):
        names = [v for k, v in (self.tls.getpeercert() or {}).get("subjectAltName", ()) if k == "DNS"]
        return domain in names

    def on_element(self, el):
        local, ns = xmlstream.name(el)
        if (local, ns) == ("starttls", TLS) and not self.tls:
            self.write("<proceed xmlns='%s'/>" % TLS)
            self.start_tls(self.server.accepting, True)
        elif (local, ns) == ("auth", SASL):
            self._on_auth(el)
        elif ns == DIALBACK:
            self._on_dialback(local, el)
        elif ns == SM:
            self._on_sm(local, el)
        elif ns == SERVER and self.pairs:
            self._on_stanza(local, el)
        elif ns == STREAM:
            self.on_note("stream error: " + ET.tostring(el, encoding="unicode"))
        else:
            self.write("<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>")
            self.close()

    def _on_auth(self, el):
        asked = base64.b64decode(el.text).decode() if el.text and el.text != "=" else self.peer_domain
        if self.tls and self._certificate_is_of(asked):
            self.pairs.add(asked)
            self.external = True
            self.server.note("in: %s authenticated by certificate" % asked)
            self.write("<success xmlns='%s'/>" % SASL)
            self.new_stream()
        else:
            self.write("<failure xmlns='%s'><not-authorized/></failure>" % SASL)

    def _on_dialback(self, local, el):
        sender, to = el.get("from"), el.get("to")
        if local == "verify" and el.get("type") is None:
            good = el.text == self.server.key(sender, to, el.get("id"))
            self.write("<db:verify from='%s' to='%s' id='%s' type='%s'/>" % (to, sender, el.get("id"),
                                                                            "valid" if good else "invalid"))
        elif local == "result" and el.get("type") is None:
            def verdict(valid):
                if valid:
                    self.pairs.add(sender)
                    self.server.note("in: %s authenticated by dialback" % sender)
                self.write("<db:result from='%s' to='%s' type='%s'/>" % (to, sender, "valid" if valid else "invalid"))
            self.server.flow(sender).verify(self.stream_id, el.text, verdict)

    def _on_sm(self, local, el):
        if local == "enable" and self.server.options["sm"]:
            self.sm, self.n_stanzas = True, 0
            if self.server.options["resume"] and el.get("resume") == "true":
                self.session = os.urandom(16).hex()
                self.server.sessions[self.session] = self
                self.write("<enabled xmlns='%s' id='%s' resume='true'/>" % (SM, self.session))
            else:
                self.write("<enabled xmlns='%s'/>" % SM)
        elif local == "resume":
            self._on_resume(el.get("previd"))
        elif local == "r" and self.server.options["ack"]:
            self.answers.append("<a xmlns='%s' h='%d'/>" % (SM, self.n_stanzas))

    def acknowledge(self):
        if self.sm:
            self.write("<a xmlns='%s' h='%d'/>" % (SM, self.n_stanzas))

    def _on_resume(self, session):
        former = self.server.sessions.get(session)
        if former is None or former.pairs != self.pairs:
            self.write("<failed xmlns='%s'><item-not-found xmlns='%s'/></failed>" % (SM, STANZAS))
            return
        former.transport.abort()
        self.sm, self.session, self.n_stanzas = True, session, former.n_stanzas
        self.server.sessions[session] = self
        self.server.note("in: resumed at %d" % self.n_stanzas)
        self.write("<resumed xmlns='%s' previd='%s' h='%d'/>" % (SM, session, self.n_stanzas))

    def _on_stanza(self, local, el):
        if self.session and self.server.sessions.get(self.session) is not self:
            return  # another stream has taken over; what was not counted by then is sent there
        self.n_stanzas += 1
        if local == "iq":
            self._on_iq(el)
            return
        self.server.journal.stanza(el, [self.server.domain, (el.get("from") or "").split("@")[-1].split("/")[0]])

    def _on_iq(self, el):
        stanza_id, sender = el.get("id", ""), el.get("from", "")
        if el.get("type") in ("result", "error"):
            self.server.flow(sender.split("@")[-1].split("/")[0]).on_pong(stanza_id)
            return
        ping = el.find("{%s}ping" % PING) is not None
        how = self.server.options["ping"] if ping else "error"
        if not how:
            return
        inner = "" if how is True else "<error type='cancel'><service-unavailable xmlns='%s'/></error>" % STANZAS
        domain = sender.split("@")[-1].split("/")[0]
        reply = "<iq from='%s' to='%s' id='%s' type='%s'>%s</iq>" % (el.get("to"), sender, stanza_id,
                                                                  "result" if how is True else "error", inner)
        self.answers.append((domain, reply))  # goes the other way, on our own stream to them

    def on_chunk(self):
        self.server.settle()
        answers, self.answers = self.answers, []
        for answer in answers:
            if isinstance(answer, tuple):
                self.server.flow(answer[0]).send_now(answer[1])
            else:
                self.write(answer)


class Flow:
    """All that goes to one domain: its queue, its connection, and another when that one breaks."""

    def __init__(self, server, domain):
        self.server, self.domain = server, domain
        self.wire = None  # authenticated: stanzas may go
        self.usable = None  # TLS stands and the features are known: enough to verify keys
        self.written, self.now, self.verifying = [], [], {}  # written: (number or None, stanza), as the other counts
        self.session, self.acked = None, 0  # how the last stream can be resumed; so many of written are settled
        self._connect()

    def _connect(self):
        self.server.loop.create_task(self._try())

    async def _try(self):
        host, port = self.server.peers[self.domain].rsplit(":", 1)
        local = (self.server.arguments.listen.rsplit(":", 1)[0], 0)
        try:
            await self.server.loop.create_connection(lambda: Outgoing(self), host, int(port), local_addr=local)
        except OSError as e:
            self.server.note("out: %s: %s" % (self.domain, e))
            self.server.loop.call_later(0.2, self._connect)

    def on_usable(self, wire):
        self.usable = wire
        for stream_id, (key, _) in self.verifying.items():
            wire.verify(stream_id, key)

    def on_resumed(self, wire, h):
        self.server.note("out: resumed at %d of %d" % (h, len(self.written)))
        self.wire = wire
        self.on_ack(h)
        for _, stanza in self.written[h:]:
            wire.write(stanza)
        wire.write("<r xmlns='%s'/>" % SM)
        known = {number for number, _ in self.written}
        self._catch_up(known)

    def on_ready(self, wire):
        self.wire, self.written, self.acked = wire, [], 0
        self._catch_up(())

    def _catch_up(self, known):
        for number in sorted(n for n, (domain, _) in self.server.journal.unacked.items() if domain == self.domain):
            if number not in known:
                self.send(number)
        now, self.now = self.now, []
        for stanza in now:
            self.send_now(stanza)

    def on_lost(self):
        self.wire = self.usable = None
        again = self.now or self.session or self.verifying or any(d == self.domain for d, _ in self.server.journal.unacked.values())
        if again:
            self.server.loop.call_later(0.2, self._connect)
        else:
            self.server.outgoing.pop(self.domain, None)

    def send(self, number):
        if not self.wire:
            return
        stanza = self.server.journal.unacked[number][1]
        self.written.append((number, stanza))
        barrier = "<r xmlns='%s'/>" % SM if self.wire.sm else \
            "<iq from='%s' to='%s' id='b-%d' type='get'><ping xmlns='%s'/></iq>" % (
                self.server.domain, self.domain, number, PING)
        self.wire.write(stanza + barrier)

    def send_now(self, stanza):
        """Not kept: the answer to a ping."""
        if self.wire:
            if self.wire.sm:
                self.written.append((None, stanza))
            self.wire.write(stanza)
        else:
            self.now.append(stanza)

    def on_ack(self, h):
        for number, _ in self.written[self.acked:h]:
            if number is not None:
                self.server.journal.acked(number)
        self.acked = max(self.acked, h)

    def on_pong(self, stanza_id):
        if stanza_id.startswith("b-"):
            for number in [n for n, _ in self.written if n is not None and n <= int(stanza_id[2:])]:
                self.server.journal.acked(number)

    def verify(self, stream_id, key, verdict):
        self.verifying[stream_id] = (key, verdict)
        if self.usable:
            self.usable.verify(stream_id, key)

    def on_verified(self, stream_id, valid):
        known = self.verifying.pop(stream_id, None)
        if known:
            known[1](valid)


class Outgoing(Wire):
    def __init__(self, flow):
        super().__init__()
        self.flow, self.server = flow, flow.server
        self.sm, self.authenticated, self.stream_id, self.sm_offered = False, False, "", False
        self.server.wires.add(self)

    def connection_made(self, transport):
        super().connection_made(transport)
        self._open()

    def _open(self):
        self.write(xmlstream.header(self.server.domain, self.flow.domain))

    def on_note(self, text):
        self.server.note("out: " + text)

    def on_open(self, attributes):
        self.stream_id = attributes.get("id", "")

    def on_tls(self):
        self._open()

    def on_lost(self):
        self.server.wires.discard(self)
        self.flow.on_lost()

    def verify(self, stream_id, key):
        self.write("<db:verify from='%s' to='%s' id='%s'>%s</db:verify>" % (
            self.server.domain, self.flow.domain, stream_id, key))

    def on_element(self, el):
        local, ns = xmlstream.name(el)
        if (local, ns) == ("features", STREAM):
            self._on_features(el)
        elif (local, ns) == ("proceed", TLS):
            self.start_tls(self.server.connecting, False, self.flow.domain)
        elif (local, ns) == ("success", SASL):
            self.authenticated = True
            self.server.note("out: %s took our certificate" % self.flow.domain)
            self.new_stream()
            self._open()
        elif ns == DIALBACK and local == "result":
            self.server.note("out: %s: dialback %s" % (self.flow.domain, el.get("type")))
            if el.get("type") == "valid":
                self._authenticated()
            else:
                self.close()
        elif ns == DIALBACK and local == "verify":
            self.flow.on_verified(el.get("id"), el.get("type") == "valid")
        elif ns == SM:
            self._on_sm(local, el)
        elif (local, ns) in (("failure", SASL), ("failure", TLS), ("error", STREAM)):
            self.on_note(ET.tostring(el, encoding="unicode"))
            self.close()

    def _on_features(self, el):
        if not self.tls:
            self.write("<starttls xmlns='%s'/>" % TLS)
            return
        self.sm_offered = el.find("{%s}sm" % SM) is not None
        self.flow.on_usable(self)
        if self.authenticated:
            self._authenticated()
            return
        mechanisms = [m.text for m in el.iter("{%s}mechanism" % SASL)]
        if "EXTERNAL" in mechanisms and self.server.options["external"]:
            mine = base64.b64encode(self.server.domain.encode()).decode()
            self.write("<auth xmlns='%s' mechanism='EXTERNAL'>%s</auth>" % (SASL, mine))
        elif self.server.options["dialback"]:
            key = self.server.key(self.flow.domain, self.server.domain, self.stream_id)
            self.write("<db:result from='%s' to='%s'>%s</db:result>" % (self.server.domain, self.flow.domain, key))
        else:
            self.on_note("no way to authenticate among %s" % mechanisms)
            self.close()

    def _authenticated(self):
        if self.sm_offered and self.server.options["sm"]:
            if self.flow.session:
                self.write("<resume xmlns='%s' previd='%s' h='0'/>" % (SM, self.flow.session))
            else:
                self._enable()
        else:
            self.flow.on_ready(self)

    def _enable(self):
        self.write("<enable xmlns='%s'%s/>" % (SM, " resume='true'" if self.server.options["resume"] else ""))

    def _on_sm(self, local, el):
        if local == "enabled":
            self.sm = True
            self.flow.session = el.get("id")
            self.flow.on_ready(self)
        elif local == "resumed":
            self.sm = True
            self.flow.on_resumed(self, int(el.get("h")))
        elif local == "failed" and self.flow.session:
            self.server.note("out: not resumed")
            self.flow.session = None
            self._enable()
        elif local == "failed":
            self.flow.on_ready(self)
        elif local == "a":
            self.flow.on_ack(int(el.get("h")))
        elif local == "r":
            self.write("<a xmlns='%s' h='0'/>" % SM)

    def on_chunk(self):
        self.server.settle()


class Recorder:
    """The test's end. domain, peers: {domain: "address:port"} we write to; options: of OPTIONS above."""

    def __init__(self, rig, domain="recorder.example", address="10.99.0.30", peers=None, record=None, **options):
        from . import ns
        self.rig, self.domain, self.address, self.options = rig, domain, address, options
        self.peers = peers or {"contoso.example": "10.99.0.1:5269"}
        self.record = record or os.path.join(ns.work_dir(), "record-" + domain)
        self.process = None
        self.n_commands, self._commands = 0, threading.Lock()

    def start(self):
        from . import ns
        from .process import Process
        cert = self.rig.cert(self.domain)
        argv = [sys.executable, "-m", "rig.recorder", "--domain", self.domain, "--listen", self.address + ":5269",
                "--cert", cert.file, "--key", cert.key, "--trust", self.rig.pki.trust_file, "--record", self.record,
                "--options", json.dumps(self.options)]
        for domain, at in self.peers.items():
            argv += ["--peer", "%s=%s" % (domain, at)]
        tests = os.path.join(ns.REPO, "tests")
        self.process = Process("recorder-" + self.domain, argv, cwd=tests, stdin=subprocess.PIPE)
        self.process.wait_line("listening", 20)
        return self

    def _command(self, **command):
        """Returns when the process has done it, or has ended: then what it has not done is for the test to see."""
        from .process import Failed
        with self._commands:
            self.n_commands += 1
            process, at = self.process, self.process.mark()
            obeyed = '{"note": "obeyed %d"}' % self.n_commands
            process.popen.stdin.write(json.dumps({"n": self.n_commands, **command}).encode() + b"\n")
            process.popen.stdin.flush()
        if process.out.wait(lambda line: line == obeyed, 20, at)[0]:
            return
        try:
            process.popen.wait(5)
        except subprocess.TimeoutExpired:
            raise Failed("%s: did not do %s:\n%s" % (self.domain, sorted(command), process.tail())) from None

    def send(self, to, body, stanza_id, sender="romeo", mtype="chat"):
        """Sends a message from one of our users; kept until the other server has acknowledged it."""
        stanza = xmlstream.message("%s@%s" % (sender, self.domain), to, body, stanza_id, mtype)
        self.send_stanza(stanza, to.split("@")[-1])

    def send_stanza(self, stanza, domain):
        self._command(send=stanza, to=domain)

    def set(self, **options):
        self.options.update(options)
        self._command(set=options)

    def acknowledge(self):
        """All that has come, without being asked."""
        self._command(acknowledge=True)

    def close_streams(self):
        self._command(close=True)

    def entries(self):
        """The whole record as it is on disk."""
        with open(self.record, "rb") as f:
            data = f.read()
        return [json.loads(line) for line in data[:data.rfind(b"\n") + 1].splitlines()]

    def stanzas(self):
        return [e for e in self.entries() if "in" in e]

    def bodies(self):
        return [e["body"] for e in self.stanzas() if e["body"] is not None]

    def unacked(self):
        """Numbers of what we sent and nobody acknowledged yet."""
        entries = self.entries()
        return sorted({e["out"] for e in entries if "out" in e} - {e["acked"] for e in entries if "acked" in e})

    def mark(self):
        return self.process.mark()

    def _wait(self, found, what, timeout, since):
        from .process import Failed
        entry, _ = self.process.out.wait(
            lambda line: found(json.loads(line)) if line.startswith("{") else None, timeout, since)
        if entry is None:
            raise Failed("%s: no %s within %g s:\n%s" % (self.domain, what, timeout, self.process.tail()))
        return entry

    def wait_stanza(self, text, timeout=20, since=0):
        """An entry of the record whose stanza contains this; it is on disk."""
        return self._wait(lambda e: e if text in e.get("xml", "") else None, "stanza with %r" % text, timeout, since)

    def wait_note(self, text, timeout=20, since=0):
        return self._wait(lambda e: e if text in e.get("note", "") else None, "note %r" % text, timeout, since)

    def wait_count(self, n, timeout=60):
        """Until n stanzas have come in all, restarts included."""
        if len(self.stanzas()) < n:
            self._wait(lambda e: e.get("in", 0) >= n, "%d stanzas" % n, timeout, 0)
        return self.stanzas()

    def wait_acked(self, timeout=60):
        """Until all that we sent so far is acknowledged."""
        at = self.mark()
        left = set(self.unacked())

        def found(line):
            if line.startswith('{"acked"'):
                left.discard(json.loads(line)["acked"])
            return not left

        if left:
            self.process.out.wait(found, timeout, at)
        if left:
            from .process import Failed
            raise Failed("%s: %d not acknowledged within %g s:\n%s" % (
                self.domain, len(left), timeout, self.process.tail()))

    def wait_end(self, timeout=30):
        """Until it has ended by itself (die_after)."""
        self.process.popen.wait(timeout)

    def kill(self):
        self.process.kill()

    def stop(self):
        if self.process and self.process.running():
            self.process.stop()


def main():
    p = argparse.ArgumentParser(description="A recording XMPP partner server.")
    for option in "domain", "listen", "cert", "key", "trust", "record":
        p.add_argument("--" + option, required=True)
    p.add_argument("--peer", action="append", default=[], metavar="DOMAIN=ADDRESS:PORT")
    p.add_argument("--options", default="{}", help="JSON")
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(Server(p.parse_args()).run())


if __name__ == "__main__":
    main()
