"""A new process takes over all sockets under traffic: nobody is refused, nothing is lost, and what fails changes nothing."""
import contextlib
import itertools
import os
import shutil
import signal
import socket
import threading

import pytest

from rig import dns
from rig.header import header_answer
from rig.numbered import Delivered, SipTraffic, judge, unknown_ids
from rig.process import Failed, eventually
from rig.recorder import Recorder
from rig.stoxd import program
from test_kill import FromRecorder, stanzas

PROOF = os.environ.get("STOX_PROOF") == "1"
TIMES = 10 if PROOF else 1
BOUND = {"stop_within": 25}  # what an old process lives on, at most
GATEWAY = (dns.GATEWAY, 5060)
TO = "romeo@recorder.example"
NUMBER = itertools.count()


def hand_over_and_end(gateway, traffic):
    """The old process answers what it has; then, unless this is a proof, it does not stay for repetitions of that."""
    old = gateway.hand_over()
    for txn in list(traffic.txns):
        txn.wait()
    traffic.wait_ok(100)
    if not PROOF:
        old.terminate()
    gateway.adopt()


class Knocking:
    """New connections to a port, one after the other, each until it is answered."""

    def __init__(self, knock):
        self.n, self.faults, self._stop = 0, [], threading.Event()
        self._thread = threading.Thread(target=self._run, args=[knock], daemon=True, name="knocking")
        self._thread.start()

    def _run(self, knock):
        while not self._stop.is_set():
            try:
                if not knock():
                    self.faults.append("no answer")
            except OSError as e:
                self.faults.append(repr(e))
            self.n += 1

    def stop(self):
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()


def knock_at_xmpp():
    return "<stream:features" in header_answer(dns.GATEWAY, until="</stream:features>")


def knock_at_sip():
    """A request of a known source by TCP: any answer will do."""
    with socket.create_connection(GATEWAY, 20, source_address=(dns.OFFICE, 0)) as s:
        s.settimeout(20)
        s.sendall(b"OPTIONS sip:gw.contoso.example SIP/2.0\r\nVia: SIP/2.0/TCP %s;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n"
                  b"From: <sip:a@contoso.example>;tag=1\r\nTo: <sip:gw.contoso.example>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\n"
                  b"Content-Length: 0\r\n\r\n" % (dns.OFFICE.encode(), os.urandom(6).hex().encode(), os.urandom(6).hex().encode()))
        return s.recv(100).startswith(b"SIP/2.0 ")


@pytest.fixture
def recorder(rig, start):
    return start(Recorder(rig, record="%s/handover-%d" % (rig.work, next(NUMBER))))


def test_hand_over_under_traffic_refuses_nobody_and_loses_nothing(rig, stoxd, office, recorder, figures):
    """Each SIP request is sent once: a datagram that got lost would have no answer."""
    gateway = stoxd(partners={"recorder.example": {}}, gateway=BOUND)
    knocks = {"xmpp": Knocking(knock_at_xmpp), "sip": Knocking(knock_at_sip)}
    traffic = SipTraffic(office, TO, GATEWAY, rate=150, window=50, label="k").start()
    back = FromRecorder(recorder, office, "b")
    for _ in range(TIMES):
        traffic.wait_ok(100)
        hand_over_and_end(gateway, traffic)
    traffic.wait_ok(50)
    back.stop()
    traffic.stop(90)
    for k in knocks.values():
        k.stop()
    assert office.message(TO, "the last", target=GATEWAY).wait() == 200
    recorder.wait_stanza("the last")
    recorder.wait_acked(60)
    there, here = judge(traffic, Delivered(stanzas(recorder), "k"), unknown_ids(gateway)), back.judge()
    repeated = sum(len(t.sent_at) > 1 for t in traffic.txns)
    figures(hand_overs=TIMES, sip_to_xmpp=there, requests_sent_twice=repeated, xmpp_to_sip=here,
            connections={name: k.n for name, k in knocks.items()})
    assert {name: k.faults for name, k in knocks.items()} == {"xmpp": [], "sip": []}
    assert set(there["answered"]) == {"200"}
    assert (there["lost"], there["repeats"], there["repeats_with_another_id"]) == (0, 0, 0)
    assert here["lost"] == 0 and here["error_stanzas"] == 0 and here["repeats_with_another_branch"] == 0


def test_what_was_held_by_the_old_process_is_answered_by_it(stoxd, office, recorder):
    gateway = stoxd(partners={"recorder.example": {}}, gateway={"stop_within": 25})
    recorder.set(ack=False, ping=False)
    held = office.message(TO, "held", target=GATEWAY)
    recorder.wait_stanza("held")
    old = gateway.hand_over()
    assert not held.done and old.poll() is None
    recorder.acknowledge()
    assert held.wait() == 200
    recorder.set(ack=True, ping=True)
    assert office.message(TO, "to the new one", target=GATEWAY).wait() == 200
    if not PROOF:
        old.terminate()  # it would stay for repetitions of what it has answered
    gateway.adopt()
    assert office.message(TO, "to it alone", target=GATEWAY).wait() == 200
    assert [s["body"] for s in recorder.stanzas()] == ["held", "to the new one", "to it alone"]


