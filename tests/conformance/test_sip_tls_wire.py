"""SIP over TLS on the wire: whose certificate lets whom speak, in both directions (RFC 5922; STOX-SEC)."""
import itertools
import ssl

import pytest

import support
from rig import scripted
from rig.sipua import SipUa
from support import OTHER, RAW, RAW_TCP, RAW_UDP, STRANGER

TLS_AT = (OTHER, 5061)
POOL = "pool.contoso.example"


@pytest.fixture(scope="module")
def certs(rig):
    """By what they name; all from the trusted authority unless their name says otherwise."""
    made = {
        "pool": {"dns": [POOL]},
        "domain": {"dns": ["direct.example"]},
        "wildcard": {"dns": ["*.contoso.example", "*.example"]},
        "other": {"dns": ["mallory.example"]},
        "expired": {"dns": [POOL], "days": (-30, -1)},
        "unknown": {"dns": [POOL], "by": "unknown"},
        "self-signed": {"dns": [POOL], "by": None},
        "for-mail": {"dns": [POOL], "usage": "emailProtection"},
        "server-only": {"dns": [POOL], "usage": "serverAuth"},
        "sip-only": {"dns": [POOL], "usage": "1.3.6.1.5.5.7.3.20"},
        "gateway": {"dns": ["gw.contoso.example"]},
    }
    return {name: rig.pki.issue("sip-" + name, **how) for name, how in made.items()}


@pytest.fixture
def gateway(stoxd, certs):
    """A gateway with a pool (contoso.example), a domain that shows its own certificate, and one known by its address."""
    own = certs["gateway"]
    routes = {
        "pool": {"next_hop": RAW + ":5061", "transport": "tls", "tls_names": [POOL, "edge.contoso.example"]},
        "direct": {"next_hop": RAW_TCP + ":5061", "transport": "tls"},
        "both": {"next_hop": RAW_UDP + ":5061", "transport": "tls", "tls_names": [POOL], "identify_by": "both"},
    }
    domains = {"contoso.example": {"route": "pool"}, "direct.example": {"route": "direct"},
               "both.example": {"route": "both"}}
    how = support.settings(OTHER, name="stoxd-tls", routes=routes, sip_domains=domains, listen_sip_tls=[OTHER + ":5061"])
    how["gateway"] = {**support.PATIENT, "sip_certificate": own.file, "sip_key": own.key}
    return stoxd(**how)


@pytest.fixture
def ua(rig, certs):
    """ua(address, certificate or None): speaks SIP over TLS; port: 5060, to be a next hop at 5061."""
    started, ports = [], itertools.count(6000, 2)

    def make(address, cert, port=None):
        started.append(SipUa(address, port=port or next(ports), cert=certs.get(cert), trust=rig.pki.trust_file).start())
        return started[-1]

    yield make
    for each in started:
        each.stop()


def status(ua, sender):
    return ua.message("romeo@nobody.example", "x", sender=sender, target=TLS_AT, transport="tls").wait()


# 404: the source may speak for the sender, and nobody of ours or of a partner's has the recipient's domain.
SPEAKERS = [
    ("pool", RAW, "alice@contoso.example", 404), ("pool", STRANGER, "alice@contoso.example", 404),
    ("server-only", STRANGER, "alice@contoso.example", 404), ("sip-only", STRANGER, "alice@contoso.example", 404),
    ("domain", STRANGER, "bob@direct.example", 404),
    (None, RAW, "alice@contoso.example", 403), ("other", RAW, "alice@contoso.example", 403),
    ("wildcard", RAW, "alice@contoso.example", 403), ("expired", RAW, "alice@contoso.example", 403),
    ("unknown", RAW, "alice@contoso.example", 403), ("self-signed", RAW, "alice@contoso.example", 403),
    ("for-mail", RAW, "alice@contoso.example", 403),
    ("pool", RAW_UDP, "carol@both.example", 404), ("other", RAW_UDP, "carol@both.example", 403),
]


def test_STOX_SEC_06_the_certificate_says_whom_a_client_may_speak_for(gateway, ua):
    for cert, address, sender, expected in SPEAKERS:
        got = status(ua(address, cert), sender)
        assert got == expected, (cert, address, sender, got)


