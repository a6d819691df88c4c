"""Who may do what: every route of the description, for everybody who may ask."""
import os
import subprocess
import sys

import pytest

from support import PASSWORD, Session

ORDER = ["reader", "helpdesk", "administrator"]
NAMES = {"partners": "p.example", "domains": "d.example", "routes": "r", "policies": "global", "sites": "s",
         "sip-users": "u@d.example", "blocks": "b@d.example", "users": "victim", "tokens": "spare", "streams": "7",
         "test": "1", "conversations": "00000000000000a1", "traces": "5", "message-tests": "1", "presence-tests": "1", "checks": "1",
         "certificates": "nobody", "sessions": "999", "proxies": "edge"}


def routes(server):
    """(method, path with real names, role or None for everybody) of the API's own description."""
    for path, item in server.root("GET", "/v1/openapi.json").json["paths"].items():
        for method, operation in item.items():
            parts = path.split("/")
            parts = [NAMES[parts[i - 1]] if part in ("{name}", "{id}") else part for i, part in enumerate(parts)]
            yield method.upper(), "/".join(parts), operation.get("x-role")


def body_for(method):
    return {} if method in ("POST", "PATCH", "PUT") else None


def allowed(answer):
    """Past authentication and role, whatever the handler then said of an empty body."""
    return answer.status not in (401, 403) or "old password" in answer.raw.decode() or \
        "logged in with a password" in answer.raw.decode()


def test_D16_every_route_asks_for_its_role(server):
    tokens = {role: server.token(role, role) for role in ORDER}
    expired = server.token("old", "administrator", expires=5)
    server.advance(10)
    table = list(routes(server))
    assert len(table) > 50
    for method, path, role in table:
        if role is None:
            assert path in ("/v1/session", "/v1/setup") and method == "POST"
            continue
        for i, who in enumerate(ORDER):
            answer = server.ask(method, path + "?dry-run=1" if "dry" in path else path, body_for(method),
                                token=tokens[who])
            may = i >= ORDER.index(role)
            assert allowed(answer) == may, (method, path, role, who, answer.status, answer.raw)
            if not may:
                assert answer.status == 403 and answer.code == "forbidden"
        for bad in (None, "stox_" + "A" * 43, expired, tokens["administrator"][:-1], tokens["administrator"] + "A", "x"):
            answer = server.ask(method, path, body_for(method), token=bad)
            assert answer.status == 401 and answer.code == "unauthenticated", (method, path, bad)


def test_the_roles_are_those_of_the_contract(shared):
    table = {(m, p): r for m, p, r in routes(shared)}
    for (method, path), role in table.items():
        if role is None:
            continue
        if path.startswith(("/v1/users", "/v1/tokens", "/v1/message-tests")):
            assert role == "administrator", path
        elif path == "/v1/audit" or (method == "DELETE" and path.startswith("/v1/streams/")) or \
                (method == "POST" and path.endswith("/test")) or (method == "GET" and path.startswith("/v1/contact")) or \
                    path.startswith("/v1/subscription") or \
                path.startswith(("/v1/presence-tests", "/v1/conversations", "/v1/queue", "/v1/traces", "/v1/checks")):
            assert role == "helpdesk", path
        elif method == "GET" or path.startswith("/v1/session"):
            assert role == "reader", path
        else:
            assert role == "administrator", path


def without_date(data):
    return b"\r\n".join(line for line in data.split(b"\r\n") if not line.startswith(b"Date:"))


