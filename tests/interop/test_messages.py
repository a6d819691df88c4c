"""Messages through stoxd, with real XMPP servers on one side and a real or scripted SIP side on the other."""
import functools

import pytest

from rig import dns
from rig.phone import Phone
from rig.process import eventually
from rig.recorder import Recorder

pytestmark = pytest.mark.apart

GATEWAY = (dns.GATEWAY, 5060)
PHONE_ROUTE = {"office": {"next_hop": dns.PHONE + ":5060", "transport": "udp", "im": "pager"}}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_sip_message_reaches_a_person_on_prosody(stoxd, romeo, office, transport):
    gateway = stoxd()
    txn = office.message("romeo@fabrikam.example", "hello by " + transport, target=GATEWAY, transport=transport)
    assert txn.wait() == 200
    assert romeo.wait_message("hello by " + transport)["from"].bare == "alice@contoso.example"
    gateway.wait_event("stream-secured")
    gateway.wait_event("stream-authenticated")


def test_a_sip_message_reaches_a_person_on_ejabberd(stoxd, juliet, office):
    stoxd()
    txn = office.message("juliet@wingtip.example", "hello", target=GATEWAY)
    assert txn.wait() == 200
    assert juliet.wait_message("hello")["from"].bare == "alice@contoso.example"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_person_on_prosody_reaches_sip(stoxd, romeo, office, transport):
    stoxd(routes={"office": {"next_hop": dns.OFFICE + ":5060", "transport": transport}})
    romeo.send("alice@contoso.example", "hello by " + transport)
    got = office.wait_message("hello by " + transport).message
    assert got.uri.split(";")[0] == "sip:alice@contoso.example"
    assert "<sip:romeo@fabrikam.example" in got.get("from")


def test_a_person_on_ejabberd_reaches_sip(stoxd, juliet, office):
    stoxd()
    juliet.send("alice@contoso.example", "hello")
    assert "<sip:juliet@wingtip.example" in office.wait_message("hello").message.get("from")


def test_a_real_phone_talks_with_prosody_and_ejabberd(stoxd, phone, romeo, juliet):
    stoxd(routes=PHONE_ROUTE)
    for person in romeo, juliet:
        at = phone.mark()
        phone.say("hello, " + person.jid, to=person.jid)
        person.wait_message("hello, " + person.jid)
        assert phone.wait_response(since=at)[0] == 200
        person.send("alice@contoso.example", "hello from " + person.jid)
        phone.wait_message("hello from " + person.jid)


def test_a_real_phone_on_tcp_talks_with_prosody(stoxd, romeo, start):
    # baresip does not bind the connections it opens: they come from the address they go to.
    stoxd(routes={"office": {"next_hop": dns.PHONE + ":5060", "transport": "tcp", "sources": [dns.PHONE, dns.GATEWAY]}})
    phone = start(Phone("alice@contoso.example", dns.GATEWAY, [romeo.jid], transport="tcp"))
    at = phone.mark()
    phone.say("hello by TCP")
    romeo.wait_message("hello by TCP")
    assert phone.wait_response(since=at)[0] == 200
    romeo.send("alice@contoso.example", "answer by TCP")
    phone.wait_message("answer by TCP")


def test_text_survives_in_both_directions(stoxd, romeo, office):
    stoxd()
    text = "<&>\"' \u00e9 \u4f60\u597d \U0001f600\nsecond line"
    assert office.message("romeo@fabrikam.example", text, target=GATEWAY).wait() == 200
    assert romeo.wait_message("second line")["body"] == text
    romeo.send("alice@contoso.example", text)
    assert office.wait_message("second line").body == text


@pytest.mark.parametrize("status, condition", [
    (404, "item-not-found"), (403, "forbidden"), (486, "recipient-unavailable"),
])
def test_a_refusal_on_sip_is_told_on_xmpp(stoxd, romeo, office, status, condition):
    stoxd()
    office.answer = (status, "Said by the office")
    stanza_id = romeo.send("alice@contoso.example", "hello")
    assert romeo.wait_error(stanza_id)["error"]["condition"] == condition


