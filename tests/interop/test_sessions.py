"""Conversations as INVITE sessions, Lync's way, with real XMPP servers and clients on the other side."""
import pytest

from rig import dns, sipsession

GATEWAY = (dns.GATEWAY, 5060)


@pytest.fixture
def lync(office):
    office.on_invite = sipsession.accepting()
    yield office
    office.on_invite = None


def in_session(transport="udp"):
    return {"office": {"next_hop": dns.OFFICE + ":5060", "transport": transport, "im": "session"}}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_person_on_prosody_and_one_on_Lync(stoxd, romeo, lync, transport):
    stoxd(routes=in_session(transport))
    romeo.send("alice@contoso.example", "one by " + transport)
    got = lync.wait_message("one by " + transport).message
    session = lync._session_of(got)
    assert session
    for text in "two by " + transport, "three <&>\"' \u00e9 \u4f60 \U0001f600 by " + transport:
        assert session.message(text).wait() == 200
        assert romeo.wait_message(text)["from"].bare == "alice@contoso.example"
        romeo.send("alice@contoso.example", "re: " + text)
        assert lync.wait_message("re: " + text).message.get("call-id") == session.call_id
    assert session.bye().wait() == 200


def test_Lync_begins_with_a_person_on_ejabberd(stoxd, juliet, lync):
    gateway = stoxd(routes=in_session())
    session = sipsession.begin(lync, juliet.jid, target=GATEWAY)
    assert session.invite.status == 200
    assert session.message("Hello from Lync").wait() == 200
    assert juliet.wait_message("Hello from Lync")["type"] == "chat"
    juliet.send("alice@contoso.example", "Hello from ejabberd")
    assert lync.wait_message("Hello from ejabberd").message.get("call-id") == session.call_id
    (row,) = gateway.ctl_json("conversation", "list", "--user", "alice@contoso.example")["items"]
    assert gateway.ctl_json("conversation", "show", row["id"])["mode"] == "session"


def test_a_person_that_is_not_there(stoxd, prosody, lync):
    """Its server may take the text first and give it back then: that is told too, and the session stays."""
    stoxd(routes=in_session())
    session = sipsession.begin(lync, "nobody@fabrikam.example", target=GATEWAY)
    assert session.invite.status == 200
    for text in "is there anybody?", "hello?":
        since = len(lync.others.all)
        txn = session.message(text)
        if txn.wait() == 200:
            report = lync.wait_other("NOTIFY", since=since)
            assert "<message-id>%s</message-id>" % txn.response.get("message-id") in report.text
        else:
            assert 400 <= txn.status < 500
