"""Instant messages on the wire (STOX-IM), each way."""
import re

import pytest

import support
from rig import scripted, xmlstream
from rig.stoxd import Stoxd
from rig.xmlstream import PING, STANZAS
from support import ALICE, DOMAIN, GATEWAY_SIP, RAW_TCP, RAW_UDP, Tcp, Udp, error_of, expect_stanza, message, request
from test_sip_wire import answer


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    return start_for_module(Stoxd(rig, **support.settings(gateway=support.PATIENT)))


@pytest.fixture
def talk(partner):
    """(partner, its authenticated stream to the gateway)"""
    def begin(to=DOMAIN):
        p = partner()
        return p, p.incoming(to)
    return begin


@pytest.fixture
def listen(partner, sip):
    """(partner, the gateway's stream to it with stream management, a first message acknowledged on it)"""
    def begin():
        p = partner()
        txn = sip.message("romeo@" + p.domain, "first", target=GATEWAY_SIP)
        wire = p.accept_sm()
        wire.h = 0
        take(wire)
        assert txn.wait() == 200
        return p, wire
    return begin


def take(wire):
    """The next message, acknowledged. Its text is wire.text."""
    wire.text = wire.expect(r"<message\b.*?</message>").group()
    wire.h += 1
    support.acknowledge(wire, wire.h)
    return support.parse(wire.text)


def nothing_more(p, wire, sip, mark, body="end mark"):
    """That what was sent before on wire made no SIP request and no answer: a message after it comes first."""
    p.send_message(wire, body=body)
    sip.wait_message(body, 20, mark)
    assert sip.bodies()[mark:] == [body]
    p.nobody_connects(0.05)


@pytest.mark.parametrize("mtype", ["normal", "chat", None, "unheard-of"])
def test_STOX_IM_07_deliverable_types(alive, talk, sip, mtype):
    p, wire = talk()
    p.send_message(wire, body="type %s" % mtype, mtype=mtype)
    assert sip.wait_message("type %s" % mtype, 20).message.uri == "sip:" + ALICE


