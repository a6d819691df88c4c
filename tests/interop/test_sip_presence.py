"""
Presence with real SIP parts: Kamailio's presence server with the configuration of docs/kamailio, phones at it, and people on
Prosody and ejabberd. What a phone cannot say itself (away, notes), the scripted agent publishes to Kamailio, or reads through it.
"""
import os
import xml.etree.ElementTree as ET

import pytest

from rig import dns, sippresence, xmpppresence
from rig.kamailio import PORTS, Kamailio
from rig.linphone import LinphoneApp
from rig.phone import Phone
from rig.process import eventually
from rig.sippresence import Publication, pidf, state_of
from rig.stoxd import Stoxd
from rig.xmppclient import XmppClient
from test_presence import NS, SERVERS, show, shows, tuples

PROOF = os.environ.get("STOX_PROOF") == "1"
KAMAILIO = (dns.KAMAILIO, 5060)
CROWD = 200
ROUNDS = 20
LONG = "<!--%s-->" % (1200 * ".")  # so that the database soon puts what is new in the places of what was there
WINFO = "application/watcherinfo+xml"
ALICE, BOB, CAROL = "alice@contoso.example", "bob@contoso.example", "carol@contoso.example"


@pytest.fixture(scope="module", params=["udp", "tcp", "tls"] if PROOF else ["tls"])
def world(request, rig, postgres):
    """Stox and Kamailio, which speak this transport to each other, both ways."""
    transport = request.param
    certs = {name: rig.pki.issue("sip-presence-%s-%s" % (name, transport), dns=[name + ".contoso.example"])
             for name in ("sip", "gw")}
    route = {"next_hop": "%s:%d" % (dns.KAMAILIO, PORTS[transport]), "transport": transport, "tls_names": ["sip.contoso.example"]}
    if transport != "udp":  # Kamailio's connections come from the address they go to: all of 10.99.0.0/16 is local
        route["sources"] = [dns.KAMAILIO, dns.GATEWAY]
    if transport == "tls":
        route["identify_by"] = "certificate"
    gateway = Stoxd(rig, name="stoxd-sip-presence", routes={"office": route}, listen_sip_tls=[dns.GATEWAY + ":5061"],
                    gateway={"sip_certificate": certs["gw"].file, "sip_key": certs["gw"].key, "notify_pace": 200, "subscription_min": 1,
                             "denied_hold": 0})
    server = Kamailio(transport, certs["sip"], rig.pki.trust_file, postgres=postgres)
    for thing in gateway, server:
        rig.up(thing)
    yield type("World", (), {"gateway": gateway, "server": server, "transport": transport})()
    for thing in server, gateway:
        rig.down(thing)


@pytest.fixture(params=list(SERVERS))
def person(request, rig, world, start):
    """Somebody on this XMPP server, with presence; his contacts of the test end with it."""
    request.getfixturevalue(request.param)
    jid, address = SERVERS[request.param]

    def log_in(resource):
        return xmpppresence.attach(start(XmppClient(jid + "/" + resource, address, rig.pki.trust_file)))

    it = log_in("balcony")
    it.jid, it.log_in, it.server = jid, log_in, {"prosody": "Prosody", "ejabberd": "ejabberd"}[request.param]
    yield it
    for user in "alice", "bob":
        it.removes(user + "@contoso.example")
    it.settle("contoso.example")
    world.gateway.ctl("contact", "purge", "--user", jid, "--force")
    it.settle("contoso.example")  # what is said to that does not come into the next test
    world.server.decides(alice={}, bob={})


@pytest.fixture
def agent(office):
    """The scripted agent, which is alice at Kamailio."""
    sippresence.attach(office)
    yield office
    for watch in office.presence.watches.values():
        if watch.remote_tag and not watch.ended:
            watch.unsubscribe(headers=watch.routes())


def activity(word):
    return "<rpid:activities xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid'><rpid:%s/></rpid:activities>" % word


