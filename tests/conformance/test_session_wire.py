"""Conversations as INVITE sessions with MESSAGE inside on the wire (STOX-SES), each way; the SIP side plays Lync."""
import copy
import re

import pytest

import support
from rig import dns, sipsession
from rig.sipsession import accepting, sdp, tag_of, uri_of
from rig.sipua import SipUa
from rig.stoxd import Stoxd
from support import ALICE, GATEWAY_SIP, OTHER, RAW, RAW_TCP, Partner, body_of, error_of, expect_stanza

SHIM = "http://jabber.org/protocol/shim"
CHATSTATES = "http://jabber.org/protocol/chatstates"
THREAD = "29377446-0CBB-4296-8958-590D79094C50"
NARROW = {"gateway": {**support.PATIENT, "user_session_limit": 40}}


def routes(**more):
    """contoso.example in sessions over UDP, tcp.example the same over TCP, auto.example either way, page.example never."""
    hop = dns.OFFICE + ":5060"
    return {"routes": {"office": {"next_hop": hop, "im": "session", "sources": [dns.OFFICE, RAW]},
                       "tcp": {"next_hop": hop, "transport": "tcp", "im": "session"},
                       "auto": {"next_hop": hop, "im": "auto"}, "page": {"next_hop": hop},
                       "named": {"next_hop": "session-hop.example", "im": "session", "sources": [dns.OFFICE]},
                       "stream": {"next_hop": RAW_TCP + ":5060", "transport": "tcp", "im": "session"}},
            "sip_domains": {"contoso.example": {"route": "office"}, "tcp.example": {"route": "tcp"},
                            "auto.example": {"route": "auto"}, "page.example": {"route": "page"},
                            "named.example": {"route": "named"},
                            "stream.example": {"route": "stream"}}, **NARROW, **more}


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    rig.dns.change("example", "set session-hop A " + dns.OFFICE)
    return start_for_module(Stoxd(rig, **support.settings(**routes())))


@pytest.fixture
def office(office):
    """It takes sessions, as Lync does."""
    office.on_invite, office.answer = accepting(), 200
    yield office
    office.on_invite = None


def counted(office):
    return len(office.others.all)


def came(office, at, *methods):
    """Requests of these methods that were no texts, of all since at."""
    return [m for m in office.others.all[at:] if not m.is_response and m.method in methods]


def lines(message):
    return dict(line.split("=", 1) for line in message.text.split("\r\n") if "=" in line)


# ---- XMPP begins ----


