"""The rig itself is right: without this, nothing that the other tests say of stoxd means much. No stoxd runs here."""
import contextlib
import random
import socket
import ssl
import threading
import types

import pytest

from rig import dns, kept, numbered, scripted, xmlstream
from rig.cutter import Cutter
from rig.peers import Ejabberd, Prosody
from rig.process import eventually
from rig.recorder import Recorder
from rig.resolve import Resolver
from rig.sipua import SipUa
from rig.xmppclient import XmppClient


@pytest.fixture
def resolver(rig):
    r = Resolver(dns.ADDRESS, rig.dns.trust_anchor_file)
    yield r
    r.close()


@pytest.mark.parametrize("name, rrtype, status, n", [
    ("_xmpp-server._tcp.contoso.example", "SRV", "secure", 1),
    ("_xmpp-server._tcp.fabrikam.example", "SRV", "secure", 1),
    ("_xmpp-server._tcp.wingtip.example", "SRV", "secure", 1),
    ("gw.contoso.example", "A", "secure", 1),
    ("_xmpp-server._tcp.srv-dot.example", "SRV", "secure", 1),
    ("_xmpp-server._tcp.nosrv.example", "SRV", "secure", 0),
    ("nosrv.example", "A", "secure", 1),
    ("does-not-exist.example", "A", "secure", 0),
    ("_xmpp-server._tcp.fallback.example", "SRV", "secure", 3),
    ("_xmpp-server._tcp.insecure.example", "SRV", "insecure", 1),
    ("_xmpp-server._tcp.bogus.example", "SRV", "bogus", 1),
])
def test_dns_answers_validate_as_their_zone_is_signed(resolver, name, rrtype, status, n):
    assert resolver.ask(name, rrtype) == (status, n)


def test_zones_can_change_while_they_are_served(rig, resolver):
    rig.dns.change("example", "set moved A 10.99.0.77")
    assert resolver.ask("moved.example", "A") == ("secure", 1)
    rig.dns.change("example", "unset moved A")


def test_prosody_and_ejabberd_federate_with_certificates(prosody, ejabberd, romeo, juliet):
    romeo.send("juliet@wingtip.example", "from Prosody")
    juliet.wait_message("from Prosody")
    juliet.send("romeo@fabrikam.example", "from ejabberd")
    romeo.wait_message("from ejabberd")
    prosody.process.wait_line("Accepting SASL EXTERNAL identity from wingtip.example")  # an earlier test's stream may still stand


def test_xmpp_clients_see_errors(romeo):
    stanza_id = romeo.send("somebody@srv-dot.example", "to nobody")
    assert romeo.wait_error(stanza_id)["error"]["condition"] == "remote-server-not-found"


@pytest.mark.parametrize("server, person, other", [
    ("prosody", "romeo@fabrikam.example", "mercutio@fabrikam.example"),
    ("ejabberd", "juliet@wingtip.example", "nurse@wingtip.example"),
])
def test_what_a_server_has_kept_from_before_is_not_taken_for_news(request, rig, start, server, person, other):
    at = request.getfixturevalue(server).address
    sender = start(XmppClient(other, at, rig.pki.trust_file))
    sender.send(person, "for later")
    sender.send(other, "sent")
    sender.wait_message("sent")
    receiver = start(XmppClient(person, at, rig.pki.trust_file, anew=True))
    sender.send(person, "news")
    receiver.wait_message("news")
    kept_for_him, _ = receiver.stored.wait(lambda m: m if m["body"] == "for later" else None, 20)
    assert kept_for_him and receiver.bodies() == ["news"]


def test_a_real_phone_receives_and_sends_messages(phone, start):
    gateway = start(SipUa(dns.GATEWAY, user="romeo@fabrikam.example"))
    txn = gateway.message("alice@contoso.example", "by UDP", target=(dns.PHONE, 5060))
    assert txn.wait() == 200
    phone.wait_message("by UDP")
    txn = gateway.message("alice@contoso.example", "by TCP", target=(dns.PHONE, 5060), transport="tcp")
    assert txn.wait() == 200
    phone.wait_message("by TCP")
    at = phone.mark()
    phone.say("an answer", to="juliet@wingtip.example")
    assert gateway.wait_message("an answer").message.uri == "sip:juliet@wingtip.example"
    assert phone.wait_response(since=at) == (200, "OK")
    gateway.answer = (403, "Not you")
    at = phone.mark()
    phone.say("another", to="romeo@fabrikam.example")
    assert phone.wait_response(since=at) == (403, "Not you")


