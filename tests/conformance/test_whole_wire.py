"""What the gateway is as a whole (STOX-ARCH), where both directions and presence meet. Both sides are scripted."""
import pytest

import support
from rig import sippresence
from rig.sippresence import pidf
from rig.sipsession import accepting, begin, uri_of
from support import ALICE, GATEWAY_SIP, OTHER, body_of, expect_stanza
from test_presence_life_wire import own  # noqa: F401: fixture
from test_presence_s2x_wire import Scene, alice, gateway, has, scene  # noqa: F401: fixtures

BOB = "bob@contoso.example"


def test_STOX_ARCH_09_presence_goes_to_whom_it_is_addressed(scene, alice):
    """Two of ours watch romeo, who has let in one of them; what he tells her is not told to the other, who waits."""
    watch = scene.granted()
    waiting = scene.watch(sender=BOB)
    assert scene.next().get("from") in (BOB, ALICE)  # the question, or a probe of before
    waiting.wait_notice("pending")
    mark = waiting.mark()
    scene.say(resource="garden")
    watch.wait_notice("active", has("garden"))
    scene.say("subscribed", to=BOB)
    first = waiting.wait_notice("active", since=mark)
    assert waiting.notices.all[mark].message is first and b"garden" not in first.body


@pytest.mark.parametrize("gr", ["", ";gr=desk"])
def test_STOX_ARCH_02_an_answer_to_the_full_address_finds_the_device(scene, office, gr):
    """What she writes goes to romeo from a device of hers; what he answers to it comes to that device again."""
    mark = office.mark()
    txn = office.message(scene.romeo, "from the desk", target=GATEWAY_SIP,
                         sender=ALICE + gr)
    scene.out = scene.p.accept_sm()
    stanza = expect_stanza(scene.out)
    support.acknowledge(scene.out, 1)
    assert txn.wait() == 200 and stanza.get("from") == ALICE + ("/desk" if gr else "")
    scene.p.send_message(scene.p.incoming(), to=stanza.get("from"), body="to the desk")
    got = office.wait_message("to the desk", 20, mark)
    assert got.message.uri == "sip:" + ALICE + gr


def test_STOX_ARCH_02_an_answer_comes_in_the_dialog_of_the_text(own, office):
    gateway, scene = own()
    gateway.ctl("route", "set", "office", "--im", "session")
    session = begin(office, scene.romeo, target=(OTHER, 5060))
    txn = session.message("in the dialog")
    scene.out = scene.p.accept_sm()
    stanza = expect_stanza(scene.out)
    support.acknowledge(scene.out, 1)
    assert txn.wait() == 200
    mark = office.mark()
    thread = stanza.findtext("{jabber:server}thread")
    scene.p.send_message(scene.p.incoming(), to=stanza.get("from"), body="in the same", extra="<thread>%s</thread>" % thread)
    assert office.wait_message("in the same", 20, mark).message.get("call-id") == session.call_id


def test_STOX_ARCH_12_after_kill_the_watcher_is_served_by_a_new_dialog(own, office):
    """romeo watches alice, the gateway is killed: he stays let in, a new SUBSCRIBE goes out, and the old dialog is unknown."""
    gateway, scene = own()
    scene.alice.first = lambda w: w.notify(pidf(ALICE, ("phone", "open")) if w.expires else "",
                                           state="active" if w.expires else "terminated")
    scene.say("subscribe")
    old = scene.alice.wait_watched(scene.romeo)
    said = [scene.next() for _ in range(2)]
    assert [(s.get("type"), s.get("from")) for s in said] == [("subscribed", ALICE), (None, ALICE + "/phone")]
    mark = scene.alice.mark()
    gateway.kill()
    gateway.start()
    scene.out, scene.wire, scene.h = None, None, 0
    assert old.notify(pidf(ALICE, ("phone", "open"))).wait() == 481
    scene.say("probe")
    new = scene.alice.wait_watched(scene.romeo, since=mark)
    assert new.call_id != old.call_id
    said = scene.next()
    while said.get("type") == "subscribed":  # once more: nobody knows whether the first one had left
        said = scene.next()
    assert (said.get("type"), said.get("from")) == (None, ALICE + "/phone")
    assert "unsubscribed" not in scene.sent_until_now()
