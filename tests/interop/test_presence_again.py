"""Who was refused and asks again at once is told what is true: nothing has been decided."""
from rig.sippresence import state_of
from test_presence import ALICE, GATEWAY, begins_to_watch, gateway, world  # noqa: F401


def test_who_asks_again_after_a_refusal_is_told_pending_at_once(world):  # noqa: F811
    watch = begins_to_watch(world)
    watch.wait_notice("active", timeout=20)
    mark = world.person.mark()
    world.person.refuses_and_is_heard(ALICE)
    watch.wait_notice("terminated", timeout=20)
    again = world.alice.subscribe(world.jid, target=GATEWAY)
    world.person.wait("subscribe", ALICE, timeout=20, since=mark)
    assert state_of(again.wait_notice(timeout=20))[0] == "pending"
    world.person.allows(ALICE)
    again.wait_notice("active", timeout=20)
