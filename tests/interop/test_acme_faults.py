"""
An ACME authority that fails in every way it can: each is told in one sentence, with what to do; it is seen wherever an
administrator looks, and the certificate that is there stays in use.
"""
import contextlib
import datetime
import os
import pty
import subprocess
import threading

import pytest

from rig import dns, scripted
from rig.acmeserver import URL, AcmeServer, answer, problem
from rig.stoxd import program

pytestmark = pytest.mark.apart

OURS, SCRIPTED = "contoso.example", "scripted.example"


def directory(**changes):
    return answer(200, {"newNonce": URL + "/nonce", "newAccount": URL + "/account", "newOrder": URL + "/order", **changes})


def order(**changes):
    return answer(201, {"status": "pending", "finalize": URL + "/finalize", "authorizations": [URL + "/name"], **changes},
                  {"Location": URL + "/order/1"})


def pending(name=OURS, kind="http-01"):
    """It never becomes anything else: what is tested comes before."""
    return answer(200, {"status": "pending", "identifier": {"type": "dns", "value": name},
                        "challenges": [{"type": kind, "status": "pending", "url": URL + "/proof", "token": "abc"}]})


def refused_name():
    why = {"type": "urn:ietf:params:acme:error:connection", "detail": "nobody there"}
    return answer(200, {"status": "invalid", "identifier": {"type": "dns", "value": OURS}, "challenges": [
        {"type": "http-01", "status": "invalid", "url": URL + "/proof", "token": "abc", "error": why}]})


def in_turn(*answers):
    """One after the other; the last one again and again."""
    left = list(answers)
    return lambda asked: (left.pop(0) if len(left) > 1 else left[0])(asked)


# {what is wrong: (answers, words of the sentence)}
FAULTS = {
    "no JSON": ({"/dir": answer(200, b"<html>busy</html>")}, ["is no ACME directory", "check acme-directory"]),
    "no address": ({"/dir": directory(newOrder="ftp://localhost/o")}, ["is no ACME directory"]),
    "too much": ({"/dir": answer(200, b"{" + b" " * 300000 + b"}")}, ["the answer is too large"]),
    "too many headers": ({"/dir": answer(200, b"{}", {"X-%d" % i: "x" * 1000 for i in range(40)})}, ["the answer is too large"]),
    "elsewhere": ({"/dir": answer(301, b"", {"Location": "https://10.99.0.30/dir"})}, ["sends elsewhere (HTTP status 301)"]),
    "another server": ({"/dir": directory(newNonce="https://10.99.0.30/nonce")}, ["leads to another server, https://10.99.0.30/nonce"]),
    "another port": ({"/dir": directory(newNonce="https://%s:1/nonce" % dns.AUTHORITY_NAME)}, ["leads to another server"]),
    "customers only": ({"/dir": directory(meta={"externalAccountRequired": True})}, ["customers only", "acme-binding-id"]),
    "terms": ({"/dir": directory(meta={"termsOfService": "https://ca.example/terms"})},
              ["terms of service (https://ca.example/terms) have not been agreed to", "acme-terms"]),
    "no nonce": ({"/nonce": answer(200, b"", {"Replay-Nonce": None})}, ["gave no nonce"]),
    "nonces of no use": ({"/order": problem(400, "badNonce", "stale")}, ["(badNonce)", "try again later"]),
    "no account": ({"/account": answer(201, b"{}")}, ["did not say where the account is"]),
    "too often": ({"/order": problem(429, "rateLimited", "too many orders", {"Retry-After": "7200"})},
                  ['"too many orders" (rateLimited) (it wants to be left alone for 7200 s)']),
    "out of order": ({"/order": answer(503, b"busy", {"Retry-After": "900"})}, ["HTTP status 503", "left alone for 900 s"]),
    "a name it does not sign": ({"/order": problem(400, "rejectedIdentifier", "not that one")}, ["take it out of names"]),
    "no order": ({"/order": order(authorizations=[])}, ["answered what is not ACME"]),
    "an order elsewhere": ({"/order": order(authorizations=["https://10.99.0.30/name"])}, ["leads to another server"]),
    "another name": ({"/name": pending("elsewhere.example")}, ["wants a proof of elsewhere.example, which was not asked for"]),
    "proofs of other kinds": ({"/name": pending(kind="dns-01")}, ["no proof that this gateway gives", "listen-acme-tls"]),
    "a proof that is refused": ({"/name": in_turn(pending(), refused_name())},
                                ["proving that contoso.example is ours", '"nobody there" (connection)', "on port 80"]),
    "a name that is refused": ({"/name": refused_name()}, ["proving that contoso.example is ours"]),
    "an order that fails": ({"/order/1": order(status="invalid", error={
        "type": "urn:ietf:params:acme:error:caa", "detail": "forbidden"})}, ['"forbidden" (caa)', "CAA record"]),
    "an order that fails without a word": ({"/order/1": order(status="invalid")}, ["refused it and gave no reason"]),
    "no certificate": ({"/cert": answer(200, b"thank you")}, ["what the ACME authority sent"]),
    "another's certificate": ({"/cert": None}, ["what the ACME authority sent"]),
}


