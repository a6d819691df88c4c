"""stoxd as a service: what it tells the manager, signals, and `stoxctl service` where no systemd runs it."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from conftest import BUILD, PATIENCE, ROOT, STOXCTL

STOXD = BUILD / 'src/daemon/stoxd'


class Daemon:
    """A real stoxd on loopback, and the socket of the manager that would have started it."""

    def __init__(self, folder, start=None, program=(str(STOXD),), listen_xmpp='127.0.0.1:0', **env):
        self.folder, self.said = folder, []
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / 'notify'))
        self.conf = folder / 'stox.conf'
        self.conf.write_text(f'state-dir = "{folder}/state"\nhost-name = "gw.contoso.example"\n'
                             f'listen-sip-udp = {{"127.0.0.1:0"}}\nlisten-xmpp = {{"{listen_xmpp}"}}\n')
        self.env = {**os.environ, 'NOTIFY_SOCKET': str(folder / 'notify'), 'STOX_SERVER': f'unix:{folder}/state/admin.sock',
                    'LC_ALL': 'C.UTF-8', **env}
        self.log = open(folder / 'log', 'w')
        self.process = subprocess.Popen([*program, '--config', str(self.conf)], env=self.env, stderr=self.log,
                                        **(start or {}))

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

    @staticmethod
    def wait_gone(pid):
        """A process of nobody's has ended; the API is gone a moment before."""
        end = time.monotonic() + PATIENCE
        while os.path.exists(f'/proc/{pid}/exe'):
            assert time.monotonic() < end
            time.sleep(0.05)

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
    end = time.monotonic() + PATIENCE
    while not d.ctl('service', 'status').startswith('drained: '):
        assert time.monotonic() < end
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


def test_sockets_that_systemd_has_opened_are_used(tmp_path):
    """Whoever connects before stoxd runs is served when it does."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        address = '127.0.0.1:%d' % listener.getsockname()[1]
        with socket.create_connection(listener.getsockname()) as early:
            d = Daemon(tmp_path, listen_xmpp=address, program=['sh', '-c', 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"', str(STOXD)],
                       start={'pass_fds': [3], 'preexec_fn': lambda: os.dup2(listener.fileno(), 3)})
            try:
                d.wait_said('^READY=1$')
                early.settimeout(PATIENCE)
                early.sendall(b"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
                said = b''
                while b'<stream:stream ' not in said:
                    piece = early.recv(4096)
                    assert piece, said
                    said += piece
            finally:
                d.end()


def test_the_commands_of_the_page_on_the_service_work(daemon):
    """Those that need no systemd, in the order of the page; stop, which ends it, comes last."""
    d = daemon()
    text = (ROOT / 'docs/SERVICE.md').read_text()
    lines = re.findall(r'^    (stoxctl service .*)$', text, re.M)
    assert {line.split()[2] for line in lines} == {'status', 'drain', 'resume', 'stop', 'start', 'restart'}
    for line in sorted((line for line in lines if line != 'stoxctl service restart'), key=lambda line: line.endswith(' stop')):
        done = subprocess.run(['sh', '-c', line], env={**d.env, 'PATH': f'{STOXCTL.parent}:{d.env["PATH"]}'}, text=True,
                              capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, f'{line}\n{done.stdout}\n{done.stderr}'
        if '--hand-over' in line:
            main = int(d.wait_said(r'^MAINPID=(\d+)$').group(1))
            assert main != d.process.pid and 'pid %d)' % main in done.stdout
            d.wait_said('^READY=1$', len(d.said))
    assert done.stdout == 'stopped\n'
    d.wait_gone(main)
    assert d.process.wait(PATIENCE) == 0