def test_who_is_stopped_while_the_process_before_still_answers_ends_after_it(stoxd, office, recorder):
    """A service manager kills what is left when its main process has ended."""
    gateway = stoxd(partners={"recorder.example": {}}, gateway={"stop_within": 25})
    recorder.set(ack=False, ping=False)
    held = office.message(TO, "held", target=GATEWAY)
    recorder.wait_stanza("held")
    old, pid, at = gateway.hand_over(), gateway.pid(), gateway.mark()
    os.kill(pid, signal.SIGTERM)
    gateway.wait_event("stopping", since=at)
    assert office.message(TO, "too late", target=GATEWAY).wait() == 503
    assert gateway.ctl_json("service", "status")["state"] == "stopping" and old.poll() is None and not held.done
    recorder.set(ack=True, ping=True)
    recorder.acknowledge()
    assert held.wait() == 200
    if not PROOF:
        old.terminate()
    gateway.wait_event("relay-ended", 40, since=at)
    eventually(lambda: gateway.process.adopt(pid) == 0, "the old one has ended in order")
    assert gateway.process.popen.wait(40) == 0
    gateway.process = None


class FromRomeo:
    """Numbered messages from a Prosody user; each arrives, or comes back as an error."""

    def __init__(self, romeo, rate=40):
        self.romeo, self.rate, self.n, self._stop = romeo, rate, 0, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="romeo's traffic")
        self._thread.start()

    def _run(self):
        while not self._stop.wait(1 / self.rate):
            self.romeo.send("alice@contoso.example", "r-romeo %d" % self.n, id="r%d" % self.n)
            self.n += 1

    def stop(self):
        self._stop.set()
        self._thread.join(20)


@pytest.mark.parametrize("how", ["hand-over", "restart"] if PROOF else ["hand-over"])
def test_a_new_process_under_traffic_with_Prosody_loses_nothing(stoxd, office, romeo, figures, how):
    gateway = stoxd(gateway=BOUND)
    traffic = SipTraffic(office, romeo.jid, GATEWAY, rate=100, window=50, label="k").start()
    back = FromRomeo(romeo)
    traffic.wait_ok(100)
    if how == "hand-over":
        hand_over_and_end(gateway, traffic)
    else:
        gateway.stop(40)
        gateway.start()
    traffic.wait_ok(100)
    back.stop()
    traffic.stop(90)
    assert office.message(romeo.jid, "the last", target=GATEWAY).wait() == 200
    romeo.wait_message("the last")
    romeo.send("alice@contoso.example", "the last back")
    office.wait_message("the last back")
    entries = [(m["body"], m["id"], m.arrived_at) for m in list(romeo.messages.all) if m["type"] != "error"]
    there = judge(traffic, Delivered(entries, "k"), unknown_ids(gateway))
    arrived = {b for b in office.bodies() if b.startswith("r-romeo ")}

    def given_back():
        return {m["id"] for m in list(romeo.messages.all) if m["type"] == "error"}

    def neither():
        return [n for n in range(back.n) if "r-romeo %d" % n not in arrived and "r%d" % n not in given_back()]

    with contextlib.suppress(Failed):  # errors go their own ways, and may come behind the last message
        eventually(lambda: not neither(), "an error for each that did not arrive")
    errors, silent = given_back(), neither()
    figures(how=how, sip_to_xmpp=there, xmpp_to_sip={"sent": back.n, "arrived": len(arrived), "errors": len(errors),
                                                     "lost": len(silent)})
    assert (there["lost"], there["not_sent_but_delivered"], there["repeats_with_another_id"]) == (0, 0, 0)
    assert set(there["answered"]) <= ({"200"} if how == "hand-over" else {"200", "503"})
    assert not silent


def refused(gateway):
    code, out, err = gateway.ctl("service", "restart", "--hand-over", ok=False, timeout=120)
    assert code in (1, 6), out + err
    return err


@pytest.fixture
def own_program(rig, monkeypatch):
    """A copy of stoxd that can be replaced."""
    path = rig.work + "/stoxd-of-its-own"
    shutil.copy(program(), path)
    monkeypatch.setenv("STOXD", path)
    yield path
    os.unlink(path)


def replace(path, text, mode):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def test_a_hand_over_that_fails_leaves_the_old_process_serving(stoxd, office, recorder, own_program):
    gateway = stoxd(partners={"recorder.example": {}})
    pid = gateway.pid()
    good = open(gateway.conf_path).read()
    for program_text, settings, why in (
            (None, good + 'no-such-setting = "1"\n', "no-such-setting"),
            (None, good + 'listen-sip-tls = {"192.0.2.77:5061"}\n', "cannot listen on 192.0.2.77:5061"),
            ("#!/bin/sh\nexit 3\n", good, "ended before it served"),
            ("#!/bin/sh\nprintf nonsense >&3\nread line\n", good, "speaks of other things"),
            ("", good, "cannot start")):
        if program_text is not None:
            replace(own_program, program_text, 0o755 if program_text else 0o644)
        with open(gateway.conf_path, "w") as f:
            f.write(settings)
        assert why in refused(gateway), why
        assert gateway.pid() == pid and gateway.ctl_json("service", "status")["state"] == "serving"
        assert office.message(TO, "after " + why, target=GATEWAY).wait() == 200
        assert knock_at_xmpp() and knock_at_sip()


def test_another_version_and_other_addresses_are_taken_over(stoxd, office, recorder, own_program):
    """The program on the disk is another file by then, and one address is new, one gone."""
    gateway = stoxd(partners={"recorder.example": {}}, gateway={"stop_within": 1})
    shutil.copy(program(), own_program + ".new")
    os.rename(own_program + ".new", own_program)
    gateway.rewrite(listen_xmpps=[dns.GATEWAY + ":5223"], listen_sip_tcp=None)
    gateway.hand_over()
    gateway.adopt()
    assert office.message(TO, "by udp", target=GATEWAY).wait() == 200
    socket.create_connection((dns.GATEWAY, 5223), 20).close()
    with pytest.raises(ConnectionRefusedError):
        eventually(lambda: socket.create_connection(GATEWAY, 20).close(), "TCP is gone", 20)
