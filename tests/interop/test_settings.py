"""
Settings that change under traffic, with real Prosody and ejabberd: each counts from the moment stoxctl has ended, and what
it is not about goes on, on the same streams.
"""
import shutil

import pytest

from rig import dns, scripted
from rig.peers import Ejabberd, Prosody
from rig.process import eventually
from rig.recorder import Recorder
from rig.sipua import SipUa
from talk import GATEWAY, Talk, given_back, refused_to_sip, streams

pytestmark = pytest.mark.apart

ALICE, BOB, ROMEO = "alice@contoso.example", "bob@contoso.example", "romeo@fabrikam.example"
GONE = "there is no longer a federation with your domain"


def passes(office, person, text, sender=ALICE):
    """One message each way."""
    assert office.message(person.jid, text + " there", target=GATEWAY, sender=sender).wait() == 200
    person.wait_message(text + " there")
    person.send(sender, text + " back")
    office.wait_message(text + " back")


# ---- partners ----

def says_why_it_ended(server, since):
    """The partner's own log has the stream error and its text; of Prosody's streams both have ended."""
    if isinstance(server, Prosody):
        for way in "Incoming", "Outgoing":
            server.process.wait_line("%s s2s stream .* closed: policy-violation.*%s" % (way, GONE), since=since)
    else:
        eventually(lambda: GONE in server.log()[since:], "ejabberd logs why the stream ended")


@pytest.mark.parametrize("removed, other", [("romeo", "juliet"), ("juliet", "romeo")], ids=["prosody", "ejabberd"])
def test_a_removed_partner_is_refused_at_once_and_flows_again_when_it_is_back(request, stoxd, office, removed, other, figures):
    gateway, removed, other = stoxd(), request.getfixturevalue(removed), request.getfixturevalue(other)
    domain, other_domain = (person.jid.split("@")[1] for person in (removed, other))
    server = request.getfixturevalue("prosody" if domain == "fabrikam.example" else "ejabberd")
    passes(office, removed, "before")
    with Talk(office, other, "beside-" + domain) as talk:
        talk.wait(10)
        kept, at = streams(gateway, other_domain), gateway.mark()
        log = server.process.mark() if isinstance(server, Prosody) else len(server.log())
        gateway.ctl("partner", "remove", domain, "--force")
        txn = refused_to_sip(office, removed.jid, "after it was removed")
        assert (txn.status, txn.reason) == (404, "This gateway does not serve that domain")
        gateway.wait_event("sip-unserved", since=at, to="sip:" + removed.jid)
        says_why_it_ended(server, log)
        eventually(lambda: not streams(gateway, domain), "its streams have ended")
        gateway.ctl("partner", "new", domain, "--type", "federated")
        eventually(lambda: office.message(removed.jid, "flows again", target=GATEWAY).wait() == 200, "it is back")
        passes(office, removed, "it is back")
        log = server.process.mark() if isinstance(server, Prosody) else len(server.log())
        gateway.ctl("partner", "remove", domain, "--force")
        says_why_it_ended(server, log)
        error = given_back(removed, ALICE, "back after it was removed")  # ejabberd says nothing of why
        assert isinstance(server, Ejabberd) or "policy-violation (there is no federation with your domain)" in error, error
        talk.wait(10)
        assert streams(gateway, other_domain) == kept
    figures(other_partner=talk.check_undisturbed())
    assert not any("after it was removed" in b for b in removed.bodies() + office.bodies())


def test_what_is_under_way_when_its_partner_is_removed_gets_a_true_answer(stoxd, office, romeo, figures):
    gateway = stoxd()
    with Talk(office, romeo, "removed", rate=100) as talk:
        talk.wait(20)
        gateway.ctl("partner", "remove", "fabrikam.example", "--force")
        refused_to_sip(office, ROMEO, "refused now")
        gateway.ctl("partner", "new", "fabrikam.example", "--type", "federated")
        eventually(lambda: office.message(ROMEO, "flows again", target=GATEWAY).wait() == 200, "the partner is back")
        talk.wait(20)
    found = talk.judge()
    figures(**found)
    assert (found["sip_to_xmpp"]["lost"], found["sip_to_xmpp"]["repeats"]) == (0, 0)
    # An error for what arrived comes from the partner's own server: the stream ended before our acknowledgement.
    assert (found["xmpp_to_sip"]["lost"], found["xmpp_to_sip"]["repeats_with_another_branch"]) == (0, 0)


@pytest.fixture
def dialback_partner(rig, start):
    """Proves itself by dialback over TLS only."""
    return start(Recorder(rig, record=rig.work + "/settings-dialback", external=False))