@pytest.mark.parametrize("domain, transport", [("contoso.example", "UDP"), ("tcp.example", "TCP")])
def test_STOX_SES_04_INVITE_200_ACK_MESSAGE_BYE(alive, partner, office, domain, transport):
    p, at, mark = partner(), counted(office), office.mark()
    wire, alice = p.incoming(domain), "alice@" + domain
    p.send_message(wire, to=alice, body="Art thou not Romeo?", extra="<thread>%s</thread>" % THREAD)
    invite = office.wait_other("INVITE", 20, at)
    assert invite.uri == "sip:" + alice
    assert invite.get("from").startswith("<sip:romeo@%s;gr=orchard>;tag=" % p.domain)
    assert invite.get("to") == "<sip:%s>" % alice and tag_of(invite.get("to")) is None
    assert invite.get("via").startswith("SIP/2.0/%s gw.contoso.example:5060;branch=z9hG4bK" % transport) or \
        invite.get("via").startswith("SIP/2.0/%s %s" % (transport, dns.GATEWAY)), invite.get("via")
    assert invite.get("max-forwards") == "70" and invite.get("call-id") == THREAD
    assert len(invite.all("contact")) == 1 and ";gr=orchard" in uri_of(invite.get("contact"))
    assert "sip:romeo@" in invite.get("contact") and p.domain not in invite.get("contact")
    assert invite.get("content-type") == "application/sdp" and "text-format" not in str(invite)
    found = lines(invite)
    assert found["v"] == "0" and found["t"] == "0 0" and found["m"] == "message 5060 sip null" and "s" in found
    assert re.fullmatch(r"- \d+ \d+ IN IP4 \S+", found["o"]) and re.fullmatch(r"IN IP4 \S+", found["c"])
    assert "text/plain" in found["a"]
    ack = office.wait_other("ACK", 20, at, **{"from": invite.get("from")})
    session = office._session_of(ack)
    assert ack.uri == "sip:%s:5060;transport=%s" % (dns.OFFICE, transport.lower())
    assert ack.get("cseq").split()[0] == invite.get("cseq").split()[0]
    assert tag_of(ack.get("from")) == tag_of(invite.get("from")) and tag_of(ack.get("to"))
    first = office.wait_message("Art thou not Romeo?", 20, mark).message
    assert first.uri == ack.uri and first.get("call-id") == THREAD and first.get("contact") is None
    assert int(first.get("cseq").split()[0]) == int(invite.get("cseq").split()[0]) + 1
    assert tag_of(first.get("to")) == tag_of(ack.get("to"))
    p.send_message(wire, to=alice, body="and a Montague?", stanza_id="m2")
    second = office.wait_message("and a Montague?", 20, mark).message
    assert second.get("call-id") == THREAD and "CSeq" not in second.get("cseq")
    p.send_message(wire, to=alice, body=None, stanza_id="m3",
                   extra="<thread>%s</thread><gone xmlns='%s'/>" % (THREAD, CHATSTATES))
    bye = office.wait_other("BYE", 20, at, **{"from": invite.get("from")})
    assert bye.uri == ack.uri and tag_of(bye.get("to")) == tag_of(ack.get("to"))
    assert int(bye.get("cseq").split()[0]) == int(second.get("cseq").split()[0]) + 1
    assert session.ended


def test_STOX_SES_03_thread_language_and_subject(alive, partner, office):
    p = partner()
    wire = p.incoming()
    p.send_message(wire, body="ahoj", attrs=" xml:lang='cs'", extra="<subject>nic</subject><thread>abc==</thread>")
    got = office.wait_message("ahoj", 20).message
    assert got.get("content-language") == "cs" and got.get("subject") == "nic"
    session = office._session_of(got)
    stanza = []
    txn = session.message("ahoj, ty", headers=["Content-Language: de"])
    to_us = p.accept_sm()
    stanza = expect_stanza(to_us)
    support.acknowledge(to_us, 1)
    assert txn.wait() == 200
    assert stanza.find("{jabber:server}thread").text == "abc=="
    assert stanza.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"


def test_STOX_SES_44_three_wait_in_order(alive, partner, office):
    p, waiting = partner(), []
    office.on_invite = lambda got: waiting.append(got)
    at, mark = counted(office), office.mark()
    wire = p.incoming()
    for i in range(3):
        p.send_message(wire, body="queued %d" % i, stanza_id="q%d" % i)
    invite = office.wait_other("INVITE", 20, at)
    p.was_told_nothing(wire)  # all three have been looked at
    support.heard(office)
    assert len(waiting) == 1 and office.mark() == mark
    office.loop.call_soon_threadsafe(setattr, office, "on_invite", accepting())
    office.loop.call_soon_threadsafe(office._on_invite, waiting[0])
    for i in range(3):
        office.wait_message("queued %d" % i, 20, mark)
    mine = [r.message for r in office.received.all[mark:] if r.message.get("call-id") == invite.get("call-id")]
    assert [m.text for m in mine] == ["queued 0", "queued 1", "queued 2"]
    numbers = [int(m.get("cseq").split()[0]) for m in mine]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("status, condition", [(486, "recipient-unavailable"), (404, "item-not-found"),
                                               (488, "not-acceptable"), (503, None)])
def test_STOX_SES_44_a_refused_INVITE_is_an_error(alive, partner, office, status, condition):
    p, mark = partner(), office.mark()
    office.on_invite = accepting(status=status)
    at = counted(office)
    wire = p.incoming()
    p.send_message(wire, body="never", stanza_id="lost")
    stanza = expect_stanza(p.accept_sm())
    assert stanza.get("id") == "lost" and stanza.get("type") == "error"
    if condition:
        assert error_of(stanza)[0] == condition
    invite = office.wait_other("INVITE", 20, at)
    office.wait_other("ACK", 20, at, call_id=invite.get("call-id"))
    support.heard(office)
    assert "never" not in office.bodies()[mark:]