def test_D16_nobody_learns_nothing(shared):
    """Existing or not, right method or not, sane or not: the same bytes, but for the panel's files (tests/panel/test_files.py)."""
    answers = set()
    for target in ("/panel", "/panel/", "/panel/app", "/panel/none.js", "/v1", "/v1/status", "/v1/partners", "/v1/partners/x.example", "/v1/users/root", "/nothing",
                   "/v1/openapi.json", "/metrics", "/v1/../v1/status", "/v1/%2e%2e/status", "//v1/status", "/v1/%zz",
                   "/v1/status;x", "/v1/status?bad=1", "/v1/session", "/v1/session/password", "/%00", "/" + "a" * 5000):
        for method in ("GET", "DELETE", "PATCH", "OPTIONS", "PUT", "FOO"):
            head = "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n" % (method, target)
            answers.add(without_date(shared.raw(head.encode())))
        if target not in ("/v1/session",):
            body = "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Type: x/y\r\n\r\n{}x" % target
            answers.add(without_date(shared.raw(body.encode())))
    head = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n"
    for line in (b"Authorization: Bearer nonsense", b"Authorization: Basic cm9vdDpyb290", b"Authorization: Bearer",
                 b"Cookie: stox=nonsense", b"Cookie: __Host-stox=" + b"A" * 43, b"Authorization: " + b"x" * 5000):
        answers.add(without_date(shared.raw(head % line)))
    assert len(answers) == 1, answers
    assert answers.pop().startswith(b"HTTP/1.1 401 ")


def test_a_wrong_password_is_answered_as_nobody(server):
    server.user("anna")
    wrong = server.ask("POST", "/v1/session", {"name": "anna", "password": "x" * 12})
    unknown = server.ask("POST", "/v1/session", {"name": "nobody", "password": "x" * 12})
    nothing = server.ask("GET", "/nothing")
    for answer in (wrong, unknown):
        assert (answer.status, answer.raw) == (nothing.status, nothing.raw)
        assert sorted(answer.headers.keys()) == sorted(nothing.headers.keys())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_unix_socket_knows_its_peer(server):
    os.chmod(server.folder, 0o755)
    assert os.stat(server.socket_path).st_mode & 0o777 == 0o600
    os.chmod(server.socket_path, 0o666)
    token = server.token("boss", "administrator")
    script = ("import os, socket, sys\nos.setgid(65534); os.setuid(65534)\ns = socket.socket(socket.AF_UNIX)\n"
              "s.settimeout(20)\ns.connect(sys.argv[1])\n"
              "s.sendall(b'GET /v1/status HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer %s\\r\\n\\r\\n' % sys.argv[2].encode())\n"
              "sys.stdout.write(s.recv(65536).decode())\n")
    done = subprocess.run([sys.executable, "-c", script, server.socket_path, token], stdout=subprocess.PIPE, text=True,
                          timeout=30)
    assert done.stdout.startswith("HTTP/1.1 401 ")
    assert server.root("GET", "/v1/session").json == {"name": "unix:root", "role": "administrator"}


def test_D16_changes_of_a_session_need_its_secret_and_origin(server):
    server.user("anna")
    anna = Session(server, "anna")
    assert anna.ask("GET", "/v1/partners", headers={"X-Stox-CSRF": None}).status == 200
    table = [(m, p) for m, p, role in routes(server) if role and m != "GET"]
    for method, path in table:
        for headers in ({"X-Stox-CSRF": None}, {"X-Stox-CSRF": "A" * 43}, {"X-Stox-CSRF": ""},
                        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://localhost"}):
            answer = anna.ask(method, path, body_for(method), headers)
            assert answer.status == 403 and answer.code == "forbidden", (method, path, headers)
    here = {"Origin": "http://127.0.0.1:%d" % server.port, "Sec-Fetch-Site": "same-origin"}
    assert anna.ask("POST", "/v1/partners", {"name": "a.example"}, here).status == 201
    assert server.root("GET", "/v1/audit?limit=1").json["items"][0]["who"] == "user:anna"
    for path in ("/v1/session", "/v1/setup"):  # nobody is logged in by another page
        assert server.ask("POST", path, {}, {"Origin": "http://evil.example"}).status == 403


def test_a_host_that_is_not_ours_is_misdirected(server):
    token = server.token("t", "reader")
    for host in ("localhost", "localhost:1", "127.0.0.1", "[::1]:5", "admin.contoso.example", "ADMIN.contoso.example:8443",
                 "203.0.113.9"):
        assert server.ask("GET", "/v1/status", headers={"Host": host}, token=token).status == 200, host
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "admin.contoso.example.evil.example",
                 "", "[::1", "1.2.3"):
        assert server.ask("GET", "/v1/status", headers={"Host": host}, token=token).status == 421, host


