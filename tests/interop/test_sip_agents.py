"""Real SIP user agents that are registered over TCP and TLS at Kamailio: texts both ways, and the longest that each sends."""
import pytest

from rig import dns
from rig.kamailio import PORTS, Kamailio
from rig.linphone import Linphone
from rig.phone import Phone
from rig.stoxd import Stoxd
from test_sip_peers import AGENTS, PEOPLE


@pytest.fixture(scope="module", params=["tcp", "tls"])
def agents(request, rig):
    """User agents that are registered over TCP or TLS at Kamailio, which speaks TLS to Stox."""
    transport, name = request.param, "kamailio.contoso.example"
    at = "%s:%d" % (name, PORTS[transport])
    cert, own = (rig.pki.issue("sip-peers-agents-" + names[0], dns=names) for names in (
        [name, "sip.contoso.example"], ["gw.contoso.example"]))
    route = {"next_hop": dns.KAMAILIO + ":5061", "transport": "tls", "tls_names": ["sip.contoso.example"]}
    things = [Stoxd(rig, name="stoxd-agents", routes={"office": route}, listen_sip_tls=[dns.GATEWAY + ":5061"],
                    gateway={"sip_certificate": own.file, "sip_key": own.key}),
              Kamailio("tls", cert, rig.pki.trust_file, known=dns.NOBODY),
              Phone("alice@contoso.example", at, PEOPLE, registers=True, transport=transport, trust=rig.pki.trust_file,
                    server=dns.KAMAILIO),
              Linphone("bob@contoso.example", at, address=dns.SECOND_PHONE, transport=transport, trust=rig.pki.trust_file)]
    for thing in things:
        rig.up(thing)
    yield type("Agents", (), {"phone": things[2], "linphone": things[3], "transport": transport})
    for thing in reversed(things):
        rig.down(thing)


@pytest.mark.parametrize("agent", AGENTS)
def test_a_user_agent_registered_over_tcp_or_tls(agents, table, romeo, agent):
    phone = agents.phone if agent == "baresip" else agents.linphone
    writes, reads = AGENTS[agent]
    peers = "%s by %s, Prosody" % (agent, agents.transport)
    with table.row(peers, "tls", "to XMPP", "text, UTF-8, whole and answered 200"):
        writes(phone, romeo)
    with table.row(peers, "tls", "to SIP", "20 texts, UTF-8, once and in order"):
        reads(phone, romeo)


LONGEST = {"baresip": 20000, "linphone": 60000}  # baresip writes no longer one, linphone's is what Kamailio takes


@pytest.mark.parametrize("agent", LONGEST)
def test_a_long_text_from_a_user_agent_arrives_whole_and_once(agents, table, romeo, agent):
    text = "long " + "0123456789" * (LONGEST[agent] // 10 - 1) + " end"
    phone = agents.phone if agent == "baresip" else agents.linphone
    with table.row("%s by %s, Prosody" % (agent, agents.transport), "tls", "to XMPP", "%d characters, whole and once" % len(text)):
        at = phone.mark()
        said = phone.say(text, to=romeo.jid)
        assert said == "Delivered" if agent == "linphone" else phone.wait_response(since=at)[0] == 200
        romeo.wait_message("long ")
        assert romeo.bodies() == [text]
