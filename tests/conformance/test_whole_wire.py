"""What the gateway is as a whole (STOX-ARCH), where both directions and presence meet. Both sides are scripted."""
import pytest

import support
from rig.sippresence import state_of
from rig.stoxd import Stoxd
from support import ALICE, GATEWAY_SIP, expect_stanza
from test_presence_s2x_wire import alice, has, scene  # noqa: F401: fixtures

BOB = "bob@contoso.example"


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    return start_for_module(Stoxd(rig, **support.settings(gateway={**support.PATIENT, "notify_pace": 500, "denied_hold": 0})))


def test_STOX_ARCH_09_presence_goes_to_whom_it_is_addressed(scene, alice):
    """Two of ours watch romeo, who has let in one of them; what he tells her is not told to the other, who waits."""
    watch = scene.granted()
    waiting = scene.watch(sender=BOB)
    assert scene.next().get("from") in (BOB, ALICE)  # the question, or a probe of before
    waiting.wait_notice("pending")
    scene.say(resource="garden")
    watch.wait_notice("active", has("garden"))
    scene.say("subscribed", to=BOB)
    first = waiting.wait_notice("active")
    told = [n.message for n in waiting.notices.all]
    before = told[:told.index(first)]
    assert before and all(state_of(m)[0] == "pending" and not m.body for m in before) and b"garden" not in first.body


@pytest.mark.parametrize("gr", ["", ";gr=desk"])
def test_STOX_ARCH_02_an_answer_to_the_full_address_finds_the_device(scene, office, gr):
    """What she writes goes to romeo from a device of hers; what he answers to it comes to that device again."""
    mark = office.mark()
    txn = office.message(scene.romeo, "from the desk", target=GATEWAY_SIP, sender=ALICE + gr)
    scene.out = scene.p.accept_sm()
    stanza = expect_stanza(scene.out)
    support.acknowledge(scene.out, 1)
    assert txn.wait() == 200 and stanza.get("from") == ALICE + ("/desk" if gr else "")
    scene.p.send_message(scene.p.incoming(), to=stanza.get("from"), body="to the desk")
    got = office.wait_message("to the desk", 20, mark)
    assert got.message.uri == "sip:" + ALICE + gr
