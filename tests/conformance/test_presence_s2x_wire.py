"""Users of ours watch a partner's (STOX-PRS, catalogue 8.5) on the wire: the office's agent watches, the partner is scripted."""
import re
import subprocess
import time
import xml.etree.ElementTree as ET

import pytest

import support
from rig import sippresence
from rig.process import eventually
from rig.sippresence import PIDF, state_of
from rig.sipsession import tag_of, uri_of
from rig.stoxd import Stoxd, program
from support import ALICE, GATEWAY_SIP, expect_stanza

NS = {"p": "urn:ietf:params:xml:ns:pidf", "dm": "urn:ietf:params:xml:ns:pidf:data-model",
      "rpid": "urn:ietf:params:xml:ns:pidf:rpid", "c": "jabber:client"}


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    return start_for_module(Stoxd(rig, **support.settings(gateway={
        **support.PATIENT, "notify_pace": 500, "denied_hold": 0})))


@pytest.fixture
def alice(office):
    """The office's agent, with presence. In the end she watches nobody, and has been told so: no NOTIFY comes to the next test."""
    yield sippresence.attach(office)
    ends = []
    for watch in office.presence.watches.values():
        if 200 <= watch.subscribed[0].wait() < 300 and not watch.ended:
            watch.wait_notice()  # from which the dialog is known
            ends.append((watch, watch.unsubscribe()))
    for watch, txn in ends:
        if txn.wait() == 200:
            eventually(lambda: watch.ended, "the end of her watch of " + watch.remote)
    office.presence = None


class Scene:
    """Alice watches romeo of a partner of this test; out carries what the gateway sends there, wire what the partner sends."""

    def __init__(self, alice, p):
        self.alice, self.p, self.romeo = alice, p, "romeo@" + p.domain
        self.out = self.wire = None
        self.h = 0

    def watch(self, **how):
        return self.alice.subscribe(self.romeo, target=GATEWAY_SIP, **how)

    def next(self, timeout=20):
        """The next presence stanza that the gateway sends, acknowledged."""
        self.out = self.out or self.p.accept_sm(timeout)
        stanza = expect_stanza(self.out, "presence", timeout)
        self.h += 1
        self.out.send("<a xmlns='urn:xmpp:sm:3' h='%d'/>" % self.h)
        return stanza

    def sent_until_now(self):
        """The types of all presence stanzas that the gateway has sent and that were not looked at."""
        self.wire = self.wire or self.p.incoming()
        self.n_pings = getattr(self, "n_pings", 0) + 1
        self.wire.send("<iq type='get' id='ping%d' from='%s' to='contoso.example'><ping xmlns='urn:xmpp:ping'/></iq>" % (
            self.n_pings, self.p.domain))
        self.out = self.out or self.p.accept_sm()
        types = []
        while True:
            found = self.out.expect(r"<(iq|presence)\b[^>]*>").group()
            self.h += 1
            if found.startswith("<iq"):
                if "ping%d" % self.n_pings in found:
                    return types
                continue  # asks for his card
            types.append((re.search(r"type=['\"](\w+)", found) or [None, None])[1])

    def say(self, type=None, resource=None, inside="", to=ALICE):
        self.wire = self.wire or self.p.incoming()
        self.wire.send("<presence from='%s%s' to='%s'%s>%s</presence>" % (
            self.romeo, "/" + resource if resource else "", to, " type='%s'" % type if type else "", inside))

    def granted(self):
        watch = self.watch()
        assert self.next().get("type") == "subscribe"
        self.say("subscribed")
        watch.wait_notice("active")
        return watch


@pytest.fixture
def scene(alive, partner, alice):
    return Scene(alice, partner())


def document(message):
    """{tuple id: (basic, show)} of a NOTIFY."""
    assert message.get("content-type") == PIDF
    root = ET.fromstring(message.body)
    return {t.get("id"): (t.findtext("p:status/p:basic", namespaces=NS), t.findtext("p:status/c:show", namespaces=NS))
            for t in root.findall("p:tuple", NS)}


def has(*tuples):
    return lambda message: message.body and set(document(message)) == {"ID-" + t for t in tuples}


