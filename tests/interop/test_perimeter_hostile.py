"""
A proxy in the wrong hands: it has the pinned key, and says what it likes to a real gateway. It cannot speak for a user of ours, take
more than its credit, or stop the gateway; the link ends, with a reason that both are told.
"""
import contextlib
import os
import random
import socket
import ssl
import struct
import subprocess
import threading

import pytest

from rig import dns
from rig.process import Process
from rig.split import Key
from rig.stoxd import Stoxd, program

pytestmark = pytest.mark.apart

PORT = 23456
HELLO, BYE, PING, PONG, SETTINGS_USED, SETTINGS_END = 1, 2, 4, 5, 27, 26
FATE, STANZA, LINKED, PHASE_DONE, COUNTERS, STREAM, STREAM_PAIR, STEP, ATTEMPT, PROBED, NOTE, SHOWN, SHOWN_NAME = 34, 35, 40, 42, 48, 49, 50, 51, 55, 57, 59, 60, 61
OURS, THEIRS = "contoso.example", "fabrikam.example"
ROUNDS = 1000 if os.environ.get("STOX_PROOF") == "1" else 60


def data(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(value)) + value


def frame(kind, body=b""):
    return struct.pack(">IB", len(body) + 1, kind) + body


def stanza(text, local=OURS, remote=THEIRS, receipt=0):
    return frame(STANZA, struct.pack(">Q", receipt) + data(local) + data(remote) + data("") + data(text))


def message(sender="romeo@" + THEIRS, to="alice@" + OURS, body="forged"):
    return "<message from='%s' to='%s' id='m'><body>%s</body></message>" % (sender, to, body)


class Wire:
    """One link, from TCP to HELLO; then frames as the test says. heard: those that came, by type."""

    def __init__(self, sock, context):
        self.tls = context.wrap_socket(sock, server_side=True)
        self.tls.settimeout(30)
        self.rest = b""

    def read(self):
        """(type, body) of the next frame; None at the end."""
        while len(self.rest) < 5 or len(self.rest) < 4 + struct.unpack(">I", self.rest[:4])[0]:
            try:
                more = self.tls.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return None
            if not more:
                return None
            self.rest += more
        n = struct.unpack(">I", self.rest[:4])[0]
        found, self.rest = (self.rest[4], self.rest[5:4 + n]), self.rest[4 + n:]
        return found

    def wait(self, kind):
        while True:
            found = self.read()
            assert found, "the link has ended"
            if found[0] == kind:
                return found[1]

    def say(self, *frames):
        try:
            self.tls.sendall(b"".join(frames))
        except (ConnectionError, ssl.SSLError):
            pass  # it was told to go away in the middle of it

    def hello(self):
        self.wait(HELLO)
        self.say(frame(HELLO, data("stox-link") + struct.pack(">HHB", 1, 1, 1) + data(os.urandom(16)) + data(os.urandom(16)) +
                       struct.pack(">QB", 0, 0) + data("edge.contoso.example") + data("")))
        return self

    def settle(self):
        """As a proxy that has taken the settings, and may be sent stanzas."""
        self.wait(SETTINGS_END)
        self.say(frame(SETTINGS_USED, struct.pack(">QB", 1, 1) + data("")), frame(PING, struct.pack(">Q", 1)))
        self.wait(PONG)
        return self

    @contextlib.contextmanager
    def kept_up(self):
        """The gateway hears of it each second, or it would take the link for dead. Nobody else speaks meanwhile."""
        over = threading.Event()

        def keep_up():
            while not over.wait(1):
                self.say(frame(PING, struct.pack(">Q", 3)))

        thread = threading.Thread(target=keep_up, daemon=True)
        thread.start()
        yield
        over.set()
        thread.join(20)

    def end(self):
        """The reason and the words of BYE."""
        body = self.wait(BYE)
        self.tls.close()
        return body[0], body[5:].decode()


