"""
Subscriptions of SIP users through the life of the gateway: its orderly end, its death, a partner's outage, two gateways back to
back (STOX-PRS-84, 89, 91, 93, 94; threats D13, B3).
"""
import time

import pytest

import support
from rig import sippresence
from rig.sippresence import state_of
from support import OTHER, Partner
from test_presence_s2x_wire import Scene, alice, document, has  # noqa: F401

AT = (OTHER, 5060)


class Elsewhere(Scene):
    def watch(self, **how):
        return self.alice.subscribe(self.romeo, target=AT, **how)


@pytest.fixture
def own(rig, stoxd, start, office):
    """own(**options): (gateway, scene): one of this test alone."""
    alice = sippresence.attach(office)

    def make(gateway=None, **options):
        support.begin_names()
        options["gateway"] = {**support.PATIENT, "notify_pace": 500, **(gateway or {})}
        gateway = stoxd(**support.settings(OTHER, **options))
        return gateway, Elsewhere(alice, start(Partner(rig, "sm", at=OTHER)))
    yield make
    office.presence = None


def test_STOX_PRS_93_an_orderly_end(own):
    gateway, scene = own()
    watch = scene.granted()
    gateway.stop()
    word, params = state_of(watch.wait_notice("terminated"))
    assert params["reason"] in ("deactivated", "probation")
    scene.out.expect("</stream:stream>")
    assert b"unsubscribe" not in bytes(scene.out.all)


def test_a_permission_outlives_the_process(own):
    """Killed at once after it was granted: nobody has to add anybody again (row 3)."""
    gateway, scene = own()
    scene.granted()
    gateway.kill()
    gateway.start()
    scene.out = scene.wire = None
    watch = scene.watch()
    watch.wait_notice("active")
    assert scene.next().get("type") == "probe"
    scene.say(resource="garden")
    watch.wait_notice("active", has("garden"))


def test_STOX_PRS_91_after_an_outage_all_is_asked_again(own):
    _, scene = own()
    watch = scene.granted()
    scene.say(resource="garden")
    watch.wait_notice("active", has("garden"))
    scene.wire.close()
    scene.out.close()
    support.look_round(OTHER, support.RAW)
    scene.out, scene.wire, scene.h = None, scene.p.incoming(), 0
    assert scene.next().get("type") == "probe"


def test_STOX_PRS_84_polite_blocking(own):
    _, scene = own(gateway={"polite_blocking": True})
    watch = scene.granted()
    scene.say(resource="garden")
    watch.wait_notice("active", has("garden"))
    scene.say("unsubscribed")
    notice = watch.wait_notice("active", lambda m: b"closed" in m.body)
    assert "ID-garden" not in document(notice)
    scene.say(resource="garden")
    scene.sent_until_now()  # it has been read
    notice = scene.watch().wait_notice("active")
    assert [basic for basic, _ in document(notice).values()] == ["closed"]


def test_STOX_PRS_89_publish_is_not_served(alive):
    with support.Udp() as peer:
        answer = peer.status(support.request("PUBLISH", "sip:romeo@sm1.example", headers=["Event: presence", "Expires: 60"]))
    assert answer.status == 405 and "SUBSCRIBE" in answer.get("allow")


def test_STOX_PRS_94_D13_two_gateways_back_to_back(rig, start, sip):
    """What comes from SIP is not told to SIP: a subscription that goes round ends, and is quiet after."""
    ring = support.Ring(rig, start)
    alice = sippresence.attach(sip)
    try:
        watch = alice.subscribe("romeo@ring.example", target=(ring.A, 5060))
        assert watch.subscribed[0].wait() == 200
        watch.wait_notice("pending")
        time_of_rest(ring)
    finally:
        sip.presence = None


def time_of_rest(ring):
    """That both gateways do nothing any more after a moment."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        before = ring.a.cpu_seconds() + ring.b.cpu_seconds()
        time.sleep(0.5)
        if ring.a.cpu_seconds() + ring.b.cpu_seconds() - before < 0.03:
            return
    raise AssertionError("it still goes round")