def test_logging_in_is_throttled_by_account_and_address(server):
    server.user("anna")
    server.user("bert")
    for _ in range(5):
        assert server.login("anna", "wrong wrong wrong").status == 401
    late = server.login("anna")
    assert late.status == 429 and late.code == "too-many" and 0 < int(late.headers["Retry-After"]) <= 60
    assert server.login("bert").status == 429  # the address
    server.advance(61)
    assert server.login("bert").status == 200
    for _ in range(8):
        assert server.login("anna").status == 200  # right ones do not count
    server.wait_log("admin-login-throttled")


def test_a_session_ends_by_idleness_by_age_and_by_logging_out(server):
    server.user("anna")
    anna = Session(server, "anna")
    assert anna.answer.json["role"] == "administrator" and 1790 < anna.answer.json["expires"] <= 1800
    cookie = anna.answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    server.advance(29 * 60)
    assert anna.ask("GET", "/v1/session").json["name"] == "anna"
    server.advance(31 * 60)
    assert anna.ask("GET", "/v1/session").status == 401
    old = Session(server, "anna")
    for _ in range(25):
        server.advance(29 * 60)
        last = old.ask("GET", "/v1/session").status
    assert last == 401  # 12 h are over
    one, two = Session(server, "anna"), Session(server, "anna")
    assert one.cookie != two.cookie and one.csrf != two.csrf
    gone = one.ask("DELETE", "/v1/session")
    assert gone.status == 204 and "Max-Age=0" in gone.headers["Set-Cookie"]
    assert one.ask("GET", "/v1/session").status == 401
    assert two.ask("GET", "/v1/session").status == 200


def test_logging_in_again_makes_a_new_session_of_the_old(server):
    server.user("anna")
    first = Session(server, "anna")
    again = server.login("anna", headers={"Cookie": first.cookie})
    assert again.status == 200 and again.cookie != first.cookie
    assert first.ask("GET", "/v1/session").status == 401


def test_a_password_is_changed_and_other_sessions_end(server):
    server.user("anna")
    here, there = Session(server, "anna"), Session(server, "anna")
    ask = here.ask
    assert ask("POST", "/v1/session/password", {"old": "wrong wrong wrong", "new": "another long one"}).status == 403
    assert ask("POST", "/v1/session/password", {"old": PASSWORD, "new": "short"}).status == 422
    before, changed = here.cookie, ask("POST", "/v1/session/password", {"old": PASSWORD, "new": "another long one"})
    assert changed.status == 200 and changed.cookie != before and changed.json["csrf"] != here.csrf
    assert ask("GET", "/v1/session").status == 401  # whoever has the old cookie
    here.cookie, here.csrf = changed.cookie, changed.json["csrf"]
    assert ask("GET", "/v1/session").status == 200
    assert ask("DELETE", "/v1/sessions/999").status == 404
    assert there.ask("GET", "/v1/session").status == 401
    assert server.login("anna").status == 401
    assert server.login("anna", "another long one").status == 200
    assert server.root("PATCH", "/v1/users/anna", {"password": "set by root once"}).status == 200
    assert ask("GET", "/v1/session").status == 401


def test_a_role_counts_at_once(server):
    server.user("boss")
    server.user("anna")
    anna = Session(server, "anna")
    assert anna.ask("GET", "/v1/users").status == 200
    server.root("PATCH", "/v1/users/anna", {"role": "reader"})
    assert anna.ask("GET", "/v1/users").status == 403
    server.root("DELETE", "/v1/users/anna")
    assert anna.ask("GET", "/v1/session").status == 401


