"""Presence between people on Prosody and ejabberd and a scripted SIP user agent, both ways, from adding to removing."""
import json
import xml.etree.ElementTree as ET

import pytest

from rig import dns, sippresence, xmpppresence
from rig.process import eventually
from rig.sippresence import pidf, state_of
from rig.stoxd import Stoxd
from rig.xmppclient import XmppClient

GATEWAY = (dns.GATEWAY, 5060)
ALICE = "alice@contoso.example"
SERVERS = {"prosody": ("romeo@fabrikam.example", dns.PROSODY), "ejabberd": ("juliet@wingtip.example", dns.EJABBERD)}
NS = {"p": "urn:ietf:params:xml:ns:pidf", "dm": "urn:ietf:params:xml:ns:pidf:data-model", "c": "jabber:client",
      "rpid": "urn:ietf:params:xml:ns:pidf:rpid"}


@pytest.fixture(scope="module")
def gateway(rig):
    office = {"next_hop": dns.OFFICE + ":5060", "transport": "tcp", "im": "pager"}
    it = rig.up(Stoxd(rig, name="stoxd-presence", gateway={"notify_pace": 200, "denied_hold": 0}, routes={"office": office}))
    yield it
    rig.down(it)


@pytest.fixture(params=list(SERVERS))
def world(request, rig, gateway, office, start):
    """Alice at the scripted agent, somebody on this server with two clients, and no contact of each other."""
    request.getfixturevalue(request.param)
    jid, address = SERVERS[request.param]
    world = type("World", (), {"alice": sippresence.attach(office), "jid": jid, "gateway": gateway})()

    def log_in(resource):
        person = start(XmppClient(jid + "/" + resource, address, rig.pki.trust_file))
        return xmpppresence.attach(person)

    world.log_in = log_in
    world.person = log_in("balcony")
    yield world
    for watch in world.alice.watches.values():
        if watch.remote_tag and not watch.ended:
            watch.unsubscribe()
    world.person.removes(ALICE)
    world.person.settle("contoso.example")  # or it would come into the next test
    gateway.ctl("contact", "purge", "--user", ALICE, "--force")
    world.person.settle("contoso.example")  # and what is said to that


def tuples(message):
    """{resource: (basic, show, note)} of a NOTIFY."""
    if not message.body:
        return {}
    return {t.get("id")[3:]: (t.findtext("p:status/p:basic", namespaces=NS), t.findtext("p:status/c:show", namespaces=NS),
                          t.findtext("p:note", namespaces=NS)) for t in ET.fromstring(message.body).findall("p:tuple", NS)}


def shows(**wanted):
    return lambda message: tuples(message) == wanted


def begins_to_watch(world):
    """Alice adds him, and he agrees."""
    watch = world.alice.subscribe(world.jid, target=GATEWAY)
    watch.wait_notice("pending")
    world.person.wait("subscribe", ALICE)
    world.person.allows(ALICE)
    return watch


def test_a_sip_user_watches_a_person_on_xmpp(world):
    watch = begins_to_watch(world)
    watch.wait_notice("active", shows(balcony=("open", None, None)))
    for show in "away", "xa", "dnd", "chat", None:
        world.person.is_(show, note="%s & more" % show)
        watch.wait_notice("active", shows(balcony=("open", show, "%s & more" % show)))
    garden = world.log_in("garden")
    garden.is_("dnd", "two", priority=5)
    watch.wait_notice("active", shows(balcony=("open", None, "None & more"), garden=("open", "dnd", "two")))
    garden.leaves()
    watch.wait_notice("active", lambda m: tuples(m).get("garden", ("",))[0] == "closed")
    world.person.leaves()
    watch.wait_notice("active", lambda m: {t[0] for t in tuples(m).values()} == {"closed"})
    mark = watch.mark()
    world.person.is_("away")
    watch.wait_notice("active", shows(balcony=("open", "away", None)), since=mark)
    watch.unsubscribe()
    assert state_of(watch.wait_notice("terminated"))[1]["reason"] == "timeout"
    again = world.alice.subscribe(world.jid, target=GATEWAY)  # he is not asked again
    again.wait_notice("active", shows(balcony=("open", "away", None)))
    mark = world.person.mark()
    world.person.refuses_and_is_heard(ALICE)
    assert state_of(again.wait_notice("terminated"))[1]["reason"] == "rejected"
    third = world.alice.subscribe(world.jid, target=GATEWAY)
    world.person.wait("subscribe", ALICE, since=mark)
    world.person.refuses(ALICE)
    assert state_of(third.wait_notice("terminated"))[1]["reason"] == "rejected"


