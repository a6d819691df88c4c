"""Numbered messages both ways, all the time, between people of the office and one person on XMPP."""
import contextlib
import threading
import time

from rig import dns
from rig.numbered import Delivered, SipTraffic, judge
from rig.process import Failed, eventually

GATEWAY = (dns.GATEWAY, 5060)


class Talk:
    """
    with Talk(...) as talk: streams stand both ways, and messages go until the end of the block. ahead: the person on XMPP is so many
    ahead of what has come to SIP, at most, and one more each second while nothing comes.
    """

    def __init__(self, office, person, label, *, rate=40, target=GATEWAY, transport=None, ahead=None):
        self.office, self.person, self.label, self.rate, self.target = office, person, label, rate, target
        self.transport, self.ahead = transport, ahead
        self._came, self._looked, self._sent_at = 0, 0, 0  # so many have come, or are behind others that have
        self.traffic = SipTraffic(office, person.jid, target, rate=rate, label=label, transport=transport)
        self.back = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True, name="xmpp traffic " + label)

    def _go_on(self):
        while not self._stop.wait(1 / self.rate):
            if not self.ahead or len(self.back) - self._n_came() < self.ahead or time.monotonic() > self._sent_at + 1:
                self._send()

    def _n_came(self):
        new = self.office.received.all[self._looked:]
        self._looked += len(new)
        self._came = max([self._came, *(self._number(r.body) + 1 for r in new)])
        return self._came

    def _send(self):
        self._sent_at = time.monotonic()
        n = len(self.back)
        self.back.append("%s-back %d" % (self.label, n))
        self.person.send("alice@contoso.example", self.back[n], id="%s-%d" % (self.label, n))

    def __enter__(self):
        first = "the first of " + self.label
        assert self.office.message(self.person.jid, first, target=self.target, transport=self.transport).wait() == 200
        self.person.send("alice@contoso.example", first)
        self.office.wait_message(first)
        self.traffic.start()
        self._thread.start()
        return self

    def wait(self, n=20, timeout=30):
        """Until n more have arrived each way, of those that are sent from now on."""
        goal = len(self.back) + n
        self.traffic.wait_ok(n, timeout)
        found, _ = self.office.received.wait(lambda r: self._number(r.body) >= goal, timeout)
        if not found:
            raise Failed("%s: message %d did not arrive at SIP within %g s" % (self.label, goal, timeout))

    def _number(self, body):
        words = body.split(" ")
        return int(words[1]) if words[0] == self.label + "-back" else -1

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)
        self.traffic.stop()

    def errors(self):
        """Ids of what was given back to the person on XMPP, each once: the gateway and his own server may both give one back."""
        return {m["id"] for m in self.person.messages.all
                if m["type"] == "error" and m["id"].startswith(self.label + "-")}

    def judge(self):
        """After the block: figures of both ways."""
        last = "the last of " + self.label
        assert self.office.message(self.person.jid, last, target=self.target, transport=self.transport).wait() == 200
        self.person.wait_message(last)
        self.person.send("alice@contoso.example", last)
        self.office.wait_message(last)
        entries = [(m["body"], m["id"], m.arrived_at) for m in self.person.messages.all if m["type"] != "error"]
        there = judge(self.traffic, Delivered(entries, self.label))
        with contextlib.suppress(Failed):  # errors go their own ways, and may come behind the last message
            eventually(lambda: self._judge_back()["lost"] <= 0, "an error for each that did not arrive")
        return {"sip_to_xmpp": there, "xmpp_to_sip": self._judge_back()}

    def _judge_back(self):
        seen = Delivered([(r.body, r.message.branch, None) for r in self.office.received.all], self.label)
        errors = self.errors()
        there_too = sum(self.back[int(e.split("-")[-1])] in seen.first for e in errors)
        return {"sent": len(self.back), "delivered": len(seen), "errors": len(errors), "delivered_but_error": there_too,
                "lost": sum(b not in seen.first for b in self.back) - (len(errors) - there_too),
                "repeats_with_another_branch": seen.other_ids, "out_of_order": seen.out_of_order}

    def check_undisturbed(self):
        """Everything arrived, once and in order, and was told so. Returns the figures."""
        figures = self.judge()
        there, back = figures["sip_to_xmpp"], figures["xmpp_to_sip"]
        assert there["answered"] == {"200": there["sent"]}, figures
        assert (there["lost"], there["repeats"], there["out_of_order"]) == (0, 0, 0), figures
        assert (back["delivered"], back["errors"], back["lost"]) == (back["sent"], 0, 0), figures
        assert (back["repeats_with_another_branch"], back["out_of_order"]) == (0, 0), figures
        return {"sip_to_xmpp": there["delivered"], "xmpp_to_sip": back["delivered"], "lost": 0}


def streams(gateway, remote=None):
    """{(id, direction)} of the authenticated streams with this domain, or with all."""
    return {(s["id"], s["direction"]) for s in gateway.ctl_json("stream", "list")
            if s["authenticated"] and remote in (None, s["remote"])}


def refused_to_sip(office, person, text, sender="alice@contoso.example", target=GATEWAY):
    """A message from SIP, refused: its transaction."""
    txn = office.message(person, text, sender=sender, target=target)
    assert txn.wait() >= 300, txn.status
    return txn


def given_back(person, to, text):
    """A message from XMPP, refused: its error stanza as text."""
    stanza_id = "given-back-%d" % time.monotonic_ns()
    person.send(to, text, id=stanza_id)
    return str(person.wait_error(stanza_id))
