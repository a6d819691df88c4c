"""The rig of tests/interop, and browsers in it."""
import importlib.util
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
INTEROP = os.path.join(os.path.dirname(HERE), "interop")
for folder in (os.path.dirname(HERE), INTEROP, HERE):
    if folder not in sys.path:
        sys.path.insert(0, folder)

_spec = importlib.util.spec_from_file_location("interop_fixtures", os.path.join(INTEROP, "conftest.py"))
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
rig, prosody, start, romeo, office, pytest_fixture_setup = (
    _fixtures.rig, _fixtures.prosody, _fixtures.start, _fixtures.romeo, _fixtures.office, _fixtures.pytest_fixture_setup)

from browser import Browser  # noqa: E402
from gateway import Gateway  # noqa: E402


@pytest.fixture(scope="session")
def browser():
    b = Browser()
    yield b
    b.stop()


@pytest.fixture(scope="module")
def shared(rig):
    """A gateway for tests that leave each other alone: with one administrator and the rig's partners."""
    g = Gateway(rig)
    rig.up(g)
    g.make_people()
    yield g
    rig.down(g)


@pytest.fixture
def gateway(rig, start):
    """gateway(**options): one of its own (rig/stoxd.py), stopped after the test."""
    def up(people=True, **options):
        g = start(Gateway(rig, **options))
        if people:
            g.make_people()
        return g
    return up


@pytest.fixture
def open_page(browser):
    """open_page(gateway, "#/partners", who="anna"): a browser there, signed in; who=None: as nobody."""
    opened = []

    def up(gateway, where="", who="anna", **options):
        page = browser.open(gateway.url + "/" + where, **options)
        opened.append(page)
        if who:
            gateway.sign_in(page, who)
        return page

    yield up
    for page in opened:
        page.close()
