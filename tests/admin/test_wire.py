"""Bytes that want to be taken for something else, and clients that take their time."""
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from rig import ns
from rig.process import eventually
from support import BOUND, BRISK, BUILD, HASTY, Server, read_all

pytestmark = pytest.mark.apart

OK = b"GET /v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n"


def head(*lines, method=b"POST", target=b"/v1/partners"):
    return b"\r\n".join((method + b" " + target + b" HTTP/1.1", b"Host: localhost") + lines) + b"\r\n\r\n"


FRAMING = [
    (head(b"Content-Length: 3", b"Transfer-Encoding: chunked") + b"0\r\n\r\n" + OK, 411),
    (head(b"Transfer-Encoding: chunked", b"Content-Length: 3") + b"0\r\n\r\n" + OK, 411),
    (head(b"Transfer-Encoding: chunked") + b"0\r\n\r\n", 411),
    (head(b"Transfer-Encoding: identity", b"Content-Length: 3") + b"abc", 411),
    (head(b"Transfer-Encoding : chunked", b"Content-Length: 3") + b"abc", 400),
    (head(b"Transfer-Encoding:\x0bchunked", b"Content-Length: 3") + b"abc", 400),
    (head(b"Content-Length: 3", b"Content-Length: 5") + b"abcde", 400),
    (head(b"Content-Length: 3", b"Content-Length: 3") + b"abc", 400),
    (head(b"Content-Length: 3, 3") + b"abc", 400),
    (head(b"Content-Length: +3") + b"abc", 400),
    (head(b"Content-Length: -3") + b"abc", 400),
    (head(b"Content-Length: 0x3") + b"abc", 400),
    (head(b"Content-Length: 3 3") + b"abc", 400),
    (head(b"Content-Length:") + b"abc", 400),
    (head(b"Content-Length: 99999999999999999999999") + b"abc", 400),
    (head(b"Content-Length: 16777217"), 413),
    (head(b"Content-Length : 3") + b"abc", 400),
    (head(b"Content-Length: 3", b" 0") + b"abc", 400),
    (head(b"X-A: one", b" Content-Length: 50") + OK, 400),
    (head(b"X-A: one", b"\tContent-Length: 50") + OK, 400),
    (head(b"X-A: one\rContent-Length: 50") + OK, 400),
    (head(b"X-A: one\nContent-Length: 50") + OK, 400),
    (head(b"X-A: one\x00") + OK, 400),
    (head(b"no colon here"), 400),
    (head(b": no name"), 400),
    (head(b"Host: other"), 400),
    (b"GET /v1/session HTTP/1.1\nHost: localhost\n\n", 400),
    (b"GET /v1/session HTTP/1.1\r\n Host: localhost\r\n\r\n", 400),
    (b"\r\nGET /v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET  /v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /v1/session\tHTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /v1/session HTTP/2.0\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /v1/session\r\n\r\n", 400),
    (b"GET http://localhost/v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /v1/se\x00ssion HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /v1/s\xc3\xa9ssion HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\n\n", 400),
    (head(b"X-A: " + b"a" * 20000), 431),
    (b"GET /" + b"a" * 20000, 431)]


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
@pytest.mark.parametrize("data, status", FRAMING, ids=["%d-%d" % (i, f[1]) for i, f in enumerate(FRAMING)])
def test_framing_that_two_could_read_differently_ends_the_connection(shared, data, status, unix):
    answer = shared.raw(data, unix)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert len(re.findall(rb"HTTP/1\.1 \d", answer)) == 1  # nothing behind it was taken for a request
    assert b"Connection: close" in answer and b"application/problem+json" in answer
    body = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    assert body["status"] == status and body["detail"]


def test_two_requests_in_one_piece_are_two(shared):
    answer = shared.raw(OK + OK.replace(b"session HTTP", b"session HTTP", 1).replace(b"Host", b"Connection: close\r\nHost"),
                        unix=True)
    assert answer.count(b"HTTP/1.1 200 ") == 2


