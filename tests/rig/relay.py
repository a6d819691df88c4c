"""A bad line for UDP (tests/load/bad_line.c), as a test sees it."""
import json
import subprocess

from .process import Process
from .stoxd import test_program


class Relay:
    """
    left sends to near, right sends to far; all are (address, port). loss, double, late: percent of the datagrams.
    silence: (after so many datagrams, for so many ms) everything is lost.
    """

    def __init__(self, near, left, far, right, *, seed=1, loss=5, double=5, late=5, jitter_ms=20, silence=()):
        self.ends = ["%s:%d" % at for at in (near, left, far, right)]
        self.numbers = [seed, loss, double, late, jitter_ms, *silence]
        self.process = None
        self.counts = None  # of each way, after stop(): from the left, from the right

    def start(self):
        argv = [test_program("load/bad-line"), *self.ends, *map(str, self.numbers)]
        self.process = Process("relay", argv, stdin=subprocess.DEVNULL)
        self.process.wait_line("listening", 20)
        return self

    def stop(self):
        if self.process:
            self.process.stop()
            self.counts = json.loads(self.process.out.all[-1])