def test_a_tightened_partner_is_closed_and_a_loosened_one_keeps_its_streams(stoxd, office, romeo, dialback_partner, figures):
    gateway = stoxd(partners={"recorder.example": {"sasl": "optional"}, "fabrikam.example": {}})
    with Talk(office, romeo, "loosened") as talk:
        assert office.message("romeo@recorder.example", "by dialback", target=GATEWAY).wait() == 200
        eventually(lambda: {s["method"] for s in gateway.ctl_json("stream", "list") if s["partner"] == "recorder.example"} ==
                   {"dialback-over-tls"}, "each way is proven by dialback")
        kept, at = streams(gateway, "fabrikam.example"), dialback_partner.mark()
        gateway.ctl("partner", "set", "recorder.example", "--sasl", "Required")
        assert "policy-violation" in str(dialback_partner.wait_note("SASL EXTERNAL is required for your domain now",
                                                                    since=at))
        refused_to_sip(office, "romeo@recorder.example", "not by dialback")
        gateway.ctl("partner", "set", "fabrikam.example", "--sasl", "Optional", "--tls", "Optional")
        talk.wait(10)
        gateway.ctl("partner", "set", "fabrikam.example", "--sasl", "Required", "--tls", "Required")  # SASL stands already
        talk.wait(10)
        assert streams(gateway, "fabrikam.example") == kept
    figures(**talk.check_undisturbed())


def test_users_of_a_public_unverified_partner_cannot_write_first_but_ours_can(stoxd, office, romeo):
    gateway = stoxd()
    passes(office, romeo, "federated")
    kept = streams(gateway, "fabrikam.example")
    gateway.ctl("partner", "set", "fabrikam.example", "--type", "PublicUnverified")
    assert office.message(ROMEO, "to the unverified", target=GATEWAY).wait() == 200
    romeo.wait_message("to the unverified")
    error = given_back(romeo, ALICE, "from the unverified")
    assert "forbidden" in error and "From your domain people can only be written to who have you among their" in error
    gateway.ctl("partner", "set", "fabrikam.example", "--type", "PublicVerified")
    passes(office, romeo, "verified")
    assert streams(gateway, "fabrikam.example") == kept
    assert "from the unverified" not in " ".join(office.bodies())


# ---- policies ----

NOT_YOU, NOT_US = "You are not allowed to talk to people on XMPP", "Your organisation does not allow conversations with others"
NOT_HIM = "This person is not allowed to talk to people of other organisations"
# What closes the gate for Alice, what opens it again, what her sender reads, whether Bob passes meanwhile.
GATES = {
    "org": (["org set --federation off"], ["org set --federation on"], NOT_US, False),
    "global": (["policy set global --xmpp off"], ["policy set global --xmpp on"], NOT_YOU, False),
    "global-federation": (["policy set global --federation off"], ["policy set global --federation on"], NOT_YOU, False),
    "site": (["site new Redmond --add-user a*@contoso.example", "policy new site:Redmond --federation on"],
             ["policy remove site:Redmond --force"], NOT_YOU, True),
    "user": (["policy new None", "policy grant None --to " + ALICE], ["policy revoke " + ALICE], NOT_YOU, True),
    "not-served-user": (["sip-user set %s --served off" % ALICE], ["sip-user remove %s --force" % ALICE], NOT_YOU, True),
    "not-served-site": (["site new Branch --add-user alice@contoso.example --served off"],
                        ["site set Branch --served on"], NOT_YOU, True),
}


@pytest.mark.parametrize("gate", GATES)
def test_each_gate_closes_and_opens_for_both_directions_under_traffic(stoxd, office, romeo, gate):
    close, reopen, reason, bob_passes = GATES[gate]
    gateway = stoxd()
    passes(office, romeo, "open")
    kept, at = streams(gateway), gateway.mark()
    for line in close:
        gateway.ctl(*line.split())
    txn = refused_to_sip(office, ROMEO, "closed")
    assert (txn.status, txn.reason) == (403, reason)
    error = given_back(romeo, ALICE, "closed back")
    assert "forbidden" in error and NOT_HIM in error
    effective = gateway.ctl_json("policy", "effective", ALICE)
    for direction in "sip-to-xmpp", "xmpp-to-sip":  # the administrator reads the same reason in both places
        assert gateway.wait_event("message-refused", since=at, direction=direction)["why"] == effective["why"]
    if bob_passes:
        passes(office, romeo, "bob's", BOB)
    else:
        refused_to_sip(office, ROMEO, "bob's", BOB)
    for line in reopen:
        gateway.ctl(*line.split())
    passes(office, romeo, "open again")
    assert streams(gateway) == kept
    assert not any("closed" in b for b in romeo.bodies()[-5:] + office.bodies()[-5:])


def test_a_grant_opens_the_gate_for_one_user_where_the_global_policy_keeps_it_shut(stoxd, office, romeo):
    gateway = stoxd(policies={"global": {"federation": False, "xmpp": False}})
    refused_to_sip(office, ROMEO, "not yet")
    gateway.ctl("policy", "new", "FedPic", "--federation", "on", "--xmpp", "on")
    gateway.ctl("policy", "grant", "FedPic", "--to", ALICE)
    passes(office, romeo, "granted")
    refused_to_sip(office, ROMEO, "bob has none", BOB)
    assert NOT_HIM in given_back(romeo, BOB, "to bob")
    gateway.ctl("policy", "set", "FedPic", "--xmpp", "off")
    refused_to_sip(office, ROMEO, "no more")


