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


class Home:
    """The gateway that most tests share; each finds it with the objects it asks for."""

    def __init__(self, rig):
        self.rig, self.gateway = rig, None

    def get(self, **objects):
        if not self.gateway:
            self.gateway = Gateway(self.rig)
            self.rig.up(self.gateway)
            self.gateway.make_people()
        self.gateway.reset(**objects)
        return self.gateway

    def rest(self):
        if self.gateway:
            self.rig.down(self.gateway)
        self.gateway = None


@pytest.fixture(scope="session")
def home(rig):
    h = Home(rig)
    yield h
    h.rest()


@pytest.fixture
def shared(home):
    """The common gateway, with three people who may sign in (gateway.PEOPLE) and the rig's partners."""
    return home.get()


@pytest.fixture
def gateway(home):
    """gateway(partners={...}): the common gateway with other objects (rig/stoxd.py)."""
    return home.get


@pytest.fixture
def alone(rig, home, start):
    """alone(**options): a gateway that nothing has happened to yet, stopped after the test. people: they may sign in."""
    def up(people=True, **options):
        home.rest()
        g = start(Gateway(rig, **options))
        if people:
            g.make_people()
        return g
    return up


@pytest.fixture(scope="session")
def kept(browser):
    """Pages of people who are signed in, by name: a browser starts faster with what it has."""
    pages = {}
    yield pages
    for page in pages.values():
        page.close()


@pytest.fixture
def open_page(browser, kept):
    """
    open_page(gateway, "#/partners", who="anna"): a browser there, signed in; who=None: as nobody. With options (as
    Playwright's newContext takes them), as nobody, and where it is asked for, it is a new one.
    """
    opened = []

    def up(gateway, where="", who="anna", new=False, **options):
        if who and not new and not options:
            page = kept.get(who) or kept.setdefault(who, browser.open(gateway.url))
            page.begin_anew(gateway.url + "/" + where)
        else:
            page = browser.open(gateway.url + "/" + where, **options)
            opened.append(page)
        if who and page.is_gate():
            gateway.sign_in(page, who)
        return page

    yield up
    for page in opened:
        page.close()
