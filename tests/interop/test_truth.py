"""
A thousand pairs of people over a bad line: the UDP leg to the SIP side loses 5 % of the datagrams each way, doubles 5 %, and
delays by up to 20 ms (5 % by up to 40), which reorders them. STOX_PROOF=1 asks for more messages.
"""
import collections
import os
import threading
import time

from rig import dns
from rig.process import Failed
from rig.recorder import Recorder
from rig.relay import Relay

PAIRS = 1000
EACH = int(os.environ.get("STOX_TRUTH_EACH", "100" if os.environ.get("STOX_PROOF") == "1" else "3"))  # of a pair, each way
NEAR, FAR = (dns.RELAY, 5060), (dns.RELAY, 5070)
PATIENCE_S = 60 + PAIRS * EACH / 200


class FromSip:
    """Each pair's next message goes when the one before has its final answer (RFC 3428 8); all pairs go at once."""

    def __init__(self, office):
        self.office, self.answers, self.repeated = office, {}, 0
        self._news = threading.Condition()

    def start(self):
        for pair in range(PAIRS):
            self._send(pair, 0)
        return self

    def _send(self, pair, n):
        body = "there %d %d" % (pair, n)

        def done(txn):
            with self._news:
                self.answers[body] = txn.status
                self._news.notify_all()
            if n + 1 < EACH:
                self._send(pair, n + 1)

        self.office.request("romeo%d@recorder.example" % pair, body, target=FAR, on_done=done,
                            sender="alice%d@contoso.example" % pair)

    def wait(self):
        with self._news:
            if not self._news.wait_for(lambda: len(self.answers) == PAIRS * EACH, PATIENCE_S):
                raise Failed("%d of %d have their answer" % (len(self.answers), PAIRS * EACH))


def numbers_by_pair(bodies, word):
    """{pair: its numbers, as they came}"""
    found = collections.defaultdict(list)
    for body in bodies:
        parts = (body or "").split(" ")
        if parts[0] == word:
            found[int(parts[1])].append(int(parts[2]))
    return found


def faults(found, accepted):
    """accepted: {(pair, number): whether its sender was told that it arrived}"""
    there = {(pair, n) for pair, ns in found.items() for n in ns}
    return {"lost": sum(ok and each not in there for each, ok in accepted.items()),
            "doubled": sum(len(ns) - len(set(ns)) for ns in found.values()),
            "out_of_order": sum(list(dict.fromkeys(ns)) != sorted(set(ns)) for ns in found.values()),
            "there_but_refused": sum(not ok and each in there for each, ok in accepted.items())}


def wait_for_xmpp_side(office, recorder):
    """Until each message to SIP came, or came back as an error: its errors."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        errors = [e["id"] for e in recorder.stanzas() if 'type="error"' in e["xml"] or "type='error'" in e["xml"]]
        seen = sum(body.startswith("back ") for body in set(office.bodies()))
        if seen + len(set(errors)) >= PAIRS * EACH:
            return errors
        time.sleep(0.5)
    raise Failed("%d came and %d came back of %d" % (seen, len(errors), PAIRS * EACH))


def test_over_a_bad_line_none_is_lost_doubled_or_overtaken_and_each_answer_is_true(rig, stoxd, office, start, figures):
    route = {"next_hop": "%s:%d" % NEAR, "transport": "udp", "im": "pager"}
    stoxd(partners={"recorder.example": {}}, routes={"office": route}, log_level="info")
    relay = start(Relay(NEAR, (dns.GATEWAY, 5060), FAR, (dns.OFFICE, 5060)))
    recorder = start(Recorder(rig, record=rig.work + "/truth"))
    began = time.monotonic()
    there = FromSip(office).start()
    for n in range(EACH):
        for pair in range(PAIRS):
            recorder.send("alice%d@contoso.example" % pair, "back %d %d" % (pair, n), "back %d %d" % (pair, n),
                          sender="romeo%d" % pair)
    there.wait()
    errors = wait_for_xmpp_side(office, recorder)
    seconds = time.monotonic() - began
    rig.down(relay)

    accepted = {tuple(map(int, body.split(" ")[1:])): 200 <= status < 300 for body, status in there.answers.items()}
    to_xmpp = faults(numbers_by_pair(recorder.bodies(), "there"), accepted)
    refused = {tuple(map(int, e.split(" ")[1:])) for e in errors}
    accepted = {(pair, n): (pair, n) not in refused for pair in range(PAIRS) for n in range(EACH)}
    to_sip = faults(numbers_by_pair(office.bodies(), "back"), accepted)
    statuses = dict(collections.Counter(there.answers.values()))
    figures(each_way=PAIRS * EACH, seconds=round(seconds), answers=statuses, errors=len(errors), to_xmpp=to_xmpp,
            to_sip=to_sip, relay=relay.counts)
    assert not any(to_xmpp.values()) and not any(to_sip.values()), (to_xmpp, to_sip)
    assert min(way["lost"] for way in relay.counts) > 0 and not any(way["over"] for way in relay.counts)