# ---- domains, routes, certificates ----

def test_a_domain_with_its_route_is_added_and_removed_under_traffic(rig, stoxd, office, romeo, start, figures):
    rig.dns.change("example", "set added-host A " + dns.GATEWAY, "set _xmpp-server._tcp.added SRV 5 0 5269 added-host")
    gateway, branch, cert = stoxd(), start(SipUa("10.99.0.7")), rig.cert("added.example")
    dora = "dora@added.example"
    with Talk(office, romeo, "old-domain") as talk:
        kept = streams(gateway)
        gateway.ctl("route", "new", "branch", "--next-hop", "10.99.0.7", "--transport", "udp")
        gateway.ctl("domain", "new", "added.example", "--route", "branch", "--certificate", cert.file, "--key", cert.key)
        assert branch.message(ROMEO, "from the new domain", target=GATEWAY, sender=dora).wait() == 200
        romeo.wait_message("from the new domain")
        romeo.send(dora, "to the new domain")
        branch.wait_message("to the new domain")
        assert kept <= streams(gateway)
        gateway.ctl("domain", "remove", "added.example", "--force")
        gateway.ctl("route", "remove", "branch", "--force")
        assert "type=\"error\"" in given_back(romeo, dora, "too late")
        talk.wait(10)
        eventually(lambda: kept == streams(gateway), "the domain's streams have ended, and no others")
    figures(**talk.check_undisturbed())
    assert "too late" not in branch.bodies()


def serial(rig, address=GATEWAY[0]):
    """Of the certificate that contoso.example shows to a new stream."""
    wire = scripted.connect((address, 5269), source=dns.SCRIPTED)
    wire.secure("fabrikam.example", "contoso.example", scripted.client_context(rig))
    number = wire.sock.getpeercert()["serialNumber"]
    wire.close()
    return number


def test_a_replaced_certificate_is_shown_to_the_next_stream_and_the_old_streams_go_on(rig, stoxd, office, romeo, figures):
    gateway = stoxd()
    new = rig.pki.issue("contoso-replaced", ["contoso.example"])
    with Talk(office, romeo, "old-certificate") as talk:
        kept, before = streams(gateway, "fabrikam.example"), serial(rig)
        gateway.ctl("domain", "set", "contoso.example", "--certificate", new.file, "--key", new.key)
        after = serial(rig)
        assert after != before
        talk.wait(10)
        assert streams(gateway, "fabrikam.example") == kept
        status, _, said = gateway.ctl("domain", "set", "contoso.example", "--certificate", "/nowhere.pem", ok=False)
        assert status == 1 and "/nowhere.pem" in said
        assert serial(rig) == after
    figures(**talk.check_undisturbed())


def test_a_certificate_renewed_in_its_file_is_taken_with_the_next_change(rig, stoxd):
    cert = rig.pki.issue("contoso-in-place", ["contoso.example"])
    gateway = stoxd(sip_domains={"contoso.example": {"route": "office", "certificate": cert.file, "key": cert.key}})
    before, new = serial(rig), rig.pki.issue("contoso-renewed", ["contoso.example"])
    shutil.copy(new.file, cert.file)
    shutil.copy(new.key, cert.key)
    gateway.ctl("gateway", "set", "--connection-limit", "1200")
    assert serial(rig) != before


# ---- the gateway ----

def test_a_shorter_hold_time_counts_for_the_next_message(rig, stoxd, office, start):
    gateway = stoxd(partners={"recorder.example": {}}, gateway={"hold_time": 28})
    recorder = start(Recorder(rig, record=rig.work + "/settings-hold", ack=False, ping=False))
    to = "romeo@recorder.example"
    first = office.message(to, "held long", target=GATEWAY)
    recorder.wait_stanza("held long")
    gateway.ctl("gateway", "set", "--hold-time", "4")
    assert office.message(to, "held shortly", target=GATEWAY).wait() == 504
    assert not first.done
    recorder.set(ack=True, ping=True)
    recorder.close_streams()
    first.wait()


def test_message_bodies_are_logged_from_the_moment_it_is_said_until_it_is_unsaid(stoxd, office, romeo):
    gateway = stoxd(log_level="info")
    for text, setting in (("unseen-one", None), ("seen-two", "on"), ("unseen-three", "off")):
        if setting:
            gateway.ctl("gateway", "set", "--log-message-bodies", setting)
        passes(office, romeo, text)
    logged = "\n".join(e.line for e in gateway.events())
    assert "seen-two there" in logged and "seen-two back" in logged
    assert "unseen" not in logged