class HostileProxy:
    def __init__(self, directory):
        self.key = Key(directory + "/link.key")
        certificate = directory + "/link.pem"
        subprocess.run(["openssl", "req", "-x509", "-new", "-key", self.key.path, "-out", certificate, "-days", "2", "-subj", "/CN=edge"],
                       check=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, self.key.path)
        self.context.set_alpn_protocols(["stox-link"])
        self.context.verify_mode = ssl.CERT_NONE
        self.listener = socket.create_server(("127.0.0.1", PORT))
        self.listener.settimeout(30)

    def accept(self):
        while True:
            try:
                return Wire(self.listener.accept()[0], self.context)
            except (ConnectionError, ssl.SSLError):
                continue

    def stop(self):
        self.listener.close()


class Inside(Stoxd):
    """A gateway whose proxy is the test."""

    def start(self):
        self.forget_state()
        os.makedirs(self.settings["state_dir"])
        settings = {k: v for k, v in self.settings.items() if k != "listen_xmpp"}
        with open(self.conf_path, "w") as f:
            f.write(self._boot_text(settings))
        self.process = Process(self.name, [program(), "--role", "gateway", "--config", self.conf_path], cwd=self.dir, notify=True)
        self.process.wait_ready(60)
        self.lives.append([0, None])
        self.apply()
        return self


@pytest.fixture
def hostile(start, tmp_path):
    proxy = HostileProxy(str(tmp_path))
    yield proxy
    proxy.stop()


@pytest.fixture
def gateway(rig, start, hostile):
    gateway = start(Inside(rig, in_two=False, name="stoxd-hostile-proxy"))
    gateway.ctl("proxy", "new", "edge", "--address", "127.0.0.1:%d" % PORT, "--pin", hostile.key.pin)
    return gateway


def is_unharmed(gateway, office):
    """It answers SIP and administrators."""
    assert gateway.ctl_json("status")
    assert office.message("romeo@unlisted.example", "is anybody there?", target=(dns.GATEWAY, 5060)).wait() == 404


def test_a_hostile_proxy_cannot_speak_for_users_of_ours_or_of_nobody(gateway, hostile, office):
    lies = [stanza(message(sender="alice@" + OURS, to="bob@" + OURS)),
            stanza(message(sender="alice@" + OURS, to="bob@" + OURS), remote=OURS),
            stanza(message(sender="eve@" + OURS)),
            stanza(message(sender="romeo@wingtip.example")),  # another partner than the frame says
            stanza(message(to="alice@elsewhere.example")),
            stanza(message() + message(sender="alice@" + OURS, to="bob@" + OURS)),
            stanza("</stream:stream>"), stanza("<message from='romeo@%s' to='alice@%s'>" % (THEIRS, OURS)), stanza("<!DOCTYPE x>"),
            frame(FATE, struct.pack(">QBB", 12345, 0, 1) + data("")),
            frame(SETTINGS_USED, struct.pack(">QB", 1 << 60, 1) + data(""))]
    for lie in lies:
        wire = hostile.accept().hello().settle()
        wire.say(lie)
        reason, words = wire.end()
        assert reason == 7, (lie, words)  # "lied"
    is_unharmed(gateway, office)
    wire = hostile.accept().hello().settle()
    wire.say(stanza(message(body="true")))  # all that it can say
    assert "<sip:romeo@fabrikam.example" in office.wait_message("true").message.get("from")
    assert all(r.body != "forged" or "<sip:romeo@" in r.message.get("from") for r in office.received.all)


def test_a_hostile_proxy_cannot_take_more_than_its_credit(gateway, hostile, office):
    wire = hostile.accept().hello().settle()
    wire.say(*(stanza(message(body="n%d" % i)) for i in range(3000)))
    reason, words = wire.end()
    assert reason == 3, words
    is_unharmed(gateway, office)


