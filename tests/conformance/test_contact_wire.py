"""What administrators do to contacts (docs/CONTACTS.md), as both sides hear it on the wire."""
from support import ALICE
from test_presence_s2x_wire import Scene, alice, gateway, scene  # noqa: F401: fixtures


def test_a_contact_that_is_removed_ends_on_both_sides(gateway, scene):
    watch = scene.granted()
    shown = gateway.ctl_json("contact", "show", ALICE, scene.romeo)
    assert (shown["sip-watches"], shown["xmpp-watches"], shown["stored"]) == ("granted", "no", True)
    gateway.ctl("contact", "remove", ALICE, scene.romeo)
    watch.wait_notice("terminated")
    said = []
    while "unsubscribe" not in said:
        said.append(scene.next().get("type"))
    assert set(said) <= {"unsubscribe", "unavailable", "probe"}
    status, _, told = gateway.ctl("contact", "show", ALICE, scene.romeo, ok=False)
    assert status and "no contact of each other" in told
    again = scene.watch()  # nothing is left of it: he is asked again
    assert again.wait_notice("pending") and scene.next().get("type") == "subscribe"