def test_the_last_administrator_stays(server):
    server.user("anna")
    server.user("eve", "reader")
    for name in ("anna", "%61nna"):
        assert server.root("DELETE", "/v1/users/" + name).status == 409
        assert server.root("PATCH", "/v1/users/" + name, {"role": "helpdesk"}).status == 409
    assert server.root("PATCH", "/v1/users/anna", {"role": None}).status in (409, 422)
    assert server.root("PATCH", "/v1/users/anna", {"description": "x"}).status == 200
    server.user("bert")
    assert server.root("DELETE", "/v1/users/anna").status == 200
    assert server.root("DELETE", "/v1/users/bert").status == 409
    assert server.root("DELETE", "/v1/users/eve").status == 200


def test_a_locked_account_is_nobody_until_it_is_unlocked(server):
    server.user("boss")
    server.user("anna")
    anna = Session(server, "anna")
    assert server.root("PATCH", "/v1/users/anna", {"locked": True}).json["item"]["locked"] is True
    assert anna.ask("GET", "/v1/session").status == 401
    answer = server.login("anna")
    assert answer.status == 403 and "locked" in answer.json["detail"]
    assert server.login("anna", "wrong wrong wrong").status == 401  # who does not know the password learns nothing
    assert server.root("PATCH", "/v1/users/boss", {"locked": True}).status == 409
    assert server.root("PATCH", "/v1/users/boss", {"locked": False}).status == 200
    assert server.root("DELETE", "/v1/users/boss").status == 409
    assert server.root("PATCH", "/v1/users/anna", {"locked": None}).status == 200
    assert server.login("anna").status == 200
    assert anna.ask("GET", "/v1/session").status == 401  # what has ended stays so


def test_administrators_and_tokens_are_looked_through(server):
    for name, role in (("anna", "administrator"), ("bert", "reader"), ("berta", "helpdesk")):
        server.user(name, role)
    server.token("ci", "reader")
    Session(server, "anna")
    for _ in range(6):
        server.login("bert", "wrong wrong wrong")
    found = server.root("GET", "/v1/users?search=BERT&sort=-role&state=any&limit=1").json
    assert found["total"] == 2 and [u["name"] for u in found["items"]] == ["bert"]
    assert found["items"][0]["state"]["sessions"] == 0 and 0 < found["items"][0]["state"]["waits-s"] <= 60
    state = {u["name"]: u["state"] for u in server.root("GET", "/v1/users?state=any").json["items"]}
    assert state["anna"] == {"sessions": 1, "waits-s": 0}
    one = server.root("GET", "/v1/users/anna")
    assert one.json["role"] == "administrator" and one.headers["ETag"] and "password" not in one.json
    assert server.root("GET", "/v1/users/nobody").status == 404
    assert server.root("GET", "/v1/users?search=scrypt").json["total"] == 0
    assert server.root("GET", "/v1/tokens?search=c&sort=role&offset=0").json["total"] == 1
    assert server.root("GET", "/v1/users?sort=password").status == server.root("GET", "/v1/tokens?sort=hash").status == 400
    assert server.root("GET", "/v1/users?state=failing").status == server.root("GET", "/v1/tokens?state=any").status == 400


@pytest.mark.parametrize("body", [
    {"name": "a"}, {"name": "a", "password": "short"}, {"name": "a", "password": "x" * 257},
    {"name": "a", "password": 5}, {"name": "a", "password": "tab\tin the password"},
    {"name": "a", "password": PASSWORD, "role": "god"}, {"name": "a b", "password": PASSWORD},
    {"name": "", "password": PASSWORD}, {"name": "a", "password": PASSWORD, "hash": "x"}, {"password": PASSWORD}])
def test_an_account_that_is_none_is_refused(shared, body):
    answer = shared.root("POST", "/v1/users", body)
    assert answer.status == 422 and answer.code == "invalid", answer.raw
    assert PASSWORD.encode() not in answer.raw


