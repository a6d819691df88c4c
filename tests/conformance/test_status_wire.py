"""Chat states (STOX-CS) and receipts (STOX-RCP) on the wire, each way. What takes minutes is in test_typing.c."""
import re
import xml.etree.ElementTree as ET

import pytest

import support
from rig import dns
from rig.stoxd import Stoxd
from rig.xmlstream import STANZAS
from support import ALICE, GATEWAY_SIP, error_of, expect_stanza
from test_im_wire import listen, nothing_more, take, talk  # noqa: F401

COMPOSING = "application/im-iscomposing+xml"
STATES = "http://jabber.org/protocol/chatstates"
RECEIPTS, MARKERS = "urn:xmpp:receipts", "urn:xmpp:chat-markers:0"
REQUEST, MARKABLE = "<request xmlns='%s'/>" % RECEIPTS, "<markable xmlns='%s'/>" % MARKERS
IMDN = "{urn:ietf:params:xml:ns:imdn}"
ASKED = "alice@asked.example"  # of a route with imdn = always
ON_200 = "alice@prompt.example"  # of a route with receipt-on-200


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    given = support.settings(gateway=support.PATIENT)
    office = {"next_hop": dns.OFFICE + ":5060", "transport": "tcp", "sources": [dns.OFFICE]}
    given["routes"].update({"asked": dict(office, imdn="always"), "prompt": dict(office, receipt_on_200=True)})
    given["sip_domains"].update({"asked.example": {"route": "asked"}, "prompt.example": {"route": "prompt"}})
    return start_for_module(Stoxd(rig, **given))


def state_document(state, more=""):
    return "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>%s</state>%s</isComposing>" % (state, more)


def alice_is(p, sip, state, more=""):
    txn = sip.message("romeo@" + p.domain, state_document(state, more), content_type=COMPOSING, target=GATEWAY_SIP)
    assert txn.wait() == 200


def romeo_is(p, wire, state, to=ALICE):
    p.send_message(wire, to, body=None, extra="<%s xmlns='%s'/>" % (state, STATES))


def state_of(stanza):
    """The chat state, after a look at all the rest of a standalone one (STOX-CS-11)."""
    assert stanza.get("type") == "chat"
    names = [child.tag for child in stanza]
    states = [n.split("}")[1] for n in names if n.startswith("{%s}" % STATES)]
    assert len(states) == 1
    assert set(names) <= {"{%s}%s" % (STATES, states[0]), "{jabber:server}thread", "{urn:xmpp:hints}no-store"}
    assert "{urn:xmpp:hints}no-store" in names
    return states[0]


def told(got):
    """The state that a MESSAGE tells (STOX-CS-02)."""
    assert got.message.get("content-type") == COMPOSING
    root = ET.fromstring(got.body)
    assert root.tag == "{urn:ietf:params:xml:ns:im-iscomposing}isComposing"
    refresh = root.find("{*}refresh")
    assert refresh is None or int(refresh.text) >= 60
    return root.find("{*}state").text


def cpim(got):
    """(headers, MIME headers, content) of a MESSAGE with message/cpim."""
    assert got.message.get("content-type") == "message/cpim"
    head, mime, content = got.body.split("\r\n\r\n", 2)
    return (dict(line.split(": ", 1) for line in head.split("\r\n")),
            dict(line.split(": ", 1) for line in mime.split("\r\n")), content)


def asking(p, ask, body="hello", message_id="Ab1cd2Ef3gh4", sender=ALICE):
    return ("From: <sip:%s>\r\nTo: <sip:romeo@%s>\r\nDateTime: 2026-01-01T00:00:00Z\r\n"
            "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: %s\r\nimdn.Disposition-Notification: %s\r\n\r\n"
            "Content-Type: text/plain\r\n\r\n%s" % (sender, p.domain, message_id, ask, body))


def alice_asks(p, wire, sip, ask):
    """A text that asks for notifications, acknowledged; the stanza that it became."""
    txn = sip.message("romeo@" + p.domain, asking(p, ask), content_type="message/cpim", target=GATEWAY_SIP)
    stanza = take(wire)
    assert txn.wait() == 200
    return stanza