def test_a_real_phone_refuses_a_stranger(phone, start):
    gateway = start(SipUa(dns.GATEWAY, user="romeo@fabrikam.example"))
    assert gateway.message("nobody@contoso.example", "who?", target=(dns.PHONE, 5060)).wait() == 404


def test_the_scripted_sip_agent_retransmits_and_absorbs(start):
    one, two = start(SipUa(dns.GATEWAY)), start(SipUa(dns.OFFICE, answer=None))
    txn = one.message("alice@contoso.example", "slowly", target=(dns.OFFICE, 5060))
    got = two.wait_message("slowly")
    assert not txn.done and got.wait_copies(3)
    got.reply(202)
    assert txn.wait() == 202
    eventually(lambda: got.copies == txn.sent, "each copy has come")
    assert len(two.received.all) == 1 and 1 <= txn.finals <= 1 + txn.sent - 3  # one for each copy behind the third


@pytest.mark.parametrize("lives, answers, owed", [
    ([], [], False),  # nobody was there
    ([(99, 100.4), (103, 107)], [], False),  # each that had a copy was killed; the third copy met nobody
    ([(99, None)], [], True),
    ([(99, 121)], [], True),  # killed, but only after the hold time
    ([(99, 119)], [], False),
    ([(101, None)], [], True),  # the second copy
    ([(132, None)], [], False),  # came when the sender had given up
    ([(99, 110)], [101], True),  # it said so, and the sender did not hear it
    ([(103, None)], [132.5], False),  # answered when the sender had given up
], ids=str)
def test_the_judge_knows_whom_an_answer_was_owed(lives, answers, owed):
    copies = [100, 101.5, 102, 131.5]
    assert numbered.is_owed(copies, lives, answers, hold_s=20) == owed


@pytest.mark.parametrize("order, late", [
    ("1 2 3", ""), ("2 1 3", ""),  # 2 was on its way before 1 had an answer
    ("1 2 1 3", ""), ("1 2 3 1", "1"), ("2 3 1", "1"), ("1 3 2", ""), ("1 2 3 4 1 2", "1 2"), ("1 3 4 2", "2"),
])
def test_the_judge_knows_what_was_written_after_its_answer(order, late):
    times = {"m-1 1": (0, 2), "m-1 2": (1, 4), "m-1 3": (3, None), "m-1 4": (5, None)}  # sent, answered
    traffic = types.SimpleNamespace(txns=[types.SimpleNamespace(sent_at=[sent]) for sent, _ in times.values()],
                                    sent=[types.SimpleNamespace(body=b, answered_at=at) for b, (_, at) in times.items()])
    delivered = numbered.Delivered([("m-1 " + n, "id " + n, None) for n in order.split()])
    assert numbered.written_after_the_answer(traffic, delivered) == ["m-1 " + n for n in late.split()]


def test_a_proof_keeps_what_passed_of_this_tree_and_no_other(tmp_path):
    this, other = tmp_path / kept.tree() / "wire", tmp_path / "0123456789abcdef" / "wire"
    for path in this, other:
        path.parent.mkdir()
        kept.Kept(path).add("test_a.py::test_a", "test_a")
    assert kept.Kept(this).entries == {"test_a.py::test_a": "test_a"} and not other.exists()
    with open(this, "a") as f:
        f.write('{"test_a.py::test_cut": "test')  # by the interruption
    kept.Kept(this).add("test_a.py::test_b", "test_b")
    assert list(kept.Kept(this).entries) == ["test_a.py::test_a", "test_a.py::test_b"]


def test_a_second_client_of_the_same_server_gets_its_own_messages(rig, prosody, romeo, start):
    mercutio = start(XmppClient("mercutio@fabrikam.example", dns.PROSODY, rig.pki.trust_file))
    romeo.send("mercutio@fabrikam.example", "within")
    mercutio.wait_message("within")
    assert "within" not in romeo.bodies()


def test_two_recorders_federate_and_acknowledge(rig, start):
    one = start(Recorder(rig, "recorder.example", dns.RECORDER, {"scripted.example": dns.SCRIPTED + ":5269"}))
    two = start(Recorder(rig, "scripted.example", dns.SCRIPTED, {"recorder.example": dns.RECORDER + ":5269"}))
    for i in range(50):
        one.send("juliet@scripted.example", "no %d" % i, "id-%d" % i)
    two.wait_count(50)
    one.wait_acked()
    two.wait_note("recorder.example authenticated by certificate")
    assert two.bodies() == ["no %d" % i for i in range(50)]


