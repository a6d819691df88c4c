"""
What has to wait for the gateway's own deadlines, at a gateway of its own (support.Slow). All of it begins with the run:
it costs little time of its own when all tests run.
"""
import time

import pytest

pytestmark = pytest.mark.held


def test_TORT_clerr_on_a_stream_waits_and_closes(slow):
    """The rest never comes: closed when half a message has waited for 10 s, without an answer needed."""
    slow.closed("sip half body", within=20)


def test_STOX_S2S_96_unauthenticated_life(slow):
    for state in "tcp open", "header half sent", "header sent", "tls half done", "authentication idle":
        slow.closed(state, within=40)


def test_D8_stalled_in_every_state(slow):
    """An octet every 5 s: cut by a deadline, 30 s for a stream, 10 s for half a SIP message. The gateway lives on."""
    for state in slow.stalled:
        slow.closed(state, within=20 if state.startswith("sip") else 40)
    assert slow.gateway.process.running()


def test_STOX_IM_23_202_for_a_partner_that_confirms_nothing(slow):
    """Three barriers, of 20 s, unanswered on a live stream: 504 until then, 202 from then on. Begun with the run."""
    deadline = slow.mute_since + 120
    while not any(status == 202 for _, status in slow.mute_answers) and time.monotonic() < deadline:
        time.sleep(0.2)
    statuses = [status for _, status in slow.mute_answers]
    assert 202 in statuses and set(statuses) == {504, 202}, slow.mute_answers
    at = statuses.index(202)
    assert set(statuses[:at]) == {504} and set(statuses[at:]) == {202} and slow.mute_answers[at][0] > 55