def alice_notifies(p, sip, message_id, status, sender=ALICE):
    kind = "display" if status == "displayed" else "delivery"
    body = ("From: <sip:%s>\r\nTo: <sip:romeo@%s>\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: own1\r\n\r\n"
            "Content-Type: message/imdn+xml\r\nContent-Disposition: notification\r\n\r\n"
            "<imdn xmlns='urn:ietf:params:xml:ns:imdn'><message-id>%s</message-id><%s-notification><status><%s/></status>"
            "</%s-notification></imdn>" % (sender, p.domain, message_id, kind, status, kind))
    txn = sip.message("romeo@" + p.domain, body, content_type="message/cpim", target=GATEWAY_SIP, sender=sender)
    assert txn.wait() == 200


def receipt(p, wire, kind, message_id, sender="orchard", to=ALICE):
    wire.send("<message from='romeo@%s/%s' to='%s'><%s xmlns='%s' id='%s'/></message>" % (
        p.domain, sender, to, kind, MARKERS if kind == "displayed" else RECEIPTS, message_id))


def next_message(p, sip, mark):
    """The first MESSAGE of romeo's since mark: those whom other tests have left do not type for ever."""
    got, _ = sip.received.wait(lambda r: r if p.domain in r.message.get("from") else None, 20, mark)
    assert got, "no MESSAGE"
    return got


# ---- chat states ----


def test_STOX_CS_01_states_pass_both_ways(alive, listen, sip):
    p, wire = listen()
    for state, expected in ("active", "composing"), ("typing-fast", "active"):
        alice_is(p, sip, state)
        assert state_of(take(wire)) == expected
    mark = sip.mark()
    romeo_is(p, p.incoming(), "composing")
    got = next_message(p, sip, mark)
    assert told(got) == "active"
    assert got.message.uri == "sip:" + ALICE and "<sip:romeo@%s>" % p.domain in got.message.get("from")
    assert got.message.get("contact") is None


def test_STOX_CS_04_no_state_twice(alive, listen, sip):
    p, wire = listen()
    for _ in range(3):
        alice_is(p, sip, "active", "<refresh>60</refresh>")
    alice_is(p, sip, "idle")
    assert state_of(take(wire)) == "composing"
    assert state_of(take(wire)) == "active"


def test_STOX_CS_05_composing_runs_out(alive, listen, sip):
    p, wire = listen()
    alice_is(p, sip, "active", "<refresh>1</refresh>")
    assert state_of(take(wire)) == "composing"
    assert state_of(take(wire)) == "active"


def writes(p, wire, sip, sender):
    """A first text of another SIP user, whose side nobody knows anything of yet."""
    txn = sip.message("romeo@" + p.domain, "first", sender=sender, target=GATEWAY_SIP)
    take(wire)
    assert txn.wait() == 200


def test_STOX_CS_07_none_after_415(alive, listen, sip):
    p, wire = listen()
    nurse = "nurse@contoso.example"
    writes(p, wire, sip, nurse)
    sip.answer = lambda got: 415 if got.message.get("content-type") == COMPOSING else 200
    back, mark = p.incoming(), sip.mark()
    romeo_is(p, back, "composing", nurse)
    assert next_message(p, sip, mark).message.get("content-type") == COMPOSING
    texts = ["a remark", "another", "the last one"]
    for body in texts:  # it comes after the answer to what was before it, and before its own state
        p.send_message(back, nurse, body=body, extra="<active xmlns='%s'/>" % STATES)
        sip.wait_message(body, 20, mark)
        romeo_is(p, back, "composing", nurse)
    p.was_told_nothing(back, back=wire)  # the last state has been looked at
    support.heard(sip)
    assert sip.bodies()[mark + 1:] == texts


