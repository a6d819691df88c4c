"""A server of the API with an empty store for each test, and stoxctl to talk to it."""
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import fcntl
import termios
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get('STOX_BUILD', 'build')
STOXCTL = BUILD / 'src/ctl/stoxctl'
SERVER = BUILD / 'tests/admin/admin_server'
LYNC = Path(__file__).resolve().parent / 'lync'
PATIENCE = 60  # seconds until a test that waits gives up


class Done:
    """What a command came to."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def lines(self):
        return self.out.splitlines()

    def json(self):
        return json.loads(self.out)


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, argv, env, columns):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a run in the background ignores it
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))  # before the command can look
            os.execvpe(argv[0], argv, env)
        self.text = ''

    def _read(self, end):
        ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
        assert ready, f'the command says no more: {self.text!r}'
        try:
            chunk = os.read(self.fd, 65536)
        except OSError:
            chunk = b''
        self.text += chunk.decode(errors='replace').replace('\r\n', '\n')
        return bool(chunk)

    def until(self, text):
        end = time.monotonic() + PATIENCE
        while text not in self.text:
            assert self._read(end), f'{text!r} was not said: {self.text!r}'

    def type(self, line):
        os.write(self.fd, line.encode() + b'\n')

    def end(self, check=None):
        """Its exit status, when it has ended by itself. check must hold of the terminal it leaves."""
        end = time.monotonic() + PATIENCE
        while self._read(end):
            pass
        assert not check or check()
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Stox:
    def __init__(self, folder):
        self.folder = folder
        self.process = None
        self.env = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'STOX_SERVER': f'unix:{folder}/admin.sock',
                    'ASAN_OPTIONS': 'detect_leaks=1'}

    def start(self, *more):
        self.process = subprocess.Popen([str(SERVER), str(self.folder), '127.0.0.1:0', *map(str, more)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(self.folder / 'log', 'w'),
                                        text=True)
        for line in self.process.stdout:
            ready = re.match(r'ready (\d+)', line)
            if ready:
                self.port = int(ready.group(1))
                return
        raise AssertionError('the server does not start: ' + (self.folder / 'log').read_text())

    def stop(self):
        if self.process:
            self.process.stdin.close()
            assert self.process.wait(PATIENCE) == 0, (self.folder / 'log').read_text()
            self.process = None

    def ctl(self, *argv, input='', stdin=None, code=0, env=None):
        given = {'stdin': stdin} if stdin else {'input': input}
        done = subprocess.run([str(STOXCTL), *map(str, argv)], **given, capture_output=True, text=True, timeout=PATIENCE * 5,
                              env={**self.env, **(env or {})})
        assert code is None or done.returncode == code, f'{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}'
        return Done(done.returncode, done.stdout, done.stderr)

    def begin(self, *argv):
        """A command that goes on until it is told to end."""
        return subprocess.Popen([str(STOXCTL), *map(str, argv)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.env)

    def terminal(self, *argv, columns=80):
        return Terminal([str(STOXCTL), *map(str, argv)], self.env, columns)


@pytest.fixture
def stox(tmp_path):
    server = Stox(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def nobody(tmp_path):
    """No server at all."""
    return Stox(tmp_path)
