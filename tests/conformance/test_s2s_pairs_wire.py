"""
XMPP server streams on the wire (STOX-S2S), from dialback on: who may speak for whom, acknowledgements, closing.
"""
import contextlib
import hashlib
import hmac
import os
import re
import select
import signal
import ssl

import pytest

import support
from rig import scripted, xmlstream
from rig.process import Failed
from rig.stoxd import Stoxd
from rig.xmlstream import SM, TLS, header
from support import ALICE, DIALBACK_FEATURE, DOMAIN, GATEWAY_XMPP, OTHER, expect_stanza, expect_stream_error
from test_s2s_wire import FEATURES, plain, sent_to


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    """One test waits for the hold time; the others would not mind a longer one."""
    support.begin_names()
    return start_for_module(Stoxd(rig, **support.settings(gateway={"hold_time": 12, "stream_establishment_timeout": 15})))


# ---- dialback ----


def accept_for_dialback(p, features=DIALBACK_FEATURE):
    """The gateway's stream to us, TLS up, where only dialback is offered."""
    wire = p.accept()
    wire.accept_secure(p.domain, p.server())
    wire.accept_stream(p.domain, features)
    return wire


def offered_key(wire):
    """(from, to, key) of the db:result that the gateway sends."""
    m = wire.expect(r"<db:result\b([^>]*)>([^<]*)</db:result>")
    got = dict(re.findall(r"(\w+)=['\"]([^'\"]*)['\"]", m.group(1)))
    return got["from"], got["to"], m.group(2)


def verify(p, key, stream_id, sender=DOMAIN, to=None):
    """Asks the gateway as authoritative server; returns type."""
    wire = p.secured()
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<db:verify from='%s' to='%s' id='%s'>%s</db:verify>" % (to or p.domain, sender, stream_id, key))
    m = wire.expect(r"<db:verify\b([^>]*?)/?>").group(1)
    got = dict(re.findall(r"(\w+)=['\"]([^'\"]*)['\"]", m))
    assert (got["from"], got["to"], got["id"]) == (sender, to or p.domain, stream_id)
    return got["type"]


def test_STOX_S2S_60_stanzas_wait_for_valid(alive, partner, sip):
    p = partner("dialback")
    txn = sent_to(sip, p)
    wire = accept_for_dialback(p)
    assert offered_key(wire)[:2] == (DOMAIN, p.domain)
    wire.expect_silence(0.2)
    wire.send("<db:result from='%s' to='%s' type='valid'/>" % (p.domain, DOMAIN))
    expect_stanza(wire)
    support.heard(sip)
    assert not txn.done


def test_STOX_S2S_61_key_is_a_hash(alive, partner, sip):
    """Of the size and form of XEP-0185 (the vector V-S2S-01 is a unit test): other for each stream and domain."""
    keys = set()
    for _ in range(3):
        p = partner("dialback")
        sent_to(sip, p)
        wire = accept_for_dialback(p)
        key = offered_key(wire)[2]
        assert re.fullmatch(r"[0-9a-f]{64}", key)
        keys.add(key)
        guess = hmac.new(hashlib.sha256(b"").hexdigest().encode(),
                         ("%s %s %s" % (p.domain, DOMAIN, wire.stream_id)).encode(), "sha256").hexdigest()
        assert key != guess
    assert len(keys) == 3


def test_STOX_S2S_62_verify(rig, stoxd, alive, partner, sip):
    p = partner("dialback")
    sent_to(sip, p)
    wire = accept_for_dialback(p)
    _, _, key = offered_key(wire)
    assert verify(p, key, wire.stream_id) == "valid"
    assert verify(p, key, wire.stream_id + "x") == "invalid"
    assert verify(p, key[:-1] + ("0" if key[-1] != "0" else "1"), wire.stream_id) == "invalid"
    assert verify(p, "", wire.stream_id) == "invalid"
    assert verify(p, key * 10, wire.stream_id) == "invalid"
    assert verify(p, key, wire.stream_id, sender="raw.example") == "invalid"


