"""
From the first start on: the token of the log, the first administrator over TLS, roles by tokens, and an audit of it all that
shows no secret.
"""
import contextlib
import http.client
import json
import sqlite3
import ssl

import pytest

from rig import dns
from talk import GATEWAY

HOST, PORT = "gw.contoso.example", 8443
PASSWORD, PASSPHRASE = "correct horse battery", "sesame of the dialback keys"
NOT_ALLOWED = 4  # stoxctl's exit status


class Https:
    """stoxctl and plain requests over TLS, with the rig's authority."""

    def __init__(self, rig, gateway):
        self.rig, self.gateway = rig, gateway

    def ctl(self, *words, token=None, stdin="", code=0):
        done = self.gateway.ctl(*words, "--server", "https://%s:%d" % (HOST, PORT), "--ca-file", self.rig.pki.trust_file,
                                *(["--token-file", token] if token else []), ok=False, stdin=stdin)
        assert done[0] == code, done
        return done[1] + done[2]

    def ask(self, method, path, body=None, headers=()):
        context = ssl.create_default_context(cafile=self.rig.pki.trust_file)
        connection = http.client.HTTPSConnection(HOST, PORT, context=context, timeout=20)
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json", **dict(headers)})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text


@pytest.fixture
def admin(rig, stoxd):
    cert = rig.cert(HOST)
    gateway = stoxd(empty=True, listen_admin=["%s:%d" % (dns.GATEWAY, PORT)], admin_certificate=cert.file,
                    admin_key=cert.key)
    return Https(rig, gateway)


def token_file(admin, tmp_path, role):
    """Made by root on the unix socket; only the file has it."""
    path = tmp_path / role
    path.write_text(admin.gateway.ctl_json("token", "new", role + "-token", "--role", role)["token"] + "\n")
    return str(path)


def kept_secrets(gateway):
    """What the store keeps of passwords, tokens and the passphrase: their digests must not be shown either."""
    with contextlib.closing(sqlite3.connect(gateway.settings["state_dir"] + "/stox.db")) as db:
        bodies = [json.loads(body) for body, in db.execute("SELECT body FROM objects WHERE kind IN ('account', 'token', 'gateway')")]
    return [body[name] for body in bodies for name in ("password", "hash", "dialback-passphrase") if name in body]


def test_the_first_administrator_is_made_over_tls_with_the_token_of_the_log_once(admin):
    token = admin.gateway.wait_event("admin-setup")["token"]
    assert "is the first administrator" in admin.ctl("setup", "anna", stdin="%s\n%s\n" % (token, PASSWORD))
    admin.ctl("setup", "bert", stdin="%s\n%s\n" % (token, PASSWORD), code=NOT_ALLOWED)
    answer, text = admin.ask("POST", "/v1/session", {"name": "anna", "password": PASSWORD})
    assert answer.status == 200
    cookie, csrf = answer.headers["Set-Cookie"].split(";")[0], json.loads(text)["csrf"]
    assert cookie.startswith("__Host-stox=")
    answer, text = admin.ask("PATCH", "/v1/org", {"federation": True}, {"Cookie": cookie, "X-Stox-CSRF": csrf})
    assert answer.status == 200, text
    rows = admin.gateway.ctl_json("audit", "list", "--kind", "org")["items"]
    assert (rows[0]["who"], rows[0]["from"]) == ("user:anna", admin.gateway.caller)
    admin.gateway.stop()
    admin.gateway.start()
    assert not admin.gateway.events("admin-setup")


def test_each_role_does_what_it_may_and_no_more(admin, office, romeo, tmp_path):
    gateway = admin.gateway
    gateway.apply()
    reader, helpdesk, administrator = (token_file(admin, tmp_path, r) for r in ("reader", "helpdesk", "administrator"))
    assert office.message(romeo.jid, "opens a stream", target=GATEWAY).wait() == 200
    streams = json.loads(admin.ctl("stream", "list", "--json", token=reader))
    (stream,) = [str(s["id"]) for s in streams if (s["remote"], s["direction"]) == ("fabrikam.example", "out")]
    for words in (("stream", "close", stream), ("partner", "set", "fabrikam.example", "--tls", "optional"), ("audit", "list"),
                  ("user", "list"), ("token", "list")):
        admin.ctl(*words, token=reader, code=NOT_ALLOWED)
    admin.ctl("audit", "list", token=helpdesk)
    for words in (("partner", "remove", "fabrikam.example", "--force"), ("token", "new", "mine", "--role", "administrator"),
                  ("user", "list")):
        admin.ctl(*words, token=helpdesk, code=NOT_ALLOWED)
    at = gateway.mark()
    admin.ctl("stream", "close", stream, token=helpdesk)
    gateway.wait_event("stream-closed", since=at)
    closed = gateway.wait_event("admin-change", since=at, kind="stream", action="close")
    assert closed["name"] == stream
    assert (closed["who"], closed["from"]) == ("token:helpdesk-token", gateway.caller)
    admin.ctl("partner", "set", "fabrikam.example", "--description", "by a token", token=administrator)
    admin.ctl("status", code=NOT_ALLOWED)
    gateway.ctl("token", "revoke", "administrator-token", "--force")
    admin.ctl("status", token=administrator, code=NOT_ALLOWED)


def test_the_audit_shows_who_changed_what_from_where_and_no_secret_is_anywhere(admin, tmp_path):
    gateway = admin.gateway
    gateway.apply()
    path = token_file(admin, tmp_path, "administrator")
    token = open(path).read().strip()
    admin.ctl("partner", "set", "fabrikam.example", "--tls", "optional", token=path)
    admin.ctl("user", "new", "carl", "--role", "helpdesk", token=path, stdin=PASSWORD + "\n")
    admin.ctl("gateway", "set", "--dialback-passphrase", "-", token=path, stdin=PASSPHRASE + "\n")
    admin.ctl("partner", "remove", "wingtip.example", "--force", token=path)
    rows = gateway.ctl_json("audit", "list", "--limit", "1000")["items"]
    mine = [r for r in rows if r["who"] == "token:administrator-token"]
    assert [(r["kind"], r["action"]) for r in mine] == [("partner", "remove"), ("gateway", "set"), ("account", "new"),
                                                        ("partner", "set")]
    assert all(r["from"] == gateway.caller and r["at"] for r in mine)
    assert (mine[3]["before"].get("tls"), mine[3]["after"]["tls"]) == (None, "optional")
    assert mine[0]["after"] is None and mine[0]["before"]["type"] == "federated"
    assert [r for r in rows if r["kind"] == "token"][0]["who"] != mine[0]["who"]
    seen = {words: admin.ctl(*words.split(), token=path) for words in
            ("audit list --json --limit 1000", "audit list", "config export -", "gateway show --json", "gateway show",
             "user list --json", "token list --json", "status --json", "metrics", "stream list --json", "session")}
    for plain in "/v1/gateway", "/v1/users", "/v1/tokens", "/v1/audit?limit=1000", "/v1/openapi.json":
        seen[plain] = admin.ask("GET", plain, headers={"Authorization": "Bearer " + token})[1]
    seen["log"] = "\n".join(e.line for e in gateway.events())
    kept = kept_secrets(gateway)
    assert len(kept) == 3 and PASSPHRASE in kept
    for where, text in seen.items():
        for secret in PASSWORD, token, token.removeprefix("stox_"), *kept:
            assert secret not in text, where
    assert "***" in seen["gateway show --json"]