def test_STOX_PRS_50_51_52_58_subscribe_is_answered_at_once(scene):
    watch = scene.watch(expires=None)
    assert watch.subscribed[0].wait() == 200
    answer = watch.subscribed[0].response
    assert answer.get("expires") == "3600" and tag_of(answer.get("to"))
    assert "romeo@" in uri_of(answer.get("contact"))
    notice = watch.wait_notice("pending")  # nobody at the partner has answered anything, nor been asked: see scene.next()
    assert notice.body == b"" and 0 < int(state_of(notice)[1]["expires"]) <= 3600
    stanza = scene.next()
    assert stanza.get("type") == "subscribe"
    assert stanza.get("from") == ALICE and stanza.get("to") == scene.romeo


def test_STOX_PRS_53_55_56_a_notify_is_in_the_dialog(scene):
    watch = scene.granted()
    ok, notice = watch.subscribed[0].response, watch.wait_notice("active")
    assert notice.uri == uri_of(watch.contact())
    assert tag_of(notice.get("from")) == tag_of(ok.get("to")) and uri_of(notice.get("from")) == "sip:" + scene.romeo
    assert tag_of(notice.get("to")) == watch.local_tag and uri_of(notice.get("to")) == "sip:" + ALICE
    assert notice.get("call-id") == watch.call_id and notice.get("event") == "presence"
    assert len(notice.all("contact")) == 1 and 0 < int(state_of(notice)[1]["expires"]) <= 3600
    assert notice.body == b""
    numbers = [int(n.message.get("cseq").split()[0]) for n in watch.notices.all]
    assert numbers == sorted(set(numbers))


def test_STOX_PRS_54_unsubscribed_rejects(scene):
    watch = scene.watch()
    scene.next()
    scene.say("unsubscribed")
    notice = watch.wait_notice("terminated")
    assert state_of(notice)[1]["reason"] == "rejected" and notice.body == b""


def test_STOX_PRS_57_no_notify_outside_a_subscription(scene, office):
    before = len(office.others.all)
    scene.say(resource="garden", inside="<show>away</show>")
    watch = scene.granted()  # what came before it was looked at before it
    support.heard(office)
    of_romeo = [m for m in office.others.all[before:] if not m.is_response and scene.p.domain in str(m)]
    assert {(m.method, m.get("call-id")) for m in of_romeo} == {("NOTIFY", watch.call_id)}


def test_STOX_PRS_59_short_and_long(scene):
    watch = scene.watch(expires=5)
    assert watch.subscribed[0].wait() == 423
    assert watch.subscribed[0].response.get("min-expires") == "60"
    long = scene.watch(expires=100000)
    assert long.subscribed[0].wait() == 200 and long.subscribed[0].response.get("expires") == "3600"
    short = scene.watch(expires=90)
    assert short.subscribed[0].wait() == 200 and short.subscribed[0].response.get("expires") == "90"
    assert int(state_of(short.wait_notice("pending"))[1]["expires"]) <= 90


@pytest.mark.parametrize("event", ["foo", None])
def test_STOX_PRS_60_other_events(scene, event):
    watch = scene.watch(event=event)
    assert watch.subscribed[0].wait() == 489
    assert "presence" in watch.subscribed[0].response.get("allow-events")


def test_STOX_PRS_61_accept(scene):
    assert scene.watch(accept="application/cpim-pidf+xml").subscribed[0].wait() == 406
    assert scene.watch(accept="application/*").subscribed[0].wait() == 200
    assert scene.watch(accept="text/plain, */*").subscribed[0].wait() == 200


def test_STOX_PRS_62_a_refresh_is_answered_with_what_is_known(scene):
    watch = scene.granted()
    mark = watch.mark()
    assert watch.subscribe().wait() == 200
    assert watch.wait_notice("active", since=mark).body == b""
    scene.say(resource="garden")
    watch.wait_notice("active", has("garden"), since=mark)
    mark = watch.mark()
    assert watch.subscribe().wait() == 200
    assert document(watch.wait_notice("active", since=mark)) == {"ID-garden": ("open", None)}


def test_STOX_PRS_63_95_unsubscribing_keeps_the_permission(scene):
    watch = scene.granted()
    scene.say(resource="garden")
    watch.wait_notice("active", has("garden"))
    assert watch.unsubscribe().wait() == 200
    assert watch.subscribed[-1].response.get("expires") == "0"
    notice = watch.wait_notice("terminated")
    assert state_of(notice)[1]["reason"] == "timeout"
    assert [basic for basic, _ in document(notice).values()] == ["closed"]
    while True:  # a probe may have been under way
        stanza = scene.next()
        if stanza.get("type") != "probe":
            break
    assert (stanza.get("type"), stanza.get("from"), stanza.get("to")) == ("unavailable", ALICE, scene.romeo)
    again = scene.watch()
    again.wait_notice("active")