@pytest.mark.parametrize("body", [
    {}, {"name": "a", "expires": 0}, {"name": "a", "expires": -5}, {"name": "a", "expires": "1"},
    {"name": "a", "expires": 10 ** 15}, {"name": "a", "role": "god"}, {"name": "a", "hash": "00"}])
def test_a_token_that_is_none_is_refused(shared, body):
    assert shared.root("POST", "/v1/tokens", body).status == 422


def test_a_token_is_shown_once_and_ends(server):
    dry = server.root("POST", "/v1/tokens?dry-run=1", {"name": "dry"})
    assert dry.status == 201 and "token" not in dry.json
    made = server.root("POST", "/v1/tokens", {"name": "ci", "role": "reader", "description": "d"})
    token = made.json["token"]
    assert token.startswith("stox_") and len(token) == 48
    assert server.ask("GET", "/v1/session", token=token).json == {"name": "ci", "role": "reader"}
    listed = server.root("GET", "/v1/tokens")
    assert token not in listed.raw.decode() and "hash" not in listed.json["items"][0]
    short = server.token("short", "reader", expires=100)
    assert server.ask("GET", "/v1/session", token=short).status == 200
    server.advance(101)
    assert server.ask("GET", "/v1/session", token=short).status == 401
    assert server.root("DELETE", "/v1/tokens/ci").status == 200
    assert server.ask("GET", "/v1/session", token=token).status == 401


def test_the_setup_token_makes_one_administrator_once(server):
    token = server.wait_log("admin-setup").split("token=")[1].split()[0]
    body = {"token": token, "name": "first", "password": PASSWORD}
    assert server.ask("POST", "/v1/setup", {**body, "token": "A" * 43}).status == 401
    assert server.ask("POST", "/v1/setup", {**body, "password": "short"}).status == 422
    assert server.ask("POST", "/v1/setup", {**body, "role": "reader"}).status == 422
    made = server.ask("POST", "/v1/setup", body)
    assert made.status == 201 and made.json["item"]["role"] == "administrator", made.raw
    assert server.ask("POST", "/v1/setup", {**body, "name": "second"}).status == 401
    assert Session(server, "first").ask("GET", "/v1/users").json["items"][0]["name"] == "first"
    assert server.root("GET", "/v1/audit?kind=account").json["items"][0]["who"] == "setup"
    server.stop()
    assert len([line for line in server.log.all if token in line]) == 1
    server.__init__(folder=server.folder)
    server.stop()
    assert server.log.all and not [line for line in server.log.all if "admin-setup" in line]


def test_setup_is_over_when_root_has_made_an_account(server):
    token = server.wait_log("admin-setup").split("token=")[1].split()[0]
    server.user("anna")
    assert server.ask("POST", "/v1/setup", {"token": token, "name": "eve", "password": PASSWORD}).status == 401


def test_under_tls_the_cookie_is_ours_alone(tls_server):
    tls_server.user("anna")
    anna = Session(tls_server, "anna")
    cookie = anna.answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-stox=") and "; Secure" in cookie and "Domain" not in cookie
    origin = {"Origin": "https://10.99.0.1:%d" % tls_server.port}
    assert anna.ask("POST", "/v1/partners", {"name": "a.example"}, origin).status == 201
    assert anna.ask("POST", "/v1/partners", {"name": "b.example"}, {"Origin": origin["Origin"].replace("https", "http")}
                    ).status == 403
    assert tls_server.root("GET", "/v1/audit?limit=1").json["items"][0]["from"] == "10.99.0.1"