def answer_verify(p, timeout=20, check=None, kind="valid"):
    """As authoritative server: takes the gateway's own stream and answers its db:verify."""
    wire = p.accept(timeout)
    wire.accept_secure(p.domain, p.server())
    wire.accept_stream(p.domain, DIALBACK_FEATURE)
    m = wire.expect(r"<db:verify\b([^>]*)>([^<]*)</db:verify>")
    got = dict(re.findall(r"(\w+)=['\"]([^'\"]*)['\"]", m.group(1)))
    if check:
        check(got, m.group(2))
    if kind:
        wire.send("<db:verify from='%s' to='%s' id='%s' type='%s'/>" % (got["to"], got["from"], got["id"], kind))
    return wire, got


def test_STOX_S2S_63_verified_on_a_connection_of_its_own(alive, partner, sip):
    p = partner("dialback")
    wire = p.secured(cert=False)
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<db:result from='%s' to='%s'>some-key</db:result>" % (p.domain, DOMAIN))

    def check(got, key):
        assert (got["from"], got["to"], got["id"], key) == (DOMAIN, p.domain, wire.stream_id, "some-key")
    answer_verify(p, check=check)
    wire.expect(r"<db:result\b[^>]*type=['\"]valid['\"]")
    p.send_message(wire, body="by dialback")
    sip.wait_message("by dialback", 20)


def test_STOX_S2S_64_unsolicited_answers(alive, partner, sip):
    """valid that nobody asked for, for another pair, or on another stream: believed by nobody. See test_threats I1."""
    p = partner("dialback")
    mark = sip.mark()
    wire = p.secured(cert=False)
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<db:result from='%s' to='%s' type='valid'/><db:verify from='%s' to='%s' id='%s' type='valid'/>" % (
        p.domain, DOMAIN, p.domain, DOMAIN, wire.stream_id))
    p.send_message(wire, body="never proven")
    assert "stream:error" in wire.expect_end()
    support.nothing_came(sip, mark)
    q = partner("dialback")
    txn = sent_to(sip, q)
    wire = accept_for_dialback(q)
    offered_key(wire)
    wire.send("<db:result from='somebody.example' to='%s' type='valid'/>"
              "<db:result from='%s' to='raw.example' type='valid'/>" % (DOMAIN, q.domain))
    wire.expect_silence(0.3)
    wire.send("<db:result from='%s' to='%s' type='invalid'/>" % (q.domain, DOMAIN))
    assert txn.wait() in (500, 504)
    wire.expect("</stream:stream>")
    assert b"<message" not in wire.all, "a stanza went out on an answer for another pair"


def test_STOX_S2S_65_invalid(alive, partner, sip):
    p, at = partner("dialback"), alive.mark()
    txn = sent_to(sip, p)
    wire = accept_for_dialback(p)
    offered_key(wire)
    wire.send("<db:result from='%s' to='%s' type='invalid'/>" % (p.domain, DOMAIN))
    assert txn.wait() in (500, 504)
    assert not alive.events("message-timeout", since=at)  # it has not waited for the hold time
    q = partner("dialback")
    wire = q.secured(cert=False)
    wire.open_stream(q.domain, DOMAIN)
    wire.send("<db:result from='%s' to='%s'>bad-key</db:result>" % (q.domain, DOMAIN))
    answer_verify(q, kind="invalid")
    wire.expect(r"<db:result\b[^>]*type=['\"]invalid['\"]")
    wire.expect("</stream:stream>")
    wire.send("</stream:stream>").expect_end()


def dialback_error(wire, sender, to):
    wire.send("<db:result from='%s' to='%s'>key</db:result>" % (sender, to))
    text = wire.expect(r"<db:result\b[^>]*type=['\"]error['\"].*?</db:result>").group()
    return re.search(r"<([a-z-]+) xmlns=['\"]%s" % re.escape(xmlstream.STANZAS), text).group(1)