def test_a_body_is_a_body_and_no_request(shared):
    inner = b"DELETE /v1/partners/x.example HTTP/1.1\r\nHost: localhost\r\n\r\n"
    data = head(b"Content-Type: application/json", b"Content-Length: %d" % len(inner), b"Connection: close") + inner
    answer = shared.raw(data, unix=True)
    assert len(re.findall(rb"HTTP/1\.1 \d", answer)) == 1 and answer.startswith(b"HTTP/1.1 400 ")


def test_a_connection_serves_many_requests(shared):
    connection = shared.connection(unix=True)
    for i in range(50):
        assert shared.root("GET", "/v1/session", connection=connection).status == 200
        assert shared.root("GET", "/v1/nothing", connection=connection).status == 404
    connection.close()


def test_a_request_may_come_byte_by_byte(shared):
    body = b'{"name": "bytes.example"}'
    data = head(b"Content-Type: application/json", b"Content-Length: %d" % len(body), b"Connection: close") + body
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(BOUND)
        s.connect(shared.socket_path)
        for i in range(len(data)):
            s.sendall(data[i:i + 1])
        assert read_all(s).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize("data", [b"", b"GET /v1/ses", head(b"Content-Length: 100", b"Content-Type: application/json") + b"{"])
@pytest.mark.parametrize("unix", [False, True])
def test_who_says_nothing_is_cut(hasty, data, unix):
    with socket.socket(socket.AF_UNIX if unix else socket.AF_INET) as s:
        s.settimeout(BOUND)
        s.connect(hasty.socket_path if unix else (hasty.host, hasty.port))
        s.sendall(data)
        read_all(s)  # the end comes by itself, within the bound


def drip(s, piece):
    """Sends pieces as fast as the other side wants to be kept awake, until it has had enough."""
    s.settimeout(0.5)
    for _ in range(100):
        try:
            s.sendall(piece)
            if s.recv(65536) == b"":
                return
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            return
    raise AssertionError("it was never cut")


def test_who_drips_is_cut_all_the_same(hasty):
    for start, piece in ((b"GET /v1/session HTTP/1.1\r\nHost: localhost\r\n", b"X: y\r\n"),
                         (head(b"Content-Length: 10000", b"Content-Type: application/json"), b" ")):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(hasty.socket_path)
            s.sendall(start)
            drip(s, piece)