def test_a_bounce_by_prosody_decides_the_answer_or_is_logged(stoxd, prosody, office):
    """Prosody acknowledges the stanza when it has it and bounces it next: one of both comes first."""
    gateway = stoxd()
    txn = office.message("nobody@fabrikam.example", "hello", target=GATEWAY)
    if txn.wait() == 200:
        gateway.wait_event("message-bounced-late")
    else:
        assert 400 <= txn.status < 500


@pytest.mark.parametrize("to", ["iago@unlisted.example", "iago@contoso.example"])
def test_sip_users_are_told_at_once_whom_they_cannot_reach(stoxd, prosody, office, to):
    stoxd()
    txn = office.message(to, "hello", target=GATEWAY)
    assert txn.wait() in (403, 404) and txn.reason


@pytest.mark.parametrize("domain, statuses", [
    ("srv-dot.example", {404}), ("does-not-exist.example", {404}),
    ("refused.example", {504}), ("no-target.example", {404, 504}),
])
def test_a_partner_that_cannot_be_reached_is_a_mapped_error(stoxd, office, domain, statuses):
    stoxd(partners={domain: {}})
    assert office.message("somebody@" + domain, "hello", target=GATEWAY).wait(40) in statuses


def test_a_thousand_messages_arrive_once_and_in_order(rig, stoxd, office, start):
    stoxd(partners={"recorder.example": {}}, log_level="info")
    recorder = start(Recorder(rig, record=rig.work + "/thousand"))
    bodies = ["no %d" % i for i in range(1000)]
    txns = office.send_many("romeo@recorder.example", bodies, target=GATEWAY, transport="tcp", window=50)
    assert {t.status for t in txns} == {200}
    recorder.wait_count(1000)
    assert sorted(recorder.bodies()) == sorted(bodies)

    for i in range(1000):
        recorder.send("alice@contoso.example", "back %d" % i, "id-%d" % i)
    office.wait_count(1000)
    recorder.wait_acked()
    assert office.bodies() == ["back %d" % i for i in range(1000)]


@pytest.mark.parametrize("sm", [True, False])
def test_what_was_confirmed_is_on_disk_when_the_partner_is_killed(rig, stoxd, office, start, sm):
    stoxd(partners={"recorder.example": {}}, log_level="info", gateway={"hold_time": 8})
    recorder = start(Recorder(rig, record=rig.work + "/kill-%s" % sm, sm=sm, die_after=150))
    send = functools.partial(office.send_many, "romeo@recorder.example", target=GATEWAY, transport="tcp", window=20)
    bodies = ["no %d" % i for i in range(400)]
    txns = send(bodies[:200])
    recorder.wait_end()
    recorder.options.pop("die_after")
    recorder.start()
    eventually(lambda: send(["ready?"])[0].status == 200, "the partner is back for stoxd, which waits after a failure", 90)
    txns += send(bodies[200:])
    confirmed = {body for body, txn in zip(bodies, txns) if txn.status == 200}
    assert {txn.status for txn in txns} <= {200, 504}
    assert len(confirmed) > 200 and confirmed <= set(recorder.bodies())


def test_a_partner_proven_by_dialback_talks_in_both_directions(rig, stoxd, office, start):
    gateway = stoxd(partners={"plain-recorder.example": {"sasl": "optional", "dialback": True}})
    recorder = start(Recorder(rig, "plain-recorder.example", record=rig.work + "/dialback", external=False))
    assert office.message("romeo@plain-recorder.example", "there", target=GATEWAY).wait() == 200
    recorder.wait_stanza("there")
    recorder.send("alice@contoso.example", "and back", "id-1")
    office.wait_message("and back")
    recorder.wait_acked()
    gateway.wait_event("stream-authenticated")