def test_STOX_S2S_66_errors(alive, partner, sip):
    """Generated without losing the stream; received: the queue bounces, the stream stays."""
    p = partner("dialback")
    wire = p.secured(cert=False)
    wire.open_stream(p.domain, DOMAIN)
    assert dialback_error(wire, p.domain, "unknown.example") == "item-not-found"
    wire.send("<db:result from='%s' to='%s'>key</db:result>" % (p.domain, DOMAIN))
    answer_verify(p)
    wire.expect(r"<db:result\b[^>]*type=['\"]valid['\"]")
    q, at = partner("dialback"), alive.mark()
    txn = sent_to(sip, q)
    wire = accept_for_dialback(q)
    offered_key(wire)
    wire.send("<db:result from='%s' to='%s' type='error'><error type='cancel'><item-not-found xmlns='%s'/></error>"
              "</db:result>" % (q.domain, DOMAIN, xmlstream.STANZAS))
    assert txn.wait() == 504
    assert not alive.events("message-timeout", since=at)  # it has not waited for the hold time


def test_STOX_S2S_66_partner_cannot_be_verified(alive, partner):
    """Nobody answers where the domain's server should be."""
    p = partner("dialback")
    p.listener.stop()
    wire = p.secured(cert=False)
    wire.open_stream(p.domain, DOMAIN)
    assert dialback_error(wire, p.domain, DOMAIN) in ("remote-server-timeout", "remote-connection-failed")


def test_STOX_S2S_67_errors_feature(alive, partner):
    p = partner("dialback")
    features = p.secured(cert=False).open_stream(p.domain, DOMAIN)
    assert re.search(r"<dialback xmlns=['\"]urn:xmpp:features:dialback['\"]>\s*<errors\s*/>", features)


def test_STOX_S2S_68_multiplexing(alive, partner, start):
    """A second pair on the same stream needs its own proof."""
    p = partner("dialback")
    wire = p.secured(cert=False)
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<db:result from='%s' to='%s'>k1</db:result>" % (p.domain, DOMAIN))
    authority, _ = answer_verify(p)
    wire.expect(r"<db:result\b[^>]*type=['\"]valid['\"]")
    wire.send("<db:result from='%s' to='raw.example'>k2</db:result>" % p.domain)
    select.select([authority.sock, p.listener.sock], [], [], 20)
    asked = None  # on the stream that stands, or, when that is not needed any more, on another one
    if not select.select([p.listener.sock], [], [], 0)[0]:
        asked = re.search(r"<db:verify\b([^>]*)>", authority.expect(r"<db:verify\b.*?</db:verify>|</stream:stream>").group())
    if asked:
        got = dict(re.findall(r"(\w+)=['\"]([^'\"]*)['\"]", asked.group(1)))
        authority.send("<db:verify from='%s' to='%s' id='%s' type='valid'/>" % (got["to"], got["from"], got["id"]))
    else:
        answer_verify(p)
    wire.expect(r"<db:result\b[^>]*from=['\"]raw\.example['\"][^>]*valid")
    with support.Udp(support.RAW_UDP) as peer:
        p.send_message(wire, to="bob@raw.example", body="second pair")
        assert peer.asked().body == b"second pair"
    server = start(scripted.Listener(support.RAW_TCP, 5060))  # the next hop of the third domain
    p.send_message(wire, to="x@stream.example", body="third pair, unproven")
    text = wire.expect(r"<stream:error>.*?</stream:error>").group()
    assert "invalid-from" in text or "host-unknown" in text
    support.options()
    assert not select.select([server.sock], [], [], 0)[0], "it went on to SIP"


