"""
A server of one's own beside the gateway, which attaches to it as a component (XEP-0114): Prosody and ejabberd, on addresses
of their own, with a secret. No certificate, no SRV record and no dialback have a part in it.
"""
import shutil

import pytest

from rig import dns
from rig.numbered import Delivered, SipTraffic, ids_by_call, judge, lost, unknown_ids, written_after_the_answer
from rig.process import eventually
from rig.xmppclient import XmppClient
from talk import GATEWAY, Talk

pytestmark = pytest.mark.apart

SECRET = "sesame"
STRANGER = "mercutio@mallory.example"
COMPONENTS = {"contoso.example": SECRET, "second.example": SECRET}
DOMAINS = {domain: {"route": "office"} for domain in COMPONENTS}
SERVERS = {"prosody": ("fabrikam.example", "romeo@fabrikam.example", "10.99.0.11"),
           "ejabberd": ("wingtip.example", "juliet@wingtip.example", "10.99.0.21")}


class Site:
    """A server that takes components, a person on it, and a gateway that is to attach."""

    def __init__(self, rig, start, server, *strangers):
        self.domain, self.jid, self.address = SERVERS[server]
        self.rig, self.start = rig, start
        self.server = getattr(rig, server)(
            domains=[self.domain] + [s.split("@")[1] for s in strangers], users=[self.jid, *strangers],
            address=self.address, components=COMPONENTS if server == "prosody" else SECRET, name=server + "-component")

    def person(self):
        return self.start(XmppClient(self.jid, self.address, self.rig.pki.trust_file))

    def stop(self):
        """Returns the folder of its state: each test has a new server."""
        self.rig.down(self.server)
        return self.server.dir

    def partner(self, **more):
        return {self.domain: {"component": self.address, "component_secret": SECRET, **more}}


@pytest.fixture(params=["prosody", "ejabberd"])
def site(rig, start, request):
    made = Site(rig, start, request.param)
    yield made
    shutil.rmtree(made.stop())


@pytest.fixture
def prosody_site(rig, start):
    made = Site(rig, start, "prosody", STRANGER)
    yield made
    shutil.rmtree(made.stop())


def attached(gateway, n):
    """n components are attached, and nothing else is."""
    streams = gateway.ctl_json("stream", "list")
    return len(streams) == n and all(s["method"] == "component" and s["authenticated"] for s in streams)


def test_two_domains_of_ours_talk_through_a_server_of_our_own(site, stoxd, office):
    gateway = stoxd(partners=site.partner(), sip_domains=DOMAINS)
    eventually(lambda: attached(gateway, 2), "two components")
    person = site.person()
    for domain in COMPONENTS:
        sender = "alice@" + domain
        assert office.message(site.jid, "from " + domain, sender=sender, target=GATEWAY).wait() == 200
        assert person.wait_message("from " + domain)["from"].bare == sender
        person.send(sender, "to " + domain)
        assert office.wait_message("to " + domain).message.uri.split(";")[0] == "sip:" + sender
    assert attached(gateway, 2)


def test_numbered_messages_arrive_once_and_in_order(site, stoxd, office, figures):
    gateway = stoxd(partners=site.partner())
    gateway.wait_event("stream-authenticated", method="component")
    with Talk(office, site.person(), "c") as talk:
        talk.wait(100)
    figures(**talk.check_undisturbed())


def test_a_wrong_secret_is_named_in_one_sentence_and_set_right_at_once(site, stoxd, office):
    gateway = stoxd(partners=site.partner(component_secret="open"))
    why = gateway.wait_event("stream-failed", local="contoso.example", remote=site.domain)["why"]
    assert "component-secret is not the one that the server has for this component" in why, why
    assert office.message(site.jid, "nobody hears it", target=GATEWAY).wait() >= 400
    gateway.ctl("partner", "set", site.domain, "--component-secret", SECRET)
    gateway.wait_event("stream-authenticated", method="component")
    eventually(lambda: office.message(site.jid, "now", target=GATEWAY).wait() == 200, "it is delivered")
    listed = gateway.ctl("partner", "show", site.domain) + gateway.ctl("config", "export") + gateway.ctl("audit", "list")
    assert SECRET not in listed and SECRET not in "\n".join(gateway.process.out.all)