def noise(chance):
    """Frames as they come: of any type, with any fields, cut and prolonged."""
    known = [stanza(message(body="x" * chance.randrange(2000))), frame(LINKED, data(THEIRS) + b"\1\1"), frame(PHASE_DONE, b"\2"),
             frame(COUNTERS, os.urandom(104)), frame(STREAM, os.urandom(chance.randrange(300))), frame(STEP, os.urandom(40)),
             frame(STREAM_PAIR, data("a") + data("b") + data("c")), frame(SHOWN, data("a") + data("b") + data("2027-01-01")),
             frame(SHOWN_NAME, data("x" * chance.randrange(1000))), frame(ATTEMPT, b"\0" + data("a") * 4 + os.urandom(17)),
             frame(PROBED, struct.pack(">QBBB", 1, 1, 1, 0) + data("works") + bytes(16)),
             frame(NOTE, data(OURS) + data(THEIRS) + b"\0" + data("dns") + data("ok") + data("text")),
             frame(chance.randrange(256), os.urandom(chance.randrange(200))), struct.pack(">I", chance.choice([0, 1 << 20, 0xffffffff]))]
    got = bytearray(chance.choice(known))
    if got and chance.random() < 0.3:
        got[chance.randrange(len(got))] ^= 1 << chance.randrange(8)
    return bytes(got)


def test_a_hostile_proxy_cannot_stop_the_gateway(gateway, hostile, office):
    chance = random.Random(9)
    hostile.accept().hello().settle().tls.close()
    before = gateway.resident_kib()
    for _ in range(ROUNDS):
        wire = hostile.accept()
        if chance.random() < 0.8:
            wire.hello()
        if chance.random() < 0.5:
            wire.say(frame(PING, struct.pack(">Q", 1)))
        wire.say(*(noise(chance) for _ in range(chance.randrange(1, 50))))
        wire.tls.close()
    hostile.accept().hello().settle().tls.close()  # it dials when it has read to the end of the last one
    is_unharmed(gateway, office)
    assert gateway.resident_kib() - before < 64 << 10


def test_what_a_hostile_proxy_shows_is_bounded(gateway, hostile, office):
    wire = hostile.accept().hello().settle()
    before, texts = gateway.resident_kib(), data("t" * 30)
    streams = [frame(STREAM, struct.pack(">IBBBB", i, 0, 0, 1, 1) + data("x" * 1000) * 3 + texts + data("ready") + texts * 4 + data("c" * 400) +
                     texts + struct.pack(">IQQQQ", 1, 1, 1, 0, 0)) for i in range(1, 5001)]
    step = frame(STEP, struct.pack(">QBB", 1, 0, 0) + data("s" * 4000))
    for i in range(0, len(streams), 100):
        wire.say(*(part for s in streams[i:i + 100] for part in (s, step, step)))
    wire.say(frame(PING, struct.pack(">Q", 2)))
    wire.wait(PONG)  # it has read them all
    with wire.kept_up():
        assert 1000 <= len(gateway.ctl_json("stream", "list")) <= 1000 + 64
    assert gateway.resident_kib() - before < 64 << 10
    is_unharmed(gateway, office)


def test_settings_that_a_proxy_does_not_take_are_shown_with_its_reason(gateway, hostile):
    wire = hostile.accept().hello()
    wire.wait(SETTINGS_END)
    at = gateway.mark()
    wire.say(frame(SETTINGS_USED, struct.pack(">QB", 1, 0) + data("PARTNER, name: there is no room")))
    gateway.wait_event("settings-not-used", since=at, proxy="edge", why="PARTNER, name: there is no room")
    status = gateway.ctl_json("proxy", "status", "edge")
    assert (status["state"], status["why"]) == ("learning", "it does not take our settings: PARTNER, name: there is no room")
    code, out, err = gateway.ctl("proxy", "test", "edge", ok=False)
    assert code == 1 and "it does not take our settings: PARTNER, name: there is no room" in out + err
    wire.say(frame(SETTINGS_USED, struct.pack(">QB", 1, 1) + data("")), frame(PING, struct.pack(">Q", 1)))
    wire.wait(PONG)
    assert gateway.ctl_json("proxy", "status", "edge")["why"] == ""
