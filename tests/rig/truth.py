"""
The two sides of the truth test (tests/load): pairs of people who write to each other, numbered; and what each side's record
says of the other's answers.
"""
import array
import collections
import json
import os
import subprocess

from .process import Process
from .stoxd import test_program

TAKEN, BOUNCED, BOUNCED_LATE = 0, 1, 2  # what the XMPP side did with a message, as tests/load/plan.h
NO_ANSWER = 1  # instead of a status: nothing came before Timer F
UNKNOWN, REFUSED = 1, 2  # the errors of the XMPP side


class Side:
    """A program that waits for "go", says when it has all its answers, and writes what it saw to a folder at its end."""

    def __init__(self, program, argv, done):
        self.program, self.argv, self.done = program, argv, done
        self.process = self.counts = None

    def start(self):
        self.process = Process(self.program, [test_program("load/" + self.program), *map(str, self.argv)],
                               stdin=subprocess.PIPE)
        self.process.wait_line("listening", 20)
        return self

    def go(self):
        self.process.popen.stdin.write(b"go\n")
        self.process.popen.stdin.flush()

    def wait(self, timeout):
        self.process.wait_line("^%s$" % self.done, timeout)

    def stop(self):
        if self.process and self.process.running() and self.process.stop(30) == 0:
            self.counts = json.loads(self.process.out.all[-1])


class Truth:
    """
    pairs people on each side, each writes each messages; those on XMPP are of this many domains, and some are written to at
    one more. folder: for what the sides write. stalls_at: the XMPP side stands still at the message of this number; 0: never.
    """

    def __init__(self, rig, folder, *, own, to, listen, gateway, pairs, each, domains, window, stalls_at=0):
        self.pairs, self.each, self.folder = pairs, each, str(folder)
        names = ["bouncer.example"] + ["p%02d.example" % i for i in range(domains)]
        self.partners = {name: {"proxy": listen} for name in names}
        cert = rig.cert("bouncer-and-%d.example" % domains, dns=names)
        self.sip = Side("truth-sip", [own, to, pairs, each, domains, folder], "answered")
        self.xmpp = Side("truth-xmpp", [listen, gateway, rig.pki.trust_file, cert.file, cert.key, pairs, each, domains,
                                        window, folder, stalls_at], "settled")

    def sides(self):
        return self.sip, self.xmpp

    def _read(self, name):
        numbers = array.array("H")
        with open(os.path.join(self.folder, name), "rb") as f:
            numbers.frombytes(f.read())
        assert len(numbers) == self.pairs * self.each
        return numbers

    def id(self, k):
        """The stanza's id of message k to XMPP: what stands behind the cookie of its branch."""
        return "t%dx%d" % divmod(k, self.each)

    def to_xmpp(self, unknown=(), dead_line=False):
        """
        What became of the SIP users' messages, and what is wrong with it. unknown: ids the gateway said so of. dead_line: for
        so long that senders have given up.
        """
        said, faults = collections.Counter(), collections.Counter()
        for k, (status, came) in enumerate(zip(self._read("sip-answers"), self._read("xmpp-arrived"))):
            times, fate = came & 255, came >> 8
            said["no answer" if status == NO_ANSWER else str(status)] += 1
            faults["silent"] += status < NO_ANSWER or (status == NO_ANSWER and not dead_line)
            faults["doubled"] += times > 1
            if 200 <= status < 300:
                faults["lost"] += not times
                faults["bounced, and answered 2xx"] += fate == BOUNCED
                said["bounced after their 2xx"] += fate == BOUNCED_LATE
            elif times and fate == TAKEN and status != NO_ANSWER:
                said["there, and known not to be known"] += self.id(k) in unknown
                faults["there, and refused"] += self.id(k) not in unknown
        faults["overtaken"] = self.xmpp.counts["overtaken"]
        return dict(said), dict(+faults)

    def to_sip(self):
        """The same of the partner's messages."""
        said, faults = collections.Counter(), collections.Counter()
        for error, times, status in zip(self._read("xmpp-errors"), self._read("sip-arrived"), self._read("sip-refused")):
            said["delivered"] += times > 0
            said["refused by SIP"] += status > 0
            said["error"] += error == REFUSED
            said["error, outcome unknown"] += error == UNKNOWN
            faults["lost"] += not times and not error
            faults["doubled"] += times > 1
            faults["there, and refused"] += times > 0 and error == REFUSED
        faults["overtaken"] = self.sip.counts["overtaken"]
        faults["told twice"] = self.xmpp.counts["came_back_twice"]
        return dict(said), dict(+faults)
