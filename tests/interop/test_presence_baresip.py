"""
baresip at Kamailio's presence server and people on XMPP: refusing, removing and adding again, and new starts of Stox. baresip
reads its contacts when it starts, so its user edits them and starts it again; whom it lets see its user is the presence server's to say.
"""
import pytest

from rig.process import eventually
from test_sip_presence import ALICE, PROOF, person, phone, world  # noqa: F401

DEVICE = ALICE + "/t4109"  # what baresip calls its tuple, always
ONLY = ["prosody", "ejabberd"] if PROOF else ["prosody"]
pytestmark = pytest.mark.parametrize("person", ONLY, indirect=True)
STARTS = {"in order": "stop", "kill -9": "kill"}


def rows(world, person, direction):  # noqa: F811
    return "baresip, Kamailio, " + person.server, world.transport, direction


def asked(person, mark):  # noqa: F811
    """What since then concerned permissions. An answer comes behind it, by the same way."""
    person.settle("contoso.example")
    return [str(p) for p in person.told.all[mark:] if p.xml.get("type") in ("subscribe", "subscribed", "unsubscribe", "unsubscribed")]


def is_watched(world):  # noqa: F811
    return bool(world.gateway.ctl_json("subscription", "list", "--user", ALICE)["items"])


def test_baresip_watches_from_adding_to_adding_again(world, table, person, phone):  # noqa: F811
    its = rows(world, person, "to SIP")
    person.wait("subscribe", ALICE)
    person.allows(ALICE)
    phone.wait_presence("Online")
    with table.row(*its, "presence: removed, added again without a question"):
        mark = person.mark()
        phone.starts_again([])
        eventually(lambda: not is_watched(world), "baresip has unsubscribed")
        phone.starts_again([person.jid])
        phone.wait_presence("Online")
        assert not asked(person, mark)
    with table.row(*its, "presence: refused, added again, refused, added again, allowed"):
        person.refuses_and_is_heard(ALICE)
        for refusal in range(2):
            phone.wait_presence("Unknown")
            mark = person.mark()
            phone.starts_again([person.jid])
            person.wait("subscribe", ALICE, since=mark)
            if not refusal:
                person.refuses_and_is_heard(ALICE)
                eventually(lambda: not is_watched(world), "baresip is refused")
        person.allows(ALICE)
        phone.wait_presence("Online")
    assert not world.gateway.events("sip-stranger")  # all of it by way of the proxy


def test_baresip_is_seen_from_refusing_to_adding_again(world, table, person, phone):  # noqa: F811
    its = rows(world, person, "to XMPP")
    phone.publishes(True)
    with table.row(*its, "presence: refused, asked again, allowed, refused later, asked again, allowed"):
        for _ in range(2):
            world.server.decides(alice={person.jid: "block"})
            mark = person.mark()
            person.asks(ALICE)
            person.wait("unsubscribed", ALICE, since=mark)
            world.server.decides(alice={person.jid: "allow"})
            mark = person.mark()
            person.asks(ALICE)
            person.wait("subscribed", ALICE, since=mark)
            person.wait("available", DEVICE, since=mark)
            world.server.decides(alice={person.jid: "block"})
            person.wait("unavailable", DEVICE, since=mark)
            person.wait("unsubscribed", ALICE, since=mark)
        world.server.decides(alice={person.jid: "allow"})
        mark = person.mark()
        person.asks(ALICE)
        person.wait("available", DEVICE, since=mark)
    with table.row(*its, "presence: removed, added again"):
        mark = person.mark()
        person.asks_no_more(ALICE)
        person.wait("unavailable", DEVICE, since=mark)
        mark = person.mark()
        person.asks(ALICE)
        person.wait("available", DEVICE, since=mark)
    with table.row(*its, "presence: baresip is closed, and started again"):
        mark = person.mark()
        phone.stop()
        person.wait("unavailable", DEVICE, since=mark)
        mark = person.mark()
        phone.start()
        phone.publishes(True)
        person.wait("available", DEVICE, since=mark)


@pytest.mark.parametrize("how", list(STARTS))
def test_a_new_start_of_stox_costs_baresip_nothing(world, table, person, phone, how):  # noqa: F811
    """Stox subscribes at the presence server by itself. baresip's user starts it again: by itself it does not ask anew within 100 s."""
    its = rows(world, person, "both")
    with table.row(*its, "presence, after a new start of Stox (%s)" % how):
        world.server.decides(alice={person.jid: "allow"})
        person.wait("subscribe", ALICE)
        person.allows(ALICE)
        phone.wait_presence("Online")
        phone.publishes(True)
        person.asks(ALICE)
        person.wait("available", DEVICE)
        mark = person.mark()
        getattr(world.gateway, STARTS[how])()
        world.gateway.start()
        # Stox has subscribed anew; what follows is a change.
        person.wait("available", DEVICE, timeout=40, since=mark)
        at = person.mark()
        phone.publishes(False)
        person.wait("unavailable", DEVICE, timeout=40, since=at)
        at = person.mark()
        phone.publishes(True)
        person.wait("available", DEVICE, timeout=40, since=at)
        person.is_("dnd")
        phone.starts_again([person.jid])
        phone.wait_presence("Busy")
        assert not asked(person, mark)
