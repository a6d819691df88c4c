"""
presence.winfo (RFC 3857, 3858; STOX-PRS-87) on the wire: alice's client publishes her presence at Stox and looks there who watches
her; romeo, of a scripted partner, asks her, and waits for her word.
"""
import xml.etree.ElementTree as ET

import pytest

import support
from rig import dns
from rig.process import eventually
from rig.sippresence import PIDF, state_of
from rig.stoxd import Stoxd
from support import ALICE, GATEWAY_SIP
from test_presence_s2x_wire import Scene, alice  # noqa: F401: fixture

WINFO = "application/watcherinfo+xml"
NS = "{urn:ietf:params:xml:ns:watcherinfo}"
SELF = "<sip:%s>;tag=w" % ALICE


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    it = start_for_module(Stoxd(rig, **support.settings(gateway={
        **support.PATIENT, "subscription_min": 60, "notify_pace": 200, "denied_hold": 0})))
    it.ctl("route", "set", "office", "--publish", "yes", "--publish-approval", "yes")
    return it


@pytest.fixture
def scene(alive, partner, alice):
    it = Scene(alice, partner())
    yield it
    if it.wire:
        it.say("unsubscribe")


def look(scene, **how):
    return scene.alice.subscribe(ALICE, target=GATEWAY_SIP, event="presence.winfo", accept=WINFO, **how)


def told(message):
    """(version, state, {address: (status, event)}) of a NOTIFY."""
    assert message.get("content-type") == WINFO and message.get("event").startswith("presence.winfo")
    root = ET.fromstring(message.text)
    assert root.tag == NS + "watcherinfo"
    (watchers,) = root
    assert (watchers.tag, watchers.get("resource"), watchers.get("package")) == (NS + "watcher-list", "sip:" + ALICE, "presence")
    assert len({w.get("id") for w in watchers}) == len(watchers)
    return root.get("version"), root.get("state"), {w.text: (w.get("status"), w.get("event")) for w in watchers}


def says(watch, scene, how, since=0):
    """The state of the first document that has romeo so, or not at all; others of this module may ask her, too."""
    found = watch.wait_notice("active", lambda m: told(m)[2].get("sip:" + scene.romeo) == how, since=since)
    numbers = [int(told(n.message)[0]) for n in watch.notices.all]
    assert numbers == list(range(len(numbers)))
    return told(found)[1]


def test_STOX_PRS_87_watchers_are_seen_and_approved_as_it_happens(scene):
    watch = look(scene)
    assert watch.subscribed[0].wait() == 200
    assert says(watch, scene, None) == "full"
    scene.say("subscribe")
    assert says(watch, scene, ("pending", "subscribe")) == "partial"
    assert scene.sent_until_now() == []  # he waits
    hers = scene.watch()  # she adds him
    assert {scene.next().get("type") for _ in range(3)} == {"subscribe", "subscribed", "unavailable"}
    assert says(watch, scene, ("active", "approved")) == "partial"
    scene.say("subscribed")
    hers.wait_notice("active")
    scene.say("unsubscribe")
    assert says(watch, scene, ("terminated", "timeout")) == "partial"


def test_STOX_PRS_87_a_refresh_brings_all_of_them(scene):
    watch = look(scene)
    scene.say("subscribe")
    says(watch, scene, ("pending", "subscribe"))
    mark = watch.mark()
    assert watch.subscribe(accept=WINFO).wait() == 200
    assert says(watch, scene, ("pending", "subscribe"), since=mark) == "full"
    assert watch.unsubscribe(accept=WINFO).wait() == 200
    last = watch.wait_notice("terminated")
    assert state_of(last)[1]["reason"] == "timeout" and told(last)[1] == "full"


def test_STOX_PRS_87_a_poll_is_told_all_of_them(scene):
    def polled():
        watch = look(scene, expires=0)
        assert watch.subscribed[0].wait() == 200
        last = told(watch.wait_notice("terminated"))
        assert last[:2] == ("0", "full")
        return last[2]

    scene.say("subscribe")
    eventually(lambda: "sip:" + scene.romeo in polled(), "he who asks is stored, and told of")


def test_STOX_PRS_87_the_event_is_one_of_its_own_dialog(scene):
    watch = look(scene)
    watch.wait_notice("active")
    watch.event = "presence"
    assert watch.subscribe(accept=PIDF).wait() == 403
    watch.event = "presence.winfo;id=1"
    assert watch.subscribe(accept=WINFO).wait() == 403
    watch.event = "presence.winfo"


def test_STOX_PRS_87_a_contact_that_is_removed_is_told(scene, gateway):
    watch = look(scene)
    scene.say("subscribe")
    says(watch, scene, ("pending", "subscribe"))
    gateway.ctl("contact", "remove", ALICE, scene.romeo, "--both")
    says(watch, scene, ("terminated", "rejected"))
    assert scene.next().get("type") == "unsubscribed"


@pytest.mark.parametrize("how, status", [
    (dict(sender="<sip:bert@contoso.example>;tag=w"), 403),
    (dict(uri="sip:bert@contoso.example"), 403),
    (dict(uri="sip:contoso.example", sender="<sip:contoso.example>;tag=w"), 403),
    (dict(uri="sip:carl@raw.example"), 404),  # a route without
    (dict(uri="sip:romeo@sm1.example"), 489),  # a partner's
    (dict(headers=["Accept: " + PIDF]), 406),
    (dict(headers=["Expires: 59"]), 423),
    (dict(headers=["Event: presence.winfo;id="]), 404),  # nothing that she has here
    (dict(headers=["Event: presence.winfo.winfo"]), 404),  # likewise
    (dict(body="<filter/>", content_type="application/simple-filter+xml"), 415),
])
def test_STOX_PRS_87_what_is_refused(alive, how, status):
    headers = how.pop("headers", [])
    for name, value in ("Event", "presence.winfo"), ("Contact", "<sip:alice@%s>" % support.RAW):
        headers += [] if any(h.startswith(name) for h in headers) else ["%s: %s" % (name, value)]
    with support.Udp() as peer:
        assert peer.status(support.request("SUBSCRIBE", how.pop("uri", "sip:" + ALICE), sender=how.pop("sender", SELF),
                                           headers=headers, body=how.pop("body", ""), **how)).status == status


def test_STOX_PRS_87_who_may_not_speak_for_her_sees_nobody(alive):
    with support.Udp(address=support.RAW_UDP) as peer:  # another route's
        request = support.request("SUBSCRIBE", "sip:" + ALICE, sender=SELF, sent_by=support.RAW_UDP, headers=[
            "Event: presence.winfo", "Contact: <sip:alice@%s>" % support.RAW_UDP])
        assert peer.status(request).status == 403
