"""Presence of real phones at Kamailio and people on XMPP, from adding to adding again, and over new starts of Stox."""
import pytest

from rig import dns, xmpppresence
from rig.linphone import LinphoneApp
from rig.phone import Phone
from rig.process import eventually
from test_sip_presence import ALICE, BOB, PROOF, person, world  # noqa: F401

REFRESH_S = 20  # by which linphone learns that a Stox that was killed knows nothing of its subscription
ONLY = ["prosody", "ejabberd"] if PROOF else ["prosody"]
pytestmark = pytest.mark.parametrize("person", ONLY, indirect=True)

# How linphone shows it: what it understands of RPID.
SHOWS = {"away": "away", "dnd": "busy"}


@pytest.fixture
def linphone(world, person, start):  # noqa: F811
    return start(LinphoneApp(BOB, dns.KAMAILIO, address=dns.SECOND_PHONE, presence=True, subscribe_expires=REFRESH_S))


def rows(world, person, phone, direction):  # noqa: F811
    return "%s, Kamailio, %s" % (phone, person.server), world.transport, direction


def asked(person, mark):  # noqa: F811
    """Whether since then he was asked, or told of an end. An answer comes behind it, by the same way."""
    person.settle("contoso.example")
    return [str(p) for p in person.told.all[mark:] if p.xml.get("type") in ("subscribe", "unsubscribed", "unsubscribe")]


def linphone_adds(linphone, person):  # noqa: F811
    mark, at = person.mark(), linphone.mark()
    linphone.watches(person.jid)
    person.wait("subscribe", BOB, timeout=20, since=mark)
    linphone.wait_shows(person.jid, at, state="pending")
    return at


def test_linphone_watches(world, table, person, linphone):  # noqa: F811
    its = rows(world, person, "linphone", "to SIP")
    with table.row(*its, "presence: added, pending, allowed, seen"):
        at = linphone_adds(linphone, person)
        person.allows(BOB)
        linphone.wait_shows(person.jid, at, state="active", basic="open")
    with table.row(*its, "presence: away, xa, dnd, chat, available, with notes"):
        for word in "away", "xa", "dnd", "chat", None:
            person.is_(word, "%s now" % word)
            shown = linphone.wait_shows(person.jid, basic="open", note="%s now" % word)
            assert word not in SHOWS or shown["activity"] == {"away": 1, "busy": 3}[SHOWS[word]]
    with table.row(*its, "presence: two clients, one leaves, then the other"):
        garden, at = person.log_in("garden"), linphone.mark()
        garden.is_("dnd", "in the garden", priority=5)
        linphone.wait_shows(person.jid, at, basic="open", activity="busy")  # over UDP there is no room for notes of two
        at = linphone.mark()
        person.is_("away", "on the balcony")
        garden.leaves()  # of two clients it shows the first one's note, or none
        linphone.wait_shows(person.jid, at, basic="open", activity="away")
        person.leaves()
        linphone.wait_shows(person.jid, at, basic="closed")
        at = linphone.mark()
        person.is_()
        linphone.wait_shows(person.jid, at, basic="open")
    with table.row(*its, "presence: removed, added again without a question"):
        linphone.forgets(person.jid)
        eventually(lambda: not world.gateway.ctl_json("subscription", "list", "--user", BOB)["items"], "it has unsubscribed")
        mark, at = person.mark(), linphone.mark()
        linphone.watches(person.jid)
        linphone.wait_shows(person.jid, at, state="active", basic="open")
        assert not asked(person, mark)
    with table.row(*its, "presence: refused, added again, refused, added again, allowed"):
        for _ in range(2):
            at = linphone.mark()
            person.refuses_and_is_heard(BOB)
            linphone.wait_shows(person.jid, at, state="terminated")
            linphone.forgets(person.jid)
            at = linphone_adds(linphone, person)
        person.allows(BOB)
        linphone.wait_shows(person.jid, at, state="active", basic="open")


def test_linphone_is_seen_refuses_and_goes(world, table, person, linphone):  # noqa: F811
    its = rows(world, person, "linphone", "to XMPP")
    with table.row(*its, "presence: refused, asked again, allowed"):
        world.server.decides(bob={person.jid: "block"})
        linphone.publishes("busy", "not now")
        person.asks(BOB)
        person.wait("unsubscribed", BOB, timeout=20)
        world.server.decides(bob={person.jid: "allow"})
        mark = person.mark()
        person.asks(BOB)
        person.wait("subscribed", BOB, timeout=20, since=mark)
        seen = person.wait("available", BOB, lambda p: xmpppresence.said(p)[0] == "dnd", timeout=20, since=mark)
    with table.row(*its, "presence: removed, added again"):
        mark = person.mark()
        person.asks_no_more(BOB)
        person.wait("unavailable", str(seen["from"]), timeout=20, since=mark)
        mark = person.mark()
        person.asks(BOB)
        seen = person.wait("available", BOB, lambda p: xmpppresence.said(p)[0] == "dnd", timeout=20, since=mark)
    with table.row(*its, "presence: linphone is closed"):
        mark = person.mark()
        linphone.goes_offline()
        person.wait("unavailable", str(seen["from"]), timeout=20, since=mark)


def starts_again(gateway, how):
    if how == "kill -9":
        gateway.kill()
    else:
        gateway.stop()
    gateway.start()


@pytest.mark.parametrize("how", ["in order", "kill -9"] if PROOF else ["in order"])  # it learns of a kill by its next refresh
def test_a_new_start_of_stox_costs_phones_nothing(world, table, person, linphone, how):  # noqa: F811
    """Nobody is asked anything. linphone subscribes anew when it registers, as it was told the end, or when a refresh got 481."""
    its = rows(world, person, "linphone", "both")
    with table.row(*its, "presence, after a new start of Stox (%s)" % how):
        world.server.decides(bob={person.jid: "allow"})
        at = linphone_adds(linphone, person)
        person.allows(BOB)
        linphone.wait_shows(person.jid, at, state="active", basic="open")
        linphone.publishes("away", "before")
        person.asks(BOB)
        person.wait("available", BOB, lambda p: xmpppresence.said(p)[0] == "away", timeout=20)
        mark, at = person.mark(), linphone.mark()
        starts_again(world.gateway, how)
        # Stox has subscribed anew; what follows is a change.
        person.wait("available", BOB, lambda p: xmpppresence.said(p)[0] == "away", timeout=40, since=mark)
        linphone.publishes("busy", "after")
        person.wait("available", BOB, lambda p: xmpppresence.said(p)[0] == "dnd", timeout=40, since=mark)
        person.is_("dnd", "after")
        linphone.registers_anew()
        linphone.wait_shows(person.jid, at, timeout=40, state="active", note="after")
        assert not asked(person, mark)
