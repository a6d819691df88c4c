"""The end, drain and restart of a gateway that has work: what is taken is finished or refused, and each answer is true."""
import os
import signal

import pytest

from rig import dns
from rig.header import header_answer
from rig.numbered import Delivered, SipTraffic, judge, unknown_ids
from rig.process import eventually
from rig.recorder import Recorder
from test_kill import FromRecorder, stanzas


PROOF = os.environ.get("STOX_PROOF") == "1"
RESTARTS = 20 if PROOF else 1
GATEWAY = (dns.GATEWAY, 5060)
TO = "romeo@recorder.example"


def state(gateway):
    return gateway.ctl_json("service", "status")["state"]


@pytest.fixture
def recorder(rig, start, tmp_path):
    return start(Recorder(rig, record=str(tmp_path / "record")))


def test_a_drain_refuses_what_is_new_finishes_what_was_taken_and_is_taken_back(stoxd, office, recorder):
    gateway = stoxd(partners={"recorder.example": {}}, gateway={"stop_within": 30})
    recorder.set(ack=False, ping=False)
    held = office.message(TO, "held", target=GATEWAY)
    recorder.wait_stanza("held")
    assert gateway.ctl("service", "drain").startswith("draining: 1 message held, ")
    new = office.message(TO, "new", target=GATEWAY)
    assert new.wait() == 503 and new.response.get("retry-after") == "5"
    assert not held.done and state(gateway) == "draining"
    recorder.set(ack=True, ping=True)
    recorder.acknowledge()
    assert held.wait() == 200
    eventually(lambda: state(gateway) == "drained", "nothing is left")
    assert gateway.ctl_json("service", "status")["streams"] == 0
    assert "<system-shutdown" in header_answer(dns.GATEWAY)
    assert office.message(TO, "still drained", target=GATEWAY).wait() == 503
    assert gateway.ctl("service", "resume").startswith("serving: ")
    assert office.message(TO, "after", target=GATEWAY).wait() == 200
    assert [s["body"] for s in recorder.stanzas() if s["type"] != "error"] == ["held", "after"]


def test_what_nobody_acknowledges_within_the_bound_is_answered_with_an_error(stoxd, office, recorder):
    gateway = stoxd(partners={"recorder.example": {}}, gateway={"stop_within": 2})
    recorder.set(ack=False, ping=False)
    held = office.message(TO, "held", target=GATEWAY)
    recorder.wait_stanza("held")
    gateway.stop(40)
    assert held.wait() == 504


def test_a_second_signal_ends_it_at_once(stoxd, office, recorder):
    gateway = stoxd(partners={"recorder.example": {}}, gateway={"stop_within": 300})
    recorder.set(ack=False, ping=False)
    office.message(TO, "held", target=GATEWAY)
    recorder.wait_stanza("held")
    os.kill(gateway.process.pid, signal.SIGTERM)
    gateway.wait_event("stopping", 20, held=1)
    os.kill(gateway.process.pid, signal.SIGTERM)
    assert gateway.process.popen.wait(20) == 0
    gateway.process = None


def test_restarts_under_load_lose_nothing_that_was_taken(rig, stoxd, office, recorder, figures):
    gateway = stoxd(partners={"recorder.example": {}}, gateway={"stop_within": 30})
    traffic = SipTraffic(office, TO, GATEWAY, rate=150, window=50, label="k").start()
    back = FromRecorder(recorder, office, "b")
    for _ in range(RESTARTS):
        traffic.wait_ok(100)
        gateway.stop(60)
        gateway.start()
    traffic.wait_ok(100)
    back.stop()
    traffic.stop(90)
    eventually(lambda: office.message(TO, "the last", target=GATEWAY).wait() == 200, "the partner is back", 40)
    recorder.wait_stanza("the last")
    recorder.wait_acked(60)
    there, here = judge(traffic, Delivered(stanzas(recorder), "k"), unknown_ids(gateway)), back.judge()
    figures(restarts=RESTARTS, sip_to_xmpp=there, xmpp_to_sip=here)
    assert set(there["answered"]) <= {"200", "503"}
    assert (there["lost"], there["refused_but_delivered"], there["repeats_with_another_id"]) == (0, 0, 0)
    assert here["lost"] == 0 and here["repeats_with_another_branch"] == 0
