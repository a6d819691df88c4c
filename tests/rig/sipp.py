"""
sipp, which plays a scenario (tests/interop/sipp) as an independent SIP peer. It checks what it gets by itself: one request or
answer out of its turn, or without what the scenario looks for, and its run has failed.
"""
import itertools
import os
import re
import socket
import struct
import subprocess

from . import ns
from .process import Failed, Process, eventually

SCENARIOS = os.path.join(ns.REPO, "tests", "interop", "sipp")
_numbers = itertools.count(1)


class Sipp:
    """
    scenario: its name, one that begins (target: to whom) or one that answers. keys: what stands in brackets in it. call_id:
    a Call-ID that is not of its own making. calls: how often it is played. Used by `with`; what it saw is told where a test fails in it.
    """

    def __init__(self, scenario, target=None, *, address, port=5060, transport="udp", call_id=None, calls=1, seconds=90,
                 **keys):
        self.scenario, self.target, self.address, self.port = scenario, target, address, port
        self.transport, self.call_id, self.calls = transport, call_id, calls
        self.seconds, self.keys = seconds, keys
        self.name = "sipp-%d-%s" % (next(_numbers), scenario)
        self.process = None

    def _file(self, kind):
        return os.path.join(ns.work_dir(), "log", "%s.%s" % (self.name, kind))

    def _written(self):
        with open(os.path.join(SCENARIOS, self.scenario + ".xml"), encoding="utf-8") as f:
            text = f.read()
        for key, value in self.keys.items():
            text = text.replace("[%s]" % key, value)
        with open(self._file("xml"), "w", encoding="utf-8") as f:
            f.write(text)
        return self._file("xml")

    def start(self):
        argv = ["sipp", "-sf", self._written(), "-i", self.address, "-bind_local",
                "-p", str(self.port), "-t", {"udp": "u1", "tcp": "t1"}[self.transport], "-m", str(self.calls), "-nostdin",
                "-timeout", "%ds" % self.seconds, "-timeout_error", "-trace_err", "-error_file",
                self._file("errors"), "-trace_msg", "-message_file", self._file("messages")]
        if self.call_id:
            argv += ["-cid_str", self.call_id]
        self.process = Process(self.name, argv + ([self.target] if self.target else []), cwd=ns.work_dir())
        if not self.target:
            eventually(self._listens, "%s listens" % self.name, every=0.02)
        return self

    def _listens(self):
        if not self.process.running():
            raise Failed(self._account())
        here = "%08X:%04X" % (struct.unpack("=I", socket.inet_aton(self.address))[0], self.port)
        with open("/proc/net/" + self.transport) as f:
            return any(line.split()[1] == here for line in f)

    def _account(self):
        account = "%s: exit status %s\n" % (self.name, self.process.popen.poll())
        for kind in "errors", "messages":
            if os.path.exists(self._file(kind)):
                with open(self._file(kind), errors="replace") as f:
                    account += f.read()[-4000:]
        return account

    def messages(self):
        """What has passed so far, as sipp writes it."""
        try:
            with open(self._file("messages"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, what, trace):
        if kind:
            what.add_note(self._account())
        self.stop()

    def wait_for(self, text, times=1):
        """Waits until so many messages with this have passed; one that is repeated is one."""
        def passed():
            of_each = re.split(r"^-{20,} .*\n.* message (?:sent|received) .*\n", self.messages(), flags=re.MULTILINE)
            return len({one.strip() for one in of_each if text in one}) >= times
        eventually(lambda: passed() or not self.process.running(), "%s sees %r" % (self.name, text), every=0.02)
        if not passed():
            raise Failed(self._account())

    def wait(self):
        """Waits until the scenario is over; it must have gone as it is written."""
        try:
            status = self.process.popen.wait(self.seconds + 10)
        except subprocess.TimeoutExpired:
            raise Failed(self._account()) from None
        if status != 0:
            raise Failed(self._account())

    def stop(self):
        if self.process:
            self.process.stop()
