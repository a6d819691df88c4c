"""Who is typing, and IMDN, between liblinphone at Kamailio and a person on Prosody (RFC 3994, RFC 5438; XEP-0085, XEP-0184, XEP-0333)."""
import pytest

from rig import dns
from rig.kamailio import Kamailio
from rig.linphone import LinphoneApp
from rig.stoxd import Stoxd

BOB = "bob@contoso.example"
STATES, RECEIPTS, MARKERS = "http://jabber.org/protocol/chatstates", "urn:xmpp:receipts", "urn:xmpp:chat-markers:0"


@pytest.fixture(scope="module")
def world(rig):
    cert = rig.pki.issue("linphone-status", dns=["sip.contoso.example"])
    route = {"next_hop": dns.KAMAILIO + ":5060", "transport": "tcp", "sources": [dns.KAMAILIO, dns.GATEWAY]}
    things = [Stoxd(rig, name="stoxd-linphone", routes={"office": route}), Kamailio("tcp", cert, rig.pki.trust_file)]
    for thing in things:
        rig.up(thing)
    yield
    for thing in reversed(things):
        rig.down(thing)


@pytest.fixture
def bob(world, start):
    return start(LinphoneApp(BOB, dns.KAMAILIO, address=dns.SECOND_PHONE))


def arrives(person, space, name, since=0):
    """The next message with this element: the element."""
    what = "{%s}%s" % (space, name)
    message = person._wait(lambda m: m if m.xml.find(what) is not None else None, what, 20, since)
    return message.xml.find(what)


def tell(person, inside, **attributes):
    person.send_raw("<message to='%s' type='chat'%s>%s</message>" % (
        BOB, "".join(" %s='%s'" % item for item in attributes.items()), inside))


def test_typing_passes_both_ways(bob, romeo, table):
    bob.say("hello", to=romeo.jid)
    romeo.wait_message("hello")
    bob.wait_state("hello", "Delivered")  # romeo has it before linphone has its answer
    with table.row("linphone, Prosody", "tcp", "to XMPP", "isComposing: composing"):
        bob.compose(romeo.jid)
        arrives(romeo, STATES, "composing")
    with table.row("linphone, Prosody", "tcp", "to SIP", "composing, paused: isComposing, active and idle"):
        tell(romeo, "<composing xmlns='%s'/>" % STATES)
        bob.wait_composing(romeo.jid, 1)
        at = bob.mark()
        tell(romeo, "<paused xmlns='%s'/>" % STATES)
        bob.wait_composing(romeo.jid, 0, at)


def test_what_linphone_sent_was_received_and_read(bob, romeo, table):
    with table.row("linphone, Prosody", "tcp", "to XMPP", "asks for IMDN: delivered, displayed"):
        bob.say("has it arrived?", to=romeo.jid)
        message = romeo.wait_message("has it arrived?")
        bob.wait_state("has it arrived?", "Delivered")
        assert message.xml.find("{%s}request" % RECEIPTS) is not None
        assert message.xml.find("{%s}markable" % MARKERS) is not None
        tell(romeo, "<received xmlns='%s' id='%s'/>" % (RECEIPTS, message["id"]))
        bob.wait_state("has it arrived?", "DeliveredToUser")
        tell(romeo, "<displayed xmlns='%s' id='%s'/>" % (MARKERS, message["id"]))
        bob.wait_state("has it arrived?", "Displayed")


def test_what_was_sent_to_linphone_is_received_and_read(bob, romeo, table):
    """Its side has asked for an IMDN, so that it is asked (imdn = auto)."""
    bob.say("hello again", to=romeo.jid)
    romeo.wait_message("hello again")
    with table.row("linphone, Prosody", "tcp", "to SIP", "receipt and marker asked: IMDN, delivered, displayed"):
        tell(romeo, "<body>and here?</body><request xmlns='%s'/><markable xmlns='%s'/>" % (RECEIPTS, MARKERS), id="r1")
        sender = bob.wait_message("and here?")
        assert arrives(romeo, RECEIPTS, "received").get("id") == "r1"
        bob.read(sender)
        assert arrives(romeo, MARKERS, "displayed").get("id") == "r1"
