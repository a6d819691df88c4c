"""A server of the API (server.c) and clients for it, down to raw bytes."""
import http.client
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading

from rig import ns
from rig.process import Lines

BUILD = os.environ.get("STOX_BUILD") or os.path.join(ns.REPO, "build")
PASSWORD = "correct horse battery"
BOUND = 20
PATIENCE = 60  # for an answer: some are megabytes, of a machine that has other things to do
HASTY, BRISK = (2000, 6000), (4000, 12000)  # deadlines of a server, in ms: how long a client may be idle, and its request or answer may take


class Answer:
    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def code(self):
        return self.json.get("code")

    @property
    def cookie(self):
        return self.headers["Set-Cookie"].split(";")[0]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)


class Server:
    """
    One admin_server in a folder of its own. Everything it says on standard error is kept. Its deadlines are those of the daemon, which
    nobody here comes near to, but where it is they that are tested.
    """

    def __init__(self, address="127.0.0.1:0", cert=None, folder=None, deadlines=None):
        self.folder = folder or tempfile.mkdtemp(prefix="admin-", dir=ns.work_dir())
        self.cert = cert
        self.log = Lines()
        self.seen = []  # every byte that came back
        argv = [os.path.join(BUILD, "tests/admin/admin_server"), self.folder, address]
        self.popen = subprocess.Popen(argv + ([cert.file, cert.key] if cert else []), stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env={"UBSAN_OPTIONS": "halt_on_error=1", **os.environ,
                                           **({"STOX_TEST_DEADLINES": "%d %d" % deadlines} if deadlines else {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        line = self.popen.stdout.readline()
        assert line.startswith("ready "), "admin_server: " + "\n".join(self.wait_end())
        self.port = int(line.split()[1])
        self.host = address.rsplit(":", 1)[0]
        self.socket_path = os.path.join(self.folder, "admin.sock")

    def _read(self):
        for line in self.popen.stderr:
            self.log.add(line.rstrip("\n"))
        self.log.end()

    def wait_end(self):
        self.popen.wait(BOUND)
        self.reader.join(BOUND)
        return self.log.all

    def wait_log(self, word):
        line, _ = self.log.wait(lambda text: text if word in text else None, BOUND)
        assert line, "the log never said " + word
        return line

    def advance(self, seconds):
        self.tell("advance %d" % seconds)

    def tell(self, command):
        self.popen.stdin.write(command + "\n")
        self.popen.stdin.flush()
        assert self.popen.stdout.readline() == "done\n"

    def stop(self):
        """All that it has said is in log then."""
        self.popen.stdin.close()
        status = self.popen.wait(BOUND)
        self.reader.join(BOUND)
        assert status == 0, "\n".join(self.log.all)

    def connection(self, unix=False):
        if unix:
            return UnixConnection(self.socket_path)
        if not self.cert:
            return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        context = ssl.create_default_context(cafile=self.cert.file)
        context.check_hostname = False
        return http.client.HTTPSConnection(self.host, self.port, timeout=PATIENCE, context=context)

    def ask(self, method, path, body=None, headers=None, *, unix=False, token=None, raw=None, connection=None):
        """One request. body: what becomes JSON; raw: bytes as they are."""
        headers = dict(headers or {})
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            headers.setdefault("Content-Type", "application/json")
        if token:
            headers["Authorization"] = "Bearer " + token
        c = connection or self.connection(unix)
        try:
            c.request(method, path, data, headers)
            r = c.getresponse()
            endless = r.headers.get("Content-Type") == "text/event-stream"  # test_events.py reads those
            answer = Answer(r.status, r.headers, b"" if endless else r.read())
        finally:
            if not connection:
                c.close()
        self.seen.append(str(answer.headers).encode() + answer.raw)
        return answer

    def root(self, method, path, body=None, headers=None, **kwargs):
        """As root on the unix socket."""
        return self.ask(method, path, body, headers, unix=True, **kwargs)

    def raw(self, data, unix=False):
        """Bytes there, and all that comes back until the connection ends."""
        with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as s:
            s.settimeout(BOUND)
            s.connect(self.socket_path if unix else (self.host, self.port))
            s.sendall(data)
            return read_all(s)

    def token(self, name, role, **more):
        answer = self.root("POST", "/v1/tokens", {"name": name, "role": role, **more})
        assert answer.status == 201, answer.raw
        return answer.json["token"]

    def user(self, name, role="administrator", password=PASSWORD):
        answer = self.root("POST", "/v1/users", {"name": name, "role": role, "password": password})
        assert answer.status == 201, answer.raw

    def login(self, name, password=PASSWORD, headers=None):
        return self.ask("POST", "/v1/session", {"name": name, "password": password}, headers)


def read_all(s):
    out = b""
    while True:
        try:
            piece = s.recv(65536)
        except ConnectionResetError:
            return out
        if not piece:
            return out
        out += piece


class Session:
    """One who has logged in."""

    def __init__(self, server, name, password=PASSWORD):
        self.server = server
        answer = server.login(name, password)
        assert answer.status == 200, answer.raw
        self.cookie, self.csrf, self.answer = answer.cookie, answer.json["csrf"], answer

    def ask(self, method, path, body=None, headers=None):
        headers = {"Cookie": self.cookie, "X-Stox-CSRF": self.csrf, **(headers or {})}
        return self.server.ask(method, path, body, {k: v for k, v in headers.items() if v is not None})