def test_STOX_S2S_69_dialback_without_dialback(alive, partner, sip):
    """The certificate covers the sender: valid at once, nobody is asked (XEP-0344)."""
    p = partner("either")
    wire = p.secured()
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<db:result from='%s' to='%s'>no-key-at-all</db:result>" % (p.domain, DOMAIN))
    wire.expect(r"<db:result\b[^>]*type=['\"]valid['\"]")
    p.nobody_connects()
    p.send_message(wire, body="by certificate")
    sip.wait_message("by certificate", 20)


def test_STOX_S2S_70_prefix_of_the_sender(alive, partner):
    p = partner("either")
    wire = p.secured()
    wire.send(plain(p).replace("xmlns:db", "xmlns:other"))
    wire.expect(FEATURES)
    wire.send("<other:result from='%s' to='%s'>k</other:result>" % (p.domain, DOMAIN))
    wire.expect(r"<(?:other|db):result\b[^>]*type=['\"]valid['\"]")


def test_STOX_S2S_71_no_dialback_in_clear(alive, partner):
    p = partner("dialback")
    wire = p.connect()
    wire.open_stream(p.domain, DOMAIN)
    wire.send("<db:result from='%s' to='%s'>k</db:result>" % (p.domain, DOMAIN))
    text = wire.expect(r"<db:result\b[^>]*type=['\"]error['\"].*?</db:result>|<stream:error>.*?</stream:error>").group()
    assert "policy-violation" in text
    p.nobody_connects()


# ---- one-way streams, stream management, keep-alive ----


def test_STOX_S2S_76_streams_are_one_way(alive, partner, sip):
    """Stanzas that come back on our stream are not processed; the reverse is a second connection."""
    mark = sip.mark()
    p = partner()
    txn = sent_to(sip, p)
    wire = p.accept_sm()
    expect_stanza(wire)
    p.send_message(wire, body="the wrong way")
    support.acknowledge(wire, 1)
    assert txn.wait() == 200
    p.send_message(p.incoming(), body="the right way")
    sip.wait_message("the right way", 20, mark)
    assert "the wrong way" not in str(sip.bodies()[mark:])


def test_STOX_S2S_77_r_is_answered_by_a(alive, partner, sip):
    p, mark = partner(), sip.mark()
    wire = p.incoming()
    wire.send("<enable xmlns='%s'/>" % SM)
    wire.expect("<enabled")
    for i in range(5):
        p.send_message(wire, body="counted %d" % i, stanza_id="c%d" % i)
    wire.send("<r xmlns='%s'/>" % SM)
    while int(wire.expect(r"<a\b[^>]*h=['\"](\d+)['\"]").group(1)) != 5:
        pass
    sip.wait_message("counted 4", 20, mark)
    support.heard(sip)
    assert sip.bodies()[mark:] == ["counted %d" % i for i in range(5)]


def test_STOX_S2S_77_with_a_peer_that_resumes_nothing_is_lost_or_doubled(alive, partner, sip):
    p = partner()
    sent_to(sip, p, "it has this")
    wire = p.accept_authenticated(support.SM_FEATURE)
    wire.expect(r"<enable\b[^>]*resume=['\"]true['\"][^>]*/>")
    wire.send("<enabled xmlns='%s' id='one' resume='true'/>" % SM)
    expect_stanza(wire)
    second = sent_to(sip, p, "and not this", user="mercutio")
    before = expect_stanza(wire)
    wire.reset()
    wire = p.accept_authenticated(support.SM_FEATURE)
    wire.expect(r"<resume\b[^>]*previd=['\"]one['\"][^>]*/>")
    wire.send("<resumed xmlns='%s' previd='one' h='1'/>" % SM)
    again = expect_stanza(wire)
    assert support.body_of(again) == "and not this" and again.get("id") == before.get("id")
    support.acknowledge(wire, 2)
    assert second.wait() == 200


