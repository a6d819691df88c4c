"""
Hostile peers: floods of random and mutated bytes at every port, crowds of half-open connections, peers that trickle or
never read. Good peers go on meanwhile: nothing of theirs is lost, and stoxd neither restarts nor grows.

The quick size is for every test run; STOX_PROOF=1 asks for the full one. Figures are printed (pytest -s, or the report).
"""
import glob
import json
import os
import resource
import select
import socket
import subprocess
import threading
import time

import pytest

from rig import dns, ns, scripted, xmlstream
from rig.process import eventually
from rig.recorder import Recorder
from rig.stoxd import Stoxd, program

PROOF = os.environ.get("STOX_PROOF") == "1"
FLOOD_BYTES = (100 if PROOF else 5) * 1000000
SEED = int(os.environ.get("STOX_SEED", "20261123"))
KNOWN, STRANGER = "10.99.201.1", "10.99.202.1"  # sources of floods: one that the route lists, one that it does not
SIP, XMPP = (dns.GATEWAY, 5060), (dns.GATEWAY, 5269)
GROWTH_KIB = 32 * 1024  # of resident memory, at most; what is kept by design is less
MEMORY_IS_OURS = "ASAN_OPTIONS" not in os.environ  # a sanitizer keeps what was freed: then memory is not judged
TESTS = os.path.join(ns.REPO, "tests")
STANZAS = [xmlstream.message("a@scripted.example", "alice@contoso.example/r", "text &amp; more", "1"),
           "<iq type='get' id='2' from='scripted.example' to='contoso.example'><ping xmlns='urn:xmpp:ping'/></iq>",
           "<presence type='subscribe' from='a@scripted.example' to='alice@contoso.example'/>",
           "<r xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='0'/>"]


def seeds(kind):
    if kind in ("udp", "sip"):
        return sorted(glob.glob(TESTS + "/fuzz/corpus/sip_msg/*") + glob.glob(TESTS + "/conformance/torture/*.dat"))
    return sorted(glob.glob(TESTS + "/fuzz/corpus/xml_stream/*"))


def flood_program():
    path = os.path.join(os.path.dirname(program()), "../../tests/fault/flood")
    return path if os.path.exists(path) else os.path.join(ns.REPO, "build/tests/fault/flood")