def test_STOX_CS_09_not_before_the_first_message(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    romeo_is(p, wire, "composing")
    romeo_is(p, wire, "gone")
    nothing_more(p, wire, sip, mark)


test_STOX_CS_15_a_state_opens_no_transaction = test_STOX_CS_09_not_before_the_first_message


def test_STOX_CS_10_a_state_beside_a_text(alive, listen, sip):
    p, wire = listen()
    mark = sip.mark()
    back = p.incoming()
    p.send_message(back, body="one", extra="<active xmlns='%s'/>" % STATES)
    nothing_more(p, back, sip, mark + 1)
    assert sip.bodies()[mark] == "one"


def test_STOX_CS_11_thread_of_the_conversation(alive, listen, sip):
    p, wire = listen()
    txn = sip.message("romeo@" + p.domain, "text", call_id="conversation-11", target=GATEWAY_SIP)
    take(wire)
    assert txn.wait() == 200
    alice_is(p, sip, "active")
    stanza = take(wire)
    assert state_of(stanza) == "composing"
    assert stanza.findtext("{jabber:server}thread") == "conversation-11"
    assert (stanza.get("from"), stanza.get("to")) == (ALICE, "romeo@" + p.domain)


def test_STOX_CS_12_none_to_a_contact_that_sends_none(alive, listen, sip):
    p, wire = listen()
    mark = sip.mark()
    p.send_message(p.incoming(), body="without a state")
    sip.wait_message("without a state", 20, mark)
    alice_is(p, sip, "active")
    txn = sip.message("romeo@" + p.domain, "a text", target=GATEWAY_SIP)
    assert support.body_of(take(wire)) == "a text" and txn.wait() == 200


def test_STOX_CS_13_advertised_until_it_is_refused(alive, listen, sip):
    p, wire = listen()
    back, tybalt = p.incoming(), "tybalt@contoso.example"
    writes(p, wire, sip, tybalt)

    def features(to):
        back.send("<iq type='get' id='d' from='romeo@%s/orchard' to='%s'><query "
                  "xmlns='http://jabber.org/protocol/disco#info'/></iq>" % (p.domain, to))
        answer = expect_stanza(wire, "iq")
        wire.h += 1
        support.acknowledge(wire, wire.h)
        if answer.get("type") == "error":
            return error_of(answer)[0]
        return {f.get("var") for f in answer[0] if f.tag.endswith("}feature")}
    assert STATES in features(tybalt) and RECEIPTS not in features(tybalt + "/phone")
    assert features("bob@contoso.example") == "service-unavailable"
    sip.answer = 415
    mark = sip.mark()
    romeo_is(p, back, "composing", tybalt)
    next_message(p, sip, mark)
    p.send_message(back, tybalt, body="is refused", stanza_id="r")  # so that the answer before it has been seen
    assert expect_stanza(wire).get("type") == "error"
    wire.h += 1
    support.acknowledge(wire, wire.h)
    assert STATES not in features(tybalt)


# ---- receipts ----


def test_STOX_RCP_05_no_receipt_for_a_2xx(alive, talk, sip):
    (p, wire), mark = talk(), sip.mark()
    p.send_message(wire, to="olga@contoso.example", body="receipt?", extra=REQUEST)  # alice's client is known to take CPIM
    assert sip.wait_message("receipt?", 20, mark).message.get("content-type") == "text/plain;charset=UTF-8"
    was_told_nothing_of_it(p, wire, sip, "olga@contoso.example")


def was_told_nothing_of_it(p, wire, sip, to):
    """That what romeo has written there was answered, and he was told nothing: another text goes when it was, and a ping is behind it."""
    mark = sip.mark()
    p.send_message(wire, to=to, body="behind it")
    sip.wait_message("behind it", 20, mark)
    p.was_told_nothing(wire, to.split("@")[1])


def test_STOX_RCP_06_receipt_on_200(alive, talk, sip):
    p, wire = talk("prompt.example")
    p.send_message(wire, to=ON_200, body="receipt?", extra=REQUEST, stanza_id="on200")
    stanza = expect_stanza(p.accept_sm())
    assert [(c.tag, c.get("id")) for c in stanza] == [("{%s}received" % RECEIPTS, "on200")]
    sip.answer = 202
    (p, wire), mark = talk("prompt.example"), sip.mark()
    p.send_message(wire, to=ON_200, body="stored", extra=REQUEST)
    sip.wait_message("stored", 20, mark)
    was_told_nothing_of_it(p, wire, sip, ON_200)


def test_STOX_RCP_07_imdn_is_asked_for(alive, talk, sip):
    p, wire = talk("asked.example")
    p.send_message(wire, to=ASKED, body="what light", extra=REQUEST + MARKABLE + "<subject>S</subject>")
    got = sip.wait_message("what light", 20)
    head, mime, content = cpim(got)
    assert list(head) == ["From", "To", "DateTime", "NS", "imdn.Message-ID", "imdn.Disposition-Notification"]
    assert head["From"] == "<sip:romeo@%s>" % p.domain and head["To"] == "<sip:%s>" % ASKED
    assert head["NS"] == "imdn <urn:ietf:params:imdn>" and re.fullmatch(r"[0-9a-f]{32}", head["imdn.Message-ID"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", head["DateTime"])
    assert head["imdn.Disposition-Notification"] == "positive-delivery, negative-delivery, display"
    assert mime == {"Content-Type": "text/plain;charset=UTF-8"} and content == "what light"
    assert got.message.get("subject") == "S"


def test_STOX_RCP_08_the_notification(alive, listen, sip):
    p, wire = listen()
    stanza = alice_asks(p, wire, sip, "positive-delivery, display")
    assert support.body_of(stanza) == "hello"
    assert stanza.find("{%s}request" % RECEIPTS) is not None and stanza.find("{%s}markable" % MARKERS) is not None
    back, ids = p.incoming(), []
    for kind, status in ("received", "delivered"), ("displayed", "displayed"):
        mark = sip.mark()
        receipt(p, back, kind, stanza.get("id"))
        got = next_message(p, sip, mark)
        head, mime, content = cpim(got)
        assert got.message.uri == "sip:" + ALICE
        assert head["From"] == "<sip:romeo@%s>" % p.domain and head["To"] == "<sip:%s>" % ALICE
        assert "imdn.Disposition-Notification" not in head
        assert mime["Content-Type"] == "message/imdn+xml" and mime["Content-Disposition"] == "notification"
        assert int(mime["Content-Length"]) == len(content)
        document = ET.fromstring(content)
        assert document.findtext(IMDN + "message-id") == "Ab1cd2Ef3gh4"
        assert document.findtext(IMDN + "datetime") == "2026-01-01T00:00:00Z"
        assert document.findtext(IMDN + "recipient-uri") == "sip:romeo@" + p.domain
        note = document.find(IMDN + ("display" if kind == "displayed" else "delivery") + "-notification")
        assert note.find(IMDN + "status")[0].tag == IMDN + status
        ids.append(head["imdn.Message-ID"])
    assert len(set(ids) | {"Ab1cd2Ef3gh4"}) == 3


def test_STOX_RCP_09_once_and_not_after_a_refusal(alive, listen, sip):
    p, wire = listen()
    stanza = alice_asks(p, wire, sip, "positive-delivery, negative-delivery")
    back, mark = p.incoming(), sip.mark()
    for sender in "orchard", "tomb", "orchard":
        receipt(p, back, "received", stanza.get("id"), sender)
    p.send_message(back, body="after them")
    sip.wait_message("after them", 20, mark)
    assert len(sip.bodies()[mark:]) == 2 and "<delivered/>" in sip.bodies()[mark]
    txn = sip.message("romeo@" + p.domain, asking(p, "negative-delivery"), content_type="message/cpim", target=GATEWAY_SIP)
    stanza, mark = expect_stanza(wire), sip.mark()
    for _ in range(2):
        back.send("<message type='error' from='romeo@%s' to='%s' id='%s'><error type='cancel'><service-unavailable "
                  "xmlns='%s'/></error></message>" % (p.domain, ALICE, stanza.get("id"), STANZAS))
    assert txn.wait() >= 400
    nothing_more(p, back, sip, mark)


def test_STOX_RCP_10_a_late_bounce(alive, listen, sip):
    p, wire = listen()
    stanza = alice_asks(p, wire, sip, "negative-delivery")
    assert stanza.find("{%s}request" % RECEIPTS) is None
    mark = sip.mark()
    p.incoming().send("<message type='error' from='romeo@%s' to='%s' id='%s'><error type='cancel'><service-unavailable "
                      "xmlns='%s'/></error></message>" % (p.domain, ALICE, stanza.get("id"), STANZAS))
    document = ET.fromstring(cpim(next_message(p, sip, mark))[2])
    assert document.find("%sdelivery-notification/%sstatus/%sfailed" % (IMDN, IMDN, IMDN)) is not None


def test_STOX_IM_25_a_late_bounce_without_a_request(alive, listen, sip):
    p, wire = listen()
    txn = sip.message("romeo@" + p.domain, "plain", target=GATEWAY_SIP)
    stanza = take(wire)
    assert txn.wait() == 200
    back, mark = p.incoming(), sip.mark()
    back.send("<message type='error' from='romeo@%s' to='%s' id='%s'><error type='cancel'><service-unavailable "
              "xmlns='%s'/></error></message>" % (p.domain, ALICE, stanza.get("id"), STANZAS))
    nothing_more(p, back, sip, mark)
    assert alive.wait_event("message-bounced-late", id=stanza.get("id"))["sender-told"] == "no"


def test_STOX_RCP_11_only_the_recipient_tells(alive, talk, sip):
    p, wire = talk("asked.example")
    mark = sip.mark()
    p.send_message(wire, to=ASKED, body="asked", extra=REQUEST + MARKABLE, stanza_id="orig1")
    message_id = cpim(sip.wait_message("asked", 20, mark))[0]["imdn.Message-ID"]
    alice_notifies(p, sip, message_id, "delivered", "mallory@asked.example")
    alice_notifies(p, sip, "unknown", "delivered", ASKED)
    p.nobody_connects(0.1)
    alice_notifies(p, sip, message_id, "delivered", ASKED)
    to_romeo = p.accept_sm()
    to_romeo.h = 0
    stanza = take(to_romeo)
    assert (stanza.get("from"), stanza.get("to")) == (ASKED, "romeo@%s/orchard" % p.domain)
    assert stanza.get("type") == "chat"  # as the message's (STOX-RCP-12)
    assert [(c.tag, c.get("id")) for c in stanza] == [("{%s}received" % RECEIPTS, "orig1")]
    alice_notifies(p, sip, message_id, "delivered", ASKED)
    alice_notifies(p, sip, message_id, "displayed", ASKED)
    stanza = take(to_romeo)
    assert [(c.tag, c.get("id")) for c in stanza] == [("{%s}displayed" % MARKERS, "orig1")]


test_STOX_RCP_12_nothing_but_the_receipt = test_STOX_RCP_11_only_the_recipient_tells


def test_STOX_RCP_13_without_an_id(alive, talk, sip):
    p, wire = talk("asked.example")
    wire.send("<message from='romeo@%s/orchard' to='%s'><body>no id</body>%s</message>" % (p.domain, ASKED, REQUEST))
    assert sip.wait_message("no id", 20).message.get("content-type") == "text/plain;charset=UTF-8"


def test_STOX_RCP_14_displayed_where_it_was_asked_for(alive, listen, sip):
    p, wire = listen()
    stanza = alice_asks(p, wire, sip, "positive-delivery")
    assert stanza.find("{%s}markable" % MARKERS) is None
    back, mark = p.incoming(), sip.mark()
    receipt(p, back, "displayed", stanza.get("id"))
    receipt(p, back, "displayed", "never-sent")
    nothing_more(p, back, sip, mark)


def test_STOX_RCP_15_nothing_is_made_up(alive, listen, sip):
    p, wire = listen()
    alice_asks(p, wire, sip, "positive-delivery, display")
    back, mark = p.incoming(), sip.mark()
    nothing_more(p, back, sip, mark)


def test_STOX_RCP_18_asked_once_it_was_seen(alive, listen, sip):
    p, wire = listen()
    alice_asks(p, wire, sip, "display")
    mark = sip.mark()
    p.send_message(p.incoming(), body="known by now", extra=REQUEST)
    head, _, _ = cpim(sip.wait_message("known by now", 20, mark))
    assert head["imdn.Disposition-Notification"] == "positive-delivery, negative-delivery"


def test_STOX_RCP_19_plain_text_after_415(alive, talk, sip):
    p, wire = talk("asked.example")
    mark = sip.mark()
    sip.answer = lambda got: 415 if got.message.get("content-type") == "message/cpim" else 200
    p.send_message(wire, to="bob@asked.example", body="once", extra=REQUEST)
    p.send_message(wire, to="bob@asked.example", body="twice", extra=REQUEST)
    sip.wait_message("twice", 20, mark)
    types = [r.message.get("content-type") for r in sip.received.all[mark:]]
    assert types == ["message/cpim"] + 2 * ["text/plain;charset=UTF-8"]
    assert sip.bodies()[mark + 1:] == ["once", "twice"]
    was_told_nothing_of_it(p, wire, sip, "bob@asked.example")