def test_STOX_S2S_77_a_peer_may_resume_and_hears_what_was_handled(alive, partner, sip):
    p = partner()
    wire, mark = p.incoming(), sip.mark()
    wire.send("<enable xmlns='%s' resume='true'/>" % SM)
    session = wire.expect(r"<enabled\b[^>]*\bid='([0-9a-f]{32})'[^>]*/>").group(1)
    p.send_message(wire, body="before the cut", stanza_id="r1")
    sip.wait_message("before the cut", 20, mark)
    wire.reset()
    wire = p.incoming()
    wire.send("<resume xmlns='%s' previd='%s' h='0'/>" % (SM, session))
    h = int(wire.expect(r"<resumed\b[^>]*\bh='(\d)'[^>]*/>").group(1))
    if h == 0:  # SIP's answer was still on its way: it is repeated, and known again
        p.send_message(wire, body="before the cut", stanza_id="r1")
    p.send_message(wire, body="after the cut", stanza_id="r2")
    wire.send("<r xmlns='%s'/>" % SM)
    wire.expect(r"<a\b[^>]*h='2'")
    sip.wait_message("after the cut", 20, mark)
    support.heard(sip)
    assert sip.bodies()[mark:] == ["before the cut", "after the cut"]


def test_STOX_S2S_77_h_too_high(alive, partner, sip):
    p = partner()
    sent_to(sip, p)
    wire = p.accept_sm()
    expect_stanza(wire)
    wire.send("<a xmlns='%s' h='2'/>" % SM)
    text = wire.expect(r"<stream:error>.*?</stream:error>").group()
    assert "undefined-condition" in text and "handled-count-too-high" in text


def test_STOX_S2S_77_broken_stream_repeats_the_unacknowledged_once(alive, partner, sip):
    p = partner()
    first = sent_to(sip, p, "acked")
    wire = p.accept_sm()
    expect_stanza(wire)
    support.acknowledge(wire, 1)
    assert first.wait() == 200
    second = sent_to(sip, p, "not acked", user="mercutio")
    before = expect_stanza(wire)
    wire.reset()
    wire = p.accept_sm()
    again = expect_stanza(wire)
    assert support.body_of(again) == "not acked" and again.get("id") == before.get("id")
    support.acknowledge(wire, 1)
    assert second.wait() == 200
    assert b"acked</body>" not in wire.data


@pytest.fixture(scope="module")
def keeper(rig, start_for_module):
    return start_for_module(Stoxd(rig, name="stoxd-keeper", **support.settings(
        "10.99.0.4", gateway={**support.PATIENT, "keep_alive_interval": 10})))


@pytest.fixture(scope="module", autouse=True)
def _begin_what_takes_long(request):
    """Its wait begins with the module."""
    if any("kept_alive" in item.fixturenames for item in request.session.items if item.module is request.module):
        request.getfixturevalue("kept_alive")


@pytest.fixture(scope="module")
def kept_alive(rig, gateway, keeper, office):
    p = support.Partner(rig, at="10.99.0.4").start()
    txn = office.message("romeo@" + p.domain, "x", target=("10.99.0.4", 5060))
    wire = p.accept_sm()
    expect_stanza(wire)
    support.acknowledge(wire, 1)
    incoming = p.incoming()
    assert txn.wait() == 200
    yield wire, incoming
    p.stop()


@pytest.mark.last
def test_STOX_S2S_78_keep_alive(kept_alive):
    """Silence of keep-alive-interval, here 10 s, and the stream is tested, each way by what that way can carry."""
    wire, incoming = kept_alive
    wire.expect(r"<r\b[^>]*/>|<iq\b.*?urn:xmpp:ping")
    wire.send("<a xmlns='%s' h='1'/>" % SM)
    incoming.expect(r"\s")


# ---- stanza rules ----


@pytest.mark.parametrize("attributes", ["to='%s'" % ALICE, "from='romeo@{d}'", "", "from='' to='%s'" % ALICE,
                                        "from='romeo@{d}' to=''"])
def test_STOX_S2S_80_missing_addresses(alive, partner, sip, attributes):
    p = partner()
    mark = sip.mark()
    wire = p.incoming()
    wire.send("<message %s><body>nobody</body></message>" % attributes.format(d=p.domain))
    expect_stream_error(wire, "improper-addressing")
    support.nothing_came(sip, mark)