def test_who_reads_slowly_gets_all_of_it(server):
    """The last answer of a connection too: the two seconds of a close begin when nearly all is out."""
    server.root("POST", "/v1/changes", {"changes": [
        {"op": "new", "kind": "partner", "name": "p%04d.example" % i, "values": {"description": "x" * 900}}
        for i in range(1000)]})
    whole = len(server.root("GET", "/v1/partners?limit=1000").raw)
    with socket.socket(socket.AF_UNIX) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(BOUND)
        s.connect(server.socket_path)
        s.sendall(b"GET /v1/partners?limit=1000 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        out, pause = b"", threading.Event()
        while True:
            piece = s.recv(32768)
            if not piece:
                break
            out += piece
            pause.wait(0.08)  # a slow line: the pace is what is tested
    assert len(out.split(b"\r\n\r\n", 1)[1]) == whole


def test_who_does_not_read_is_cut(server):
    server.root("POST", "/v1/changes", {"changes": [
        {"op": "new", "kind": "partner", "name": "p%04d.example" % i, "values": {"description": "x" * 900}}
        for i in range(1000)]})
    request = b"GET /v1/partners?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    whole = 8 * len(server.root("GET", "/v1/partners?limit=1000").raw)
    token = server.token("t", "reader")
    server.stop()
    server.__init__(folder=server.folder, deadlines=BRISK)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(BOUND)
        s.connect(server.socket_path)
        s.sendall(request * 8)
        poll_until_closed(s)
        assert len(read_all(s)) < whole
    eventually(lambda: is_served(server, token), "others are served")


def poll_until_closed(s):
    import select
    p = select.poll()
    p.register(s, select.POLLRDHUP | select.POLLHUP)
    assert p.poll(2 * BOUND * 1000), "it was never cut"


def test_connections_are_limited_by_address_and_unix_goes_on(server):
    token = server.token("limits", "reader")
    held = []
    try:
        for _ in range(32):
            s = socket.create_connection((server.host, server.port), BOUND)
            held.append(s)
            s.sendall(b"GET /")
        for _ in range(3):  # rounds of the loop: it has read what they begin, so that none of them is idle
            assert server.root("GET", "/v1/session").status == 200
        extra = socket.create_connection((server.host, server.port), BOUND)
        held.append(extra)
        assert read_all(extra) == b""
        server.wait_log("too many connections from this address")
        assert server.root("GET", "/v1/session").status == 200
        for s in held[:32]:
            s.setblocking(False)
            with pytest.raises(BlockingIOError):  # it is still there
                s.recv(1)
    finally:
        for s in held:
            s.close()
    eventually(lambda: is_served(server, token), "the places are free again")


@pytest.mark.parametrize("target", [
    "/v1/partners/", "//v1/partners", "/v1//partners", "/v1/./partners", "/v1/../v1/partners", "/v1/%2e/partners",
    "/v1/%2E%2e/partners", "/v1/partners/..%2f..%2fusers", "/v1%2fpartners", "/v1/partners/%5c", "/v1/partners/a;b",
    "/v1/partners/a%3bb", "/v1/partners/%00", "/v1/partners/%0a", "/v1/partners/%", "/v1/partners/%2", "/v1/partners/%zz",
    "/v1/partners/%u002e", "/v1/partners/%c0%ae", "/v1/partners/%ff", "/v1/partners?%zz=1", "/v1/partners?=1",
    "/v1/partners?a=%00", "/v1/a/b/c/d/e/f/g", "/v1/partners/" + "a" * 4096, "/v1/partners/\\"])
def test_D16_paths_that_two_could_read_differently_are_refused(shared, target):
    answer = shared.root("GET", target)
    assert answer.status == 400 and answer.code == "bad-request", (target, answer.status, answer.raw)


@pytest.mark.parametrize("target", [
    "/panel", "/v1", "/V1/partners", "/v1/Partners", "/v1/partner", "/v1/accounts", "/v1/account", "/v1/partners/%252e%252e",
    "/v1/partners/x.example/y", "/v1/gateway/x", "/v1/boot", "/v1/sip-user", "/v2/partners", "/metrics/x", "/v1/metrics"])
def test_paths_that_are_none_are_not_found(shared, target):
    assert shared.root("GET", target).status == 404, target


def test_a_wrong_method_is_told_the_right_ones(shared):
    for method, path, allow in (("DELETE", "/v1/gateway", {"GET", "PATCH", "PUT"}), ("PUT", "/v1/partners", {"GET", "POST"}),
                                ("POST", "/v1/status", {"GET"}), ("OPTIONS", "/v1/partners/a", {"GET", "PATCH", "PUT", "DELETE"})):
        answer = shared.root(method, path)
        assert answer.status == 405 and answer.code == "method"
        assert set(answer.headers["Allow"].split(", ")) == allow


def test_head_is_get_without_the_body(shared):
    answer = shared.root("HEAD", "/v1/gateway")
    assert answer.status == 200 and answer.raw == b"" and int(answer.headers["Content-Length"]) > 100


@pytest.mark.parametrize("raw", [
    b"", b"{", b"[]", b"5", b'"x"', b"null", b"{}{}", b'{"name": "a.example", "name": "b.example"}', b"\xff\xfe{}",
    b'{"name": "\xff"}', b'{"name": "a\\u0000.example"}', b'{"name": "\\ud800"}', b"[" * 60000, b'{"a":' * 10000, b"\0"])
def test_bodies_that_are_no_json_object_are_refused(shared, raw):
    answer = shared.root("POST", "/v1/partners", raw=raw)
    assert answer.status == 400 and answer.code == "bad-request", (raw[:20], answer.raw)


def test_bodies_have_limits_and_a_type(shared):
    big = b'{"name": "' + b"a" * (64 << 10) + b'"}'
    assert shared.root("POST", "/v1/partners", raw=big).status == 413
    assert shared.root("POST", "/v1/changes", raw=big).status == 422
    assert shared.ask("POST", "/v1/session", raw=b" " * 5000).status == 413
    assert shared.root("DELETE", "/v1/partners/x.example", raw=b"{}").status == 413
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx"):
        assert shared.root("POST", "/v1/partners", raw=b"{}", headers={"Content-Type": kind}).status == 415, kind
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"):
        assert shared.root("POST", "/v1/partners", raw=b"{}", headers={"Content-Type": kind}).status == 422, kind


def test_a_body_that_would_take_gigabytes_is_refused(server):
    many = b'{"changes":[' + b"{}," * ((16 << 20) // 3 - 10) + b"{}]}"
    assert server.root("POST", "/v1/changes", raw=many).status == 503
    assert server.root("POST", "/v1/changes", {"changes": []}).status == 200


def test_every_answer_has_its_guards(shared):
    answers = [shared.root("GET", "/v1/gateway"), shared.root("GET", "/nothing"), shared.ask("GET", "/v1/gateway"),
               shared.root("GET", "/metrics"), shared.root("PUT", "/v1/status"), shared.root("POST", "/v1/partners", {})]
    for answer in answers:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["Content-Type"].startswith("application/") and "Server" not in answer.headers


HOSTILE = ["<script>alert(1)</script>", "' OR 1=1; DROP TABLE objects; --", "${jndi:ldap://x}", "=cmd|' /C calc'!A0",
           "\u202egnp.exe", "a" * 900, "\\\"\\u0000", "%s%n%x", "\U0001f4a9" * 200]


def test_E7_hostile_text_is_text(shared):
    shared.root("POST", "/v1/partners", {"name": "hostile.example"})
    for text in HOSTILE:
        done = shared.root("PATCH", "/v1/partners/hostile.example", {"description": text})
        if done.status == 200:
            assert shared.root("GET", "/v1/partners/hostile.example").json["description"] == text
        else:
            assert done.status == 422 and done.json["setting"] == "description"
        assert shared.root("POST", "/v1/partners", {"name": text}).status == 422
    assert shared.root("POST", "/v1/partners", {"name": "behind.example"}).status == 201
    shared.wait_log("behind.example")  # and so all before it
    assert not [line for line in shared.log.all if re.search(r"[\x00-\x08\x0b-\x1f]", line)]


def test_tls_only_and_only_modern(tls_server):
    address = (tls_server.host, tls_server.port)
    with socket.create_connection(address, BOUND) as s:
        s.sendall(OK)
        assert not read_all(s).startswith(b"HTTP")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=tls_server.cert.file)
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(address, BOUND) as s:
            with context.wrap_socket(s, server_hostname="admin.contoso.example") as t:
                t.sendall(OK)
                assert t.recv(100).startswith(b"HTTP/1.1 401 ")


def test_tls_carries_large_bodies_both_ways(tls_server):
    token = tls_server.token("boss", "administrator")
    partners = [{"op": "new", "kind": "partner", "name": "p%05d.example" % i, "values": {"description": "x" * 800}}
                for i in range(3000)]
    done = tls_server.ask("POST", "/v1/changes", {"changes": partners}, token=token)
    assert done.status == 200 and len(done.json["results"]) == 3000 and len(done.raw) > 3000 * 800
    assert len(tls_server.ask("GET", "/v1/partners?limit=1000", token=token).json["items"]) == 1000


def test_a_renewed_certificate_is_shown_to_new_connections(tls_server, authority):
    def shown():
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection((tls_server.host, tls_server.port), BOUND) as s:
            with context.wrap_socket(s, server_hostname="admin.contoso.example") as t:
                return t.getpeercert(True)

    before = shown()
    token = tls_server.token("t", "reader")
    other = authority.issue("other.contoso.example", by=None)
    connection = tls_server.connection()
    assert tls_server.ask("GET", "/v1/session", token=token, connection=connection).status == 200
    for old, new in ((tls_server.cert.file, other.file), (tls_server.cert.key, other.key)):
        shutil.copy(new, old)
    assert shown() == before
    tls_server.tell("renew")
    assert shown() != before
    assert tls_server.ask("GET", "/v1/session", token=token, connection=connection).status == 200
    connection.close()
    with open(tls_server.cert.key, "w") as f:
        f.write("nothing of use")
    now = shown()
    tls_server.tell("renew")
    tls_server.wait_log("renew-failed")
    assert shown() == now


def test_connections_are_limited_in_all_and_unix_goes_on(tls_server):
    held = []
    try:
        for i in range(64):
            s = socket.create_connection((tls_server.host, tls_server.port), BOUND, ("10.99.1.%d" % (i // 13 + 1), 0))
            held.append(s)
        extra = socket.create_connection((tls_server.host, tls_server.port), BOUND, ("10.99.1.99", 0))
        held.append(extra)
        assert read_all(extra) == b""
        tls_server.wait_log("admin-connection-refused")
        assert tls_server.root("GET", "/v1/session").status == 200
    finally:
        for s in held:
            s.close()


def is_served(server, token):
    """Somebody new, over a connection of their own."""
    connection = server.connection()
    try:
        return server.ask("GET", "/v1/session", token=token, connection=connection).status == 200
    except (ConnectionError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def test_who_waits_for_nothing_makes_room_for_who_asks(server):
    """Six browsers behind one address: each keeps the connections that it does not need at the moment."""
    token = server.token("t", "reader")
    held = [server.connection() for _ in range(32)]
    try:
        for connection in held:
            assert server.ask("GET", "/v1/session", token=token, connection=connection).status == 200
        eventually(lambda: is_served(server, token), "a place is free")
        assert read_all(held[0].sock) == b""  # the one that had been idle longest
        assert server.ask("GET", "/v1/session", token=token, connection=held[-1]).status == 200
    finally:
        for connection in held:
            connection.close()


def test_an_unfinished_handshake_is_cut(authority):
    hasty = Server("10.99.0.1:0", authority.issue("admin.contoso.example", by=None), deadlines=HASTY)
    with socket.create_connection((hasty.host, hasty.port), BOUND) as s:
        s.sendall(b"\x16\x03\x01\x02\x00\x01")
        read_all(s)  # the end comes by itself, within the bound
    hasty.stop()


@pytest.mark.parametrize("address, said", [("10.99.0.1:0", "without TLS"), ("0.0.0.0:0", "without TLS"), ("[::]:0", "without TLS")])
def test_an_open_address_without_tls_is_refused_at_the_start(tmp_path, address, said):
    done = subprocess.run([os.path.join(BUILD, "tests/admin/admin_server"), str(tmp_path), address], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 1 and said in done.stderr and "admin-certificate" in done.stderr


def test_a_socket_in_use_is_refused_and_a_left_one_replaced(server, tmp_path):
    argv = [os.path.join(BUILD, "tests/admin/admin_server"), server.folder, "127.0.0.1:0"]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=30)
    assert done.returncode == 1 and "is in use" in done.stderr
    assert server.root("GET", "/v1/session").status == 200
    server.popen.kill()
    server.wait_end()
    assert os.path.exists(server.socket_path)
    server.__init__(folder=server.folder)
    assert server.root("GET", "/v1/session").status == 200
    assert ns.inside()
