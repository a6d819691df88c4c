"""Servers for the tests of the API."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in (os.path.dirname(HERE), HERE):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from rig import ns, pki  # noqa: E402
from support import HASTY, Server  # noqa: E402


@pytest.fixture(scope="session")
def authority():
    return pki.Pki(os.path.join(ns.work_dir(), "admin-pki"))


@pytest.fixture
def server():
    s = Server()
    yield s
    s.stop()


@pytest.fixture(scope="module")
def shared():
    """One server for tests that leave each other alone."""
    s = Server()
    yield s
    s.stop()


@pytest.fixture(scope="module")
def hasty():
    """One that cuts whoever lingers after two seconds, and so is no good for anything else."""
    s = Server(deadlines=HASTY)
    yield s
    s.stop()


@pytest.fixture
def tls_server(authority):
    s = Server("10.99.0.1:0", authority.issue("admin.contoso.example", by=None))
    yield s
    s.stop()