def flood(kind, to, files, *, source, seed=SEED, **options):
    """Runs the flood to its end; returns what it counted."""
    argv = [flood_program(), kind, "%s:%d" % to, "--from", source, "--seed", str(seed)]
    for name, value in options.items():
        argv += ["--" + name.replace("_", "-"), str(value)]
    done = subprocess.run(argv + files, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=3600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def flood_long(kind, to, files, **options):
    """Floods of FLOOD_BYTES one after the other, for a second at least. Returns the sums, with the seconds."""
    began, sums, rounds = time.monotonic(), {}, 0
    while not rounds or time.monotonic() - began < 1:
        for name, n in flood(kind, to, files, seed=SEED + rounds, bytes=FLOOD_BYTES, **options).items():
            sums[name] = sums.get(name, 0) + n
        rounds += 1
    sums["seed"] = "%d to %d" % (SEED, SEED + rounds - 1)
    assert sums["bytes_out"] >= FLOOD_BYTES
    return dict(sums, seconds=round(time.monotonic() - began, 1))


def percentile(values, percent):
    values = sorted(values)
    return values[min(len(values) - 1, len(values) * percent // 100)] if values else 0


class Good:
    """A good SIP peer and a good partner that write to each other all the time; with: until the end of the block."""

    def __init__(self, office, recorder, target=SIP, each_ms=10, back=True):
        self.office, self.recorder, self.target, self.each, self.back = office, recorder, target, each_ms / 1000, back
        self.txns, self.n_back, self.latencies = [], 0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.label = os.urandom(4).hex()

    def _send(self):
        began = time.monotonic()

        def on_done(_):
            self.latencies.append((time.monotonic() - began) * 1000)

        n = len(self.txns)
        self.txns.append(self.office.message("romeo@" + self.recorder.domain, "%s %d" % (self.label, n), on_done=on_done,
                                             target=self.target, transport="tcp" if n % 2 else "udp"))
        if self.back and n % 2:
            self.recorder.send("alice@contoso.example", "%s back %d" % (self.label, self.n_back), "g%d" % self.n_back)
            self.n_back += 1

    def _run(self):
        while not self._stop.wait(self.each):
            self._send()

    def _wait_back(self):
        if self.back:
            last = "%s back %d" % (self.label, self.n_back - 1)
            assert self.office.received.wait(lambda r: r.body == last, 60)[0], "not arrived: " + last
            self.recorder.wait_acked()

    def __enter__(self):
        for _ in range(2):  # all connections stand before anything is measured
            self._send()
            self.txns[-1].wait()
        self._wait_back()
        self.latencies.clear()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def check(self, what):
        """None lost, none doubled, none refused."""
        statuses = [t.wait() for t in self.txns]
        assert set(statuses) == {200}, {s: statuses.count(s) for s in set(statuses)}
        mine = ["%s %d" % (self.label, i) for i in range(len(self.txns))]
        assert sorted(b for b in self.recorder.bodies() if b.startswith(self.label)) == sorted(mine)
        self._wait_back()
        if self.back:
            assert [b for b in self.office.bodies() if b.startswith(self.label + " back")] == \
                ["%s back %d" % (self.label, i) for i in range(self.n_back)]
        print("%s: %d good messages, p50 %.1f ms, p99 %.1f ms, longest %.1f ms" % (
            what, len(self.txns) + self.n_back, percentile(self.latencies, 50), percentile(self.latencies, 99),
            max(self.latencies, default=0)))


class Steady:
    """That a gateway is the same process after the block, with as much memory and as many descriptors as before."""

    def __init__(self, gateway, what):
        self.gateway, self.what = gateway, what

    def __enter__(self):
        self.pids, self.rss, self.fds = self.gateway.pids(), self.gateway.resident_kib(), self.gateway.n_fds()
        return self

    def __exit__(self, kind, *_):
        if kind:
            return
        assert self.gateway.process.running() and self.gateway.pids() == self.pids
        eventually(lambda: self.gateway.n_fds() <= self.fds, "all descriptors are given back", 20)
        rss = self.gateway.resident_kib()
        print("%s: resident %d KiB before, %d KiB after; %d descriptors before and after" % (
            self.what, self.rss, rss, self.fds))
        assert rss - self.rss < GROWTH_KIB or not MEMORY_IS_OURS


@pytest.fixture(scope="module", autouse=True)
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def make_gateway(rig, at=dns.GATEWAY, name="stoxd", **options):
    return Stoxd(rig, name=name, log_level="info", listen_sip_udp=[at + ":5060"], listen_sip_tcp=[at + ":5060"],
                 listen_xmpp=[at + ":5269"], partners={"recorder.example": {}, "scripted.example": {}},
                 routes={"office": {"next_hop": dns.OFFICE + ":5060", "transport": "udp", "im": "pager",
                                    "sources": [dns.OFFICE, KNOWN]}}, **options)


@pytest.fixture
def recorder(rig, start, tmp_path):
    return start(Recorder(rig, record=str(tmp_path / "record")))


# ---- crowds ----

class Crowd:
    """Connections that say nothing or little; remembers when each was ended by the other side."""

    def __init__(self):
        self.opened, self.ended, self.slow, self.names = {}, {}, {}, {}
        self._poll = select.poll()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def add(self, wire, name, trickle=b"", opened=None):
        with self._lock:
            fd = wire.sock.fileno()
            self.opened[fd], self.names[fd] = opened or time.monotonic(), (name, wire)
            if trickle:
                self.slow[fd] = trickle
            self._poll.register(fd, select.POLLIN)

    def _watch(self):
        tick = time.monotonic()
        while not self._over.is_set():
            for fd, _ in self._poll.poll(200):
                self._read(fd)
            if time.monotonic() - tick > 1:
                tick = time.monotonic()
                self._trickle()

    def _read(self, fd):
        try:
            if os.read(fd, 65536):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        with self._lock:
            self.ended[fd] = time.monotonic()
            self._poll.unregister(fd)
            self.slow.pop(fd, None)

    def _trickle(self):
        with self._lock:
            for fd, rest in list(self.slow.items()):
                if rest:
                    try:
                        os.write(fd, rest[:1])
                        self.slow[fd] = rest[1:]
                    except OSError:
                        pass

    def lives(self):
        """{name: (how many, shortest and longest life in seconds)} of those that were ended."""
        found = {}
        for fd, (name, _) in self.names.items():
            found.setdefault(name, []).append(self.ended.get(fd, 1e9) - self.opened[fd])
        return {name: (len(v), min(v), max(v)) for name, v in found.items()}

    def close(self):
        """Nobody looks at them any more: their numbers are those of other tests' files next."""
        self._over.set()
        self._thread.join()
        for _, wire in self.names.values():
            wire.close()


CROWD_AT = "10.99.0.24"  # a gateway of its own, so that its deadlines run out while the other tests go on
N_OPEN, N_EACH, N_SIP = (8000, 400, 1800) if PROOF else (800, 40, 1800)  # on XMPP silent, in each later state; on SIP
N_SOURCES = 200
PRE_TLS_KIB, IN_TLS_KIB = 24, 96  # resident memory for each at most
RESOLVER_FDS = 3  # what libunbound opens with the first question, and keeps
HEADER = xmlstream.header("scripted.example", "contoso.example")
STARTTLS = "<starttls xmlns='%s'/>" % xmlstream.TLS
AUTH = "<auth xmlns='%s' mechanism='EXTERNAL'>" % xmlstream.SASL
CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 100
HALF_REQUEST = b"MESSAGE sip:romeo@recorder.example SIP/2.0\r\nVia: SIP/2.0/TCP 10.99.201.1;branch=z9hG4bKslow\r\n"


def enter_authenticated(rig, at):
    wire = scripted.connect((at, 5269), source=dns.SCRIPTED)
    wire.secure("scripted.example", "contoso.example", scripted.client_context(rig, "scripted.example"))
    wire.authenticate("scripted.example", "contoso.example")
    wire.close()


def in_header(wire, context):
    return HEADER.encode()


def negotiating(wire, context):
    wire.open_stream("scripted.example", "contoso.example")
    return b""


def in_element(wire, context):
    negotiating(wire, context)
    return STARTTLS[:-2].encode()


def in_handshake(wire, context):
    negotiating(wire, context)
    wire.send(STARTTLS).expect(r"<proceed\b[^>]*/>")
    wire.send(CLIENT_HELLO[:20])
    return CLIENT_HELLO[20:]


def in_auth(wire, context):
    wire.secure("scripted.example", "contoso.example", context)
    wire.open_stream("scripted.example", "contoso.example")
    wire.send(AUTH[:30])
    return b""  # bytes inside TLS cannot be written past it


# A connection that is given one of these stands in that state; it trickles what is returned, a byte each second.
PRE_TLS, IN_TLS = {"header": in_header, "idle": negotiating, "element": in_element}, {"handshake": in_handshake, "auth": in_auth}


@pytest.fixture(scope="module")
def crowded(rig):
    """A gateway with a crowd at its doors, for two tests: one while it stands there, one when its time is over."""
    gateway = rig.up(make_gateway(rig, CROWD_AT, "stoxd-crowded", gateway={"connection_limit": 2000}))
    gateway.crowd = Crowd()
    gateway.rss_before, gateway.fds_before = gateway.resident_kib(), gateway.n_fds()
    gather(rig, gateway)
    yield gateway
    gateway.crowd.close()
    if gateway in rig.running:
        rig.down(gateway)


def stand(rig, crowd, states, sources):
    context = scripted.client_context(rig, "scripted.example")
    for name, reach in states.items():
        for i in range(N_EACH):
            opened = time.monotonic()
            wire = scripted.connect((CROWD_AT, 5269), source=sources[i % N_SOURCES])
            crowd.add(wire, "xmpp " + name, reach(wire, context), opened)


def slow_requests(crowd):
    crowd.add(scripted.connect((CROWD_AT, 5060), source=KNOWN), "sip header", HALF_REQUEST)
    wire = scripted.connect((CROWD_AT, 5060), source=KNOWN)
    wire.send(HALF_REQUEST + b"Content-Length: 1000\r\n\r\n")
    crowd.add(wire, "sip body", b"x" * 100)


def gather(rig, gateway):
    """What a connection costs is looked at while all of its kind stand: their lives are longer than this takes."""
    began, sources = time.monotonic(), scripted.source_addresses(N_SOURCES)
    rss, n_before = [gateway.rss_before], len(gateway.inet_sockets())
    for wire in scripted.half_open((CROWD_AT, 5269), sources, N_OPEN // N_SOURCES):
        gateway.crowd.add(wire, "xmpp")
    stand(rig, gateway.crowd, PRE_TLS, sources)
    wanted = n_before + N_OPEN + len(PRE_TLS) * N_EACH
    eventually(lambda: len(gateway.inet_sockets()) >= wanted, "the crowd is in", 60)
    rss.append(gateway.resident_kib())
    stand(rig, gateway.crowd, IN_TLS, sources)
    rss.append(gateway.resident_kib())
    for wire in scripted.half_open((CROWD_AT, 5060), sources, N_SIP // N_SOURCES):
        gateway.crowd.add(wire, "sip stranger")
    slow_requests(gateway.crowd)
    rss.append(gateway.resident_kib())
    counts = N_OPEN + len(PRE_TLS) * N_EACH, len(IN_TLS) * N_EACH, N_SIP
    gateway.each_kib = [(after - before) / n for before, after, n in zip(rss, rss[1:], counts)]
    print("within %.1f s %d before TLS, %d in TLS, %d tried on SIP: %s KiB each" % (
        time.monotonic() - began, *counts, ", ".join("%.1f" % each for each in gateway.each_kib)))


def test_others_are_served_while_a_crowd_stands_half_open(rig, crowded, office, start, tmp_path):
    recorder = start(Recorder(rig, record=str(tmp_path / "record"), peers={"contoso.example": CROWD_AT + ":5269"}))
    with Good(office, recorder, (CROWD_AT, 5060), each_ms=5) as good:
        enough = len(good.txns) + 300
        eventually(lambda: len(good.txns) >= enough, "good traffic")
        enter_authenticated(rig, CROWD_AT)
    good.check("crowded")
    if MEMORY_IS_OURS:
        assert crowded.each_kib[0] <= PRE_TLS_KIB and crowded.each_kib[1] <= IN_TLS_KIB, crowded.each_kib


# ---- floods ----

FLOODS = [("udp", "udp", SIP, "udp"), ("sip-tcp", "tcp", SIP, "sip"), ("xmpp", "tcp", XMPP, "xmpp"),
          ("xmpp-tls", "tls", XMPP, "xmpp")]


@pytest.mark.parametrize("source", [KNOWN, STRANGER], ids=["known", "stranger"])
@pytest.mark.parametrize("name, kind, to, sort", FLOODS, ids=[f[0] for f in FLOODS])
def test_a_flood_does_no_harm(rig, start, office, recorder, name, kind, to, sort, source):
    gateway = start(make_gateway(rig))
    with Good(office, recorder) as good, Steady(gateway, name):
        print("%s from %s: %s" % (name, source, flood_long(kind, to, seeds(sort), source=source)))
    good.check(name)


def test_a_flood_by_an_authenticated_partner_does_no_harm(rig, start, office, recorder, tmp_path):
    gateway = start(make_gateway(rig))
    cert = rig.cert("scripted.example")
    files = seeds("xmpp")
    for i, stanza in enumerate(STANZAS):
        (tmp_path / ("seed%d" % i)).write_text(stanza)
        files += [str(tmp_path / ("seed%d" % i))] * 8
    with Good(office, recorder) as good, Steady(gateway, "authenticated"):
        result = flood_long("auth", XMPP, files, source=dns.SCRIPTED, tls_cert=cert.file, tls_key=cert.key)
        print("authenticated: %s" % result)
    good.check("authenticated")


def wait_read(gateway):
    """Until it has read and answered all datagrams that have come to it."""
    def waiting():
        with open("/proc/%d/net/udp" % gateway.process.pid, encoding="ascii") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        queues = [row[4] for row in rows if row[1].endswith(":%04X" % SIP[1])]
        assert queues
        return any(int(queue.partition(":")[2], 16) for queue in queues)

    eventually(lambda: not waiting(), "all datagrams are read", 60)
    gateway.ctl("stream", "list")  # the turn in which the last ones were read is over


def test_strangers_get_no_packet_and_others_one_for_one(rig, start):
    gateway = start(make_gateway(rig))
    for source, most in (STRANGER, 0), (KNOWN, 1):
        before, ours_count = gateway.udp_packets_out()
        result = flood("udp", SIP, seeds("udp"), source=source, bytes=min(FLOOD_BYTES, 10000000))
        wait_read(gateway)
        out = gateway.udp_packets_out()[0] - before - (result["messages"] if ours_count else 0)
        print("from %s: %d packets in, %d out" % (source, result["messages"], out))
        assert out <= most * result["messages"] and (most or result["packets_in"] == 0)
        assert out > 0 or not most


def test_a_partner_that_never_reads_holds_nobody_up(rig, start, office, recorder):
    gateway = start(make_gateway(rig, gateway={"hold_time": 10}))
    listener = start(scripted.Listener(dns.SCRIPTED))
    listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    to_deaf = lambda body: office.message("x@scripted.example", body, target=SIP, transport="tcp")  # noqa: E731
    first = to_deaf("first")
    wire = listener.accept()
    wire.accept_secure("scripted.example", scripted.server_context(rig, "scripted.example"))
    wire.accept_authenticated("scripted.example")
    with Good(office, recorder) as good, Steady(gateway, "deaf partner"):
        at_most = gateway.resident_kib()
        txns = []
        for _ in range(600):  # 18 MB
            txns.append(to_deaf("x" * 30000))
            time.sleep(0.002)
        for txn in [first] + txns:
            txn.wait()
            at_most = max(at_most, gateway.resident_kib())
        statuses = [t.status for t in txns]
        print("deaf partner: %s, at most %d KiB" % ({s: statuses.count(s) for s in set(statuses)}, at_most))
        assert set(statuses) <= {480, 504} and 480 in statuses
        wire.close()
    good.check("deaf partner")


def test_the_crowd_was_cut_by_its_deadlines(crowded):
    crowd = crowded.crowd
    eventually(lambda: len(crowd.ended) == len(crowd.opened), "all intruders are cut", 40, every=0.5)
    lives = crowd.lives()
    print(", ".join("%s: %d ended after %.1f to %.1f s" % (name, *life) for name, life in lives.items()))
    for name, (_, _, longest) in lives.items():
        assert longest < (20 if name.startswith("sip") else 40), name  # 10 s and 30 s, and what a busy machine puts on top
    eventually(lambda: crowded.n_fds() <= crowded.fds_before + RESOLVER_FDS, "all descriptors are given back")
    print("crowded: %d KiB before, %d KiB afterwards" % (crowded.rss_before, crowded.resident_kib()))


# ---- descriptors ----

FEW_AT, SPARE = "10.99.0.2", 60  # a gateway of its own; descriptors that it may take beyond those it has


def test_when_descriptors_run_out_accepting_pauses_and_goes_on(rig, start, office, recorder):
    """It is said once in 10 s and not at each turn; those who are in are served; who waited is, when there are some again."""
    gateway = start(make_gateway(rig, FEW_AT, "stoxd-few"))
    began = time.monotonic()
    with Good(office, recorder, (FEW_AT, 5060), back=False) as good:
        pid = gateway.outer_pid()
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        assert soft == hard  # it took what there was at its start
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (gateway.n_fds(pid) + SPARE, hard))
        crowd = scripted.half_open((FEW_AT, 5269), scripted.source_addresses(4), 25)
        gateway.wait_event("accept-paused")
        mark = len(good.txns)
        eventually(lambda: len(good.txns) > mark + 50, "messages go on meanwhile")
        for wire in crowd:
            wire.close()
        enter_authenticated(rig, FEW_AT)
    good.check("few descriptors")
    assert len(gateway.events("accept-paused")) <= 2 + (time.monotonic() - began) // 10
