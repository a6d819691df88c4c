"""A process of the rig: its output goes to a log and can be waited for, line by line, always with a bound."""
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time

from . import ns


class Failed(AssertionError):
    """Something did not happen in time, or ended by itself."""


def eventually(check, what, timeout=20, every=0.1):
    """For what can only be tried, not waited for: tries until check() is true, bounded. Returns what it returned."""
    deadline = time.monotonic() + timeout
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failed("not within %g s: %s" % (timeout, what))
        time.sleep(every)


class Lines:
    """Lines that arrive from somewhere, and people who wait for them."""

    def __init__(self):
        self.all = []
        self._news = threading.Condition()
        self._ended = False

    def add(self, line):
        with self._news:
            self.all.append(line)
            self._news.notify_all()

    def end(self):
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait(self, found, timeout, since=0):
        """The first result of found(line) that is true, of lines since; and where to go on. None at the bound."""
        deadline = time.monotonic() + timeout
        at = since
        with self._news:
            while True:
                while at < len(self.all):
                    result = found(self.all[at])
                    at += 1
                    if result:
                        return result, at
                left = deadline - time.monotonic()
                if left <= 0 or self._ended:
                    return None, at
                self._news.wait(left)


class Adopted:
    """A process that a process of ours has started, and that lives on without it; as subprocess.Popen."""

    def __init__(self, pid):
        self.pid, self.returncode, self.stdin = pid, None, None

    def poll(self):
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)  # ours, if nobody stands between
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
            except ChildProcessError:
                self.returncode = None if os.path.exists("/proc/%d" % self.pid) else 0
        return self.returncode

    def wait(self, timeout):
        try:
            eventually(lambda: self.poll() is not None, "the end of process %d" % self.pid, timeout)
        except Failed:
            raise subprocess.TimeoutExpired("process %d" % self.pid, timeout)
        return self.returncode


class Process:
    def __init__(self, name, argv, *, cwd=None, env=None, user=None, stdin=subprocess.DEVNULL, notify=False, also=None):
        """also(line): told of each line that it says, too."""
        self.name, self.also = name, also
        self.out = Lines()
        self.log_path = os.path.join(ns.work_dir(), "log", name + ".log")
        environ = dict(os.environ if env is None else env)
        environ.pop("NOTIFY_SOCKET", None)
        self._notify = self._notify_socket(environ) if notify else None
        self.popen = subprocess.Popen(argv, cwd=cwd, env=environ, stdin=stdin, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, start_new_session=True, **(user or {}))
        self.pid = self.popen.pid
        self._pipe, self._taken, self._reading = self.popen.stdout, 0, threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _notify_socket(self, environ):
        path = os.path.join(ns.work_dir(), "notify-" + self.name)
        if os.path.exists(path):
            os.unlink(path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(path)
        os.chmod(path, 0o777)
        environ["NOTIFY_SOCKET"] = path
        return sock

    def _read(self):
        ready, begun, data = select.poll(), [], b"-"  # begun: the pieces of a line, of which some are very long
        ready.register(self._pipe, select.POLLIN)
        with open(self.log_path, "ab", buffering=0) as log:
            while data:
                ready.poll()
                with self._reading:
                    data = os.read(self._pipe.fileno(), 65536)
                    log.write(data)
                    for piece in data.splitlines(keepends=True) if data else [b"\n"] * bool(begun):
                        begun.append(piece)
                        if piece.endswith(b"\n"):
                            self._take(b"".join(begun).decode("utf-8", "replace").rstrip("\r\n"))
                            begun = []
                    self._taken += len(data)
        self.out.end()

    def _take(self, line):
        self.out.add(line)
        if self.also:
            self.also(line)

    def catch_up(self):
        """What it has said by now is in out when this returns."""
        with self._reading:  # what the pipe does not hold has been taken
            wanted = self._taken + int.from_bytes(fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4)), sys.byteorder)
        while self._taken < wanted and self._reader.is_alive():
            time.sleep(0.001)

    def wait_ready(self, timeout=30):
        """Waits for sd_notify's READY=1, or for the end of the process."""
        deadline = time.monotonic() + timeout
        with self._notify as sock:
            while True:
                sock.settimeout(0.2)
                try:
                    if b"READY=1" in sock.recv(4096).split(b"\n"):
                        return self
                except TimeoutError:
                    if self.popen.poll() is not None:
                        raise Failed("%s ended with %d:\n%s" % (self.name, self.popen.returncode, self.tail()))
                if time.monotonic() > deadline:
                    raise Failed("%s is not ready after %d s:\n%s" % (self.name, timeout, self.tail()))

    def adopt(self, pid, timeout=60):
        """Another process stands for this one from now on, when this one has ended by itself. Its exit status."""
        status = self.popen.wait(timeout)
        self.popen = Adopted(pid)
        return status

    def mark(self):
        """A place in the output, for since: behind all that it has said by now."""
        self.catch_up()
        return len(self.out.all)

    def wait_line(self, pattern, timeout=20, since=0):
        """The match of pattern in a line of output, bounded."""
        match, _ = self.out.wait(re.compile(pattern).search, timeout, since)
        if match is None:
            raise Failed("%s did not say /%s/ within %g s:\n%s" % (self.name, pattern, timeout, self.tail()))
        return match

    def tail(self, n=30):
        return "\n".join("    " + line for line in self.out.all[-n:])

    def running(self):
        return self.popen.poll() is None

    def kill(self):
        """As an accident would."""
        self._signal(signal.SIGKILL)
        self._wait(10)

    def stop(self, timeout=10):
        """Ends it, and its group, politely first. Returns the exit status."""
        self._signal(signal.SIGTERM)
        try:
            self._wait(timeout)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._wait(10)
        return self.popen.returncode

    def _wait(self, timeout):
        self.popen.wait(timeout)
        self._reader.join(timeout)
        if self.popen.stdin:
            self.popen.stdin.close()
        if self._notify:
            self._notify.close()

    def _signal(self, number):
        if self.popen.poll() is None:
            os.killpg(self.pid, number)  # of an adopted one too: a group outlives its first process