@pytest.mark.parametrize("options", [{"sm": False}, {"external": False}, {"sm": False, "external": False}])
def test_recorders_federate_by_dialback_and_confirm_by_ping(rig, start, options):
    one = start(Recorder(rig, "recorder.example", dns.RECORDER, {"scripted.example": dns.SCRIPTED + ":5269"},
                         record=rig.work + "/one-%d" % id(options), **options))
    two = start(Recorder(rig, "scripted.example", dns.SCRIPTED, {"recorder.example": dns.RECORDER + ":5269"},
                         record=rig.work + "/two-%d" % id(options), **options))
    one.send("juliet@scripted.example", "hello", "id-1")
    two.wait_stanza("hello")
    one.wait_acked()
    two.wait_note("authenticated by " + ("certificate" if options.get("external", True) else "dialback"))


def test_a_killed_recorder_loses_nothing_it_acknowledged(rig, start):
    one = start(Recorder(rig, "recorder.example", dns.RECORDER, {"scripted.example": dns.SCRIPTED + ":5269"},
                         record=rig.work + "/kill-one"))
    two = start(Recorder(rig, "scripted.example", dns.SCRIPTED, {"recorder.example": dns.RECORDER + ":5269"},
                         record=rig.work + "/kill-two", die_after=40))
    for i in range(100):
        one.send("juliet@scripted.example", "no %d" % i, "id-%d" % i)
    two.wait_end()
    assert one.unacked()
    two.options.clear()
    two.start()
    eventually(lambda: sum("out" in e for e in one.entries()) == 100, "all are to be sent")
    one.wait_acked()
    assert set(two.bodies()) == {"no %d" % i for i in range(100)}


def test_a_recorder_federates_with_prosody(rig, prosody, romeo, start):
    peers = {"fabrikam.example": dns.PROSODY + ":5269"}
    recorder = start(Recorder(rig, peers=peers, record=rig.work + "/with-prosody"))
    romeo.send("juliet@recorder.example", "on the record")
    assert recorder.wait_stanza("on the record")["from"].startswith("romeo@fabrikam.example/")
    recorder.send("romeo@fabrikam.example", "and back", "id-1")
    romeo.wait_message("and back")
    recorder.wait_acked()


def test_a_recorder_federates_with_ejabberd(rig, ejabberd, juliet, start):
    peers = {"wingtip.example": dns.EJABBERD + ":5269"}
    recorder = start(Recorder(rig, peers=peers, record=rig.work + "/with-ejabberd"))
    juliet.send("romeo@recorder.example", "on the record")
    assert recorder.wait_stanza("on the record")["from"].startswith("juliet@wingtip.example/")
    recorder.send("juliet@wingtip.example", "and back", "id-1")
    juliet.wait_message("and back")
    recorder.wait_acked()


def test_a_scripted_peer_negotiates_with_prosody_in_both_directions(rig, prosody, romeo, start):
    wire = scripted.connect((dns.PROSODY, 5269), source=dns.SCRIPTED)
    wire.secure("scripted.example", "fabrikam.example", scripted.client_context(rig, "scripted.example"))
    wire.authenticate("scripted.example", "fabrikam.example")
    wire.send(xmlstream.message("juliet@scripted.example", "romeo@fabrikam.example", "by hand", "1"))
    romeo.wait_message("by hand")

    listener = start(scripted.Listener(dns.SCRIPTED))
    romeo.send("juliet@scripted.example", "to a hand")
    other = listener.accept()
    other.accept_secure("scripted.example", scripted.server_context(rig, "scripted.example"))
    other.accept_authenticated("scripted.example")
    other.expect("<body>to a hand</body>")
    for each in wire, other:
        each.close()


@pytest.mark.parametrize("domain, why", [
    ("expired.example", "expired"),
    ("not-yet.example", "not yet valid"),
    ("wrong-name.example", "Hostname mismatch"),
    ("self-signed.example", "self-signed"),
    ("unknown-ca.example", "unable to get"),
])
def test_a_broken_certificate_is_broken_as_its_name_says(rig, start, domain, why):
    listener = start(scripted.Listener(dns.NOBODY, 443))
    client = scripted.connect((dns.NOBODY, 443))
    server = listener.accept()

    def shake():
        with contextlib.suppress(ssl.SSLError):
            server.start_tls(scripted.server_context(rig, domain), server_side=True)

    shaking = threading.Thread(target=shake)
    shaking.start()
    with pytest.raises(ssl.SSLCertVerificationError, match=why):
        client.start_tls(scripted.client_context(rig), hostname=domain)
    client.close()
    shaking.join(20)