def test_STOX_PRS_64_the_last_dialog_leaves(scene):
    first, second = scene.granted(), scene.watch()
    second.wait_notice("active")
    assert first.unsubscribe().wait() == 200
    first.wait_notice("terminated")
    assert second.unsubscribe().wait() == 200
    second.wait_notice("terminated")
    assert scene.sent_until_now().count("unavailable") == 1


def test_STOX_PRS_66_67_a_poll_is_told_what_is_known_and_asks(scene):
    watch = scene.granted()
    assert watch.unsubscribe().wait() == 200
    watch.wait_notice("terminated")
    poll = scene.watch(expires=0)
    assert poll.subscribed[0].wait() == 200 and poll.subscribed[0].response.get("expires") == "0"
    notice = poll.wait_notice("terminated")
    assert state_of(notice)[1]["reason"] == "timeout" and notice.body == b""
    types = [scene.next().get("type") for _ in range(2)]
    assert sorted(types) == ["probe", "unavailable"]
    scene.say(resource="garden")
    scene.sent_until_now()  # it has been read
    poll = scene.watch(expires=0)
    assert document(poll.wait_notice("terminated")) == {"ID-garden": ("open", None)}


def test_STOX_PRS_68_a_poll_without_permission(scene):
    poll = scene.watch(expires=0)
    notice = poll.wait_notice("terminated")
    assert state_of(notice)[1]["reason"] == "timeout" and notice.body == b""
    assert scene.sent_until_now() == []  # neither subscribe nor probe


def test_STOX_PRS_70_a_late_answer_counts(scene):
    watch = scene.watch()
    scene.next()
    watch.wait_notice("pending")
    assert watch.unsubscribe().wait() == 200
    assert state_of(watch.wait_notice("terminated"))[1]["reason"] == "timeout"
    scene.say("subscribed")
    scene.sent_until_now()  # it has been read
    again = scene.watch()
    again.wait_notice("active")


@pytest.mark.parametrize("status", [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])
def test_STOX_PRS_71_72_a_notify_that_is_refused_ends_it(scene, status):
    watch = scene.granted()
    watch.answer = status
    scene.say(resource="garden")
    watch.wait_notice("active", has("garden"))
    while True:
        stanza = scene.next()
        if stanza.get("type") != "probe":
            break
    assert stanza.get("type") == "unavailable"
    assert watch.subscribe().wait() == 481


def test_STOX_PRS_73_changes_are_coalesced(scene):
    watch = scene.granted()
    mark, began = watch.mark(), time.monotonic()
    for i in range(20):
        scene.say(resource="garden", inside="<status>%d</status>" % i)
    watch.wait_notice("active", lambda m: b">19<" in m.body, since=mark)
    assert watch.mark() - mark <= 2 + (time.monotonic() - began) / 0.5


def test_STOX_PRS_74_all_his_clients_in_each_document(scene):
    watch = scene.granted()
    scene.say(resource="garden")
    scene.say(resource="balcony", inside="<show>dnd</show>")
    assert document(watch.wait_notice("active", has("garden", "balcony"))) == {
        "ID-garden": ("open", None), "ID-balcony": ("open", "dnd")}


def test_STOX_PRS_77_78_closed_once(scene):
    watch = scene.granted()
    scene.say(resource="a")
    scene.say(resource="b")
    watch.wait_notice("active", has("a", "b"))
    scene.say("unavailable", "a")
    watch.wait_notice("active", lambda m: m.body and document(m) == {"ID-a": ("closed", None), "ID-b": ("open", None)})
    scene.say(resource="b", inside="<show>away</show>")
    watch.wait_notice("active", lambda m: m.body and document(m) == {"ID-b": ("open", "away")})
    scene.say("unavailable")
    watch.wait_notice("active", lambda m: m.body and document(m) == {"ID-b": ("closed", None)})


