"""
What an answer means when processes die: partners and the gateway are killed (-9) and started again in the middle of
traffic, and the answers are held against the record. The quick size is for every test run; STOX_PROOF=1 asks for more.
"""
import os
import random
import threading
import time

import pytest

from rig import dns
from rig.numbered import Delivered, SipTraffic, judge, unanswered, unknown_ids
from rig.process import eventually
from rig.recorder import Recorder
from rig.xmppclient import XmppClient

pytestmark = pytest.mark.apart

PROOF = os.environ.get("STOX_PROOF") == "1"
KILLS = 50 if PROOF else 3
SERVER_KILLS = 20 if PROOF else 2
BACK_S = 90  # a server that is slow to start is tried again later and later
GATEWAY = (dns.GATEWAY, 5060)
TO = "romeo@recorder.example"
USERS = ("alice", "bob", "carol", "dave")


class FromRecorder:
    """Numbered messages from the recording partner to several SIP users, while it lives; its record is the truth."""

    def __init__(self, recorder, office, label, rate=50):
        self.recorder, self.office, self.label, self.rate, self.n = recorder, office, label, rate, 0
        self.seen = []  # (body, branch, time)
        self.alive = threading.Lock()  # held by the one who kills
        self._stop = threading.Event()
        office.answer = self._answer
        self._thread = threading.Thread(target=self._run, daemon=True, name="recorder traffic")
        self._thread.start()

    def _answer(self, got):
        self.seen.append((got.body, got.message.branch, time.time()))
        self.office.loop.call_later(0.03, got.reply, 200)  # so that some are on their way whenever somebody dies

    def _run(self):
        while not self._stop.wait(1 / self.rate):
            with self.alive:
                user = USERS[self.n % len(USERS)]
                try:
                    self.recorder.send(user + "@contoso.example", "%s-%s %d" % (self.label, user, self.n),
                                       "%s-%d" % (self.label, self.n))
                except OSError:
                    continue  # it has just died; what it did not write down was never sent
                self.n += 1

    def stop(self):
        self._stop.set()
        self._thread.join(10)

    def drain(self):
        """After stop: one more to each user comes behind all that was sent to him before."""
        for user in USERS:
            text = "%s-%s %d" % (self.label, user, self.n)
            self.recorder.send(user + "@contoso.example", text, "%s-%d" % (self.label, self.n))
            self.n += 1
            eventually(lambda: any(body == text for body, _, _ in list(self.seen)), "what was sent last has come", 60)

    def judge(self):
        entries = self.recorder.entries()
        written = {e["out"]: e["stanza"] for e in entries if "out" in e}
        acked = {e["acked"] for e in entries if "acked" in e}
        bodies = {n: stanza.split("<body>")[1].split("</body>")[0] for n, stanza in written.items()}
        delivered = Delivered(self.seen, self.label)
        errors = [e for e in entries if "in" in e and e["type"] == "error"]
        returned = {e["id"] for e in errors}
        gone = [n for n, body in bodies.items() if body.startswith(self.label + "-") and body not in delivered.first]
        lost = [n for n in gone if "%s-%s" % (self.label, bodies[n].split(" ")[1]) not in returned]
        copies = sum(r.copies - 1 for r in self.office.received.all if r.body.startswith(self.label + "-"))
        return {"sent": len(written), "acknowledged": len(acked), "delivered": len(delivered),
                "error_stanzas": len(errors), "lost": len(lost), "lost_though_acknowledged": len(set(lost) & acked),
                "repeats_with_another_branch": delivered.other_ids,
                "repeats_with_the_same_branch": copies,
                "out_of_order": delivered.out_of_order}


def stanzas(recorder):
    return [(e["body"], e["id"], e["at"]) for e in recorder.stanzas() if e["type"] != "error"]


def settle(traffic, office, recorder):
    """All answers are there; then one message more shows that what comes later would have come."""
    traffic.stop(90)
    eventually(lambda: office.message(TO, "the last", target=GATEWAY).wait() == 200, "the partner is back", BACK_S)
    recorder.wait_stanza("the last")


def check(there, least):
    """What an answer says is true; and who had none was owed none."""
    assert set(there["answered"]) <= {"200", "504"} | ({"0"} if "owed_an_answer" in there else set())
    assert there.get("owed_an_answer", 0) == 0
    assert there["answered"].get("200", 0) >= least
    assert (there["lost"], there["written_after_the_answer"], there["repeats_with_another_id"]) == (0, 0, 0)


@pytest.mark.parametrize("sm", [True, False], ids=["stream-management", "ping-only"])
def test_the_partner_is_killed_under_traffic_and_no_answer_lies(rig, stoxd, office, start, figures, sm):
    gateway = stoxd(partners={"recorder.example": {}})
    recorder = start(Recorder(rig, record="%s/kills-%s" % (rig.work, sm), sm=sm))
    chance = random.Random(1)
    traffic = SipTraffic(office, TO, GATEWAY, rate=150, window=50, label="k").start()
    back = FromRecorder(recorder, office, "b")
    for i in range(KILLS):
        traffic.wait_ok(chance.randrange(20, 60), BACK_S)
        with back.alive:
            if i % 2 == 0:  # the worst moment: written down and not yet acknowledged
                recorder.set(die_after=len(recorder.stanzas()) + chance.randrange(5, 30))
                recorder.wait_end()
                recorder.options.pop("die_after")
            recorder.kill()
            time.sleep(chance.choice([0, 0.1, 0.5]))
            recorder.start()
    traffic.wait_ok(20, BACK_S)
    back.stop()
    settle(traffic, office, recorder)
    recorder.wait_acked(60)
    unknown = unknown_ids(gateway)
    there, here = judge(traffic, Delivered(stanzas(recorder), "k"), unknown), back.judge()
    figures(kills=KILLS, sip_to_xmpp=there, outcome_unknown=len(unknown), xmpp_to_sip=here)
    check(there, 20 * KILLS)
    assert there["not_sent_but_delivered"] == 0
    assert here["lost"] == 0 and here["repeats_with_another_branch"] == 0


