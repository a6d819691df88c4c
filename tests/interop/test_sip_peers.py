"""Real SIP user agents at a real SIP server, Kamailio with the configuration of docs/kamailio, and people on XMPP."""
import pytest

from rig import dns
from rig.kamailio import PORTS, Kamailio
from rig.linphone import Linphone
from rig.phone import Phone
from rig.stoxd import Stoxd

PEOPLE = ["romeo@fabrikam.example", "juliet@wingtip.example", "iago@unlisted.example"]
TEXT = "<&>\"' \u00e9 \u4f60\u597d \U0001f600"


@pytest.fixture(scope="module")
def certs(rig):
    return {name: rig.pki.issue("sip-peers-" + name, dns=[name + ".contoso.example"]) for name in ("sip", "gw")}


@pytest.fixture(scope="module", params=["udp", "tcp", "tls"])
def world(request, rig, certs):
    """Stox and Kamailio, which speak this transport to each other, both ways."""
    transport = request.param
    route = {"next_hop": "%s:%d" % (dns.KAMAILIO, PORTS[transport]), "transport": transport,
             "tls_names": ["sip.contoso.example"]}
    if transport != "udp":  # Kamailio's connections come from the address they go to: all of 10.99.0.0/16 is local
        route["sources"] = [dns.KAMAILIO, dns.GATEWAY]
    if transport == "tls":
        route["identify_by"] = "certificate"
    gateway = Stoxd(rig, name="stoxd-peers", routes={"office": route}, listen_sip_tls=[dns.GATEWAY + ":5061"],
                    gateway={"sip_certificate": certs["gw"].file, "sip_key": certs["gw"].key},
                    policies={"global": {"federation": True, "xmpp": True}, "closed": {"federation": False}},
                    sip_users={"carol@contoso.example": {"policy": "closed"}})
    server = Kamailio(transport, certs["sip"], rig.pki.trust_file)
    phone = Phone("alice@contoso.example", dns.KAMAILIO, PEOPLE, registers=True)
    linphone = Linphone("bob@contoso.example", dns.KAMAILIO, address=dns.SECOND_PHONE)
    things = [gateway, server, phone, linphone]
    for thing in things:
        rig.up(thing)
    yield type("World", (), {"gateway": gateway, "server": server, "phone": phone, "linphone": linphone,
                              "transport": transport})
    for thing in reversed(things):
        rig.down(thing)


def opened(phone, person, user):
    """His server's stream stands: while it opens, Prosody sends what is new ahead of what waits."""
    at = phone.mark()
    person.send(user + "@contoso.example", "opened")
    phone.wait_message("opened", since=at)


def baresip_writes(phone, person):
    at = phone.mark()
    phone.say("there " + TEXT, to=person.jid)
    assert person.wait_message("there")["body"] == "there " + TEXT
    assert phone.wait_response(since=at)[0] == 200


def baresip_reads(phone, person):
    opened(phone, person, "alice")
    at = phone.mark()
    for i in range(20):
        person.send("alice@contoso.example", "back %d " % i + TEXT)
    phone.wait_message("back 19 " + TEXT, since=at)
    shown = [line for line in phone.process.out.all[at:] if ': "' in line and "back " in line]
    assert [line.split("back ")[1].split(" ")[0] for line in shown] == [str(i) for i in range(20)]


def linphone_writes(linphone, person):
    texts = ["there %d " % i + TEXT for i in range(5)]
    for text in texts:
        assert linphone.say(text, to=person.jid) == "Delivered"
    person.wait_message(texts[-1])
    assert person.bodies() == texts


def linphone_reads(linphone, person):
    opened(linphone, person, "bob")
    at = linphone.mark()
    for i in range(20):
        person.send("bob@contoso.example", "back %d " % i + TEXT)
    linphone.wait_message("back 19 " + TEXT, since=at)
    shown = [line for line in linphone.process.out.all[at:] if 'Content: "back ' in line]
    assert [line.split("Content: ")[1] for line in shown] == ['"back %d %s"' % (i, TEXT) for i in range(20)]


AGENTS = {"baresip": (baresip_writes, baresip_reads), "linphone": (linphone_writes, linphone_reads)}


@pytest.mark.parametrize("server", ["Prosody", "ejabberd"])
@pytest.mark.parametrize("agent", AGENTS)
def test_a_user_agent_at_kamailio_and_a_person_on_xmpp_write_to_each_other(world, table, request, agent, server):
    person = request.getfixturevalue({"Prosody": "romeo", "ejabberd": "juliet"}[server])
    phone = world.phone if agent == "baresip" else world.linphone
    writes, reads = AGENTS[agent]
    with table.row("%s, %s" % (agent, server), world.transport, "to XMPP", "text, UTF-8, whole and answered 200"):
        writes(phone, person)
    with table.row("%s, %s" % (agent, server), world.transport, "to SIP", "20 texts, UTF-8, once and in order"):
        reads(phone, person)


@pytest.mark.parametrize("user, what, condition", [
    ("nobody", "unknown user", "item-not-found"), ("dave", "offline user", "recipient-unavailable"),
    ("carol", "policy denies", "forbidden"),
])
def test_who_cannot_be_reached_at_kamailio_is_told_on_xmpp(world, table, romeo, user, what, condition):
    with table.row("Kamailio, Prosody", world.transport, "to SIP", "%s: %s" % (what, condition)):
        stanza_id = romeo.send(user + "@contoso.example", "hello")
        assert romeo.wait_error(stanza_id)["error"]["condition"] == condition


def test_baresip_is_told_that_a_domain_is_no_partner(world, table):
    with table.row("baresip", world.transport, "to XMPP", "no partner: 403 or 404"):
        at = world.phone.mark()
        world.phone.say("hello", to="iago@unlisted.example")
        assert world.phone.wait_response(since=at)[0] in (403, 404)


def test_linphone_is_told_that_a_domain_is_no_partner(world, table):
    with table.row("linphone", world.transport, "to XMPP", "no partner: not delivered"):
        assert world.linphone.say("hello", to="iago@unlisted.example") == "NotDelivered"


def test_a_long_text_reaches_baresip_whole_or_is_refused_over_udp(world, table, romeo):
    text = "long " + "0123456789" * 200 + " end"
    what = "2009 characters: refused" if world.transport == "udp" else "2009 characters, whole"
    with table.row("baresip, Prosody", world.transport, "to SIP", what):
        at = world.phone.mark()
        stanza_id = romeo.send("alice@contoso.example", text)
        if world.transport == "udp":
            assert romeo.wait_error(stanza_id)["error"]["type"]
        else:
            world.phone.process.wait_line("^" + text, 20, at)  # its trace has it whole; what it shows of it is shorter
