"""
A thousand pairs of people over a bad line: the UDP leg to the SIP side loses 5 % of the datagrams each way, doubles 5 %, and
delays by up to 20 ms (5 % by up to 40), which reorders them. Some people of each side give back what comes. STOX_PROOF=1 asks
for a million messages each way.
"""
import os
import re
import signal
import time

import pytest

from rig import dns, numbered
from rig.process import eventually
from rig.relay import Relay
from rig.truth import Truth

pytestmark = pytest.mark.apart

PAIRS = 1000
PROOF = os.environ.get("STOX_PROOF") == "1"
EACH = int(os.environ.get("STOX_TRUTH_EACH", "1000" if PROOF else "10"))  # of a pair, each way
PARTNERS = 50
EACH_STALLED, PARTNERS_STALLED = 2, 5
SILENCE_MS = 40000 if PROOF else 1500  # the longer one outlives all repetitions
NEAR, FAR = (dns.RELAY, 5060), (dns.RELAY, 5070)
WINDOW = 8 * PAIRS  # of the partner
HOLD_S = 4
OPEN = {"user_message_rate": 0, "sip_user_message_rate": 0}
ROUTES = {"office": {"next_hop": "%s:%d" % NEAR, "transport": "udp", "im": "pager"}}


def patience(each):
    return 90 + PAIRS * each / 600


def begin(rig, stoxd, start, folder, each, domains, gateway=None, stalls_at=0, **line):
    """All of it, and traffic both ways: the gateway, the line and the two sides."""
    truth = Truth(rig, folder, own=dns.OFFICE + ":5060", to="%s:%d" % FAR, listen=dns.RECORDER + ":5269",
                  gateway=dns.GATEWAY + ":5269", pairs=PAIRS, each=each, domains=domains, window=WINDOW, stalls_at=stalls_at)
    gw = stoxd(partners=truth.partners, routes=ROUTES, log_level="info", gateway={**OPEN, **(gateway or {})})
    relay = start(Relay(NEAR, (dns.GATEWAY, 5060), FAR, (dns.OFFICE, 5060), **line))
    for side in truth.sides():
        start(side)
    for side in truth.sides():
        side.go()
    return gw, relay, truth


def end(rig, relay, truth, each):
    """Until everybody has all answers; the line first, so that nothing comes after the records are written."""
    for side in truth.sides():
        side.wait(patience(each))
    for part in (relay, *truth.sides()):
        rig.down(part)


def late_bounces(gw):
    """Errors that have come back, of what was answered 2xx before."""
    return int(re.search(r'stox_bounces_total\{in_time="no"\} (\d+)', gw.ctl("metrics"))[1])


def test_over_a_bad_line_none_is_lost_doubled_or_overtaken_and_each_answer_is_true(rig, stoxd, start, tmp_path, figures):
    began = time.monotonic()
    gw, relay, truth = begin(rig, stoxd, start, tmp_path, EACH, PARTNERS)
    end(rig, relay, truth, EACH)
    seconds = time.monotonic() - began
    there, there_faults = truth.to_xmpp()
    back, back_faults = truth.to_sip()
    figures(each_way=PAIRS * EACH, seconds=round(seconds), to_xmpp=there, to_sip=back, sip=truth.sip.counts,
            xmpp=truth.xmpp.counts, gateway_kib=gw.resident_kib(), relay=relay.counts)
    assert (there_faults, back_faults) == ({}, {})
    eventually(lambda: late_bounces(gw) >= there["bounced after their 2xx"], "those on their way have come")
    assert late_bounces(gw) == there["bounced after their 2xx"] and there["604"] > 0 and back["refused by SIP"] > 0
    assert min(way["lost"] for way in relay.counts) > 0 and not any(way["over"] for way in relay.counts)


def n_timeouts(gw):
    return len(gw.events("message-timeout"))


def test_when_the_partner_stalls_each_answer_is_still_true(rig, stoxd, start, tmp_path, figures):
    """It stops until the hold time is over for hundreds of messages; some of them were on their way to it."""
    gw, relay, truth = begin(rig, stoxd, start, tmp_path, EACH_STALLED, PARTNERS_STALLED, {"hold_time": HOLD_S}, stalls_at=100)
    truth.xmpp.process.wait_line("^stalls$", 30)
    eventually(lambda: n_timeouts(gw) >= 200, "200 messages that the hold time ended for", 30)
    os.kill(truth.xmpp.process.pid, signal.SIGCONT)
    end(rig, relay, truth, EACH_STALLED)
    there, there_faults = truth.to_xmpp(numbered.unknown_ids(gw))
    back, back_faults = truth.to_sip()
    figures(each_way=PAIRS * EACH_STALLED, to_xmpp=there, to_sip=back, relay=relay.counts)
    assert (there_faults, back_faults) == ({}, {})
    assert there["504"] >= 200 and there["there, and known not to be known"] > 0


def test_when_the_line_is_dead_for_a_while_each_answer_is_still_true(rig, stoxd, start, tmp_path, figures):
    """For less time than repetitions last; in the proof for more, so that some had arrived and their answers did not."""
    gw, relay, truth = begin(rig, stoxd, start, tmp_path, EACH_STALLED, PARTNERS, silence=(3000, SILENCE_MS))
    end(rig, relay, truth, EACH_STALLED)
    there, there_faults = truth.to_xmpp(numbered.unknown_ids(gw), dead_line=PROOF)
    back, back_faults = truth.to_sip()
    figures(each_way=PAIRS * EACH_STALLED, silent_ms=SILENCE_MS, to_xmpp=there, to_sip=back, relay=relay.counts)
    assert (there_faults, back_faults) == ({}, {})
    assert not PROOF or back["error, outcome unknown"] > 0