# How a SIP client says it: (inside of status, behind it).
SAYS = {None: ("", ""), "away": ("", activity("away")), "dnd": ("", activity("busy")), "xa": ("", activity("vacation")),
        "chat": (show("chat"), "")}


def document(ident, word=None, note=None, basic="open"):
    inside, after = SAYS[word]
    return pidf(ALICE, (ident, basic, inside, after + ("<note>%s</note>" % note if note else "")))


def test_a_presence_server_decides_and_its_users_are_seen(world, table, person, agent):
    phone = ALICE + "/phone"
    rows = "Kamailio's presence server, " + person.server, world.transport, "to XMPP"
    first = Publication(agent, KAMAILIO)
    first.publish(document("phone", note="hello"))
    with table.row(*rows, "presence: asked, decided later, seen"):
        person.asks(ALICE)
        eventually(lambda: "asked" in world.gateway.ctl("contact", "list", "--user", ALICE), "it is stored")
        eventually(lambda: any(s.get("notices") for s in world.gateway.ctl_json("subscription", "list", "--user", ALICE)["items"]),
                   "Kamailio knows that he waits")
        world.server.decides(alice={person.jid: "allow"})
        person.wait("subscribed", ALICE)
        person.wait_is(phone, None, "hello")
    with table.row(*rows, "presence: available, away, xa, dnd, chat, with notes"):
        for word in "away", "xa", "dnd", "chat", None:
            first.publish(document("phone", word, "%s now" % word))
            person.wait_is(phone, word, "%s now" % word)
    with table.row(*rows, "presence: two clients, one leaves, then the other"):
        second = Publication(agent, KAMAILIO)
        second.publish(document("desk", "dnd"))
        person.wait_is(ALICE + "/desk", "dnd")
        second.remove()
        person.wait("unavailable", ALICE + "/desk")
        first.remove()
        person.wait("unavailable", phone)
    mark = person.mark()
    with table.row(*rows, "presence: refused, asked and allowed again, removed"):
        world.server.decides(alice={person.jid: "block"})
        person.wait("unsubscribed", ALICE, since=mark)
        world.server.decides(alice={person.jid: "allow"})
        first.publish(document("phone"))
        person.asks(ALICE)
        person.wait("subscribed", ALICE, since=mark)
        mark = person.mark()
        person.wait_is(phone)
        person.asks_no_more(ALICE)
        person.wait("unavailable", phone, since=mark)
        eventually(lambda: not world.gateway.ctl_json("contact", "list", "--user", ALICE)["items"], "nothing is left")


def watchers(message):
    """{address: status} of a NOTIFY about who watches."""
    root = ET.fromstring(message.text)
    return {w.text.strip(): w.get("status") for w in root.iter("{urn:ietf:params:xml:ns:watcherinfo}watcher")}


def lists(watch, who, status):
    """Is he so in the list of watchers now? Kamailio does not tell every change by itself: none by rules, nor of who asks again."""
    mark = watch.mark()
    assert watch.subscribe(headers=watch.routes(), accept=WINFO).wait() == 200
    return watchers(watch.wait_notice("active", since=mark)).get(who) == status


def test_she_sees_who_waits_and_her_word_is_told_as_it_happens(world, table, person, agent):
    """presence.winfo (RFC 3857) at a presence server: what it shows her is whom Stox has asked for. She is one whom nobody has asked
    before: Kamailio keeps what has become of a watcher, and ends his next subscription by it."""
    rows, romeo = "Kamailio's presence server, " + person.server, "sip:" + person.jid
    with table.row(rows, world.transport, "to XMPP", "presence.winfo: waits, seen, allowed, blocked"):
        watch = agent.presence.subscribe(CAROL, sender=CAROL, target=KAMAILIO, event="presence.winfo", accept=WINFO)
        watch.wait_notice("active")
        person.asks(CAROL)
        eventually(lambda: lists(watch, romeo, "pending"), "she sees that he waits")
        world.server.decides(carol={person.jid: "allow"})
        person.wait("subscribed", CAROL)
        eventually(lambda: lists(watch, romeo, "active"), "she sees that he may watch")
        mark = person.mark()
        world.server.decides(carol={person.jid: "block"})
        person.wait("unsubscribed", CAROL, since=mark)
        eventually(lambda: not world.gateway.ctl_json("contact", "list", "--user", CAROL)["items"], "nothing is left")
    person.removes(CAROL)