def test_D16_secrets_never_come_back(server):
    """Passwords, tokens, hashes and settings marked secret: in no answer, no log line, no audit row."""
    canaries = ["canary-dialback-0123456789", "canary-password-one", "canary-password-two", "canary-wrong-password"]
    assert server.root("PATCH", "/v1/gateway", {"dialback-passphrase": canaries[0]}).status == 200
    assert server.root("GET", "/v1/gateway").json["dialback-passphrase"] == "***"
    kept = server.root("PATCH", "/v1/gateway", {"dialback-passphrase": "***", "hold-time": 20})
    assert kept.status == 200
    server.root("POST", "/v1/users", {"name": "anna", "role": "administrator", "password": canaries[1]})
    server.root("POST", "/v1/users", {"name": "anna", "role": "administrator", "password": canaries[1]})
    server.root("PATCH", "/v1/users/anna", {"password": canaries[1], "role": "nonsense"})
    anna = Session(server, "anna", canaries[1])
    anna.ask("POST", "/v1/session/password", {"old": canaries[1], "new": canaries[2]})
    server.login("anna", canaries[3])
    server.ask("POST", "/v1/session", raw=b'{"name": "anna", "password": "canary-wrong-password}')
    server.root("POST", "/v1/changes", {"changes": [{"op": "set", "kind": "gateway", "values": {
        "dialback-passphrase": canaries[0] + "x"}}, {"op": "set", "kind": "gateway", "values": {"hold-time": "bad"}}]})
    token = server.token("ci", "reader")
    first = [i for i, data in enumerate(server.seen) if token.encode() in data]
    for path in ("/v1/users", "/v1/tokens", "/v1/gateway", "/v1/audit?limit=1000", "/v1/openapi.json"):
        server.root("GET", path)
    assert [i for i, data in enumerate(server.seen) if token.encode() in data] == first  # where it was made
    server.stop()
    cookie = anna.cookie.split("=")[1]
    texts = [d.decode() for d in server.seen if b"Set-Cookie" not in d] + server.log.all
    for text in texts:
        for canary in canaries + ["scrypt$", cookie]:
            assert canary not in text, (canary, text)
    assert not any(token in line for line in server.log.all)


def test_sessions_are_seen_and_ended_by_their_owner_and_by_administrators(server):
    server.user("anna")
    server.user("rita", "reader")
    anna, rita = Session(server, "anna"), Session(server, "rita")
    second = server.login("rita", headers={"User-Agent": "Browser \"x\" <b>\t\xff" + "y" * 500})
    assert second.status == 200
    mine = sorted(rita.ask("GET", "/v1/sessions").json["items"], key=lambda s: s["id"])
    assert [(s["name"], s["from"], s["own"]) for s in mine] == [("rita", "127.0.0.1", True), ("rita", "127.0.0.1", False)]
    assert mine[1]["agent"].startswith("Browser") and len(mine[1]["agent"]) <= 160
    every = anna.ask("GET", "/v1/sessions").json["items"]
    assert sorted(s["name"] for s in every) == ["anna", "rita", "rita"]
    hers = next(s["id"] for s in every if s["name"] == "anna")
    for number in (hers, 999, "x", 2 ** 70):
        assert rita.ask("DELETE", "/v1/sessions/%s" % number).status == 404
    assert rita.ask("DELETE", "/v1/sessions/%d" % mine[1]["id"]).status == 200
    assert server.ask("GET", "/v1/session", headers={"Cookie": second.cookie}).status == 401
    assert anna.ask("DELETE", "/v1/sessions/%d" % mine[0]["id"]).status == 200
    assert rita.ask("GET", "/v1/session").status == 401
    assert server.root("GET", "/v1/sessions").json["items"][0]["own"] is False


def test_what_a_page_asks_by_itself_keeps_nobody_signed_in(server):
    server.user("anna")
    anna = Session(server, "anna")
    for _ in range(2):
        server.advance(14 * 60)
        assert anna.ask("GET", "/v1/partners", headers={"X-Stox-Quiet": "1"}).status == 200
    assert anna.ask("GET", "/v1/sessions", headers={"X-Stox-Quiet": "1"}).json["items"][0]["idle-s"] >= 28 * 60
    server.advance(3 * 60)
    assert anna.ask("GET", "/v1/partners", headers={"X-Stox-Quiet": "1"}).status == 401