def test_STOX_SES_02_488_falls_back_to_MESSAGE(alive, partner, office):
    p, at, mark = partner(), counted(office), office.mark()
    office.on_invite = accepting(status=488, reason="Not Acceptable Here")
    wire, alice = p.incoming("auto.example"), "alice@auto.example"
    p.send_message(wire, to=alice, body="by whichever way")
    office.wait_other("ACK", 20, at, call_id=office.wait_other("INVITE", 20, at).get("call-id"))
    got = office.wait_message("by whichever way", 20, mark).message
    assert got.uri == "sip:" + alice and tag_of(got.get("to")) is None
    p.send_message(wire, to=alice, body="at once", stanza_id="m2")
    office.wait_message("at once", 20, mark)
    support.heard(office)
    assert len(came(office, at, "INVITE")) == 1
    assert office.bodies()[mark:] == ["by whichever way", "at once"]
    p.was_told_nothing(wire, "auto.example")


def test_STOX_SES_46_two_200_ACK_both_BYE_the_second(alive, partner, office):
    p, at = partner(), counted(office)

    def both(got):
        sent = accepting()(got)
        office.loop.call_soon(second, got)
        return sent

    def second(got):
        wire = got.responses[-1].replace(b";tag=" + office._salt.encode(), b";tag=fork2")
        fork = copy.copy(office.sessions[(got.message.get("call-id"), office._salt)])
        fork.local_tag = "fork2"  # its end is not the other one's
        office.sessions[(fork.call_id, fork.local_tag)] = fork
        got.send(wire)

    office.on_invite = both
    wire = p.incoming()
    p.send_message(wire, body="to one of the two")
    bye = office.wait_other("BYE", 20, at)
    assert tag_of(bye.get("to")) == "fork2"
    got = office.wait_message("to one of the two", 20).message
    assert tag_of(got.get("to")) == office._salt
    support.heard(office)
    assert {tag_of(m.get("to")) for m in came(office, at, "ACK")} == {"fork2", office._salt}
    assert len(came(office, at, "BYE")) == 1


def test_a_doubled_200_and_a_forged_one_change_nothing(alive, partner, office):
    p, at, mark = partner(), counted(office), office.mark()

    def doubled(got):
        office.loop.call_soon(lambda: [got.send(got.responses[-1]) for _ in range(3)])
        office.loop.call_soon(lambda: got.send(got.responses[-1].replace(b"branch=z9hG4bK", b"branch=z9hG4bKforged")))
        return accepting()(got)

    office.on_invite = doubled
    wire = p.incoming()
    p.send_message(wire, body="only one of me")
    got = office.wait_message("only one of me", 20, mark).message  # all of them were sent before it came
    support.heard(office)
    acks = came(office, at, "ACK")
    assert len(acks) >= 4 and len({(a.get("call-id"), a.get("to"), a.get("cseq")) for a in acks}) == 1
    assert came(office, at, "BYE") == []
    assert office.bodies()[mark:] == ["only one of me"]
    session = office._session_of(got)
    assert session.request("BYE", to_tag="forged").wait() == 481
    assert session.message("still in it", to_tag="forged").wait() == 481


def test_STOX_SEC_20_hops_are_counted_through_sessions(alive, partner, office):
    """What another gateway has counted goes on, into the INVITE and into each text, and back."""
    p, at = partner(), counted(office)
    wire = p.incoming()
    p.send_message(wire, body="lap 41", extra="<headers xmlns='%s'><header name='Max-Forwards'>29</header></headers>" % SHIM)
    got = office.wait_message("lap 41", 20).message
    invite = office.wait_other("INVITE", 20, at)
    assert got.get("max-forwards") == invite.get("max-forwards") == "29"
    assert invite.get("expires") == "32"
    office._session_of(got).message("lap 42")
    to_us = p.accept_sm()
    stanza = expect_stanza(to_us)
    assert [h.text for h in stanza.iter("{%s}header" % SHIM)] == ["69"]
    support.acknowledge(to_us, 1)
    p.send_message(wire, body="the last lap", stanza_id="m2",
                   extra="<headers xmlns='%s'><header name='Max-Forwards'>0</header></headers>" % SHIM)
    assert error_of(expect_stanza(to_us))[0] == "not-acceptable"


