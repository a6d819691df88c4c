"""The rig for a whole run: names, certificates, and each real server started once, when the first test asks for it."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import peers_table  # noqa: E402
from rig import dns, numbered  # noqa: E402
from rig.peers import Ejabberd  # noqa: E402
from rig.process import eventually  # noqa: E402
from rig.rig import Rig  # noqa: E402
from rig.phone import Phone  # noqa: E402
from rig.postgres import Postgres  # noqa: E402
from rig.sipua import SipUa  # noqa: E402
from rig.stoxd import Stoxd  # noqa: E402
from rig.xmppclient import XmppClient  # noqa: E402


@pytest.fixture(scope="session")
def rig():
    world = Rig()
    world.start_dns()
    yield world
    world.down()


@pytest.fixture(autouse=True)
def _nobody_gives_back(rig):
    """What a server could not hand to the gateway of the last test may make it give back what it has for the next one."""
    for server in [s for s in rig.running if isinstance(s, Ejabberd)]:
        eventually(lambda s=server: not s.gives_back(), "ejabberd opens streams again")


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef, request):
    """What a fixture has started before it fails is stopped: it would stand in the way of all tests that come after it."""
    world = request.getfixturevalue("rig") if "rig" in fixturedef.argnames else None
    before = list(world.running) if world else []
    outcome = yield
    if world and outcome.excinfo:
        for thing in [t for t in reversed(world.running) if t not in before]:
            world.down(thing)


@pytest.fixture(scope="session")
def prosody(rig):
    return rig.prosody()


@pytest.fixture(scope="session")
def ejabberd(rig):
    return rig.ejabberd()


@pytest.fixture(scope="session")
def postgres(rig):
    return rig.up(Postgres())


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request):
    """The setting store: once SQLite, once a new database of PostgreSQL."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres").database()


@pytest.fixture(scope="session")
def table():
    """docs/INTEROP.md in the making."""
    made = peers_table.Table()
    yield made
    made.write()


@pytest.fixture
def start(rig):
    """start(thing): starts it, and stops it after the test."""
    started = []

    def up(thing):
        started.append(thing)
        return rig.up(thing)

    yield up
    for thing in reversed(started):
        if thing in rig.running:
            rig.down(thing)


@pytest.fixture
def romeo(rig, prosody, start):
    return start(XmppClient("romeo@fabrikam.example", dns.PROSODY, rig.pki.trust_file, anew=True))


@pytest.fixture
def juliet(rig, ejabberd, start):
    return start(XmppClient("juliet@wingtip.example", dns.EJABBERD, rig.pki.trust_file, anew=True))


@pytest.fixture
def office(start):
    """A scripted SIP server for contoso.example, at the "office" route's next hop."""
    return start(SipUa(dns.OFFICE))


@pytest.fixture
def phone(start):
    """A real SIP phone, baresip. A stoxd that it belongs to needs the phone as its route's next hop."""
    return start(Phone("alice@contoso.example", dns.GATEWAY, ["romeo@fabrikam.example", "juliet@wingtip.example",
                                                              "iago@unlisted.example"]))


@pytest.fixture
def stoxd(rig, start):
    """stoxd(**options): a gateway with these settings (rig/stoxd.py), stopped after the test."""
    return lambda **options: start(Stoxd(rig, **options))


@pytest.fixture
def figures(request, capsys):
    """figures(name=number, ...): one line of what this test measured, on the terminal and in $STOX_FIGURES."""
    def say(**numbers):
        line = numbered.write(request.node.name, numbers)
        with capsys.disabled():
            print("\n  " + line, flush=True)
    return say
