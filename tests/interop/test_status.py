"""Who is typing, and receipts, between a person on Prosody and a scripted SIP phone."""
import xml.etree.ElementTree as ET

from rig import dns

GATEWAY = (dns.GATEWAY, 5060)
ALICE, ROMEO = "alice@contoso.example", "romeo@fabrikam.example"
STATES, RECEIPTS = "http://jabber.org/protocol/chatstates", "urn:xmpp:receipts"
IMDN = "{urn:ietf:params:xml:ns:imdn}"
CPIM = "From: <sip:%s>\r\nTo: <sip:%s>\r\nNS: imdn <urn:ietf:params:imdn>\r\n" % (ALICE, ROMEO)


def arrives(person, what, since=0):
    """The next message that has an element of this name."""
    return person._wait(lambda m: m if m.xml.find(what) is not None else None, what, 20, since)


def say(office, body, content_type="text/plain"):
    assert office.message(ROMEO, body, content_type=content_type, target=GATEWAY).wait() == 200


def test_typing_passes_both_ways(stoxd, romeo, office):
    stoxd()
    say(office, "hello")
    romeo.wait_message("hello")
    say(office, "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>active</state></isComposing>",
        "application/im-iscomposing+xml")
    assert arrives(romeo, "{%s}composing" % STATES)["type"] == "chat"
    romeo.send_raw("<message to='%s' type='chat'><composing xmlns='%s'/></message>" % (ALICE, STATES))
    got = office.wait_message("isComposing")
    assert got.message.get("content-type") == "application/im-iscomposing+xml" and "<state>active</state>" in got.body


def test_receipts_pass_both_ways(stoxd, romeo, office):
    stoxd()
    say(office, CPIM + "imdn.Message-ID: a1\r\nimdn.Disposition-Notification: positive-delivery\r\n\r\n"
        "Content-Type: text/plain\r\n\r\nasked", "message/cpim")
    asked = romeo.wait_message("asked")
    assert asked.xml.find("{%s}request" % RECEIPTS) is not None
    romeo.send_raw("<message to='%s'><received xmlns='%s' id='%s'/></message>" % (ALICE, RECEIPTS, asked["id"]))
    told = ET.fromstring(office.wait_message("<delivered/>").body.split("\r\n\r\n")[2])
    assert told.findtext(IMDN + "message-id") == "a1"
    # Alice's side has shown that it knows IMDN: it is asked in its turn.
    romeo.send_raw("<message to='%s' type='chat' id='r1'><body>an answer</body><request xmlns='%s'/></message>" % (
        ALICE, RECEIPTS))
    head = office.wait_message("an answer").body.split("\r\n\r\n")[0]
    message_id = dict(line.split(": ", 1) for line in head.split("\r\n"))["imdn.Message-ID"]
    say(office, CPIM + "imdn.Message-ID: a2\r\n\r\nContent-Type: message/imdn+xml\r\n\r\n"
        "<imdn xmlns='urn:ietf:params:xml:ns:imdn'><message-id>%s</message-id><delivery-notification><status>"
        "<delivered/></status></delivery-notification></imdn>" % message_id, "message/cpim")
    assert arrives(romeo, "{%s}received" % RECEIPTS).xml.find("{%s}received" % RECEIPTS).get("id") == "r1"