# ---- SIP begins ----


def test_an_INVITE_waits_for_the_names_of_the_way_back(alive, partner, office):
    """Its first one of all finds nothing looked up yet: it is answered when that is, and not sent away."""
    p = partner()
    session = sipsession.begin(office, "romeo@" + p.domain, target=GATEWAY_SIP, sender="alice@named.example")
    assert session.invite.status == 200
    txn = session.message("by name")
    wire = p.accept_sm()
    assert body_of(expect_stanza(wire)) == "by name"
    support.acknowledge(wire, 1)
    assert txn.wait() == 200


@pytest.mark.parametrize("domain, transport", [("contoso.example", "udp"), ("tcp.example", "tcp")])
def test_STOX_SES_36_accepted_without_asking_and_STOX_SES_39_BYE_is_gone(alive, partner, office, domain, transport):
    p, mark = partner(), office.mark()
    session = sipsession.begin(office, "romeo@" + p.domain, target=GATEWAY_SIP, sender="alice@" + domain,
                               transport=transport)
    assert session.invite.status == 200
    if transport == "udp":
        support.heard(office)
    p.nobody_connects()  # a session alone is nothing to XMPP
    ok = session.invite.response
    assert tag_of(ok.get("to")) and len(ok.all("contact")) == 1 and "text-format" not in str(ok)
    assert lines(ok)["m"] == "message 5060 sip null"
    txn = session.message("Neither, fair saint")
    wire = p.accept_sm()
    stanza = expect_stanza(wire)
    if transport == "udp":
        support.heard(office)
    assert not txn.done  # nothing is confirmed that the partner's server has not
    assert stanza.get("type") == "chat" and body_of(stanza) == "Neither, fair saint"
    assert stanza.get("from") == "alice@" + domain and stanza.get("to") == "romeo@" + p.domain
    assert stanza.find("{jabber:server}thread").text == session.call_id
    support.acknowledge(wire, 1)
    assert txn.wait() == 200
    assert re.fullmatch(r"[!-~]+", txn.response.get("message-id"))
    back = p.incoming(domain)  # STOX-SES-37: whoever answers is written to
    p.send_message(back, to="alice@" + domain, body="if either thee dislike",
                   extra="<thread>%s</thread><active xmlns='%s'/>" % (session.call_id, CHATSTATES))
    got = office.wait_message("if either thee dislike", 20, mark).message
    assert got.get("call-id") == session.call_id and tag_of(got.get("to")) == session.local_tag
    txn = session.message("again")
    assert expect_stanza(wire).get("to") == "romeo@%s/orchard" % p.domain
    support.acknowledge(wire, 2)
    assert txn.wait() == 200
    assert session.bye().wait() == 200
    gone = expect_stanza(wire)
    assert gone.find("{%s}gone" % CHATSTATES) is not None and gone.find("{jabber:server}body") is None
    assert gone.find("{jabber:server}thread").text == session.call_id and gone.get("type") == "chat"
    assert session.message("too late").wait() == 481


def test_Lync_s_first_text_in_the_INVITE_arrives_once(alive, partner, office):
    p = partner()
    session = sipsession.begin(office, "romeo@" + p.domain, target=GATEWAY_SIP, headers=[
        "ms-text-format: text/plain; charset=UTF-8;msgr=WAA=;ms-body=SGVsbG8=", "Supported: ms-text-format, ms-sender",
        "Ms-Conversation-ID: a1b2c3"])
    assert session.invite.status == 200
    assert "ms-text-format" not in (session.invite.response.get("supported") or "")
    txn = session.message("Hello")  # as Lync does when its text was not taken
    wire = p.accept_sm()
    assert body_of(expect_stanza(wire)) == "Hello"
    support.acknowledge(wire, 1)
    assert txn.wait() == 200
    txn = session.message("{\\rtf1\\ansi How \\b are\\b0  you?\\par}", content_type="text/rtf")
    assert body_of(expect_stanza(wire)) == "How are you?"
    support.acknowledge(wire, 2)
    assert txn.wait() == 200


