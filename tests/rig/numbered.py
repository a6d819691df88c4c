"""Numbered messages, and what became of each: sent, answered, delivered, repeated, overtaken. Times are time.time()."""
import collections
import json
import math
import os
import threading
import time

from .process import Failed
from .sipua import T1

SENDER_S = 64 * T1  # Timer F


class Sent:
    """One message: its body ("sender number"), and the answer. status: None before it, 0 when none came (Timer F)."""

    __slots__ = "body", "status", "answered_at"

    def __init__(self, body):
        self.body, self.status, self.answered_at = body, None, None


class SipTraffic:
    """Messages from several SIP users to one person, numbered; at most window unanswered, at most rate each second."""

    def __init__(self, ua, to, target, *, senders=("alice", "bob", "carol", "dave"), transport=None, window=100,
                 rate=None, padding=0, label="m", domain="contoso.example"):
        self.ua, self.to, self.target, self.transport, self.rate = ua, to, target, transport, rate
        self.senders, self.padding, self.label, self.domain = senders, "." * padding, label, domain
        self.sent, self.txns = [], []
        self.answered, self.n_ok = 0, 0
        self._window, self._room, self._news = window, threading.Semaphore(window), threading.Condition()
        self._stop = threading.Event()
        self._thread = None

    def _send(self):
        n = len(self.sent)
        sender = self.senders[n % len(self.senders)]
        sent = Sent("%s-%s %d %s" % (self.label, sender, n, self.padding))
        self.sent.append(sent)

        def done(txn):
            with self._news:
                sent.status, sent.answered_at = txn.status, time.time()
                self.answered += 1
                self.n_ok += 200 <= txn.status < 300
                self._news.notify_all()
            self._room.release()

        self.txns.append(self.ua.request(self.to, sent.body, target=self.target, on_done=done,
                                         transport=self.transport, sender="%s@%s" % (sender, self.domain)))

    def run(self, n, timeout=60):
        """Sends n and waits for all answers."""
        for _ in range(n):
            if not self._room.acquire(timeout=timeout):
                raise Failed("SIP: %d unanswered for %g s" % (self._window, timeout))
            self._send()
        self.settle(timeout)

    def start(self):
        """Goes on until stop()."""
        self._thread = threading.Thread(target=self._go_on, daemon=True, name="sip traffic")
        self._thread.start()
        return self

    def _go_on(self):
        while not self._stop.wait(1 / self.rate):
            if self._room.acquire(timeout=0.5):
                self._send()

    def wait_ok(self, n, timeout=40):
        """Until n more were answered 200."""
        with self._news:
            goal = self.n_ok + n
            if not self._news.wait_for(lambda: self.n_ok >= goal, timeout):
                raise Failed("SIP: %d of %d answered 200 within %g s" % (n - goal + self.n_ok, n, timeout))

    def stop(self, timeout=60):
        """Sends no more; waits for all answers."""
        self._stop.set()
        self._thread.join(timeout)
        self.settle(timeout)

    def settle(self, timeout=60):
        with self._news:
            if not self._news.wait_for(lambda: self.answered == len(self.sent), timeout):
                raise Failed("SIP: %d of %d have no end" % (len(self.sent) - self.answered, len(self.sent)))

    def statuses(self):
        return dict(sorted(collections.Counter(s.status for s in self.sent).items()))


def _n_out_of_order(bodies):
    last, n = {}, 0
    for body in bodies:
        sender, number = body.split(" ", 2)[:2]
        n += int(number) < last.get(sender, -1)
        last[sender] = max(int(number), last.get(sender, -1))
    return n


class Delivered:
    """What a record holds of the traffic with this label. entries: [(body, id, at)], in order; at may be None."""

    def __init__(self, entries, label="m"):
        self.first, self.repeats, self.other_ids, self.order = {}, 0, 0, []
        bodies = []
        for body, stanza_id, at in entries:
            if not body or not body.startswith(label + "-"):
                continue
            self.order.append(body)
            if body in self.first:
                self.repeats += 1
                self.other_ids += self.first[body][0] != stanza_id
            else:
                self.first[body] = (stanza_id, at)
                bodies.append(body)
        self.out_of_order = _n_out_of_order(bodies)

    def __len__(self):
        return len(self.first)