def test_STOX_IM_08_groupchat_and_headline(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    p.send_message(wire, body="to a room", mtype="groupchat", stanza_id="g1")
    error = expect_stanza(p.accept_sm())
    assert error_of(error)[:2] == ("service-unavailable", "cancel") and error.get("id") == "g1"
    sip.answer = 404
    q, wire = talk()
    q.send_message(wire, body="news", mtype="headline")
    sip.wait_message("news", 20, mark)
    support.heard(sip)  # the refusal has come
    q.was_told_nothing(wire)
    assert "to a room" not in str(sip.bodies()[mark:])


def test_STOX_IM_09_errors_make_no_message(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    p.send_message(wire, body="an error", mtype="error",
                   extra="<error type='cancel'><item-not-found xmlns='%s'/></error>" % STANZAS)
    nothing_more(p, wire, sip, mark)


def test_STOX_IM_10_nothing_to_carry(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    p.send_message(wire, body=None)
    p.send_message(wire, body=None, mtype="headline", extra="<event xmlns='http://jabber.org/protocol/pubsub#event'/>")
    p.send_message(wire, body="")
    nothing_more(p, wire, sip, mark)


def test_STOX_IM_11_end_to_end_encrypted(alive, talk, sip):
    p, wire = talk()
    omemo = "<encrypted xmlns='eu.siacs.conversations.axolotl'><payload>x</payload></encrypted>"
    p.send_message(wire, body="You received a message encrypted with OMEMO", extra=omemo)
    sip.wait_message("encrypted with OMEMO", 20)
    p.send_message(wire, body=None, extra=omemo, stanza_id="e2e")
    error = expect_stanza(p.accept_sm())
    assert error_of(error)[0] == "not-acceptable" and error.get("id") == "e2e"


@pytest.mark.parametrize("thread", ["abc==", "a b,c;d", "two@at@s", "Gespr\u00e4ch", "=" * 181, "x" * 256,
                                    "l\u00e4nger " * 100], ids=range(7))
def test_STOX_IM_16_a_thread_comes_back_by_its_call_id(alive, talk, sip, thread):
    """What no Call-ID can hold: out as a legal one, the same for each message, and back as what it was."""
    p, wire = talk()
    mark = sip.mark()
    for body in "one", "two":
        p.send_message(wire, body=body, extra="<thread>%s</thread>" % thread)
        sip.wait_message(body, 20, mark)
    call_id, again = [r.message.get("call-id") for r in sip.received.all[mark:]]
    assert call_id == again != thread and len(call_id) <= 255
    assert re.fullmatch(r"[-\w.!%*+`'~()<>:\\\"/\[\]?{}]+(@[-\w.!%*+`'~()<>:\\\"/\[\]?{}]+)?", call_id, re.ASCII)
    txn = sip.message("romeo@" + p.domain, "answer", call_id=call_id, target=GATEWAY_SIP)
    back = p.accept_sm()
    assert expect_stanza(back).findtext("{jabber:server}thread") == thread
    support.acknowledge(back, 1)
    assert txn.wait() == 200
    if len(thread.encode()) > 180:  # what others get by this Call-ID is the Call-ID
        txn = sip.message("tybalt@" + p.domain, "guess", call_id=call_id, target=GATEWAY_SIP)
        assert expect_stanza(back).findtext("{jabber:server}thread") == call_id
        support.acknowledge(back, 2)
        assert txn.wait() == 200


def test_STOX_IM_18_one_thread_is_no_repetition(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    for i in range(3):
        p.send_message(wire, body="thread %d" % i, extra="<thread>one-thread</thread>")
    sip.wait_message("thread 2", 20, mark)
    sent = [r.message for r in sip.received.all[mark:]]
    assert len({m.get("call-id") for m in sent}) == 1
    assert len({(m.get("from").split("tag=")[1], m.get("cseq")) for m in sent}) == 3


def test_STOX_IM_20_21_no_contact_no_body_in_2xx(alive, talk, listen, sip):
    p, wire = talk()
    p.send_message(wire, body="no contact")
    assert sip.wait_message("no contact", 20).message.get("contact") is None
    q, wire = listen()
    txn = sip.message("romeo@" + q.domain, "x", target=GATEWAY_SIP)
    take(wire)
    assert txn.wait() == 200
    assert txn.response.get("contact") is None and txn.response.get("content-length") == "0" and not txn.response.body


test_STOX_IM_20_no_contact = test_STOX_IM_20_21_no_contact_no_body_in_2xx
test_STOX_IM_21_no_body_in_2xx = test_STOX_IM_20_no_contact
del test_STOX_IM_20_21_no_contact_no_body_in_2xx


def pong(p, wire, kind):
    """Takes the ping barrier and answers on a stream of our own."""
    ping = expect_stanza(wire, "iq")
    assert ping.get("type") == "get" and ping.find("{%s}ping" % PING) is not None
    assert (ping.get("from"), ping.get("to")) == (DOMAIN, p.domain)
    inner = "" if kind == "result" else "<error type='cancel'><service-unavailable xmlns='%s'/></error>" % STANZAS
    p.back = getattr(p, "back", None) or p.incoming()
    p.back.send("<iq from='%s' to='%s' id='%s' type='%s'>%s</iq>" % (p.domain, DOMAIN, ping.get("id"), kind, inner))


@pytest.mark.parametrize("kind", ["result", "error"])
def test_STOX_IM_23_200_when_the_partner_confirms(alive, partner, sip, kind):
    """By stream management elsewhere in this file; here by the ping barrier: any answer with its id counts."""
    p = partner()
    txn = sip.message("romeo@" + p.domain, "x", target=GATEWAY_SIP)
    wire = p.accept_authenticated()
    expect_stanza(wire)
    support.heard(sip)
    assert not txn.done
    pong(p, wire, kind)
    assert txn.wait() == 200


RECEIPTS = "<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>"


def enable_sm(wire):
    wire.send("<enable xmlns='%s'/>" % xmlstream.SM)
    wire.expect(r"<enabled\b[^>]*/>")


def acknowledged(wire, h):
    """The gateway's acknowledgement of this many stanzas."""
    wire.send("<r xmlns='%s'/>" % xmlstream.SM)
    wire.expect(r"<a\b[^>]* h=['\"]%d['\"]" % h)


def ping(p, wire, to=DOMAIN):
    wire.send("<iq type='get' id='p' from='%s' to='%s'><ping xmlns='%s'/></iq>" % (p.domain, to, PING))


@pytest.mark.parametrize("status", [200, 202])
def test_STOX_IM_24_no_receipt_and_no_marker_from_an_answer(alive, talk, sip, status):
    """SIP's answer is told to the partner's server as such; the sender hears nothing before what was asked after it."""
    sip.answer = status
    p, wire = talk()
    enable_sm(wire)
    p.send_message(wire, body="receipt %d" % status, extra=RECEIPTS)
    sip.wait_message("receipt %d" % status, 20)
    acknowledged(wire, 1)
    ping(p, wire)
    assert p.accept_sm().expect(r"<(message|presence|iq)\b").group(1) == "iq"


def bounce(p, stanza, condition="item-not-found"):
    p.back = getattr(p, "back", None) or p.incoming()
    p.back.send("<message from='%s' to='%s' id='%s' type='error'><error type='cancel'><%s xmlns='%s'/></error>"
                "</message>" % (stanza.get("to"), stanza.get("from"), stanza.get("id"), condition, STANZAS))


def test_STOX_IM_25_late_bounce(alive, listen, sip):
    p, wire = listen()
    mark, at = sip.mark(), alive.mark()
    txn = sip.message("nobody@" + p.domain, "x", target=GATEWAY_SIP)
    stanza = take(wire)
    assert txn.wait() == 200
    bounce(p, stanza)
    talk = alive.wait_event("message-bounced-late", since=at)["conversation"]
    support.heard(sip)
    assert txn.finals == 1 and sip.mark() == mark
    late = alive.ctl_json("conversation", "show", talk)["bounced-late"]  # where an administrator reads of it
    assert (late["messages"], late["condition"]) == (1, "item-not-found") and late["last"], late


@pytest.mark.parametrize("condition, statuses", [
    ("item-not-found", (404, 604)), ("forbidden", (403, 603)), ("service-unavailable", (403, 405)),
    ("recipient-unavailable", (480, 600)), ("policy-violation", (403,))])
def test_STOX_IM_26_error_while_held_decides(alive, listen, sip, condition, statuses):
    p, wire = listen()
    txn = sip.message("nobody@" + p.domain, "x", target=GATEWAY_SIP)
    stanza = expect_stanza(wire)
    bounce(p, stanza, condition)
    assert txn.wait() in statuses
    wire.expect(r"<r\b[^>]*/>")
    wire.send("<a xmlns='%s' h='2'/>" % xmlstream.SM)  # an acknowledgement that comes after changes nothing
    wire.send("<r xmlns='%s'/>" % xmlstream.SM)
    wire.expect(r"<a\b")  # it has been looked at
    support.heard(sip)
    assert txn.finals == 1


def test_STOX_IM_27_refusal_goes_back_to_the_sender(alive, talk, sip):
    sip.answer = 404
    p, wire = talk()
    p.send_message(wire, body="x", stanza_id="id 27", sender="romeo@%s/a b" % p.domain)
    error = expect_stanza(p.accept_sm())
    assert (error.get("from"), error.get("to"), error.get("id"), error.get("type")) == (
        ALICE, "romeo@%s/a b" % p.domain, "id 27", "error")
    assert error_of(error)[:2] == ("item-not-found", "cancel")


def test_STOX_IM_28_1300_bytes_pass_1301_do_not(alive, talk):
    p, wire = talk("raw.example")
    with Udp(RAW_UDP) as peer:
        before = []

        def send(n, stanza_id):
            p.send_message(wire, to="bob@raw.example", body="x" * n, stanza_id=stanza_id)

        def taken():
            before.append(peer.asked(*before))
            peer.send(answer(before[-1]))
            return len(before[-1].raw)
        send(900, "size-a")
        room = 1300 - taken()
        send(900 + room, "size-b")
        assert taken() == 1300
        send(901 + room, "size-c")
        error = expect_stanza(p.accept_sm())
        assert error.get("id") == "size-c" and error_of(error)[:2] == ("policy-violation", "modify")
        support.options()
        assert {m.branch for m in peer.rest()} <= {m.branch for m in before}  # repetitions


test_STOX_IM_29_policy_violation = test_STOX_IM_28_1300_bytes_pass_1301_do_not


def test_STOX_IM_30_the_limit_is_lifted_where_the_hop_is_tcp(alive, talk):
    """Known to be congestion-safe: one MESSAGE, never several."""
    server = scripted.Listener(RAW_TCP, 5060)
    p, wire = talk("stream.example")
    p.send_message(wire, to="bob@stream.example", body="L" * 5000)
    connection = server.accept()
    text = connection.expect(r"MESSAGE .*?\r\n\r\nL{5000}").group()
    connection.send(answer(message(text.encode())))
    server.stop()
    connection.close()


def test_STOX_IM_31_large_bodies_toward_xmpp(alive, listen):
    p, wire = listen()
    with Tcp() as peer:
        for n, status in (1400, 200), (65536, 200), (70000, 413):
            peer.send(request(uri="sip:romeo@" + p.domain, body="b" * n, transport="TCP"))
            if status == 200:
                assert support.body_of(take(wire)) == "b" * n
            assert peer.until(lambda m: m.status >= 200)[-1].status == status


def test_STOX_IM_32_one_in_flight_for_each_pair(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    sip.answer = None
    for i in range(5):
        p.send_message(wire, body="slow %d" % i)
    p.was_told_nothing(wire)  # all five have been looked at
    for i in range(5):
        got = sip.wait_message("slow %d" % i, 20, mark)
        support.heard(sip)
        assert len(sip.received.all) - mark == i + 1
        if i == 2:
            q, other = talk()  # another sender is not held up
            q.send_message(other, body="quick")
            quick = sip.wait_message("quick", 20, mark)
            quick.reply(200)
            sip.received.all.remove(quick)
        got.reply(200)


def test_STOX_IM_33_queue_bound(alive, talk, sip):
    """100 wait; what is more is refused, and what waited is refused or carried in its order."""
    p, wire = talk()
    mark = sip.mark()
    sip.answer = None
    for i in range(130):
        p.send_message(wire, body="q%d" % i, stanza_id="q%d" % i)
    refused = p.accept_sm()
    first = expect_stanza(refused)
    assert error_of(first)[:2] == ("resource-constraint", "wait") and int(first.get("id")[1:]) >= 100
    wire.send("<iq type='get' id='behind' from='%s' to='%s'><ping xmlns='%s'/></iq>" % (p.domain, DOMAIN, PING))
    text = refused.expect(r".*?<iq\b[^>]*id=.behind").group()  # all 130 have been looked at
    ids = [first.get("id")] + re.findall(r"<message\b[^>]* id=['\"](q\d+)['\"]", text)
    taken = [q for q in ("q%d" % i for i in range(130)) if q not in ids]
    assert taken == ["q%d" % i for i in range(len(taken))] and len(taken) in (100, 101)  # with the one that is under way
    sip.answer = 200
    sip.wait_message("q0", 20, mark).reply(200)
    sip.wait_message(taken[-1], 60, mark)
    support.heard(sip)
    assert sip.bodies()[mark:] == taken


def test_STOX_IM_38_unsupported_content(alive, partner):
    p = partner()
    with Udp() as peer:
        got = peer.status(request(uri="sip:romeo@" + p.domain, body="x", content_type="image/png"))
        assert got.status == 415 and "text/plain" in got.get("accept")
        got = peer.status(request(uri="sip:romeo@" + p.domain, body="x", headers=["Content-Encoding: gzip"]))
        assert got.status == 415 and got.get("accept-encoding") is not None
    p.nobody_connects()


def test_STOX_IM_48_plain_messages_make_no_dialog(alive, talk, sip):
    """MESSAGE outside of dialogs and nothing else, whatever a client asks for beside it."""
    p, wire = talk()
    mark, others = sip.mark(), len(sip.others.all)
    for i in range(3):
        p.send_message(wire, body="pager %d" % i, to=ALICE + ("/desk" if i == 2 else ""), extra=RECEIPTS +
                       "<thread>t48</thread><active xmlns='http://jabber.org/protocol/chatstates'/>")
        sip.wait_message("pager %d" % i, 20, mark)
    txn = sip.message("romeo@" + p.domain, "answer", call_id="t48", target=GATEWAY_SIP)
    back = p.accept_sm()
    expect_stanza(back)
    support.acknowledge(back, 1)
    assert txn.wait() == 200
    support.heard(sip)
    for got in sip.received.all[mark:]:
        assert got.message.method == "MESSAGE" and ";tag=" not in got.message.get("to")
        assert got.message.get("contact") is None and got.message.get("record-route") is None
    assert len(sip.received.all) == mark + 3 and not [m for m in sip.others.all[others:] if not m.is_response]


def test_STOX_IM_48_in_a_dialog_that_is_not_there(alive, listen, sip):
    """By a To tag of nobody's, and by the one in our own answer: a MESSAGE and its 200 make no dialog either."""
    p, wire = listen()
    uri = "sip:romeo@" + p.domain
    with Udp() as peer:
        outside = request(uri=uri, body="outside")
        peer.send(outside)
        take(wire)
        ours = peer.final(outside).get("to")
        assert ";tag=" in ours
        for to in "<%s>;tag=nobody" % uri, ours:
            assert peer.status(request(uri=uri, body="inside", to=to)).status == 481
        peer.send(request(uri=uri, body="outside again"))
        assert support.body_of(take(wire)) == "outside again"


def test_STOX_IM_49_answers_of_a_second_branch_change_nothing(alive, talk):
    """The first final response is the one, though a proxy that forks lets another through, which says otherwise."""
    p, wire = talk("raw.example")
    enable_sm(wire)
    with Udp(RAW_UDP) as peer:
        for body in "one", "two":
            p.send_message(wire, to="bob@raw.example", body=body, stanza_id=body)
        one = peer.asked()
        peer.send(answer(one))
        two = peer.asked(one)
        assert two.text == "two"
        for status in "200 OK", "404 Not Found", "202 Accepted":
            peer.send(answer(one, status).replace(b";tag=raw", b";tag=fork"))
        support.options()
        acknowledged(wire, 1)  # of the second, nothing is known yet
        peer.send(answer(two, "486 Busy Here")).send(answer(two).replace(b";tag=raw", b";tag=fork"))
        back = p.accept_sm()
        error = expect_stanza(back)
        assert error.get("id") == "two" and error_of(error)[0] == "recipient-unavailable"
        support.acknowledge(back, 1)
        acknowledged(wire, 2)
        ping(p, wire, "raw.example")
        assert back.expect(r"<(message|presence|iq)\b").group(1) == "iq"


def test_STOX_IM_49_receipts_of_two_resources_do_no_harm(alive, listen, sip):
    """They answer nothing that is held, go nowhere, and disturb nothing that comes after."""
    p, wire = listen()
    mark = sip.mark()
    txn = sip.message("romeo@" + p.domain, "to whom it may concern", target=GATEWAY_SIP)
    stanza = expect_stanza(wire)
    back = p.incoming()

    def receipts():
        for resource in "orchard", "tomb", "orchard":
            back.send("<message from='romeo@%s/%s' to='%s' id='r'><received xmlns='urn:xmpp:receipts' id='%s'/></message>"
                      % (p.domain, resource, stanza.get("from"), stanza.get("id")))
    receipts()
    nothing_more(p, back, sip, mark)
    support.heard(sip)
    assert not txn.done
    wire.h += 1
    support.acknowledge(wire, wire.h)
    assert txn.wait() == 200
    receipts()
    nothing_more(p, back, sip, mark + 1, "end mark 2")
    support.heard(sip)
    assert txn.finals == 1
    txn = sip.message("romeo@" + p.domain, "next", target=GATEWAY_SIP)
    assert support.body_of(take(wire)) == "next" and txn.wait() == 200


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_STOX_IM_50_duplicates_make_one_stanza(alive, listen, transport):
    """By Call-ID, CSeq and From tag, on any transport: one stanza, the same answer twice."""
    p, wire = listen()
    with (Udp() if transport == "UDP" else Tcp()) as peer:
        data = request(uri="sip:romeo@" + p.domain, body="only once", transport=transport)
        peer.send(data)
        take(wire)
        first = peer.until(lambda m: m.status >= 200)[-1]
        peer.send(data)
        assert peer.until(lambda m: m.status >= 200)[-1].raw == first.raw
        peer.send(request(uri="sip:romeo@" + p.domain, body="what comes behind", transport=transport))
        assert support.body_of(take(wire)) == "what comes behind"


def test_STOX_IM_51_full_jid_then_address_of_record(alive, talk, sip):
    mark = sip.mark()
    sip.answer = lambda got: 480 if ";gr=" in got.message.uri else 200
    p, wire = talk()
    p.send_message(wire, to=ALICE + "/desk phone", body="to a device")
    sip.received.wait(lambda _: sip.mark() >= mark + 2, 20)
    support.heard(sip)
    uris = [r.message.uri for r in sip.received.all[mark:]]
    assert uris == ["sip:alice@contoso.example;gr=desk%20phone", "sip:alice@contoso.example"]
    p.was_told_nothing(wire)


def test_STOX_IM_53_correction_and_retraction(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    p.send_message(wire, body=None, extra="<retract xmlns='urn:xmpp:message-retract:1' id='m0'/>")
    p.send_message(wire, body="corrected text", extra="<replace xmlns='urn:xmpp:message-correct:0' id='m0'/>")
    sip.wait_message("corrected text", 20, mark)
    assert sip.bodies()[mark:] == ["corrected text"]


@pytest.mark.parametrize("wrapper", [
    "<sent xmlns='urn:xmpp:carbons:2'>{f}</sent>", "<received xmlns='urn:xmpp:carbons:2'>{f}</received>", "{f}"])
def test_STOX_IM_54_wrapped_messages_are_not_unwrapped(alive, talk, sip, wrapper):
    p, wire = talk()
    mark = sip.mark()
    inner = ("<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='boss@%s' to='%s'>"
             "<body>spoof</body></message></forwarded>" % (p.domain, ALICE))
    p.send_message(wire, body=None, extra=wrapper.format(f=inner))
    nothing_more(p, wire, sip, mark)


def test_STOX_IM_54_carbon_with_a_body(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    p.send_message(wire, body="outer", extra="<sent xmlns='urn:xmpp:carbons:2'/>")
    nothing_more(p, wire, sip, mark)


def test_STOX_IM_55_text_is_not_touched(alive, talk, sip):
    text = "/me *bold* _it_ `code` > quote\n```\nblock\n```  @romeo https://x.example/?a=b#c \u200d\U0001f469"
    p, wire = talk()
    p.send_message(wire, body=text.replace(">", "&gt;"),
                   extra="<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='3'/>"
                         "</fallback>")
    assert sip.wait_message("/me *bold*", 20).message.body == text.encode()


def test_STOX_IM_56_no_stanza_id(alive, listen, talk, sip):
    p, wire = listen()
    txn = sip.message("romeo@" + p.domain, "x", target=GATEWAY_SIP)
    take(wire)
    assert "stanza-id" not in wire.text and "origin-id" not in wire.text and txn.wait() == 200
    q, wire = talk()
    q.send_message(wire, body="ids",
                   extra="<origin-id xmlns='urn:xmpp:sid:0' id='o'/><stanza-id xmlns='urn:xmpp:sid:0' "
                   "id='s' by='%s'/>" % DOMAIN)
    assert "urn:xmpp:sid" not in str(sip.wait_message("ids", 20).message)


def test_STOX_IM_57_ids(alive, listen, sip):
    p, wire = listen()
    ids = set()
    for i in range(20):
        txn = sip.message("romeo@" + p.domain, "x%d" % i, target=GATEWAY_SIP)
        ids.add(take(wire).get("id"))
        txn.wait()
    assert len(ids) == 20 and None not in ids and "" not in ids
