"""
The gateway under wire-level conformance tests: one stoxd for a module where the settings allow it (fixture "gateway"),
fresh ones where a test needs others ("stoxd"). Both sides are scripted; every test gets partner domains of its own.
"""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from rig import dns  # noqa: E402
from rig.rig import Rig  # noqa: E402
from rig.sipua import SipUa  # noqa: E402
from rig.stoxd import Stoxd  # noqa: E402

import support  # noqa: E402


def pytest_collection_modifyitems(items):
    """What waits long comes last in its module: it began with it."""
    modules = list(dict.fromkeys(item.module for item in items))
    items.sort(key=lambda item: (modules.index(item.module), item.get_closest_marker("last") is not None))


def pytest_configure(config):
    config.addinivalue_line("markers", "last: runs after all others of its module, with which its waiting began")


@pytest.fixture(scope="session")
def rig():
    world = Rig()
    support.share_certificates(world)
    world.start_dns()
    yield world
    world.down()


def _starter(rig):
    started = []

    def up(thing):
        started.append(thing)
        return rig.up(thing)

    yield up
    failed = None
    for thing in reversed(started):
        if thing in rig.running:
            try:
                rig.down(thing)
            except AssertionError as e:
                failed = e
    if failed:
        raise failed


@pytest.fixture
def start(rig):
    """start(thing): starts it, and stops it after the test."""
    yield from _starter(rig)


@pytest.fixture(scope="module")
def start_for_module(rig):
    yield from _starter(rig)


@pytest.fixture
def stoxd(rig, start):
    """stoxd(**options): a gateway with these settings, stopped after the test."""
    return lambda **options: start(Stoxd(rig, **options))


@pytest.fixture(scope="module", autouse=True)
def _nothing_of_the_last_module(rig):
    """What it left without an answer would come to a gateway of this one, whose partners have the same names."""
    for thing in rig.running:
        if isinstance(thing, SipUa):
            thing.give_up()


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    """The module's gateway: it serves contoso.example and knows every partner of support.KINDS."""
    support.begin_names()
    return start_for_module(Stoxd(rig, **support.settings()))


@pytest.fixture
def alive(gateway):
    """That the module's gateway is the same process and serves, after whatever the test did."""
    yield gateway
    assert gateway.process.running(), gateway.process.tail(40)
    support.options()


@pytest.fixture(scope="session")
def office(rig):
    """A scripted SIP server for contoso.example, at the "office" route's next hop, for the whole run."""
    return rig.up(SipUa(dns.OFFICE))


@pytest.fixture
def sip(office):
    """The office, as new for this test."""
    office.answer = 200
    return office


@pytest.fixture(scope="session")
def slow(rig):
    """Connections that stall in every state, at a gateway of their own (support.Slow)."""
    it = rig.up(support.Slow(rig))
    yield it


@pytest.fixture(scope="session", autouse=True)
def _begin_slow(request):
    if any("slow" in item.fixturenames for item in request.session.items):
        request.getfixturevalue("slow")


@pytest.fixture
def partner(rig, start):
    """partner(kind): a scripted partner domain that no other test has used, of the kind given in support.KINDS."""
    return lambda kind="sm": start(support.Partner(rig, kind))
