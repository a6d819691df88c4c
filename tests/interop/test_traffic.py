"""What an administrator sees of what passes: conversations, queues, traces, with real Prosody behind it."""
import json
import os
import re
import subprocess

import pytest

from rig import dns
from rig.process import eventually
from rig.stoxd import program

pytestmark = pytest.mark.apart

GATEWAY = (dns.GATEWAY, 5060)
ALICE, BOB, ROMEO = "alice@contoso.example", "bob@contoso.example", "romeo@fabrikam.example"
NOWHERE = "unresolvable.example"


def is_there(gateway, path):
    """In the API."""
    said = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", gateway.server.removeprefix("unix:"),
                           "http://localhost" + path], text=True, stdout=subprocess.PIPE, timeout=20)
    return said.stdout == "200"


def only(items):
    assert len(items) == 1, items
    return items[0]


class Trace:
    """stoxctl trace, read as it goes."""

    def __init__(self, gateway, *words):
        self.popen = subprocess.Popen([program("stoxctl", "ctl"), "--server", gateway.server, "trace", *words],
                                      text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def begun(self):
        self.head = self.popen.stdout.readline()
        assert self.head.startswith("time (UTC)"), self.popen.communicate()
        return self

    def ends_with(self, words):
        """All that it says, to its end, which it is told when it has said this. --for is the bound."""
        said = []
        for line in self.popen.stdout:
            said.append(line)
            if words in line:
                self.popen.terminate()
        return "".join(said) + self.end()

    def end(self):
        out, err = self.popen.communicate(timeout=60)
        assert self.popen.returncode == 0, err
        return out


def test_a_conversation_says_what_passed_both_ways(stoxd, romeo, office):
    gateway = stoxd()
    assert office.message(ROMEO, "there", target=GATEWAY).wait() == 200
    romeo.send(ALICE, "back")
    office.wait_message("back")
    assert office.message("nobody-at-all@fabrikam.example", "gone", target=GATEWAY).wait() in (200, 404, 480, 503, 604)

    def both_ways():
        found = gateway.ctl_json("conversation", "list", "--user", ROMEO)["items"]
        return found and found[0]["last-to-sip"] and only(found)
    row = eventually(both_ways, "the answer is counted")
    assert (row["sip"], row["xmpp"], row["partner"]) == (ALICE, ROMEO, "fabrikam.example")
    assert (row["sip-to-xmpp"], row["xmpp-to-sip"]) == (1, 1)
    assert (row["last-to-xmpp"], row["last-to-sip"]) == ("delivered 200", "delivered 200")
    shown = gateway.ctl_json("conversation", "show", row["id"])
    assert (shown["mode"], shown["route"]) == ("pager", "office") and shown["sip-to-xmpp"]["why"], shown
    assert {e["direction"] for e in gateway.events("message") if e["conversation"] == row["id"]} == \
        {"sip-to-xmpp", "xmpp-to-sip"}
    listed = gateway.ctl_json("conversation", "list", "--partner", "fabrikam.example")["items"]
    assert {r["xmpp"] for r in listed} == {ROMEO, "nobody-at-all@fabrikam.example"}
    page = gateway.ctl_json("conversation", "list", "--limit", "1")
    older = gateway.ctl_json("conversation", "list", "--limit", "1", "--before", str(page["next"]))
    assert {only(page["items"])["xmpp"], only(older["items"])["xmpp"]} == {r["xmpp"] for r in listed}
    assert gateway.ctl_json("conversation", "list", "--user", BOB)["items"] == []


def test_the_sender_hears_a_phrase_and_the_administrator_why(stoxd, office):
    gateway = stoxd(partners={NOWHERE: {"proxy": dns.OFFICE + ":5999"}})
    at = gateway.mark()
    txn = office.message("romeo@" + NOWHERE, "hello", target=GATEWAY)
    assert (txn.wait(), txn.reason) == (504, "The partner's server cannot be reached")
    why = gateway.wait_event("message-refused", since=at, direction="sip-to-xmpp")["why"]
    assert "10.99" in why and "cannot be reached" not in why or "refused" in why, why
    row = only(gateway.ctl_json("conversation", "list", "--user", ALICE)["items"])
    assert row["last-to-xmpp"] == "refused 504"
    assert gateway.ctl_json("conversation", "show", row["id"])["sip-to-xmpp"]["why"] == why
    at = gateway.mark()
    txn = office.message("romeo@" + NOWHERE, "again", target=GATEWAY)  # while back-off holds: nothing is tried, and nobody hears less
    assert (txn.wait(), txn.reason) == (504, "The partner's server cannot be reached")
    assert gateway.wait_event("message-refused", since=at, direction="sip-to-xmpp")["why"] == why


def test_what_waits_says_for_what(stoxd, office):
    """A partner that never answers: the message waits for the set-up of its stream. And one that waits for SIP."""
    gateway = stoxd(partners={NOWHERE: {"proxy": dns.SILENT}})
    office.message("romeo@" + NOWHERE, "hello", target=GATEWAY)
    row = only(eventually(lambda: gateway.ctl_json("queue", "list")["items"], "it waits"))
    assert (row["way"], row["from"], row["to"], row["messages"]) == ("to-xmpp", "contoso.example", NOWHERE, 1), row
    assert row["waits-for"].startswith("the set-up of its stream") and 0 < row["then-s"] <= 20, row
    assert gateway.ctl_json("queue", "list", "--user", "bob@elsewhere.example")["items"] == []
    assert only(gateway.ctl_json("queue", "list", "--partner", NOWHERE)["items"])
    assert "answered 504" in gateway.ctl("queue", "list")


def test_a_trace_shows_both_legs_of_both_ways(stoxd, romeo, office, tmp_path):
    gateway = stoxd()
    file = str(tmp_path / "ticket.txt")
    trace = Trace(gateway, "--user", ALICE, "--for", "60s", "--output", file, "--ascii").begun()
    assert office.message(ROMEO, "secret words", target=GATEWAY).wait() == 200
    romeo.send(ALICE, "other secret words")
    office.wait_message("other secret words")
    assert office.message(ROMEO, "unseen", target=GATEWAY, sender=BOB).wait() == 200
    assert office.message("x@stranger.example", "no", target=GATEWAY).wait() == 404
    text = trace.ends_with("handled id=")  # the last thing: its partner hears of it when SIP has
    with open(file) as f:
        assert f.read() == trace.head + text
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert text.isascii() and "secret" not in text and BOB not in text, text
    steps = [r"MESSAGE sip:romeo@fabrikam\.example -+>\|$", r"^ +call-id=\S+ branch=z9hG4bK\S+ from=udp:",
             r" {20}\|---> message id=\S+ \(held until it is acknowledged\)", r" {20}\|...[.>] \[\S+ (ok|note)\] ", r"\|<--- acknowledged",
             r"<---- 200 OK +\|$", r"\|<--- message id=", r"<---- MESSAGE sip:alice@contoso\.example", r"200 OK -+>\|$",
             r"\|---> handled id=", r"^MESSAGE sip:x@stranger".replace("^", "Z "), r" {20}\* refused: neither a partner",
             r"<---- 404 This gateway does not serve that domain"]
    for step in steps:
        assert re.search(step, text, re.M), (step, text)
    audit = gateway.ctl_json("audit", "list", "--kind", "trace")["items"][0]
    assert (audit["action"], audit["name"]) == ("trace", ALICE) and audit["after"]["bodies"] is False, audit


def test_bodies_are_seen_by_those_who_may_and_if_the_setting_says_so(stoxd, romeo, office):
    gateway = stoxd()
    status, _, said = gateway.ctl("trace", "--user", ALICE, "--bodies", "--for", "2s", ok=False)
    assert status == 1 and "log-message-bodies" in said, said
    gateway.ctl("gateway", "set", "--log-message-bodies", "on")
    trace = Trace(gateway, "--partner", "fabrikam.example", "--bodies", "--count", "1").begun()
    assert office.message(ROMEO, "plain words", target=GATEWAY).wait() == 200
    assert "body: plain words" in trace.end()


def test_events_come_as_json_too(stoxd, romeo, office):
    gateway = stoxd()
    popen = subprocess.Popen([program("stoxctl", "ctl"), "--server", gateway.server, "trace", "--user", ROMEO, "--json",
                              "--count", "2"], text=True, stdout=subprocess.PIPE)
    eventually(lambda: is_there(gateway, "/v1/traces/1"), "it has begun")
    assert office.message(ROMEO, "hello", target=GATEWAY).wait() == 200
    events = [json.loads(line) for line in popen.communicate(timeout=30)[0].splitlines()]
    assert [(e["n"], e["leg"], e["direction"]) for e in events] == [(1, "sip", "in"), (2, "xmpp", "out")], events
    assert len({(e["conversation"], e["message"]) for e in events}) == 1 and events[0]["message"], events
    assert (events[0]["sip"], events[0]["xmpp"]) == (ALICE, ROMEO)


# ---- stoxctl test im ----

def tried(gateway, sender, to, *words):
    """(exit status, what stoxctl test im --json says)"""
    status, out, err = gateway.ctl("test", "im", "--from", sender, "--to", to, "--json", *words, ok=False)
    assert out, err
    return status, json.loads(out)


def fails(gateway, sender, to, error, diagnosis):
    status, said = tried(gateway, sender, to)
    assert (status, said["result"]) == (1, "failure"), said
    assert re.search(error, said["error"]) and re.search(diagnosis, said["diagnosis"]), said
    return said


def test_a_test_message_arrives_and_says_what_it_is(stoxd, romeo, office):
    gateway = stoxd()
    said = gateway.ctl("test", "im", "--from", ALICE, "--to", ROMEO)
    assert re.search(r"^Result: +Success\nLatency: +00:00:0\d\.\d{3}\nError: *\nDiagnosis: +The partner's server has ack",
                     said, re.M), said
    text = "This is a test message. An administrator of the gateway sent it in the name of %s; nobody wrote it, and no " \
        "answer is needed."
    assert romeo.wait_message(text % ALICE)["from"].bare == ALICE
    status, said = tried(gateway, ROMEO, ALICE, "--text", "words of one's own")
    assert status == 0 and said["result"] == "success" and said["way"] == "xmpp-to-sip", said
    assert "sip:romeo@fabrikam.example" in office.wait_message("words of one's own").message.get("from")
    audit = gateway.ctl_json("audit", "list", "--kind", "test")["items"]
    assert [(row["name"], row["action"]) for row in audit] == [(ALICE, "test"), (ROMEO, "test")], audit
    assert gateway.ctl_json("conversation", "show", said["conversation"])["xmpp-to-sip"]["messages"] == 1


def test_each_closed_gate_is_named_with_what_opens_it(stoxd, romeo, office):
    gateway, marks = stoxd(), (romeo.mark(), office.mark())
    fails(gateway, ALICE, "x@stranger.example", "^404$", "stoxctl partner new stranger.example")
    fails(gateway, "x@stranger.example", ALICE, "^forbidden$", "stoxctl partner new stranger.example")
    gateway.ctl("block", "add", ROMEO)
    fails(gateway, ALICE, ROMEO, "^403$", "the partner's user is on the block list.*stoxctl block remove")
    fails(gateway, ROMEO, ALICE, "^policy-violation$", "blocked: the partner's user is on the block list")
    gateway.ctl("block", "remove", ROMEO, "--force")
    gateway.ctl("policy", "set", "global", "--xmpp", "off")
    fails(gateway, ALICE, ROMEO, "^403$", "the policy does not allow XMPP partners.*stoxctl policy effective " + ALICE)
    gateway.ctl("policy", "set", "global", "--xmpp", "on")
    gateway.ctl("org", "set", "--federation", "off")
    fails(gateway, ALICE, ROMEO, "^403$", "organisation's switch is off.*stoxctl org set --federation on")
    gateway.ctl("org", "set", "--federation", "on")
    gateway.ctl("partner", "set", "fabrikam.example", "--type", "public-unverified")
    fails(gateway, ROMEO, ALICE, "^forbidden$", "--type federated")
    assert (romeo.mark(), office.mark()) == marks
    status, _, said = gateway.ctl("test", "im", "--from", "x@a.example", "--to", "y@b.example", ok=False)
    assert status == 1 and "neither from nor to is in a SIP domain of ours" in said, said


def test_a_test_says_why_the_other_side_cannot_be_reached(stoxd, romeo, office):
    routes = {"office": {"next_hop": dns.OFFICE + ":5060", "transport": "udp"},
              "closed": {"next_hop": dns.OFFICE + ":5999", "transport": "tcp"}}
    gateway = stoxd(partners={NOWHERE: {"proxy": dns.OFFICE + ":5999"}, "fabrikam.example": {}}, routes=routes,
                    sip_domains={"contoso.example": {"route": "office"}, "tailspin.example": {"route": "closed"}})
    there = "romeo@" + NOWHERE
    fails(gateway, ALICE, there, "^504$", "cannot be reached: .*10.99.0.5.*stoxctl partner test " + NOWHERE)
    fails(gateway, ALICE, there, "^504$", "cannot be reached: .*10.99.0.5.*stoxctl partner test")  # while back-off holds
    fails(gateway, ROMEO, "anna@tailspin.example", "^remote-server-timeout$", "stoxctl route test closed")
    office.answer = 404
    try:
        fails(gateway, ROMEO, ALICE, "^404, item-not-found$", "The SIP server answered 404: it knows no such person")
    finally:
        office.answer = 200


def test_an_error_that_follows_the_acknowledgement_is_no_success(stoxd, romeo, office):
    gateway = stoxd()
    romeo.send(ALICE, "hello")
    office.wait_message("hello")  # there is a stream for what comes back, which is not waited for as long as one may take to set up
    said = fails(gateway, ALICE, "nobody-at-all@fabrikam.example", "service-unavailable|item-not-found",
                 "The partner's server .*gave back the message")
    assert gateway.ctl_json("conversation", "show", said["conversation"])["sip-to-xmpp"]["messages"] == 1


def test_tests_come_at_a_bounded_rate(stoxd, romeo, office):
    gateway = stoxd()
    gateway.ctl("block", "add", ROMEO)
    for _ in range(10):
        fails(gateway, ALICE, ROMEO, "403", "blocked")
    status, _, said = gateway.ctl("test", "im", "--from", ALICE, "--to", ROMEO, ok=False)
    assert status != 0 and "ten tests a minute" in said, said