def test_no_request_of_ours_overtakes_our_200(alive, partner, office):
    """Through a proxy it could, and the caller knows no session yet: a text waits for the ACK, and typing is not told before."""
    p = partner()
    session = sipsession.begin(office, "romeo@" + p.domain, target=GATEWAY_SIP, holds=True)
    support.heard(office)
    at, mark, wire = counted(office), office.mark(), p.incoming()
    p.send_message(wire, body=None, extra="<composing xmlns='%s'/>" % CHATSTATES)
    p.send_message(wire, body="too early")
    p.was_told_nothing(wire)  # both have been looked at
    support.heard(office)
    assert office.mark() == mark and counted(office) == at
    session.ack()
    got = office.wait_message("too early", 20, mark)
    assert got.message.get("call-id") == session.call_id
    support.heard(office)
    assert came(office, at, "INVITE") == []


def test_a_text_that_waited_for_the_ACK_of_a_session_that_ends_goes_in_another(alive, partner, office):
    p = partner()
    session = sipsession.begin(office, "romeo@" + p.domain, target=GATEWAY_SIP, holds=True)
    mark, wire = office.mark(), p.incoming()
    p.send_message(wire, body="still there?")
    p.was_told_nothing(wire)  # it has been looked at
    assert session.bye().wait() == 200
    assert office.wait_message("still there?", 20, mark).message.get("call-id") != session.call_id


def test_Lync_s_typing_both_ways(alive, partner, office):
    p = partner()
    session = sipsession.begin(office, "romeo@" + p.domain, target=GATEWAY_SIP)
    assert session.typing().wait() == 200
    wire = p.accept_sm()
    stanza = expect_stanza(wire)
    assert stanza.find("{%s}composing" % CHATSTATES) is not None
    support.acknowledge(wire, 1)
    at, back = counted(office), p.incoming()
    p.send_message(back, body=None, extra="<composing xmlns='%s'/>" % CHATSTATES)
    info = office.wait_other("INFO", 20, at, call_id=session.call_id)
    assert info.get("content-type") == "application/xml"
    assert '<status status="type" />' in info.text
    assert session.request("INFO", "<x/>", "application/xml").wait() == 400
    assert session.message("x", content_type="text/x-msmsgsinvite").wait() == 415


def test_STOX_IM_25_a_late_bounce_is_ms_imdn_to_Lync(alive, partner, office):
    p, at = partner(), counted(office)
    session = sipsession.begin(office, "romeo@" + p.domain, target=GATEWAY_SIP)
    txn = session.message("into the void")
    wire = p.accept_sm()
    stanza = expect_stanza(wire)
    support.acknowledge(wire, 1)
    assert txn.wait() == 200 and txn.response.get("message-id") == stanza.get("id")
    p.incoming().send("<message from='romeo@%s' to='%s' type='error' id='%s'><error type='cancel'><service-unavailable "
                      "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>" % (
                          p.domain, ALICE, stanza.get("id")))
    report = office.wait_other("NOTIFY", 20, at)
    assert report.get("content-type") == "application/ms-imdn+xml" and report.get("call-id") == session.call_id
    assert "<message-id>%s</message-id>" % stanza.get("id") in report.text


@pytest.mark.parametrize("offer, status", [
    (sdp(lines=["m=audio 4000 RTP/AVP 0"]), 488),
    (sdp(lines=["m=message 7654 TCP/MSRP *", "a=accept-types:text/plain"]), 488), ("nonsense", 400)])
def test_STOX_SES_06_no_conversation_in_the_offer(alive, partner, office, offer, status):
    session = sipsession.begin(office, "romeo@" + partner().domain, target=GATEWAY_SIP, offer=offer)
    assert session.invite.status == status