def test_STOX_PRS_82_who_has_not_proven_himself_asks_nobody(scene):
    with support.Udp(support.RAW) as raw:
        answer = raw.status(support.request("SUBSCRIBE", "sip:" + scene.romeo, sender="nobody@raw.example", headers=[
            "Event: presence", "Contact: <sip:nobody@%s>" % support.RAW]))
    assert answer.status == 403
    assert scene.sent_until_now() == []


def test_STOX_PRS_83_only_he_grants(scene):
    watch = scene.watch()
    scene.next()
    watch.wait_notice("pending")
    scene.say(resource="garden", inside="<show>away</show>")
    scene.sent_until_now()  # it has been read
    mark = watch.mark()
    assert watch.subscribe().wait() == 200
    watch.wait_notice("pending", since=mark)
    support.heard(scene.alice.ua)
    assert all(state_of(n.message)[0] == "pending" and not n.message.body for n in watch.notices.all)


def test_STOX_PRS_85_cancel_has_no_effect(scene):
    watch = scene.watch()
    assert watch.subscribed[0].wait() == 200
    txn = watch.request("CANCEL", cseq=1, branch=watch.subscribed[0].branch)
    assert txn.wait() in (200, 481)
    scene.next()
    scene.say("subscribed")
    watch.wait_notice("active")


def test_STOX_PRS_86_one_event_in_a_dialog(scene):
    watch = scene.watch(event="presence;id=7")
    assert watch.wait_notice("pending").get("event").replace(" ", "") == "presence;id=7"
    watch.event = "presence;id=8"
    assert watch.subscribe().wait() == 403


def test_STOX_PRS_92_97_presence_that_nobody_wants_is_dropped(scene, office):
    before = len(office.others.all)
    for kind in (None, "unavailable"):
        scene.say(kind, "garden")
    assert scene.sent_until_now() == []
    support.heard(office)
    assert not [m for m in office.others.all[before:] if scene.p.domain in str(m)]


@pytest.mark.parametrize("condition, reason, retry", [
    ("item-not-found", "noresource", None), ("forbidden", "rejected", None), ("recipient-unavailable", "probation", "300"),
    ("service-unavailable", "giveup", "3600")])
def test_an_error_to_the_question_ends_it(scene, condition, reason, retry):
    watch = scene.watch()
    asked = scene.next()
    scene.wire = scene.p.incoming()
    scene.wire.send("<presence type='error' id='%s' from='%s' to='%s'><error type='cancel'><%s "
                    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>" % (
                        asked.get("id"), scene.romeo, ALICE, condition))
    _, params = state_of(watch.wait_notice("terminated"))
    assert params["reason"] == reason and params.get("retry-after") == retry


def test_subscriptions_are_shown_and_refreshed(gateway, scene):
    watch = scene.granted()
    scene.say(resource="garden", inside="<show>dnd</show><status>with Juliet</status>")
    watch.wait_notice("active", has("garden"))
    row = next(i for i in gateway.ctl_json("subscription", "list", "--user", ALICE)["items"] if i["watched"] == scene.romeo)
    assert (row["watcher"], row["state"], row["partner"]) == (ALICE, "active", scene.p.domain)
    assert row["call-id"] == watch.call_id and 3500 < row["expires-s"] <= 3600 and row["notices"] >= 2
    shown = gateway.ctl_json("subscription", "show", ALICE, scene.romeo)
    assert shown["presence"] == [{"of": scene.romeo, "resource": "garden", "state": "dnd", "note": "with Juliet"}]
    scene.sent_until_now()
    gateway.ctl("subscription", "refresh", ALICE, scene.romeo)
    assert scene.next().get("type") == "probe"


def test_a_trace_shows_presence(gateway, scene):
    trace = subprocess.Popen([program("stoxctl", "ctl"), "--server", gateway.server, "trace", "--user", ALICE, "--for", "60s",
                              "--ascii"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert trace.stdout.readline().startswith("time (UTC)")  # it has begun
    watch = scene.granted()
    scene.say(resource="garden")
    watch.wait_notice("active", has("garden"))
    text, wanted = "", ["SUBSCRIBE", "NOTIFY pending", "presence subscribe", "none, then asked", "presence subscribed",
                        "NOTIFY active", "presence available of resource garden"]
    while any(part not in text for part in wanted):
        line = trace.stdout.readline()
        assert line, text
        text += line
    trace.terminate()
    trace.wait(20)