def test_STOX_S2S_81_unknown_recipient_domain(alive, partner):
    p = partner()
    for to in "x@unknown.example", "x@contoso.example.evil", "unknown.example":
        wire = p.incoming()
        p.send_message(wire, to=to)
        expect_stream_error(wire, "host-unknown")


def test_STOX_S2S_82_spoofed_sender_domain(alive, partner, sip):
    mark = sip.mark()
    p, other = partner(), partner()
    for sender in "romeo@" + other.domain, "romeo@x." + p.domain, "romeo@contoso.example", "x" + p.domain:
        wire = p.incoming()
        p.send_message(wire, sender=sender, body="spoofed")
        expect_stream_error(wire, "invalid-from")
    support.nothing_came(sip, mark)


def test_STOX_S2S_83_namespaces_of_sent_stanzas(alive, partner, sip):
    p = partner()
    sent_to(sip, p)
    wire = p.accept_sm()
    text = wire.expect(r"<message\b.*?</message>").group()
    assert not re.search(r"<\w+:(message|body)", text)
    assert "xmlns='jabber:client'" not in text and "xmlns:" not in text.split(">")[0]
    expect_child = support.parse(text)
    assert expect_child.tag == "{jabber:server}message"


def test_STOX_S2S_84_unknown_elements(alive, partner):
    p = partner()
    for element in "<thing xmlns='urn:unknown'/>", "<thing/>", "<message xmlns='jabber:client' from='a@b' to='c@d'/>":
        wire = p.incoming()
        wire.send(element)
        expect_stream_error(wire, "unsupported-stanza-type")


@pytest.mark.parametrize("text, conditions", [
    ("<!-- comment -->", ("restricted-xml",)), ("<?pi here?>", ("restricted-xml",)),
    ("<!DOCTYPE x [<!ENTITY a 'b'>]>", ("restricted-xml", "not-well-formed")),
    ("<message><body>&unknown;</body></message>", ("restricted-xml", "not-well-formed")),
    ("<message></body></message>", ("not-well-formed",)), ("<a b='1' b='2'/>", ("not-well-formed",)),
    ("</stream:wrong>", ("not-well-formed",)), ("<x:unbound/>", ("not-well-formed", "bad-namespace-prefix"))])
def test_STOX_S2S_85_restricted_and_malformed_xml(alive, partner, text, conditions):
    p = partner()
    wire = p.incoming()
    wire.send(text)
    error = wire.expect(r"<stream:error>.*?</stream:error>").group()
    assert any("<" + c in error for c in conditions), error
    wire.expect_end()


def test_STOX_S2S_86_stanza_size(alive, partner, sip):
    """10000 bytes are taken; above the limit the stream ends, and memory stays flat."""
    p = partner()
    mark = sip.mark()
    wire = p.incoming("stream.example")
    server = scripted.Listener(support.RAW_TCP, 5060)
    filler = "y" * (10000 - 150)
    p.send_message(wire, to="bob@stream.example", body=filler)
    server.accept().expect(filler)
    server.stop()
    wire = p.incoming()
    before = alive.resident_kib()
    with contextlib.suppress(OSError, Failed):
        wire.send("<message from='romeo@%s' to='%s'><body>" % (p.domain, ALICE))
        for _ in range(100):
            wire.send("z" * 16384)
    assert "policy-violation" in wire.expect_end()
    assert alive.resident_kib() - before < 2048
    support.nothing_came(sip, mark)


