"""
An ACME authority whose every answer the test decides. Without changes it takes any account and order, finds every name proved,
and gives out certificates that the rig's authority signs.

    ca = start(AcmeServer(rig))
    ca.answers["/order"] = problem(429, "rateLimited", "too many", {"Retry-After": "3600"})
"""
import base64
import http.server
import json
import ssl
import subprocess
import threading

from . import dns

ADDRESS = (dns.AUTHORITY, 14001)
URL = "https://%s:%d" % (dns.AUTHORITY_NAME, ADDRESS[1])


def answer(status, body=b"", headers=()):
    """A fixed answer, as a function of what was asked."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda asked: (status, dict(headers), data)


def problem(status, kind, detail, headers=()):
    return answer(status, {"type": "urn:ietf:params:acme:error:" + kind, "detail": detail}, headers)


def _unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Asked:
    """A request: its path, and of what is signed the header and the payload."""

    def __init__(self, path, body):
        self.path = path
        jws = json.loads(body) if body else {}
        self.head = json.loads(_unbase64(jws["protected"])) if jws else {}
        self.payload = json.loads(_unbase64(jws["payload"])) if jws.get("payload") else None


class AcmeServer:
    """
    answers: {path: a function of Asked that gives (status, headers, body)}, before what it would answer itself. seen: Asked.
    days: from when to when its certificates are good.
    """

    def __init__(self, rig):
        self.rig, self.name, self.directory = rig, "acme", URL + "/dir"
        self.cert = rig.pki.issue("acme-server", [dns.AUTHORITY_NAME])
        self.answers, self.seen, self.names, self.chain, self._n = {}, [], [], None, 0
        self.days = (-1, 89)

    def start(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert.file, self.cert.key)
        self._http = http.server.ThreadingHTTPServer(ADDRESS, self._handler())
        self._http.daemon_threads = True
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._http.serve_forever, daemon=True, name="acme").start()
        return self

    def stop(self):
        self._http.shutdown()
        self._http.server_close()

    def reset(self):
        self.answers, self.seen, self.names, self.chain = {}, [], [], None

    def asked(self, path):
        return [a for a in self.seen if a.path == path]

    # ---- what it says by itself ----

    def _order(self, asked=None):
        if asked and asked.path == "/order":
            self.names, self.chain = [i["value"] for i in asked.payload["identifiers"]], None
        v = {"status": "valid" if self.chain else "ready", "finalize": URL + "/finalize", "authorizations": [URL + "/name"]}
        if self.chain:
            v["certificate"] = URL + "/cert"
        return 201, {"Location": URL + "/order/1"}, json.dumps(v).encode()

    def name_of(self, status, kind="http-01", **more):
        """An authorization of the first name, with one challenge."""
        return answer(200, {"status": status, "identifier": {"type": "dns", "value": self.names[0] if self.names else "?"},
                            "challenges": [{"type": kind, "status": status, "url": URL + "/proof", "token": "abc", **more}]})

    def _finalize(self, asked):
        self._n += 1
        csr = subprocess.run(["openssl", "req", "-inform", "DER", "-outform", "PEM"], input=_unbase64(asked.payload["csr"]),
                             check=True, capture_output=True).stdout.decode()
        self.chain = self.rig.pki.sign("acme-%d" % self._n, csr, days=self.days, subject="/CN=" + self.names[0])
        return self._order()

    def _answer(self, asked):
        made = self.answers.get(asked.path)
        if made:
            return made(asked)
        if asked.path == "/dir":
            return answer(200, {"newNonce": URL + "/nonce", "newAccount": URL + "/account", "newOrder": URL + "/order"})(asked)
        if asked.path == "/account":
            return 201, {"Location": URL + "/account/1"}, b"{}"
        if asked.path in ("/order", "/order/1"):
            return self._order(asked)
        if asked.path == "/name":
            return self.name_of("valid")(asked)
        if asked.path == "/finalize":
            return self._finalize(asked)
        if asked.path == "/cert":
            return 200, {}, self.chain.encode()
        return 200, {}, b"{}"

    def _handler(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def _say(self, body=b""):
                asked = Asked(self.path, body)
                server.seen.append(asked)
                status, headers, data = server._answer(asked)
                self.send_response(status)
                for name, value in {"Replay-Nonce": "nonce%d" % len(server.seen), **headers}.items():
                    if value is not None:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            def do_GET(self):
                self._say()

            do_HEAD = do_GET

            def do_POST(self):
                self._say(self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        return Handler
