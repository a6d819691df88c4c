"""stoxd as a service: what it tells the manager, signals, and `stoxctl service` where no systemd runs it."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from conftest import BUILD, PATIENCE, STOXCTL

STOXD = BUILD / 'src/daemon/stoxd'


class Daemon:
    """A real stoxd on loopback, and the socket of the manager that would have started it."""

    def __init__(self, folder, **env):
        self.folder, self.said = folder, []
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / 'notify'))
        self.conf = folder / 'stox.conf'
        self.conf.write_text(f'state-dir = "{folder}/state"\nhost-name = "gw.contoso.example"\n'
                             'listen-sip-udp = {"127.0.0.1:0"}\nlisten-xmpp = {"127.0.0.1:0"}\n')
        self.env = {**os.environ, 'NOTIFY_SOCKET': str(folder / 'notify'), 'STOX_SERVER': f'unix:{folder}/state/admin.sock',
                    'LC_ALL': 'C.UTF-8', **env}
        self.log = open(folder / 'log', 'w')
        self.process = subprocess.Popen([str(STOXD), '--config', str(self.conf)], env=self.env, stderr=self.log)

    def wait_said(self, pattern, since=0):
        """The match of pattern in what was said after the first since datagrams."""
        end = time.monotonic() + PATIENCE
        while True:
            for text in self.said[since:]:
                match = re.search(pattern, text, re.M)
                if match:
                    return match
            self.manager.settimeout(max(0.1, end - time.monotonic()))
            self.said.append(self.manager.recv(4096).decode())

    def ctl(self, *argv, code=0):
        done = subprocess.run([str(STOXCTL), *argv], text=True, capture_output=True, timeout=PATIENCE, env=self.env)
        assert done.returncode == code, f'{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}'
        return done.stdout + done.stderr

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        self.log.close()
        self.manager.close()


@pytest.fixture
def daemon(tmp_path):
    made = []

    def make(**env):
        made.append(Daemon(tmp_path, **env))
        made[-1].wait_said('^READY=1$')
        return made[-1]

    yield make
    for d in made:
        d.end()


def test_the_manager_hears_when_it_serves_how_it_is_and_that_it_stops(daemon):
    d = daemon()
    d.wait_said(r'^STATUS=serving: 0 messages held, 0 streams$')
    d.process.send_signal(signal.SIGTERM)
    assert int(d.wait_said(r'^STOPPING=1\nEXTEND_TIMEOUT_USEC=(\d+)$').group(1)) > 25e6  # stop-within and more
    assert d.process.wait(PATIENCE) == 0


def test_the_manager_hears_of_a_reload_until_it_is_done(daemon):
    d = daemon()
    n = len(d.said)
    d.process.send_signal(signal.SIGHUP)
    d.wait_said(r'^RELOADING=1\nMONOTONIC_USEC=\d+$', n)
    d.wait_said('^READY=1$', n)


def test_a_manager_that_watches_hears_that_the_loop_turns(daemon):
    d = daemon(WATCHDOG_USEC='200000')
    for _ in range(3):
        d.wait_said('^WATCHDOG=1$', len(d.said))


def test_drain_and_resume_change_what_status_says(daemon):
    d = daemon()
    assert re.match(r'serving: 0 messages held, 0 streams \(stoxd \S+, pid %d\)$' % d.process.pid, d.ctl('service', 'status'))
    assert d.ctl('service', 'drain').startswith('drain')
    n = 0
    while not d.ctl('service', 'status').startswith('drained: '):
        n += 1
        assert n < 100
    assert d.ctl('service', 'resume').startswith('serving: ')
    assert '"state": "serving"' in d.ctl('service', 'status', '--json')


def test_stop_waits_for_the_end_and_a_service_that_is_not_there_is_no_riddle(daemon):
    d = daemon()
    assert d.ctl('service', 'start').startswith('serving: ')  # as with other services: no error
    assert d.ctl('service', 'stop') == 'stopped\n'
    assert d.process.wait(PATIENCE) == 0
    assert d.ctl('service', 'status', code=3) == 'not running\n'
    assert 'stoxd --config' in d.ctl('service', 'start', code=1)
    assert 'is it running?' in d.ctl('service', 'drain', code=3)