def lost(traffic, delivered):
    """Which of those sent were answered 2xx and are not there: their transactions."""
    return [txn for txn, s in zip(traffic.txns, traffic.sent)
            if s.status and s.status < 300 and s.body not in delivered.first]


def written_after_the_answer(traffic, delivered):
    """
    The bodies of copies that were written to the partner after their sender had his answer: none may be. When they came does not say so, as
    what is under way may stay there for seconds; but it is written in order, so that no copy comes behind what was sent after its answer.
    """
    known = {s.body: ((txn.sent_at or [0])[0], s.answered_at or math.inf) for txn, s in zip(traffic.txns, traffic.sent)}
    newest, found = 0, []
    for body in delivered.order:
        sent_at, answered_at = known.get(body, (0, math.inf))
        if newest > answered_at:
            found.append(body)
        newest = max(newest, sent_at)
    return found


def judge(traffic, delivered, unknown=None):
    """
    Holds the answers against the record. lost: answered 2xx, not there. refused_but_delivered: refused and there all
    the same; where the record tells the time, before the answer and after it. unknown: the ids of which the gateway
    said that it does not know; not_sent_but_delivered: refused and there though it said that they were not sent: none.
    """
    there = [s for s in traffic.sent if s.status and s.status >= 300 and s.body in delivered.first]
    times = [(delivered.first[s.body][1], s.answered_at) for s in there]
    figures = {
        "sent": len(traffic.sent), "answered": {str(k): n for k, n in traffic.statuses().items()},
        "delivered": len(delivered), "lost": len(lost(traffic, delivered)),
        "repeats": delivered.repeats, "repeats_with_another_id": delivered.other_ids,
        "out_of_order": delivered.out_of_order, "refused_but_delivered": len(there),
        "written_after_the_answer": len(written_after_the_answer(traffic, delivered)),
    }
    if all(at is not None for at, _ in times):
        figures["before_the_answer"] = sum(at <= answered for at, answered in times)
        figures["after_the_answer"] = sum(at > answered for at, answered in times)
    if unknown is not None:
        figures["not_sent_but_delivered"] = sum(delivered.first[s.body][0] not in unknown for s in there)
    return figures


def is_owed(copies, lives, answers, hold_s):
    """
    Was an answer due to a sender who heard none? copies: when he sent each; lives: [from, to] of each process, to is
    None while it lives; answers: when one of them said it had answered. Due is what was answered before he gave up, and
    what a process had for the hold time and never answered. Nobody owes for a process that was killed first.
    """
    if any(at < copies[0] + SENDER_S for at in answers):
        return True
    for at in copies:
        for begin, end in lives:
            end = math.inf if end is None else end
            if begin <= at < end and end >= at + hold_s and not any(at <= a <= end for a in answers):
                return True
    return False


def stanza_id(event):
    return event["id"]


def ids_by_call(gateway):
    """{Call-ID: the stanza's id}"""
    return {e["call-id"]: e["id"] for e in gateway.events_of_all_lives("message")}


def unanswered(traffic, gateway, hold_s=20):
    """no_answer: the sender heard none within Timer F. owed_an_answer: of these, those to whom one was due."""
    silent = [t for t in traffic.txns if t.done and t.status == 0]
    if not silent:
        return {"no_answer": 0, "owed_an_answer": 0}
    ids, answers = ids_by_call(gateway), {}
    for name in "message-answered", "message-timeout":
        for e in gateway.events_of_all_lives(name):
            answers.setdefault(stanza_id(e), []).append(e.time())
    owed = [t for t in silent if is_owed(t.sent_at, gateway.lives, answers.get(ids.get(t.call_id), []), hold_s)]
    return {"no_answer": len(silent), "owed_an_answer": len(owed)}


def unknown_ids(gateway):
    """The ids of messages of which the gateway said itself that it does not know what became of them."""
    return {stanza_id(e) for name in ("message-timeout", "message-lost") for e in gateway.events(name)
            if e["outcome"] == "unknown"}


def write(test, figures):
    """One line of figures, for people; and for programs, appended to the file $STOX_FIGURES. Returns the line."""
    path = os.environ.get("STOX_FIGURES")
    if path:
        with open(path, "a") as f:
            f.write(json.dumps({"test": test, **figures}) + "\n")
    return "%s: %s" % (test, ", ".join("%s %s" % (k.replace("_", " "), json.dumps(v).replace('"', "")) for k, v in
                                       figures.items()))