def test_nobody_else_sees_who_watches_her(world, agent):
    watch = agent.presence.subscribe(BOB, target=KAMAILIO, event="presence.winfo", accept=WINFO)
    assert watch.subscribed[0].wait() == 403


def test_a_presence_server_takes_what_many_publish_at_once(world, agent):
    """So that no test of presence fails by the server's database: every one of its processes writes to it."""
    many = [Publication(agent, KAMAILIO) for _ in range(CROWD)]
    for documents in [document("phone%d" % i) for i in range(CROWD)], [document("phone%d" % i, "dnd") for i in range(CROWD)]:
        for each, txn in [(each, each.begin(text)) for each, text in zip(many, documents)]:
            each.took(txn)
    for each, txn in [(each, each.begin(expires=0)) for each in many]:
        each.took(txn)


@pytest.mark.parametrize("person", ["prosody"], indirect=True)
def test_what_is_published_as_somebody_begins_to_watch_is_seen(world, person, agent):
    """Kamailio answers a PUBLISH before others of its processes can read what was published."""
    world.server.decides(alice={person.jid: "allow"})
    publication = Publication(agent, KAMAILIO)
    with world.server.writes_slowly():
        publication.publish(document("phone"))
        person.asks(ALICE)
        person.wait_is(ALICE + "/phone")
    publication.remove()
    person.wait("unavailable", ALICE + "/phone")


@pytest.mark.parametrize("person", ["prosody"], indirect=True)
def test_of_what_a_client_has_published_twice_the_newest_counts(world, person, agent):
    """As baresip does when it starts: two publications with one tuple, of which it changes one. All within the second by which Kamailio
    orders them."""
    world.server.decides(alice={person.jid: "allow"})
    person.asks(ALICE)
    person.wait("subscribed", ALICE)
    for round in range(ROUNDS):
        left, right = Publication(agent, KAMAILIO), Publication(agent, KAMAILIO)
        for each, word in (left, None), (right, None), (left, "dnd"), (right, "xa"), (left, "away"):
            each.publish(document("phone", word, "%s of %d" % (word, round)) + LONG)
            person.wait_is(ALICE + "/phone", word, "%s of %d" % (word, round))
        for each in right, left:
            each.remove()


def test_a_sip_user_watches_through_a_proxy(world, table, person, agent):
    rows = "SIP client at Kamailio, " + person.server, world.transport, "to SIP"
    with table.row(*rows, "presence: asked, allowed, seen"):
        watch = agent.presence.subscribe(person.jid, target=KAMAILIO)
        watch.wait_notice("pending")
        person.wait("subscribe", ALICE)
        person.allows(ALICE)
        watch.wait_notice("active", shows(balcony=("open", None, None)))
    with table.row(*rows, "presence: available, away, xa, dnd, chat, with notes"):
        for word in "away", "xa", "dnd", "chat", None:
            person.is_(word, "%s now" % word)
            watch.wait_notice("active", shows(balcony=("open", word, "%s now" % word)))
    with table.row(*rows, "presence: two clients, one leaves, then the other"):
        garden = person.log_in("garden")
        garden.is_("dnd", priority=5)
        watch.wait_notice("active", lambda m: tuples(m).get("garden", ("",))[:2] == ("open", "dnd"))
        garden.leaves()
        watch.wait_notice("active", lambda m: tuples(m).get("garden", ("",))[0] == "closed")
        person.leaves()
        watch.wait_notice("active", lambda m: {t[0] for t in tuples(m).values()} == {"closed"})
        person.is_()
    with table.row(*rows, "presence: refreshed, withdrawn, asked again and refused, asked again and allowed"):
        mark = watch.mark()
        assert watch.subscribe(headers=watch.routes()).wait() == 200
        watch.wait_notice("active", shows(balcony=("open", None, None)), since=mark)
        for refusal in range(2):
            mark = person.mark()
            person.refuses_and_is_heard(ALICE)
            assert state_of(watch.wait_notice("terminated"))[1]["reason"] == "rejected"
            watch = agent.presence.subscribe(person.jid, target=KAMAILIO)
            person.wait("subscribe", ALICE, since=mark)
        person.allows(ALICE)
        watch.wait_notice("active", shows(balcony=("open", None, None)))
    with table.row(*rows, "presence: removed"):
        assert watch.unsubscribe(headers=watch.routes()).wait() == 200
        assert state_of(watch.wait_notice("terminated"))[1]["reason"] == "timeout"