def test_over_udp_alone_a_sip_user_sees_whom_it_has_room_for(world):
    """The most available client, when two and their notes would be over 1300 bytes."""
    world.gateway.ctl("route", "set", "office", "--transport", "udp")
    try:
        watch = begins_to_watch(world)
        world.person.is_("xa", note="n" * 300)
        garden = world.log_in("garden")
        garden.is_("dnd", note="n" * 300, priority=5)
        watch.wait_notice("active", shows(garden=("open", "dnd", None)))
    finally:
        world.gateway.ctl("route", "set", "office", "--transport", "tcp")


def says(watched, basic="open", note=None, inside="", ident="phone"):
    watched.notify(pidf(ALICE, (ident, basic, inside, "<note>%s</note>" % note if note else "")), state="active")


def show(word):
    return "<show xmlns='jabber:client'>%s</show>" % word


def test_a_person_on_xmpp_watches_a_sip_user(world):
    world.person.asks(ALICE)
    watched = world.alice.wait_watched(world.jid)
    phone = ALICE + "/phone"
    says(watched, note="hello")
    world.person.wait("subscribed", ALICE)
    world.person.wait_is(phone, None, "hello")
    for word in "away", "xa", "dnd", "chat":
        says(watched, note=word + " now", inside=show(word))
        world.person.wait_is(phone, word, word + " now")
    both = pidf(ALICE, ("phone", "open"), ("desk", "open", show("dnd")))
    mark = world.person.mark()
    watched.notify(both, state="active")
    world.person.wait_is(phone, since=mark)
    world.person.wait_is(ALICE + "/desk", "dnd", since=mark)
    watched.notify(pidf(ALICE, ("desk", "closed"), ("phone", "open")), state="active")
    world.person.wait("unavailable", ALICE + "/desk", since=mark)
    says(watched, "closed")
    world.person.wait("unavailable", phone, since=mark)
    mark = world.person.mark()
    says(watched)
    world.person.wait_is(phone, since=mark)
    mark = world.person.mark()
    world.person.leaves()
    world.person.is_()  # his server asks again, and is answered from what is known
    world.person.wait_is(phone, since=mark)
    mark = world.person.mark()
    world.person.asks_no_more(ALICE)
    eventually(lambda: watched.ended, "he has removed her")
    world.person.wait("unavailable", phone, since=mark)


def test_a_person_on_xmpp_is_refused_and_asks_again(world):
    world.alice.answer = 403
    world.person.asks(ALICE)
    world.person.wait("unsubscribed", ALICE)
    world.alice.answer = 200
    mark = world.person.mark()
    world.person.asks(ALICE)
    watched = world.alice.wait_watched(world.jid, since=1)
    says(watched)
    world.person.wait("subscribed", ALICE, since=mark)
    watched.notify(state="terminated", reason="rejected")
    world.person.wait("unsubscribed", ALICE, since=mark)


# ---- stoxctl test presence ----

def tried(world, way):
    """(exit status, what stoxctl test presence --json says)"""
    status, out, err = world.gateway.ctl("test", "presence", ALICE, world.jid, "--way", way, "--json", ok=False)
    assert out, err
    return status, json.loads(out)


def test_a_test_of_presence_says_how_two_people_stand_and_changes_nothing(world):
    def contacts():
        return [(c["sip-watches"], c["xmpp-watches"], c["sip-since"], c["xmpp-since"])
                for c in world.gateway.ctl_json("contact", "list", "--user", ALICE)["items"]]

    status, said = tried(world, "sip-to-xmpp")
    assert (status, said["fault"]) == (0, "none") and "he is asked" in said["verdict"], said
    assert contacts() == [], said
    watch = begins_to_watch(world)
    watch.wait_notice("active", shows(balcony=("open", None, None)))
    before = contacts()
    assert [c[:2] for c in before] == [("granted", "no")]
    status, said = tried(world, "sip-to-xmpp")
    assert status == 0 and "who is available now" in said["verdict"], said
    status, said = tried(world, "xmpp-to-sip")
    assert status == 0 and "says nothing of her to one who polls" in said["verdict"], said
    world.alice.first = lambda watched: watched.notify(pidf(ALICE, ("phone", "open")), state="terminated", reason="timeout")
    status, said = tried(world, "xmpp-to-sip")
    assert status == 0 and "who is available now" in said["verdict"], said
    world.alice.answer = 404
    try:
        status, said = tried(world, "both")
    finally:
        world.alice.answer = 200
    assert status == 1 and "it knows no such person" in said["verdict"], said
    assert "available" in [s["text"] for s in said["steps"] if s["step"] == "answer"][0], said
    assert contacts() == before
