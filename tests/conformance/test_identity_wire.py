"""Asserted identities (RFC 3325) and the rate of a SIP system, on the wire (STOX-SEC-08, 15, 29; STOX-ADDR-28; threats I7)."""
import time

import pytest

import support
from rig import dns
from rig.stoxd import Stoxd
from support import DOMAIN, OTHER, RAW, RAW_UDP, Partner, Udp, expect_stanza, request

AT = "sip:sm1.example"  # a partner's domain and nobody in it: 404 says that the sender was let in
LET_IN = 404
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a'


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    """contoso.example from a system that asserts identities, raw.example from one that does not, both at one address."""
    routes = {"office": {"next_hop": dns.OFFICE + ":5060", "sources": [RAW], "trust_identity": True},
              "raw": {"next_hop": RAW_UDP + ":5060", "sources": [RAW]},
              "stream": {"next_hop": dns.OFFICE + ":5060", "sources": [support.STRANGER], "message_rate": 2}}
    support.begin_names()
    return start_for_module(Stoxd(rig, name="stoxd-identity", **support.settings(OTHER, routes=routes, gateway=support.PATIENT)))


def status(sender, *lines, source=RAW, uri=AT, **how):
    with Udp(source, target=OTHER) as peer:
        return peer.status(request(uri=uri, sender=sender, headers=list(lines), body="x", sent_by=source, **how)).status


@pytest.mark.parametrize("sender, asserted, expected", [
    (ANONYMOUS, [], 403), (ANONYMOUS, ["<sip:alice@contoso.example>"], LET_IN),
    (ANONYMOUS, ['"Alice" <sip:alice@contoso.example>, <tel:+1555>'], LET_IN),
    (ANONYMOUS, ["<tel:+1555>", "<sip:alice@contoso.example>"], LET_IN),
    ("alice@contoso.example", ["<sip:bob@contoso.example>"], LET_IN),
    ("alice@contoso.example", ["<sip:bob@nobody.example>"], 403), ("alice@contoso.example", ["<tel:+1555>"], LET_IN),
    ("alice@contoso.example", ["<sip:bob@stream.example>"], 403), ("alice@contoso.example", ["x"], LET_IN),
    # raw.example's route trusts nobody: what is asserted is not there
    (ANONYMOUS, ["<sip:bob@raw.example>"], 403), ("bob@raw.example", ["<sip:bob@nobody.example>"], LET_IN),
    ("bob@nobody.example", ["<sip:bob@raw.example>"], 403)])
def test_STOX_SEC_08_asserted_identities(gateway, sender, asserted, expected):
    assert status(sender, *("P-Asserted-Identity: " + a for a in asserted)) == expected


def test_STOX_ADDR_28_who_hides_is_refused(gateway):
    """An asserted identity that its owner wants hidden is not shown to partners."""
    for privacy, expected in ("id", 433), ("header;id;critical", 433), ("none", LET_IN), ("user", LET_IN):
        assert status(ANONYMOUS, "P-Asserted-Identity: <sip:alice@contoso.example>", "Privacy: " + privacy) == expected


def test_I7_the_asserted_identity_is_the_sender_where_it_is_trusted_and_nothing_elsewhere(rig, gateway, start):
    p = start(Partner(rig, at=OTHER))
    with Udp(RAW, target=OTHER) as peer:
        peer.send(request(uri="sip:romeo@" + p.domain, sender="alice@" + DOMAIN, body="trusted", sent_by=RAW,
                          headers=["P-Asserted-Identity: <sip:bob@contoso.example>"]))
        wire = p.accept_sm()
        stanza = expect_stanza(wire)
        assert stanza.get("from").split("/")[0] == "bob@" + DOMAIN
        assert "alice" not in str(stanza.attrib) and b"Asserted" not in wire.all
        support.acknowledge(wire, 1)
        peer.send(request(uri="sip:romeo@" + p.domain, sender="bob@raw.example", body="not", sent_by=RAW,
                          headers=["P-Asserted-Identity: <sip:boss@raw.example>"]))
        wire = p.accept_sm()
        assert expect_stanza(wire).get("from").split("/")[0] == "bob@raw.example"


def test_STOX_SEC_15_a_sip_system_that_floods_is_refused_and_no_other(gateway):
    """All its users together; another system is served meanwhile."""
    with Udp(support.STRANGER, target=OTHER) as hasty, Udp(RAW, target=OTHER) as other:
        def sent(peer, sender, source):
            return peer.status(request(uri=AT, sender=sender, body="x", sent_by=source))

        began, statuses = time.monotonic(), []
        while statuses.count(480) < 15 and len(statuses) < 1000:
            got = sent(hasty, "u%d@stream.example" % len(statuses), support.STRANGER)
            statuses.append(got.status)
            assert got.status == LET_IN or got.get("retry-after")
        seconds = time.monotonic() - began
        assert set(statuses) == {LET_IN, 480} and statuses[:20] == [LET_IN] * 20
        assert statuses.count(LET_IN) <= 20 + 2 * seconds + 1, (statuses, seconds)
        assert sent(other, "alice@" + DOMAIN, RAW).status == LET_IN
        gateway.ctl("route", "set", "stream", "--message-rate", "0")
        assert sent(hasty, "u@stream.example", support.STRANGER).status == LET_IN
