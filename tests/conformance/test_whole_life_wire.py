"""What the gateway is as a whole (STOX-ARCH), with a gateway of the test alone: no other one has its partners' names."""
import support
from rig.sippresence import pidf
from rig.sipsession import begin
from support import ALICE, OTHER, expect_stanza
from test_presence_life_wire import own  # noqa: F401: fixture


def types_until_there(scene):
    """The types of what romeo is told of alice until her phone is there, that included; she asks whether he is, too."""
    types = []
    while True:
        said = scene.next()
        types.append(said.get("type"))
        if (said.get("type"), said.get("from")) == (None, ALICE + "/phone"):
            return types


def test_STOX_ARCH_02_an_answer_comes_in_the_dialog_of_the_text(own, office):
    gateway, scene = own(gateway=support.PATIENT)
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
    gateway, scene = own(gateway=support.PATIENT)
    scene.alice.first = lambda w: w.notify(pidf(ALICE, ("phone", "open")) if w.expires else "",
                                           state="active" if w.expires else "terminated")
    scene.say("subscribe")
    old = scene.alice.wait_watched(scene.romeo)
    assert "subscribed" in types_until_there(scene)
    mark = scene.alice.mark()
    gateway.kill()
    gateway.start()
    scene.out, scene.wire, scene.h = None, None, 0
    assert old.notify(pidf(ALICE, ("phone", "open"))).wait() == 481
    scene.say("probe")
    new = scene.alice.wait_watched(scene.romeo, since=mark)
    assert new.call_id != old.call_id
    types = types_until_there(scene)
    assert "unsubscribed" not in types + scene.sent_until_now()