@pytest.fixture
def ca(rig, start):
    return start(AcmeServer(rig))


@pytest.fixture
def gateway(rig, stoxd, ca):
    return stoxd(listen_acme_http=[dns.GATEWAY + ":80"], partners={"fabrikam.example": {}, SCRIPTED: {}},
                 gateway={"acme_directory": ca.directory, "acme_trust_file": rig.pki.trust_file})


def request(gateway, name, ok=True):
    done = gateway.ctl("cert", "request", name, "--acme", "yes", "--key-type", "p256", "--names", OURS, ok=ok, timeout=120)
    return done if ok else done[1] + done[2]


def order_of(gateway, name):
    return gateway.ctl_json("cert", "show", name)["acme-order"]


def serial_shown(rig):
    wire = scripted.connect((dns.GATEWAY, 5269), source=dns.SCRIPTED)
    wire.secure(SCRIPTED, OURS, scripted.client_context(rig))
    number = wire.sock.getpeercert()["serialNumber"]
    wire.close()
    return number


def test_each_failure_of_an_authority_is_one_sentence_with_what_to_do(rig, ca, gateway):
    other = rig.pki.issue("acme-other", [OURS])
    for i, (what, (answers, words)) in enumerate(FAULTS.items()):
        ca.reset()
        ca.answers = {path: made or answer(200, open(other.file, "rb").read()) for path, made in answers.items()}
        said = request(gateway, "fault-%d" % i, ok=False)
        for word in words:
            assert word in said, (what, said)
        assert len(ca.seen) < 40, (what, len(ca.seen))
    assert gateway.ctl("status")


def test_what_fails_is_seen_everywhere_and_the_old_certificate_stays(rig, ca, gateway):
    request(gateway, "edge")
    gateway.ctl("cert", "assign", "edge", "--domain", OURS)
    first = serial_shown(rig)
    assert "acme" not in gateway.ctl_json("status")
    ca.answers["/order"] = problem(429, "rateLimited", "too many", {"Retry-After": "7200"})
    at, before = gateway.mark(), datetime.datetime.now(datetime.timezone.utc)
    assert "too many" in gateway.ctl("cert", "renew", "edge", ok=False, timeout=120)[2]
    said = gateway.wait_event("certificate-not-got", since=at, certificate="edge")
    assert "too many" in said["why"] and "stays in use" in said["effect"]
    shown = order_of(gateway, "edge")
    again = datetime.datetime.fromisoformat(shown["next-try"].replace("Z", "+00:00"))
    assert shown["failures"] == 1 and "too many" in shown["verdict"]
    assert (again - before).total_seconds() > 7190, "not before the authority wants it"
    assert "renewal-fails" in gateway.ctl("cert", "list") and "too many" in gateway.ctl("cert", "show", "edge")
    status = gateway.ctl_json("status")["acme"]
    assert (status["certificate"], status["failures"]) == ("edge", 1) and "too many" in status["why"]
    metrics = gateway.ctl("metrics").splitlines()
    assert 'stox_acme_failures{certificate="edge"} 1' in metrics and 'stox_acme_orders_total{result="failed"} 1' in metrics
    check = gateway.ctl("check", ok=False, timeout=120)[1]
    assert "certificate edge was not got by ACME, 1 time in a row" in check and "stoxctl cert renew edge" in check
    assert serial_shown(rig) == first
    ca.reset()
    gateway.ctl("cert", "renew", "edge", timeout=120)
    assert order_of(gateway, "edge")["failures"] == 0 and "acme" not in gateway.ctl_json("status")
    assert serial_shown(rig) != first