def test_a_name_that_the_server_does_not_know_is_named(prosody_site, stoxd):
    site = prosody_site
    gateway = stoxd(partners=site.partner(), sip_domains={"third.example": {"route": "office"}})
    why = gateway.wait_event("stream-failed", local="third.example", remote=site.domain)["why"]
    assert "declare one for each SIP domain there" in why, why


def test_the_server_is_killed_under_traffic_and_everybody_is_told_what_became_of_it(site, stoxd, office, figures):
    """
    What 200 says is that the server has taken it, and the server is killed with what it has not yet handed on to the person:
    ejabberd may answer the ping before it has written to her. So what was acknowledged just before may be gone with it;
    afterwards nothing may.
    """
    gateway = stoxd(partners=site.partner())
    gateway.wait_event("stream-authenticated", method="component")
    person = site.person()
    traffic = SipTraffic(office, site.jid, GATEWAY, rate=50, window=20, label="k").start()
    traffic.wait_ok(30)
    first = [s.body for s in traffic.sent if s.status == 200]
    for body in first:
        person.wait_message(body)
    since = gateway.mark()
    site.server.kill()
    gateway.wait_event("stream-closed", since=since, remote=site.domain)
    acknowledged = acknowledged_ids(gateway)
    site.server.start()
    gateway.wait_event("stream-authenticated", timeout=90, since=since, method="component")
    again = site.person()
    traffic.wait_ok(30)
    traffic.stop(60)
    assert office.message(site.jid, "the last", target=GATEWAY).wait() == 200
    again.wait_message("the last")
    put_aside = handed_out(site, office, again)
    arrived = [m for p in (person, again, put_aside) for m in p.messages.all]
    delivered, ids = Delivered(entries(arrived), "k"), ids_by_call(gateway)
    there, gone = judge(traffic, delivered, unknown_ids(gateway)), {ids[txn.call_id] for txn in lost(traffic, delivered)}
    there["gone_with_the_server"] = len(gone & acknowledged)
    # What the server has put aside comes behind what was sent later.
    at_once = Delivered(entries(m for m in arrived if m.xml.find("{urn:xmpp:delay}delay") is None), "k")
    there["written_after_the_answer"] = len(written_after_the_answer(traffic, at_once))
    figures(**there)
    assert set(there["answered"]) <= {"200", "480", "504"} and there["answered"]["200"] >= 60, there
    assert gone <= acknowledged, (gone, there)
    assert (there["written_after_the_answer"], there["not_sent_but_delivered"], there["repeats_with_another_id"]) == (0, 0, 0), there


def entries(messages):
    return [(m["body"], m["id"], m.arrived_at) for m in messages]


def acknowledged_ids(gateway):
    """Of what the server has said that it has it."""
    return {e["id"] for e in gateway.events("message-answered") if e["why"] == "acknowledged by ping"}


def handed_out(site, office, gone):
    """Who logs in after the other gets what the server has put aside while nobody was there: the one that does so."""
    gone.stop()
    person = site.person()
    assert office.message(site.jid, "the very last", target=GATEWAY).wait() == 200
    person.wait_message("the very last")
    return person


def test_a_forged_sender_is_refused_and_harms_nobody_else(prosody_site, stoxd, office, rig, start):
    """He is of another domain of the same server, which is no partner of ours."""
    site = prosody_site
    gateway = stoxd(partners=site.partner())
    gateway.wait_event("stream-authenticated", method="component")
    stranger = start(XmppClient(STRANGER, site.address, rig.pki.trust_file))
    sent = stranger.send("alice@contoso.example", "let me in")
    error = stranger.wait_error(sent)
    assert error["error"]["condition"] == "forbidden", error
    person = site.person()
    person.send("alice@contoso.example", "it is only me")
    office.wait_message("it is only me")
    assert not [r for r in office.received.all if r.body == "let me in"]
    assert not gateway.events("stream-closed")


def test_components_come_and_go_with_the_settings(prosody_site, stoxd, office):
    site = prosody_site
    gateway = stoxd(partners=site.partner(), sip_domains=DOMAINS)
    eventually(lambda: attached(gateway, 2), "two components")
    gateway.ctl("domain", "remove", "second.example", "--force")
    eventually(lambda: attached(gateway, 1), "one component")
    gateway.ctl("partner", "remove", site.domain, "--force")
    eventually(lambda: attached(gateway, 0), "no component")
    assert office.message(site.jid, "gone", target=GATEWAY).wait() == 404