def test_STOX_SES_06_audio_beside_it_gets_port_0(alive, partner, office):
    session = sipsession.begin(office, "romeo@" + partner().domain, target=GATEWAY_SIP,
                               offer=sdp(lines=["m=audio 4000 RTP/AVP 0", "m=message 5060 sip null"]))
    media = [line for line in session.invite.response.text.split("\r\n") if line.startswith("m=")]
    assert session.invite.status == 200 and media == ["m=audio 0 RTP/AVP 0", "m=message 5060 sip null"]


def test_STOX_SES_45_without_an_offer_ours_is_in_the_200(alive, partner, office):
    """Texts pass once the ACK has answered it; there is no medium beside that somebody would have to connect."""
    p = partner()
    session = sipsession.begin(office, "romeo@" + p.domain, target=GATEWAY_SIP, offer="")
    assert session.invite.status == 200
    assert lines(session.invite.response)["m"] == "message 5060 sip null"
    txn = session.message("anyway")
    wire = p.accept_sm()
    assert body_of(expect_stanza(wire)) == "anyway"
    support.acknowledge(wire, 1)
    assert txn.wait() == 200


def test_STOX_SES_40_silence_is_BYE(rig, start, office):
    p = start(Partner(rig, at=OTHER))
    how = routes(partners={p.domain: dict(support.KINDS["sm"][1], proxy=p.address, type="federated")})
    how["routes"] = {"office": {"next_hop": dns.OFFICE + ":5060", "im": "session", "session_idle": 5}}
    how["sip_domains"] = {"contoso.example": {"route": "office"}}
    start(Stoxd(rig, name="other", **support.settings(OTHER, **how)))
    at = counted(office)
    session = sipsession.begin(office, "romeo@" + p.domain, target=(OTHER, 5060))
    assert session.invite.status == 200
    assert office.wait_other("BYE", 20, at).get("call-id") == session.call_id


def test_a_route_of_pager_mode_takes_no_INVITE(alive, partner, office):
    session = sipsession.begin(office, "romeo@" + partner().domain, target=GATEWAY_SIP, sender="alice@page.example")
    assert session.invite.status == 405 and session.invite.response.get("allow") == "MESSAGE, OPTIONS"


def test_STOX_SES_42_a_new_offer_keeps_the_version(alive, partner, office):
    session = sipsession.begin(office, "romeo@" + partner().domain, target=GATEWAY_SIP)
    again = session.request("UPDATE", sdp(), "application/sdp", headers=["Contact: <sip:%s:5060>" % dns.OFFICE])
    assert again.wait() == 200
    assert lines(again.response)["o"] == lines(session.invite.response)["o"]
    refused = session.request("UPDATE", sdp(lines=["m=audio 4000 RTP/AVP 0"]), "application/sdp",
                              headers=["Contact: <sip:%s:5060>" % dns.OFFICE])
    assert refused.wait() == 488
    assert session.bye().wait() == 200


# ---- what happens to it ----


def test_the_next_hop_dies_and_comes_back(alive, rig, partner, start):
    p, hop = partner(), start(SipUa(RAW_TCP, transport="tcp", user="alice@stream.example"))
    hop.on_invite = accepting()
    wire = p.incoming("stream.example")
    p.send_message(wire, to="alice@stream.example", body="before")
    hop.wait_message("before", 20)
    rig.down(hop)
    support.options()
    p.send_message(wire, to="alice@stream.example", body="into nothing", stanza_id="m2")
    stanza = expect_stanza(p.accept_sm())
    assert stanza.get("id") == "m2" and error_of(stanza)[0] == "remote-server-timeout"
    hop = start(SipUa(RAW_TCP, transport="tcp", user="alice@stream.example"))
    hop.on_invite = accepting()
    p.send_message(wire, to="alice@stream.example", body="after", stanza_id="m3")
    again = hop.wait_message("after", 20).message  # the old session was answered 481: it went into a new one, once
    assert hop.wait_other("INVITE").get("call-id") == again.get("call-id")
    assert hop.bodies() == ["after"]


def elsewhere(rig, start, *more):
    return start(Stoxd(rig, name="other", **support.settings(
        OTHER, **routes(partners={p.domain: dict(support.KINDS["sm"][1], proxy=p.address, type="federated")
                                  for p in more}))))