def test_STOX_S2S_88_depth_attributes_partial(alive, partner, sip):
    mark = sip.mark()
    p = partner()
    for stanza in ("<message from='a@{d}' to='{a}'><body>deep</body>" + "<x>" * 70,
                   "<message from='a@{d}' to='{a}'><body>wide</body><x %s/></message>" % " ".join(
                       "a%d='1'" % i for i in range(200))):
        wire = p.incoming()
        wire.send(stanza.format(d=p.domain, a=ALICE))
        expect_stream_error(wire, "policy-violation")
    wire = p.incoming()  # a stanza that never ends is never acted on
    wire.send("<message from='a@%s' to='%s'><body>partial</body>" % (p.domain, ALICE))
    wire.close()
    support.nothing_came(sip, mark)


def test_STOX_S2S_89_in_order(alive, partner, sip):
    p = partner()
    wire = p.incoming()
    mark = sip.mark()
    for i in range(60):
        p.send_message(wire, body="n%d" % i, stanza_id="n%d" % i)
    sip.wait_message("n59", 60, mark)
    assert sip.bodies()[mark:] == ["n%d" % i for i in range(60)]


# ---- errors and close ----


def test_STOX_S2S_90_stream_errors_are_fatal(alive, partner, sip):
    """Ours: error, stream end, TLS close_notify. Theirs: closed, what waits is answered or repeated on a new stream."""
    p = partner()
    wire = p.incoming()
    wire.send("<bad<")  # in one piece: of a tag in pieces a fault is seen when there is a good deal more of it
    expect_stream_error(wire, "not-well-formed")  # expect_end reads the TLS end: an abrupt one raises inside ssl
    q = partner()
    txn = sent_to(sip, q)
    wire = q.accept_sm()
    expect_stanza(wire)
    wire.send("<stream:error><internal-server-error xmlns='%s'/></stream:error></stream:stream>" %
              support.STREAMS_ERRORS)
    wire.expect("</stream:stream>")
    wire.expect_end()
    q.listener.stop()
    assert txn.wait() == 504


def test_STOX_S2S_91_unknown_stream_error(alive, partner, sip):
    p = partner()
    sent_to(sip, p)
    wire = p.accept_sm()
    expect_stanza(wire)
    wire.send("<stream:error><made-up xmlns='%s'/></stream:error></stream:stream>" % support.STREAMS_ERRORS)
    wire.expect("</stream:stream>")
    wire.expect_end()


def test_STOX_S2S_93_clean_close(alive, partner, sip):
    """They close: we answer the close. We read on until theirs: stanzas in the same breath are processed."""
    p = partner()
    wire = p.incoming()
    wire.send("<message from='a@%s' to='%s'><body>last words</body></message></stream:stream>" % (p.domain, ALICE))
    wire.expect("</stream:stream>")
    wire.expect_end()
    sip.wait_message("last words", 20)


def test_STOX_S2S_94_system_shutdown(rig, start):
    gateway = start(Stoxd(rig, name="stoxd-shutdown", **support.settings(OTHER,
                                                                         sip_domains={DOMAIN: {"route": "office"}},
                                                                         partners=support.partners())))
    p = start(support.Partner(rig, at=OTHER))
    wire = p.incoming()
    os.kill(gateway.process.pid, signal.SIGTERM)
    expect_stream_error(wire, "system-shutdown")
    assert gateway.process.popen.wait(20) == 0
    rig.running.remove(gateway)


def test_STOX_S2S_96_limits_before_authentication(alive, partner):
    """Connections from one address; an oversize header; an oversize element."""
    p = partner()
    before = alive.resident_kib()
    for data in "<stream:stream xmlns='" + "x" * 20000, "<" + "n" * 20000, plain(p) + "<a>" + "b" * 20000:
        wire = p.connect()
        with contextlib.suppress(OSError):
            wire.send(data)
        wire.expect_end()
    held = scripted.half_open(GATEWAY_XMPP, ["10.99.0.200"], 64)
    extra = scripted.connect(GATEWAY_XMPP, source="10.99.0.200")
    extra.expect_end()
    assert p.connect().open_stream(p.domain, DOMAIN)  # other addresses are served
    for wire in held:
        wire.close()
    assert alive.resident_kib() - before < 4096