@pytest.mark.parametrize("name", ["srv-dot.example", "expired.example", "wrong-name.example", "self-signed.example",
                                  "unknown-ca.example"])
def test_prosody_refuses_broken_domains(rig, prosody, romeo, start, name):
    listener = start(scripted.Listener(dns.SCRIPTED))
    stanza_id = romeo.send("juliet@" + name, "never to arrive")
    if name != "srv-dot.example":
        wire = listener.accept()
        wire.accept_secure(name, scripted.server_context(rig, name))
        wire.accept_stream(name, "")
        wire.expect_end()
    romeo.wait_error(stanza_id)


def test_two_hundred_addresses_can_hold_half_open_connections(prosody):
    wires = scripted.half_open((dns.PROSODY, 5269), scripted.source_addresses(200), each=2)
    assert len({w.sock.getsockname()[0] for w in wires}) == 200
    for wire in wires:
        wire.close()


def test_the_silent_network_answers_nothing():
    with pytest.raises(TimeoutError):
        socket.create_connection((dns.SILENT, 5269), 0.5)


def test_prosody_takes_dialback_from_a_domain_listed_for_it(rig, start):
    address, domain = "10.99.0.16", "fabrikam.example"
    prosody = Prosody({domain: rig.cert(domain)}, ["romeo@" + domain], address=address,
                      dialback=["plain-recorder.example"], name="prosody-dialback")
    start(prosody)
    romeo = start(XmppClient("romeo@" + domain, address, rig.pki.trust_file))
    recorder = start(Recorder(rig, "plain-recorder.example", dns.RECORDER, {domain: address + ":5269"},
                              record=rig.work + "/by-dialback", external=False))
    recorder.send("romeo@" + domain, "proven by dialback", "id-1")
    romeo.wait_message("proven by dialback")
    recorder.wait_acked()
    romeo.send("juliet@plain-recorder.example", "back the same way")
    recorder.wait_stanza("back the same way")


def test_prosody_without_stream_management_offers_none(rig, start):
    address, domain = "10.99.0.12", "fabrikam.example"
    start(Prosody({domain: rig.cert(domain)}, address=address, smacks=False, name="prosody-no-smacks"))
    wire = scripted.connect((address, 5269), source=dns.SCRIPTED)
    wire.secure("scripted.example", domain, scripted.client_context(rig, "scripted.example"))
    assert xmlstream.SM not in wire.authenticate("scripted.example", domain)
    wire.close()


def test_packaged_prosody_offers_stream_management_between_servers(rig, prosody):
    wire = scripted.connect((dns.PROSODY, 5269), source=dns.SCRIPTED)
    wire.secure("scripted.example", "fabrikam.example", scripted.client_context(rig, "scripted.example"))
    assert xmlstream.SM in wire.authenticate("scripted.example", "fabrikam.example")
    wire.close()


def test_ejabberd_takes_dialback_when_certificates_are_optional(rig, start):
    address, domain = "10.99.0.26", "wingtip.example"
    start(Ejabberd({domain: rig.cert(domain)}, ["juliet@" + domain], address=address, dialback=True, limits=True,
                   name="ejabberd-dialback"))
    juliet = start(XmppClient("juliet@" + domain, address, rig.pki.trust_file))
    recorder = start(Recorder(rig, "plain-recorder.example", dns.RECORDER, {domain: address + ":5269"},
                              record=rig.work + "/by-dialback-2", external=False))
    recorder.send("juliet@" + domain, "proven by dialback", "id-1")
    juliet.wait_message("proven by dialback")
    recorder.wait_acked()


def test_a_wire_that_is_taken_away_leaves_nobody_talking_to_it(rig, start):
    """A server whose stream leads into it sends there what the next tests wait for."""
    with socket.create_server(("10.99.0.2", 0)) as behind:
        wire = start(Cutter("10.99.0.31", behind.getsockname(), random.Random(1), cuts=0))
        with socket.create_connection(("10.99.0.31", 5269), 10) as near:
            far, _ = behind.accept()
            with far:
                near.sendall(b"through")
                assert far.recv(100) == b"through"
                rig.down(wire)
                for end in near, far:
                    end.settimeout(20)
                    assert end.recv(100) == b""