@pytest.mark.parametrize("sm", [True, False], ids=["stream-management", "ping-only"])
def test_the_gateway_is_killed_under_traffic_and_no_answer_lies(rig, stoxd, office, start, figures, sm):
    gateway = stoxd(partners={"recorder.example": {}})
    recorder = start(Recorder(rig, record="%s/gateway-kills-%s" % (rig.work, sm), sm=sm))
    chance = random.Random(2)
    traffic = SipTraffic(office, TO, GATEWAY, rate=150, window=50, label="k").start()
    back = FromRecorder(recorder, office, "b")
    for i in range(KILLS):
        traffic.wait_ok(chance.randrange(20, 60), BACK_S)
        if i % 2 == 0:  # the worst moment: the partner has taken some that nobody has been told of
            recorder.set(ack=False, ping=False)
            recorder.wait_count(len(recorder.stanzas()) + chance.randrange(5, 30))
        gateway.kill()
        recorder.set(ack=True, ping=True)
        time.sleep(chance.choice([0, 0.1, 0.5]))
        gateway.start()
    traffic.wait_ok(20, BACK_S)
    back.stop()
    settle(traffic, office, recorder)
    recorder.wait_acked(60)
    there, here = judge(traffic, Delivered(stanzas(recorder), "k")), back.judge()
    there.update(unanswered(traffic, gateway))
    figures(kills=KILLS, sip_to_xmpp=there, xmpp_to_sip=here)
    check(there, 20 * KILLS)
    assert here["repeats_with_another_branch"] == 0
    if sm:
        assert here["lost"] == 0


def test_a_request_is_unanswered_only_where_each_process_that_had_a_copy_was_killed(rig, stoxd, office, start):
    """
    Each copy of one request meets a process that hands it on and is killed before the partner acknowledges: delivered,
    and not answered for as long as this goes on. The first copy that meets a process that lives is answered.
    """
    gateway = stoxd(partners={"recorder.example": {}})
    recorder = start(Recorder(rig, record=rig.work + "/each-copy", ack=False, ping=False))
    same = {"target": GATEWAY, "branch": "z9hG4bKeach-copy", "call_id": "each-copy", "cseq": 1, "retransmit": False}
    copies = []
    for n in range(1, 5):
        copies.append(office.message(TO, "each copy", **same))
        recorder.wait_count(n)
        gateway.kill()
        gateway.start()
    assert not any(t.response for t in copies)
    recorder.set(ack=True, ping=True)
    assert office.message(TO, "each copy", **same).wait() == 200
    assert len(recorder.stanzas()) == 5 and len({s["id"] for s in recorder.stanzas()}) == 1


def person_of(rig, server):
    return {"prosody": ("romeo@fabrikam.example", dns.PROSODY), "ejabberd": ("juliet@wingtip.example", dns.EJABBERD)}[
        server] + (rig.pki.trust_file,)


@pytest.mark.parametrize("server", ["prosody", "ejabberd"])
def test_a_real_server_is_killed_under_traffic_and_each_200_was_acknowledged(request, rig, stoxd, office, start,
                                                                             figures, server):
    """The person's client is the only record, so what the server took and lost when it died is counted, not judged."""
    peer = request.getfixturevalue(server)
    gateway = stoxd()
    people = [start(XmppClient(*person_of(rig, server)))]
    chance = random.Random(3)
    traffic = SipTraffic(office, people[0].jid, GATEWAY, rate=150, window=50, label="server-kill").start()
    kills = SERVER_KILLS if server == "prosody" else (SERVER_KILLS + 1) // 2
    for _ in range(kills):
        traffic.wait_ok(chance.randrange(20, 60), BACK_S)
        peer.process.kill()
        peer.start()
        people.append(start(XmppClient(*person_of(rig, server))))
    traffic.wait_ok(20, BACK_S)
    traffic.stop(90)
    eventually(lambda: office.message(people[0].jid, "the last", target=GATEWAY).wait() == 200, "the server is back",
               BACK_S)
    people[-1].wait_message("the last")
    entries = [(m["body"], m["id"], m.arrived_at) for p in people for m in list(p.messages.all) if m["type"] != "error"]
    unknown = unknown_ids(gateway)
    there = judge(traffic, Delivered(entries, "server-kill"), unknown)

    def n_acknowledged():
        return len([e for e in gateway.events("message-answered") if e["status"] == "200"
                    and e["why"].startswith("acknowledged")])

    n_ok = there["answered"]["200"] + 1
    eventually(lambda: n_acknowledged() >= n_ok, "the log has caught up with the answers")
    acknowledged = n_acknowledged()
    there["seen_by_nobody_though_200"] = there.pop("lost")
    figures(kills=kills, sip_to_xmpp=there, outcome_unknown=len(unknown), acknowledged_by_the_server=acknowledged)
    assert set(there["answered"]) <= {"200", "404", "480", "504"}
    assert n_ok == acknowledged
    assert (there["repeats_with_another_id"], there["not_sent_but_delivered"]) == (0, 0)
