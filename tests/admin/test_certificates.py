"""Certificates by the API: requested, signed by a real authority, imported, exported, assigned, checked."""
import base64
import contextlib
import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
import threading

import pytest

from rig.process import eventually
from support import Server

PASSPHRASE = "correct horse"


@pytest.fixture
def gateway(authority):
    os.environ["STOX_TEST_TRUST"] = authority.trust_file
    s = Server()
    s.root("POST", "/v1/changes", {"changes": [
        {"op": "new", "kind": "route", "name": "office", "values": {"next-hop": "192.0.2.1"}},
        {"op": "new", "kind": "domain", "name": "contoso.example", "values": {"route": "office"}},
        {"op": "new", "kind": "domain", "name": "b\u00fccher.example", "values": {"route": "office"}}]})
    yield s
    s.stop()
    del os.environ["STOX_TEST_TRUST"]


def b64(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def request(server, name="edge", **answers):
    answer = server.root("POST", "/v1/certificates", {"name": name, "key-type": "p256", **answers})
    assert answer.status == 201, answer.raw
    return answer.json


def bring(server, data, name="edge", path="", **more):
    return server.root("POST", "/v1/certificates/%s/import%s" % (name, path), {"data": b64(data), **more})


def install(server, authority, name="edge", **answers):
    csr = request(server, name, **answers)["item"]["request"]
    answer = bring(server, authority.sign(name, csr), name)
    assert answer.status == 200, answer.raw
    return answer.json


def openssl(*args, data=None):
    done = subprocess.run(("openssl",) + args, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_a_request_proposes_names_and_says_what_was_done(gateway):
    done = request(gateway, organization="Contoso Ltd", country="us", **{"sip-domains": ["contoso.example"]})
    item = done["item"]
    assert item["state"] == "requested" and item["assigned"] == [] and item["certificate"] is None
    names = ["b\u00fccher.example", "contoso.example"]
    assert item["names"] == ["xn--bcher-kva.example", names[1], "sip.contoso.example", "_xmpp-server.xn--bcher-kva.example",
                             "_xmpp-server.contoso.example"]
    assert any("proposed" in line for line in done["log"]) and any("p256" in line for line in done["log"])
    text = openssl("req", "-noout", "-text", "-verify", data=item["request"].encode())
    assert "O = Contoso Ltd" in text and "C = US" in text and "DNS:sip.contoso.example" in text
    assert "_xmpp-server.contoso.example" in text and "TLS Web Server Authentication" in text
    assert "Client" not in text


def test_names_can_be_given_added_and_taken_away(gateway):
    assert request(gateway, names=["im.contoso.example"])["item"]["names"] == ["im.contoso.example"]
    more = request(gateway, "more", names={"add": ["im.contoso.example"], "remove": ["_xmpp-server.contoso.example"]})
    assert "im.contoso.example" in more["item"]["names"] and "_xmpp-server.contoso.example" not in more["item"]["names"]
    for names, why in ((["a.example", "A.example"], "among the names already"), (["192.0.2.1"], "is an address"),
                       (["a b"], "no domain name"), ({"remove": ["x.example"]}, "not among the names")):
        answer = gateway.root("POST", "/v1/certificates", {"name": "bad", "names": names})
        assert answer.status == 422 and why in answer.json["detail"], answer.raw
    for member in ("key", "chain", "request-key", "installed"):
        answer = gateway.root("POST", "/v1/certificates", {"name": "bad", member: "1" if member != "installed" else 1})
        assert answer.status == 422 and "Stox's own" in answer.json["detail"], answer.raw


def test_a_dry_run_makes_nothing(gateway):
    answer = gateway.root("POST", "/v1/certificates?dry-run=1", {"name": "edge"})
    assert answer.status == 201 and answer.json["item"]["request"] is None
    assert gateway.root("GET", "/v1/certificates/edge").status == 404


def test_an_authority_s_answer_is_taken_whatever_its_form(gateway, authority, tmp_path):
    csr = request(gateway)["item"]["request"]
    pem = authority.sign("edge", csr)
    (tmp_path / "pem").write_text(pem)
    forms = [pem, "".join(reversed(re.findall("-----BEGIN.*?-----END CERTIFICATE-----\n", pem, re.S)))]
    for form in ("PEM", "DER"):
        openssl("crl2pkcs7", "-nocrl", "-certfile", str(tmp_path / "pem"), "-outform", form, "-out", str(tmp_path / "p7"))
        forms.append((tmp_path / "p7").read_bytes())
    for i, data in enumerate(forms):
        answer = bring(gateway, data)
        assert answer.status == 200, (i, answer.raw)
        item = answer.json["item"]
        assert item["state"] == "installed" and item["request"] is None and item["certificate"]["length"] == 2
        assert item["chain"].count("BEGIN CERTIFICATE") == 2 and answer.json["defects"] == []
        assert item["certificate"]["sha256"] == openssl("x509", "-noout", "-fingerprint", "-sha256", data=pem.encode()) \
            .split("=")[1].strip().replace(":", "").lower()


def test_every_defect_of_what_is_brought_is_named(gateway, authority):
    csr = request(gateway)["item"]["request"]
    other = authority.issue("other.example")
    with open(other.file) as f:
        foreign = f.read()
    serious = "serious"
    table = [
        ("nothing", "not-a-certificate", "the file holds no certificate"),
        (csr, "not-a-certificate", "send it to your authority"),
        (foreign, "wrong-key", "is not for the key of this request"),
        (authority.sign("edge", csr, days=(-20, -10)), "expired", "expired"),
        (authority.sign("edge", csr, days=(10, 20)), "not-yet-valid", "is not valid before"),
        (authority.sign("edge", csr, chain=False), "chain-incomplete", "add the authority's intermediate certificates"),
        (authority.sign("edge", csr, by="unknown", chain=False), "chain-incomplete", "is missing"),
    ]
    for data, kind, why in table:
        answer = bring(gateway, data)
        assert answer.status == 422 and answer.code == "certificate", answer.raw
        assert kind in [d["kind"] for d in answer.json["defects"]], answer.raw
        assert why in answer.json["detail"], answer.raw
    answer = bring(gateway, authority.sign("edge", csr, chain=False), path="?anyway=1")
    assert answer.status == 200 and answer.json["defects"][0]["weight"] == serious
    assert bring(gateway, "x" * (300 << 10)).status == 422
    assert gateway.root("POST", "/v1/certificates/edge/import", {"data": "no base64!"}).status == 422


def test_what_else_is_wrong_is_said_beside_a_wrong_or_missing_key(gateway, authority):
    request(gateway)
    stale = authority.issue("stale.example", days=(-20, -10))
    with open(stale.file) as f, open(authority.issue("elsewhere").key) as k:
        chain, key = f.read(), k.read()
    for name, data, first in (("edge", chain, "wrong-key"), ("new", chain + key, "wrong-key"), ("new", chain, "no-key")):
        answer = bring(gateway, data, name, "?anyway=1")
        kinds = [d["kind"] for d in answer.json["defects"]]
        assert answer.status == 422 and kinds[0] == first and "expired" in kinds and "name-missing" in kinds, answer.raw


def test_a_name_that_was_asked_for_must_come(gateway, authority):
    csr = request(gateway)["item"]["request"]
    less = request(gateway, "less", names=["contoso.example"])
    assert less["item"]["names"] == ["contoso.example"]
    cert = authority.issue("contoso.example")
    with open(cert.file) as f, open(cert.key) as k:
        answer = bring(gateway, f.read() + k.read())
    assert answer.status == 422
    assert [d["text"] for d in answer.json["defects"] if d["kind"] == "name-missing"][0] == \
        "the certificate for contoso.example does not name xn--bcher-kva.example, so that nobody accepts it there; " \
        "request one that does"
    assert csr


def test_one_with_its_key_comes_under_a_passphrase(gateway, authority, tmp_path):
    cert = authority.issue("contoso.example", by="intermediate")
    openssl("pkcs12", "-export", "-in", cert.file, "-inkey", cert.key, "-passout", "pass:" + PASSPHRASE, "-out",
            str(tmp_path / "p12"))
    pfx = (tmp_path / "p12").read_bytes()
    answer = bring(gateway, pfx, "old")
    assert answer.status == 422 and answer.json["defects"][0]["kind"] == "passphrase-missing"
    answer = bring(gateway, pfx, "old", passphrase="wrong")
    assert answer.status == 422 and answer.json["defects"][0]["kind"] == "passphrase-wrong"
    answer = bring(gateway, pfx, "old", passphrase=PASSPHRASE)
    assert answer.status == 200 and answer.json["item"]["state"] == "installed"
    with open(cert.file) as f:
        answer = bring(gateway, f.read(), "without")
    assert answer.status == 422 and answer.json["defects"][0]["kind"] == "no-key"


def test_the_key_leaves_only_where_it_may_and_under_a_passphrase(gateway, authority, tmp_path):
    install(gateway, authority)
    install(gateway, authority, "fixed", exportable=False)
    ask = lambda name, body: gateway.root("POST", "/v1/certificates/%s/export" % name, body)  # noqa: E731
    assert "BEGIN CERTIFICATE" in base64.b64decode(ask("edge", {}).json["data"]).decode()
    assert ask("fixed", {}).status == 200
    for body in ({"key": True}, {"key": True, "passphrase": PASSPHRASE}, {"key": True, "form": "pkcs12",
                                                                         "passphrase": PASSPHRASE}):
        answer = ask("fixed", body)
        assert answer.status == 403 and answer.code == "not-exportable", answer.raw
    assert ask("edge", {"key": True}).status == 422
    assert ask("edge", {"key": True, "passphrase": "short"}).status == 422
    (tmp_path / "p12").write_bytes(base64.b64decode(
        ask("edge", {"key": True, "form": "pkcs12", "passphrase": PASSPHRASE}).json["data"]))
    key = openssl("pkcs12", "-in", str(tmp_path / "p12"), "-passin", "pass:" + PASSPHRASE, "-nodes", "-nocerts")
    assert "BEGIN PRIVATE KEY" in key
    audit = gateway.root("GET", "/v1/audit").json["items"]
    assert [a for a in audit if a["action"] == "export" and a["name"] == "edge"]


def test_what_is_fixed_cannot_be_made_exportable(gateway, authority):
    install(gateway, authority, "fixed", exportable=False)
    for method, path, body in (("PATCH", "", {"exportable": True}), ("PUT", "", {"exportable": True})):
        assert gateway.root(method, "/v1/certificates/fixed" + path, body).status == 405
    answer = gateway.root("POST", "/v1/changes", {"changes": [
        {"op": "set", "kind": "cert", "name": "fixed", "values": {"exportable": True}}]})
    assert answer.status == 422, answer.raw
    answer = gateway.root("POST", "/v1/certificates/fixed/request", {"exportable": True, "key-type": "p256"})
    assert answer.status == 422 and "not to be exported" in answer.json["detail"], answer.raw
    with open(authority.root.file) as f:
        answer = bring(gateway, f.read(), "fixed", exportable=True)
    assert answer.status == 422
    answer = gateway.root("POST", "/v1/certificates/fixed/export", {"key": True, "passphrase": PASSPHRASE})
    assert answer.status == 403


def test_a_renewal_keeps_the_old_one_until_the_new_one_comes(gateway, authority):
    first = install(gateway, authority)["item"]["certificate"]["sha256"]
    assert gateway.root("POST", "/v1/certificates/edge/assign", {"domains": ["contoso.example"]}).status == 200
    answer = gateway.root("POST", "/v1/certificates/edge/request", {})
    assert answer.status == 200, answer.raw
    item = answer.json["item"]
    assert item["state"] == "renewing" and item["certificate"]["sha256"] == first and item["key-type"] == "p256"
    answer = bring(gateway, authority.sign("edge2", item["request"]))
    assert answer.status == 200, answer.raw
    item = answer.json["item"]
    assert item["state"] == "installed" and item["certificate"]["sha256"] != first
    assert item["assigned"] == ["domain contoso.example"]


def test_it_is_assigned_where_it_fits(gateway, authority):
    install(gateway, authority, names=["contoso.example"])
    assign = lambda body, path="": gateway.root("POST", "/v1/certificates/edge/assign" + path, body)  # noqa: E731
    answer = assign({"domains": ["contoso.example", "b\u00fccher.example"]})
    assert answer.status == 422 and answer.json["defects"][0]["kind"] == "name-missing", answer.raw
    assert gateway.root("GET", "/v1/domains/contoso.example").json["certificate"] in (None, "")
    answer = assign({})
    assert answer.status == 200, answer.raw
    assert gateway.root("GET", "/v1/domains/contoso.example").json["certificate"] == "edge"
    assert gateway.root("GET", "/v1/domains/b%C3%BCcher.example").json["certificate"] in (None, "")
    answer = assign({"sip": True})
    assert answer.status == 422 and "admin.contoso.example" in answer.json["detail"], answer.raw
    assert assign({"sip": True, "admin": True}, "?anyway=1").status == 200
    checked = gateway.root("GET", "/v1/certificate-check").json
    assert [i["good"] for i in checked["items"] if i["of"] in ("sip", "admin")] == [False, True]
    assert gateway.root("GET", "/v1/gateway").json["sip-certificate"] == "edge"
    assert assign({"domains": ["nobody.example"]}).status == 404
    request(gateway, "waiting")
    assert gateway.root("POST", "/v1/certificates/waiting/assign", {}).status == 422
    answer = gateway.root("DELETE", "/v1/certificates/edge")
    assert answer.status == 409 and "in use" in answer.json["detail"]
    assert gateway.root("DELETE", "/v1/certificates/waiting").status == 200


def test_a_setting_takes_a_stored_one_by_name_and_a_file_by_path(gateway, authority):
    install(gateway, authority)
    request(gateway, "waiting")
    table = [({"certificate": "edge"}, 200, ""), ({"certificate": "nix"}, 422, "there is no such stored certificate"),
             ({"certificate": "waiting"}, 422, "only requested"),
             ({"certificate": "edge", "key": "/etc/stox/key.pem"}, 422, "has its key with it"),
             ({"certificate": "/etc/stox/a.pem"}, 422, "key is missing"),
             ({"certificate": "/etc/stox/a.pem", "key": "/etc/stox/key.pem"}, 200, "")]
    for values, status, why in table:
        answer = gateway.root("PATCH", "/v1/domains/contoso.example", {"key": None, **values})
        assert answer.status == status and why in answer.raw.decode(), answer.raw


def test_the_check_says_what_is_wrong(gateway, authority):
    check = lambda: gateway.root("GET", "/v1/certificate-check").json  # noqa: E731
    assert check()["verdict"] == "broken"
    install(gateway, authority)
    gateway.root("POST", "/v1/certificates/edge/assign", {})
    assert check() == {**check(), "verdict": "good"}
    gateway.advance(340 * 86400)
    soon = check()
    assert soon["verdict"] == "good" and soon["items"][0]["defects"][0]["kind"] == "expires-soon"
    gateway.advance(40 * 86400)
    late = check()
    assert late["verdict"] == "broken" and late["items"][0]["defects"][0]["kind"] == "expired"


def test_no_key_is_ever_shown_or_stored_in_clear(gateway, authority):
    cert = authority.issue("contoso.example")
    with open(cert.file) as f, open(cert.key) as k:
        secret = k.read()
        assert bring(gateway, f.read() + secret, "old").status == 200
    install(gateway, authority)
    request(gateway, "waiting")
    for path in ("/v1/certificates", "/v1/certificates/old", "/v1/audit", "/v1/certificate-check"):
        gateway.root("GET", path)
    body = secret.split("-----")[2].strip().replace("\n", "")
    der = base64.b64decode(body)
    number = re.search(r"priv:\n((?: +[0-9a-f:]+\n)+)", openssl("pkey", "-in", cert.key, "-noout", "-text")).group(1)
    raw = bytes.fromhex(re.sub(r"[^0-9a-f]", "", number))[-32:]
    forms = [raw, der, body[40:80].encode(), raw.hex().encode(), base64.b64encode(raw)[:40]]
    answered = b"".join(gateway.seen)
    stored = b""
    for name in os.listdir(gateway.folder):
        path = os.path.join(gateway.folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as f:
                stored += f.read()
    logged = "\n".join(gateway.log.all).encode()
    for form in forms:
        assert form not in answered and form not in stored and form not in logged
    assert b"PRIVATE KEY" not in answered + stored + logged
    for item in gateway.root("GET", "/v1/certificates").json["items"]:
        assert not {"key", "request-key"} & set(item)
    rows = sqlite3.connect(os.path.join(gateway.folder, "stox.db")).execute(
        "select body from objects where kind = 'certificate'").fetchall()
    assert len(rows) == 3 and all("v1." in r[0] for r in rows)


def test_what_is_brought_takes_answers_and_nothing_else(gateway, authority):
    cert = authority.issue("contoso.example")
    with open(cert.file) as f, open(cert.key) as k:
        pem, key = f.read(), k.read()
    done = bring(gateway, pem + key, "old", use="sip", locality="Redmond", **{"friendly-name": "Old"})
    assert done.status == 200 and done.json["item"]["locality"] == "Redmond" and done.json["item"]["use"] == "sip"
    for member, why in (("installed", "Stox's own"), ("chain", "Stox's own"), ("colour", "there is no setting")):
        answer = bring(gateway, pem + key, "old", **{member: "1" if member != "installed" else 1})
        assert answer.status == 422 and why in answer.json["detail"], answer.raw


# ---- keys that take their time ----

class Asking:
    """A request for a certificate, sent; its answer is read in a thread."""

    def __init__(self, server, name, key_type="rsa-4096", token=None):
        self.connection = server.connection(not token)
        headers = {"Content-Type": "application/json", **({"Authorization": "Bearer " + token} if token else {})}
        self.connection.timeout = 120
        self.connection.request("POST", "/v1/certificates", json.dumps({"name": name, "key-type": key_type, "names": ["a.example"]}), headers)
        self.status = self.body = None
        self.thread = threading.Thread(target=self._read, daemon=True)

    def read(self):
        self.connection.sock.settimeout(120)
        self.thread.start()
        return self

    def _read(self):
        try:
            response = self.connection.getresponse()
            self.body = response.read()
            self.status = response.status
        except (OSError, http.client.HTTPException):
            self.status = 0

    def vanish(self):
        """Unless it has its answer."""
        with contextlib.suppress(OSError, AttributeError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)

    def wait(self):
        self.thread.join(240)
        assert self.status is not None, "no answer"
        return self.status


def crowd(server):
    """Asks for keys until one is refused, because as many wait as may: (all that were asked for, those that were refused)."""
    asked = []

    def refused():
        if not any(a.status == 503 for a in asked) and sum(a.status is None for a in asked) < 12:  # more than may wait
            asked.append(Asking(server, "many-%d" % len(asked)).read())
        return [a for a in asked if a.status == 503]
    return asked, eventually(refused, "some are refused at once", 60, every=0)


def test_while_a_key_is_made_the_api_answers_others(gateway):
    """A key of 4096 bits takes as long as hundreds of answers, and of some keys one is made while somebody asks."""
    tried = []
    while len(tried) < 20 and max(tried, default=0) < 5:
        asked, others = Asking(gateway, "slow-%d" % len(tried)).read(), 0
        while asked.status is None:
            assert gateway.root("GET", "/v1/certificates").status == 200
            others += 1
        assert asked.status == 201, asked.body
        tried.append(others)
    assert max(tried) >= 5, tried
    text = openssl("req", "-noout", "-text", data=json.loads(asked.body)["item"]["request"].encode())
    assert "4096 bit" in text


def test_more_keys_than_can_wait_are_refused_and_those_who_vanish_do_no_harm(gateway):
    asked, refused = crowd(gateway)
    assert json.loads(refused[0].body)["code"] == "away" and b"one after the other" in refused[0].body
    for a in asked:
        a.vanish()
    assert {a.wait() for a in asked} <= {0, 201, 503}
    again = {"name": "after-all", "key-type": "p256", "names": ["a.example"]}
    eventually(lambda: gateway.root("POST", "/v1/certificates", again).status == 201, "there is room for others", 60)


def test_who_may_no_more_gets_no_key_that_he_had_asked_for(gateway):
    for turn in range(20):  # he may have had his key before he was told to go
        his, ci = "his-%d" % turn, "ci-%d" % turn
        token = gateway.root("POST", "/v1/tokens", {"name": ci, "role": "administrator"}).json["token"]
        before = [Asking(gateway, "before-%d-%d" % (turn, i)).read() for i in range(3)]
        second = Asking(gateway, his, "rsa-3072", token).read()
        waits = Asking(gateway, "fifth-%d" % turn).read().wait() == 503  # the four have all the places: he has come in
        assert gateway.root("DELETE", "/v1/tokens/" + ci).status in (200, 204)
        for a in before:
            a.vanish()
        done = [(a["kind"], a["name"], a["action"]) for a in gateway.root("GET", "/v1/audit?limit=1000").json["items"]]
        if second.wait() == 401 and waits:
            break
        if second.status == 201:
            assert done.index(("token", ci, "remove")) < done.index(("certificate", his, "new")), done  # newest first
    assert (second.status, waits) == (401, True)
    assert his not in [c["name"] for c in gateway.root("GET", "/v1/certificates").json["items"]]


def test_the_end_of_the_daemon_does_not_wait_for_keys(gateway):
    gateway.waiting = crowd(gateway)  # until the fixture has seen it end
