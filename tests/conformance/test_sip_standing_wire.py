"""SIP connections over TLS whose certificate ends while they stand: it expires, or is revoked (RFC 5922; RFC 5923 9)."""
import os
import signal

import pytest

import support
from rig.sipua import SipUa
from support import OTHER, RAW, STRANGER

TLS_AT = (OTHER, 5061)
POOL = "pool.contoso.example"
LIVES_S = 12  # time for two connections on any machine


@pytest.fixture
def gateway(rig, stoxd):
    own = rig.pki.issue("standing-gateway", dns=["gw.contoso.example"])
    routes = {"pool": {"next_hop": RAW + ":5061", "transport": "tls", "tls_names": [POOL]}}
    how = support.settings(OTHER, name="stoxd-standing", routes=routes, sip_domains={"contoso.example": {"route": "pool"}},
                           listen_sip_tls=[OTHER + ":5061"], crl_file=rig.pki.lists("standing.pem"))
    how["gateway"] = {**support.PATIENT, "sip_certificate": own.file, "sip_key": own.key}
    return stoxd(**how)


@pytest.fixture
def served(rig, gateway, start):
    """say(text): a partner's user writes to Alice."""
    p = start(support.Partner(rig, at=OTHER))
    wire, ids = p.incoming(), iter(range(100))
    p.say = lambda text: p.send_message(wire, to="alice@contoso.example", body=text, stanza_id="s%d" % next(ids))
    return p


def asks(ua):
    """404: it may speak for its domain, and the recipient is nobody's."""
    return ua.message("romeo@nobody.example", "x", target=TLS_AT, transport="tls").wait()


def test_a_certificate_expires_while_its_connections_stand(rig, gateway, served, start):
    """No new request goes or counts there; what was under way is finished; with a new certificate it goes on at once."""
    cert = rig.pki.issue("standing-short", dns=[POOL], days=(-1, LIVES_S / 86400))
    pool = start(SipUa(RAW, cert=cert, trust=rig.pki.trust_file))
    caller = start(SipUa(STRANGER, port=6000, cert=cert, trust=rig.pki.trust_file))
    mark = gateway.mark()
    pool.answer = None
    served.say("before")
    before = pool.wait_message("before", 20)
    assert asks(caller) == 404
    for direction in "out", "in":
        event = gateway.wait_event("sip-peer-expired", 20 + LIVES_S, since=mark, direction=direction)
        assert event["shows"] == POOL and "expired" in event["why"]
    assert asks(caller) == 403
    before.reply(200)
    gateway.wait_event("message-answered", since=mark, direction="xmpp-to-sip", status=200)
    served.say("after")
    assert "expired" in gateway.wait_event("sip-peer-refused", since=mark, route="pool")["why"]
    assert support.error_of(support.expect_stanza(served.accept_sm()))[0] == "remote-server-timeout"
    assert pool.bodies() == ["before"]
    rig.down(pool)
    pool = start(SipUa(RAW, cert=rig.pki.issue("standing-renewed", dns=[POOL]), trust=rig.pki.trust_file))
    served.say("renewed")
    pool.wait_message("renewed", 20)


def test_a_certificate_is_revoked_while_its_connections_stand(rig, gateway, served, start):
    cert = rig.pki.issue("standing-revoked", dns=[POOL])
    pool = start(SipUa(RAW, cert=cert, trust=rig.pki.trust_file))
    caller = start(SipUa(STRANGER, port=6000, cert=cert, trust=rig.pki.trust_file))
    served.say("before")
    pool.wait_message("before", 20)
    assert asks(caller) == 404
    rig.pki.revoke(cert)
    rig.pki.lists("standing.pem")
    mark = gateway.mark()
    os.kill(gateway.process.pid, signal.SIGHUP)
    for direction in "out", "in":
        assert "revoked" in gateway.wait_event("sip-peer-revoked", since=mark, direction=direction)["why"]
    assert asks(start(SipUa(STRANGER, port=6002, cert=cert, trust=rig.pki.trust_file))) == 403
    served.say("after")
    assert "revoked" in gateway.wait_event("sip-peer-refused", since=mark, route="pool")["why"]
    assert pool.bodies() == ["before"]