@pytest.fixture
def phone(rig, world, person, start):
    """baresip, which watches its contacts by itself."""
    return start(Phone(ALICE, dns.KAMAILIO, [person.jid], registers=True, presence=True))


def test_baresip_is_seen(world, table, person, phone):
    """Open and closed are all that it can say. Its tuple has always the same name, by which it is told from what others published."""
    device = ALICE + "/t4109"
    rows = "baresip, Kamailio, " + person.server, world.transport, "to XMPP"
    with table.row(*rows, "presence: added, available, offline, available, removed"):
        world.server.decides(alice={person.jid: "allow"})
        phone.publishes(True)
        person.asks(ALICE)
        person.wait("subscribed", ALICE)
        person.wait("available", device)
        mark = person.mark()
        phone.publishes(False)
        person.wait("unavailable", device, since=mark)
        mark = person.mark()
        phone.publishes(True)
        person.wait("available", device, since=mark)
        mark = person.mark()
        person.asks_no_more(ALICE)
        person.wait("unavailable", ALICE, since=mark)


def test_STOX_ARCH_01_friends_of_plain_servers_see_each_other_and_talk(world, person, phone):
    """An XMPP server and a SIP server with phones as they come: DNS and a route are all that they have been told of us."""
    world.server.decides(alice={person.jid: "allow"})
    phone.publishes(True)
    person.asks(ALICE)
    person.wait("subscribed", ALICE)
    person.wait("available", ALICE + "/t4109")
    person.wait("subscribe", ALICE)
    person.allows(ALICE)
    phone.wait_presence("Online")
    at = phone.mark()
    phone.say("from a plain phone", to=person.jid)
    assert phone.wait_response(since=at)[0] == 200
    person.person.wait_message("from a plain phone")
    person.person.send(ALICE, "from a plain client")
    phone.wait_message("from a plain client", since=at)


def test_baresip_watches(world, table, person, phone):
    """What it understands of others: open, closed, and busy."""
    rows = "baresip, Kamailio, " + person.server, world.transport, "to SIP"
    with table.row(*rows, "presence: asked, allowed, available, dnd, offline, available"):
        person.wait("subscribe", ALICE)
        person.allows(ALICE)
        phone.wait_presence("Online")
        person.is_("dnd", "busy now")
        phone.wait_presence("Busy")
        person.leaves()
        phone.wait_presence("Offline")
        person.is_()
        phone.wait_presence("Online")


@pytest.fixture
def linphone(world, person, start):
    return start(LinphoneApp(BOB, dns.KAMAILIO, address=dns.SECOND_PHONE, presence=True))


def test_linphone_is_seen(world, table, person, linphone):
    rows = "linphone, Kamailio, " + person.server, world.transport, "to XMPP"
    with table.row(*rows, "presence: added, busy and away with notes, removed"):
        world.server.decides(bob={person.jid: "allow"})
        person.asks(BOB)
        person.wait("subscribed", BOB)
        for activity, word in ("busy", "dnd"), ("away", "away"):
            linphone.publishes(activity, "out and about")
            seen = person.wait("available", BOB, lambda p: xmpppresence.said(p)[0] == word)
        person.asks_no_more(BOB)
        person.wait("unavailable", str(seen["from"]))
