"""
Presence that is not as it should be (sip-torture.md, TORT-X12 to X15): NOTIFYs to us of a SIP user whom romeo watches, and
SUBSCRIBEs. Each gets its answer, and the next good one is served as if nothing had been.
"""
import select
import socket

import pytest

import support
from rig.sippresence import pidf, state_of
from support import ALICE, GATEWAY_SIP
from test_presence_s2x_wire import Scene, alice  # noqa: F401
from test_presence_types_wire import asking, gateway, let_in, scene  # noqa: F401: fixtures

FETCHED_FROM = "10.99.0.66"  # where an entity would be fetched from
DOCTYPE = "<?xml version='1.0'?><!DOCTYPE presence [%s]><presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:%s'>%s</presence>"
TUPLE = "<tuple id='phone'><status><basic>open</basic></status><note>%s</note></tuple>"


def laughs():
    entities = "<!ENTITY l0 'lol'>" + "".join("<!ENTITY l%d '%s'>" % (i, "&l%d;" % (i - 1) * 10) for i in range(1, 10))
    return DOCTYPE % (entities, ALICE, TUPLE % "&l9;")


def external():
    return DOCTYPE % ("<!ENTITY x SYSTEM 'http://%s/x'><!ENTITY y SYSTEM 'file:///etc/passwd'>" % FETCHED_FROM, ALICE,
                      TUPLE % "&x;&y;")


def in_utf16():
    return pidf(ALICE, ("phone", "open")).replace("UTF-8", "UTF-16").encode("utf-16")


def of_a_mebibyte():
    return pidf(ALICE, ("phone", "open"), notes="<note>%s</note>" % ("x" * (1 << 20)))


@pytest.fixture
def watched(asking, alice):
    """romeo watches alice: the dialog in which her side tells of her."""
    let_in(asking)
    return alice.wait_watched(asking.romeo)


def is_served(asking, watched, resource):
    assert watched.notify(pidf(ALICE, (resource, "open"))).wait() == 200
    while True:
        seen = asking.stanza("presence")
        if seen.get("from") == ALICE + "/" + resource and seen.get("type") is None:
            return


@pytest.mark.parametrize("made, statuses", [(laughs, [400]), (external, [400]), (in_utf16, [400]),
                                            (of_a_mebibyte, [413, 513])])  # 513: longer than any message (STOX-SIP-06)
def test_TORT_X12_documents_that_do_harm(asking, watched, made, statuses):
    with socket.create_server((FETCHED_FROM, 80)) as server:
        watched.transport = "tcp"  # the longest one ends its connection, and does not fit into a datagram
        assert watched.notify(made()).wait() in statuses
        watched.transport = "udp"
        is_served(asking, watched, "desk")
        support.options()
        assert not select.select([server], [], [], 0)[0], "something was fetched"


def test_TORT_X13_numbers_that_go_back_repeat_or_leap(asking, watched):
    is_served(asking, watched, "first")
    was = watched.cseq
    assert watched.notify(pidf(ALICE, ("back", "open")), cseq=was - 1).wait() == 500
    again = watched.notify(pidf(ALICE, ("second", "open")), cseq=was + 1, branch="z9hG4bKtwice")
    assert again.wait() == 200
    watched.ua.send_bytes(again.wire, watched.target, watched.transport)  # the same once more
    watched.cseq = was + 1000000
    is_served(asking, watched, "third")


@pytest.mark.parametrize("expires", ["4294967296", "18446744073709551617", "-1", "abc", ""])
def test_TORT_X14_expires_that_is_no_number(scene, expires):
    watch = scene.watch(expires=None, headers=["Expires: " + expires])
    status = watch.subscribed[0].wait()
    assert status in (200, 400)
    if status == 200:
        assert watch.subscribed[0].response.get("expires") == "3600"
        assert 0 < int(state_of(watch.wait_notice("pending"))[1]["expires"]) <= 3600
    support.options()


def test_TORT_X15_states_in_capitals_and_unknown_ones(asking, watched):
    event = ["Event: presence"]
    said = watched.request("NOTIFY", [*event, "Subscription-State: Active;EXPIRES=600"], pidf(ALICE, ("capitals", "open")))
    assert said.wait() == 200
    seen = asking.stanza("presence")
    while seen.get("from") != ALICE + "/capitals":
        seen = asking.stanza("presence")
    said = watched.request("NOTIFY", [*event, "Subscription-State: foo;expires=600"], pidf(ALICE, ("foo", "open")))
    assert said.wait() == 200
    is_served(asking, watched, "after")
