"""Names and photos of people on Prosody and ejabberd, from the cards that they keep there, in what a SIP watcher reads of them."""
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import pytest

from rig import dns, sippresence, xmpppresence
from rig.stoxd import Stoxd
from rig.xmppclient import XmppClient
from test_presence import ALICE, GATEWAY

PEOPLE = {"prosody": ("mercutio@fabrikam.example", dns.PROSODY), "ejabberd": ("nurse@wingtip.example", dns.EJABBERD)}
PICTURE = "https://pictures.example/she.png?a=1&b=2"
CIPID = "{urn:ietf:params:xml:ns:pidf:cipid}"
PERSON = "{urn:ietf:params:xml:ns:pidf:data-model}person"


@pytest.fixture(scope="module")
def gateway(rig):
    office = {"next_hop": dns.OFFICE + ":5060", "transport": "tcp", "im": "pager"}
    it = rig.up(Stoxd(rig, name="stoxd-names", gateway={"notify_pace": 200}, routes={"office": office}))
    for domain in "fabrikam.example", "wingtip.example":
        it.ctl("partner", "set", domain, "--photos", "yes")
    yield it
    rig.down(it)


@pytest.fixture(params=list(PEOPLE))
def person(request, rig, gateway, start):
    request.getfixturevalue(request.param)
    jid, address = PEOPLE[request.param]
    it = xmpppresence.attach(start(XmppClient(jid + "/balcony", address, rig.pki.trust_file)))
    it.jid, it.server = jid, request.param
    yield it
    it.person.send_raw("<iq type='set' id='c1'><vCard xmlns='vcard-temp'/></iq>")
    it.removes(ALICE)
    it.settle("contoso.example")


def named(message):
    """(name, address of the photo) of the person in a NOTIFY; None, where there is none of it."""
    found = ET.fromstring(message.body).find(PERSON) if message.body else None
    return (None, None) if found is None else (found.findtext(CIPID + "display-name"), found.findtext(CIPID + "icon"))


def test_a_sip_user_reads_the_name_on_the_card_of_a_person_on_xmpp(person, office):
    alice = sippresence.attach(office)
    name = "%s & Co" % person.server
    person.person.send_raw(
        "<iq type='set' id='c0'><vCard xmlns='vcard-temp'><FN>%s</FN><PHOTO><EXTVAL>%s</EXTVAL></PHOTO></vCard></iq>" % (
            escape(name), escape(PICTURE)))
    watch = alice.subscribe(person.jid, target=GATEWAY)
    person.wait("subscribe", ALICE)
    person.allows(ALICE)
    seen = watch.wait_notice("active", lambda m: named(m)[0] == name)
    if person.server == "ejabberd":  # Prosody makes a card of 4.0 of it, without photos that are elsewhere
        assert named(seen)[1] == PICTURE
    watch.unsubscribe()
    watch.wait_notice("terminated")
