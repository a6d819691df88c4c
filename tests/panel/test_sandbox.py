"""
The panel as it is installed: below the unit's sandbox, with PostgreSQL, from the first start to a hand-over under an open page. With
STOX_PROOF=1 with SQLite too; all other tests have no sandbox, and in a proof both stores.
"""
import os
import re

import pytest

from browser import button, css, heading, label, link, text
from gateway import PASSWORD, PORT, Gateway
from rig import dns, systemd
from rig.process import eventually
from test_systemd import Installed

PROOF = os.environ.get("STOX_PROOF") == "1"
SIP = (dns.GATEWAY, 5060)
pytestmark = pytest.mark.skipif(bool(systemd.forbidden()), reason=systemd.forbidden() or "-")


class Unit(Installed):
    """With a panel."""

    sign_in = Gateway.sign_in

    def __init__(self, rig, machine, store):
        super().__init__(rig, machine, store)
        self.partners = {}
        self.settings["listen_admin"] = ["127.0.0.1:%d" % PORT]
        self.url = "http://127.0.0.1:%d" % PORT


@pytest.fixture
def unit(rig, home, start):
    """unit(store): installed and begun."""
    def up(store):
        home.rest()
        binds, found = {}, re.search(r"host=([^&]*)", store)
        if found:  # the unit has a /tmp of its own
            binds[found[1]] = "/srv/postgres"
            store = store.replace(found[1], "/srv/postgres")
        gateway = Unit(rig, start(systemd.Machine(binds)), store)
        gateway.install()
        gateway.begin()
        return gateway
    return up


def begin(page, token):
    page.fill(label("Setup token"), token)
    page.fill(label("Name"), "anna")
    page.fill(label("Password"), PASSWORD)
    page.click(button("Make the administrator and sign in"))
    page.sees(text("Serving", within=css(".tiles")))


def bring_a_certificate(page, rig):
    page.click(link("Certificates", within=css("nav")))
    page.click(link("Import", within=css(".head")))
    page.fill(label("Name"), "brought")
    page.files(label("File"), rig.pki.issue("contoso-sandbox", ["contoso.example"]).both)
    page.click(button("Import"))
    page.sees(heading("It is imported"))
    page.click(link("Assign"))
    page.click(button("Assign"))
    page.sees(text("domain contoso.example shows it to partners from now on"))


def make_a_partner(page):
    page.click(link("Partners", within=css("nav")))
    page.click(link("New partner", within=css(".head")))
    page.fill(label("Domain"), "fabrikam.example")
    page.click(button("Commit"))
    page.sees(heading("fabrikam.example"))
    page.click(button("Test the connection"))
    page.sees(css(".test .notice.ok"))


@pytest.mark.parametrize("store", ["sqlite", "postgresql"] if PROOF else ["postgresql"], indirect=True)
def test_the_installed_gateway_is_set_up_watched_and_handed_over_under_an_open_page(unit, store, rig, prosody, office, romeo, open_page):
    gateway = unit(store)
    page = open_page(gateway, "#/setup", who=None)
    begin(page, eventually(lambda: re.findall(r"admin-setup .*token=(\S+)", gateway.machine.journal("stoxd")), "the journal has it")[-1])
    page.sees(text("PostgreSQL" if store else "SQLite", within=css(".tiles")))
    bring_a_certificate(page, rig)
    make_a_partner(page)
    page.click(link("Overview"))
    assert office.message(romeo.jid, "below the sandbox", target=SIP).wait() == 200
    page.sees(text("Last hour: 1 to XMPP, 0 to SIP, 0 failed."))
    page.evaluate("() => { location.hash = '#/partners/fabrikam.example'; }")
    page.fill(css("[name='description']"), "Typed before")
    gateway.machine.run("stoxctl", "service", "restart", "--hand-over")
    page.sees(heading("Sign in again"))  # sessions are the old process's own
    page.fill({"within": css("dialog"), **label("Password")}, PASSWORD)
    page.click(button("Sign in"))
    page.sees_no_more(text("Connection lost."))
    page.click(button("Commit"))
    page.sees(text("The change is committed."))
    page.click(link("Partners", within=css("nav")))
    page.sees(text("Typed before", within=css("tbody")))
    gateway.machine.run("stoxctl", "partner", "new", "tailspin.example")
    page.sees(link("tailspin.example"))  # what changes is heard of again
    page.click(link("Certificates", within=css("nav")))
    page.sees(text("All that is in use is good."))
    said = gateway.machine.journal("stoxd")
    assert "Permission denied" not in said and "not permitted" not in said, said