def test_an_account_that_was_closed_is_replaced_by_another(ca, gateway):
    ca.answers["/account"] = problem(401, "unauthorized", "deactivated")
    assert "another one is opened at the next try" in request(gateway, "edge", ok=False)
    ca.answers.clear()
    gateway.ctl("cert", "renew", "edge", timeout=120)
    gateway.ctl("cert", "renew", "edge", timeout=120)
    keys = [a.head["jwk"]["x"] for a in ca.asked("/account")]
    assert len(keys) == 3 and keys[0] != keys[1] == keys[2]


def test_an_authority_that_says_nothing_does_not_hold_up_the_end(ca, gateway):
    heard, over = threading.Event(), threading.Event()

    def silent(asked):
        heard.set()
        over.wait(60)
        return 500, {}, b""

    ca.answers["/order"] = silent
    waiting = threading.Thread(target=request, args=(gateway, "edge", False), daemon=True)
    waiting.start()
    assert heard.wait(30)
    gateway.stop(timeout=20)
    over.set()
    waiting.join(60)


def at_a_terminal(gateway, *words, says):
    """A command that asks one question: what it printed."""
    here, there = pty.openpty()
    with subprocess.Popen([program("stoxctl", "ctl"), "--server", gateway.server, *words], stdin=there, stdout=there,
                          stderr=subprocess.STDOUT) as popen:
        os.close(there)
        os.write(here, says.encode() + b"\n")
        text = b""
        with contextlib.suppress(OSError):  # the terminal is gone
            while data := os.read(here, 1000):
                text += data
    os.close(here)
    return text.decode().replace("\r\n", "\n")


def test_terms_of_service_are_asked_about_at_a_terminal(ca, gateway):
    ca.answers["/dir"] = directory(meta={"termsOfService": "https://ca.example/terms"})
    words = "cert", "request", "edge", "--acme", "yes", "--key-type", "p256", "--names", OURS
    asked = "Do you agree to the terms of service at https://ca.example/terms? [y/N]"
    assert asked in at_a_terminal(gateway, *words, says="n") and not ca.asked("/account")
    out = at_a_terminal(gateway, "cert", "renew", "edge", says="y")
    assert asked in out and "has come and is stored" in out
    assert ca.asked("/account")[0].payload["termsOfServiceAgreed"] is True
    assert gateway.ctl_json("gateway", "show")["acme-terms"] is True


def test_terms_of_service_are_agreed_to_once(ca, gateway):
    ca.answers["/dir"] = directory(meta={"termsOfService": "https://ca.example/terms"})
    assert "https://ca.example/terms" in request(gateway, "edge", ok=False)
    assert order_of(gateway, "edge")["terms"] == "https://ca.example/terms"
    gateway.ctl("gateway", "set", "--acme-terms", "yes")
    gateway.ctl("cert", "renew", "edge", timeout=120)
    assert ca.asked("/account")[0].payload["termsOfServiceAgreed"] is True


def test_what_is_due_when_it_comes_is_not_asked_for_again_and_again(ca, gateway):
    ca.days, at = (-80, 10), gateway.mark()
    assert "is the clock of this machine right?" in request(gateway, "edge", ok=False)
    gateway.wait_event("certificate-not-got", since=at, certificate="edge")
    assert order_of(gateway, "edge")["next-try"]
    assert len(ca.asked("/finalize")) == 1