def test_settings_end_what_they_forbid_and_nothing_else(rig, start, office):
    p = start(Partner(rig, at=OTHER))
    stoxd = elsewhere(rig, start, p)
    target, at = (OTHER, 5060), counted(office)
    alice = sipsession.begin(office, "romeo@" + p.domain, target=target)
    bob = sipsession.begin(office, "romeo@" + p.domain, target=target, sender="bob@contoso.example")
    assert alice.invite.status == bob.invite.status == 200
    stoxd.ctl("block", "add", ALICE)
    bye = office.wait_other("BYE", 20, at)
    assert bye.get("call-id") == alice.call_id
    txn = bob.message("still here")
    wire = p.accept_sm()
    assert body_of(expect_stanza(wire)) == "still here"
    support.acknowledge(wire, 1)
    assert txn.wait() == 200
    at = counted(office)
    rig.down(stoxd)  # an orderly end says BYE
    assert office.wait_other("BYE", 20, at).get("call-id") == bob.call_id


def test_kill_in_the_middle_loses_nothing_that_was_answered_200(rig, start, office):
    p = start(Partner(rig, at=OTHER))
    stoxd = elsewhere(rig, start, p)
    session = sipsession.begin(office, "romeo@" + p.domain, target=(OTHER, 5060))
    txn = session.message("answered")
    wire = p.accept_sm()
    assert body_of(expect_stanza(wire)) == "answered"  # the partner has it before SIP hears so
    support.acknowledge(wire, 1)
    assert txn.wait() == 200
    office.answer = None
    out = p.incoming()
    p.send_message(out, body="not answered yet", extra="<thread>%s</thread>" % session.call_id)
    office.wait_message("not answered yet", 20)
    stoxd.kill()
    office.answer = 200
    stoxd.start()
    assert session.message("into the old one").wait() == 481  # which tells the other side to begin anew
    mark = office.mark()  # whatever the one before sent is in front of that answer
    p.send_message(p.incoming(), body="not answered yet", extra="<thread>%s</thread>" % session.call_id)
    again = office.wait_message("not answered yet", 20, mark)
    assert again.message.get("call-id") == session.call_id
    assert office._session_of(again.message) is not session


def test_a_session_over_TLS(rig, start):
    """Each side is known by its certificate; all of the session goes that way."""
    pool = rig.pki.issue("session-pool", dns=["pool.contoso.example"])
    own = rig.pki.issue("session-gateway", dns=["gw.contoso.example"])
    p = start(Partner(rig, at=OTHER))
    how = routes(partners={p.domain: dict(support.KINDS["sm"][1], proxy=p.address, type="federated")},
                 routes={"pool": {"next_hop": RAW_TCP + ":5061", "transport": "tls", "im": "session",
                                  "tls_names": ["pool.contoso.example"]}},
                 sip_domains={"contoso.example": {"route": "pool"}})
    how["gateway"] = {**how["gateway"], "sip_certificate": own.file, "sip_key": own.key}
    start(Stoxd(rig, name="other", listen_sip_tls=[OTHER + ":5061"], **support.settings(OTHER, **how)))
    hop = start(SipUa(RAW_TCP, cert=pool, trust=rig.pki.trust_file))
    hop.on_invite = accepting()
    wire = p.incoming()
    p.send_message(wire, body="by TLS")
    got = hop.wait_message("by TLS", 20).message
    assert "TLS" in got.get("via") and "transport=tls" in hop.wait_other("INVITE").get("contact")
    hop._session_of(got).transport = "tls"
    txn = hop._session_of(got).message("back by TLS")
    to_us = p.accept_sm()
    stanza = expect_stanza(to_us)
    assert body_of(stanza) == "back by TLS" and stanza.get("to") == "romeo@%s/orchard" % p.domain
    support.acknowledge(to_us, 1)
    assert txn.wait() == 200
    stranger = start(SipUa(RAW, port=6000, trust=rig.pki.trust_file))
    session = sipsession.begin(stranger, "romeo@" + p.domain, target=(OTHER, 5061), transport="tls")
    assert session.invite.status == 403
