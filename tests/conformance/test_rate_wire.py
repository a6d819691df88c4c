"""Rate limits on the wire (STOX-SEC-15; threats D11): who is too fast pays, and nobody else."""
import re
import time

import pytest

import support
from rig.process import eventually
from support import DOMAIN, OTHER, Partner, error_of, expect_stanza, settings


@pytest.fixture
def limited(stoxd):
    """A gateway with these settings of its own."""
    return lambda **gateway: stoxd(name="stoxd-limited", **settings(OTHER, gateway={**support.PATIENT, **gateway}))


def connected(start, rig):
    p = start(Partner(rig, at=OTHER))
    return p, p.incoming()


def flood(p, wire, n, label, sender="romeo"):
    wire.send("".join("<message from='%s@%s/x' to='alice@%s' id='%s%d'><body>%s %d</body></message>" % (
        sender, p.domain, DOMAIN, label, i, label, i) for i in range(n)))


def throttled(gateway):
    text = gateway.ctl("metrics")
    return {name: float(value) for name, value in re.findall(r"^stox_(\w*throttle\w*_total\S*) (\S+)$", text, re.M)}


def test_STOX_SEC_15_a_user_who_floods_is_refused_and_nobody_else(limited, start, rig, sip):
    gateway = limited(user_message_rate=2)
    p, wire = connected(start, rig)
    mark = sip.mark()
    flood(p, wire, 40, "flood")
    p.send_message(wire, sender="juliet@" + p.domain, body="from another")
    sip.wait_message("from another", 20, mark)
    error = expect_stanza(p.accept_sm())
    assert error_of(error) == ("resource-constraint", "wait", DOMAIN) and int(error.get("id")[5:]) >= 20
    sip.wait_message("flood 19", 20, mark)
    assert throttled(gateway)['messages_throttled_total{direction="xmpp-to-sip"}'] > 0


def test_STOX_SEC_15_a_partner_at_full_speed_is_slowed_and_loses_nothing(limited, start, rig, sip):
    """B3: others are served at once meanwhile, and the rate holds; a change of it counts for what waits."""
    gateway = limited(partner_stanza_rate=20, user_message_rate=0)
    hasty, wire = connected(start, rig)
    other, quiet = connected(start, rig)
    mark = sip.mark()
    began = time.monotonic()
    for user in range(10):
        flood(hasty, wire, 20, "f%d-" % user, "u%d" % user)
    gateway.wait_event("partner-throttled", partner=hasty.domain)
    for i in range(5):
        other.send_message(quiet, body="meanwhile %d" % i, stanza_id="q%d" % i)
        sip.wait_message("meanwhile %d" % i, 20, mark)
    got = len([b for b in sip.bodies()[mark:] if b.startswith("f")])
    assert got <= 20 + 20 * (time.monotonic() - began) + 50  # what one read holds comes on top
    gateway.ctl("gateway", "set", "--partner-stanza-rate", "0")
    eventually(lambda: len([b for b in sip.bodies()[mark:] if b.startswith("f")]) >= 200, "all have come", 60)
    support.heard(sip, OTHER)
    assert sorted(b for b in sip.bodies()[mark:] if b.startswith("f")) == sorted(
        "f%d- %d" % (user, i) for user in range(10) for i in range(20))
    counted = throttled(gateway)
    assert counted["partner_throttles_total"] > 0 and counted["partner_throttled_seconds_total"] > 0