def test_STOX_SEC_07_usages_of_a_client_certificate(gateway, ua):
    for cert, expected in ("server-only", 404), ("sip-only", 404), ("for-mail", 403):
        assert status(ua(STRANGER, cert), "alice@contoso.example") == expected, cert


def test_what_one_may_say_another_may_not(rig, gateway, ua, start):
    p = start(support.Partner(rig, at=OTHER))
    pool = ua(RAW, "pool")
    assert pool.message("romeo@" + p.domain, "x", sender="bob@direct.example", target=TLS_AT, transport="tls").wait() == 403
    from_outside = ua(STRANGER, "pool")
    assert from_outside.message("romeo@" + p.domain, "x", sender="carol@both.example", target=TLS_AT,
                                transport="tls").wait() == 403
    plain = ua(RAW, "pool")
    assert plain.message("romeo@" + p.domain, "x", target=(OTHER, 5060), transport="tcp").wait() == 403


def test_STOX_SIP_50_messages_go_both_ways_over_tls(rig, gateway, ua, certs, start):
    p = start(support.Partner(rig, at=OTHER))
    pool = ua(RAW, "pool", 5060)
    sent = pool.message("romeo@" + p.domain, "to xmpp", target=TLS_AT, transport="tls")
    wire = p.accept_sm()
    assert support.body_of(support.expect_stanza(wire)) == "to xmpp"
    support.acknowledge(wire, 1)
    assert sent.wait() == 200
    p.send_message(p.incoming(), to="alice@contoso.example", body="to sip")
    got = pool.wait_message("to sip", 20)
    assert "SIP/2.0/TLS " in got.message.get("via")
    with open(certs["gateway"].file) as f:
        own = ssl.PEM_cert_to_DER_cert(f.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n")
    assert pool.shown == [own]


def offered(rig, certs, cert, source):
    """A connection to the gateway whose peer asks for requests over it, at port 5061 of its address (RFC 5923)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(rig.pki.trust_file)
    context.load_cert_chain(certs[cert].file, certs[cert].key)
    wire = scripted.connect(TLS_AT, source=source)
    wire.start_tls(context)
    return offer(wire, source)


def offer(wire, source, _n=itertools.count()):
    """Asks for them, and waits for the answer."""
    wire.send(support.request("OPTIONS", "sip:" + OTHER, via="SIP/2.0/TLS %s:5061;branch=z9hG4bKalias%d;alias" % (source, next(_n))))
    wire.expect(r"SIP/2\.0 \d+ ")
    return wire


def test_STOX_SIP_56_requests_over_a_connection_that_was_accepted(rig, gateway, certs, start):
    """Only over one whose certificate names the next hop: nothing else listens there."""
    p = start(support.Partner(rig, at=OTHER))
    incoming = p.incoming()
    wire = offered(rig, certs, "pool", RAW)
    p.send_message(incoming, to="alice@contoso.example", body="over yours")
    sent = wire.expect(r"MESSAGE sip:alice@contoso\.example SIP/2\.0\r\nVia: SIP/2\.0/TLS [^\r]*;alias\r\n[\s\S]*over yours")
    assert sent
    wire.close()


def test_STOX_SIP_56_never_over_that_of_another_name(rig, gateway, certs, start):
    """The source's route is by certificate: one for the domain direct.example may speak, and is not the pool's server."""
    p = start(support.Partner(rig, at=OTHER))
    incoming = p.incoming()
    wire = offered(rig, certs, "domain", RAW)
    p.send_message(incoming, to="alice@contoso.example", body="not yours")
    assert support.error_of(support.expect_stanza(p.accept_sm()))[0] == "remote-server-timeout"
    offer(wire, RAW)
    assert b"not yours" not in wire.all
    wire.close()


NEXT_HOPS = [("pool", True), ("server-only", True), ("sip-only", True), ("other", False), ("wildcard", False),
             ("expired", False), ("unknown", False), ("self-signed", False), ("for-mail", False), ("domain", False)]


def test_STOX_SEC_01_both_ways_over_tls(rig, gateway, ua, start):
    """A route with transport = tls: what leaves for its SIP server, and what that sends, is never in the clear."""
    p = start(support.Partner(rig, at=OTHER))
    pool = ua(RAW, "pool", 5060)
    p.send_message(p.incoming(), to="alice@contoso.example", body="over TLS?")
    got = pool.wait_message("over TLS?", 20)
    assert got.message.all("via")[0].startswith("SIP/2.0/TLS ")


@pytest.fixture
def default(gateway):
    """contoso.example goes by a route that is told no more than its server, and what that shows."""
    gateway.ctl("route", "new", "default", "--next-hop", RAW, "--tls-names", POOL)
    gateway.ctl("domain", "set", "contoso.example", "--route", "default")
    return gateway


def test_STOX_SIP_50_tls_at_5061_unless_the_route_says_otherwise(rig, default, ua, start):
    p = start(support.Partner(rig, at=OTHER))
    pool = ua(RAW, "pool", 5060)
    p.send_message(p.incoming(), to="alice@contoso.example", body="by default")
    assert pool.wait_message("by default", 20).message.all("via")[0].startswith("SIP/2.0/TLS ")
    assert status(pool, "alice@contoso.example") == 404  # proven by its certificate
    for transport in "udp", "tcp":  # at 5060
        default.ctl("route", "set", "default", "--transport", transport)
        p.send_message(p.incoming(), to="alice@contoso.example", body="by " + transport)
        via = pool.wait_message("by " + transport, 20).message.all("via")[0]
        assert via.startswith("SIP/2.0/%s " % transport.upper())


def test_STOX_SEC_01_nothing_in_the_clear_by_default(rig, default, ua, start):
    """The SIP server listens for UDP and TCP, and for nothing else: an error, and not a byte there."""
    p = start(support.Partner(rig, at=OTHER))
    pool = ua(RAW, None, 5060)
    p.send_message(p.incoming(), to="alice@contoso.example", body="in the clear?")
    assert support.error_of(support.expect_stanza(p.accept_sm()))[0] == "remote-server-timeout"
    assert pool.message("romeo@" + p.domain, "x", target=(OTHER, 5060), transport="tcp").wait() == 403
    assert pool.received.all == []


@pytest.mark.parametrize("cert,good", NEXT_HOPS)
def test_STOX_SEC_04_the_next_hop_shows_its_name(rig, gateway, ua, start, cert, good):
    p = start(support.Partner(rig, at=OTHER))
    pool = ua(RAW, cert, 5060)
    mark = gateway.mark()
    incoming = p.incoming()
    p.send_message(incoming, to="alice@contoso.example", body="who are you?")
    if good:
        pool.wait_message("who are you?", 20)
        return
    event = gateway.wait_event("sip-peer-refused", since=mark, route="pool")
    assert event["name"] == POOL and event["why"]
    wire = p.accept_sm()
    assert support.error_of(support.expect_stanza(wire))[0] == "remote-server-timeout"
    assert not pool.received.all


def test_I8_methods_over_tls(gateway, ua):
    """Every method from a client without a certificate, or with another's: 403, and the connection ends."""
    methods = "MESSAGE", "SUBSCRIBE", "INVITE", "REGISTER", "OPTIONS", "NOTIFY", "PUBLISH", "REFER", "INFO", "BYE", "X"
    for cert in None, "other", "self-signed":
        for method in methods:
            got = ua(STRANGER, cert).request("romeo@nobody.example", "x", method=method, target=TLS_AT, transport="tls")
            assert got.wait() == 403, (cert, method)


def test_I10_a_proven_peer_gets_no_other_hosts_requests(rig, gateway, ua, start):
    """A valid certificate and a Via with alias: what is for the pool goes to the pool, by a connection that we open."""
    p = start(support.Partner(rig, at=OTHER))
    pool, thief = ua(RAW, "pool", 5060), ua(STRANGER, "pool")
    for i, alias in enumerate((";alias", ";rport;alias")):
        thief.send_bytes(support.request("OPTIONS", "sip:" + p.domain, transport="TLS", sender="alice@contoso.example",
                                         via="SIP/2.0/TLS %s:5061;branch=z9hG4bKthief%d%s" % (RAW, i, alias),
                                         headers=["Contact: <sip:alice@%s:5061;transport=tls>" % RAW]), TLS_AT, "tls")
    for i in range(2):
        assert thief.others.wait(lambda m: m.status == 200 and m.branch == "z9hG4bKthief%d" % i, 20)[0]
    wire = p.incoming()
    for i in range(3):
        p.send_message(wire, body="to the pool %d" % i, stanza_id="t%d" % i)
        pool.wait_message("to the pool %d" % i, 20)
    assert not thief.received.all
