"""The pictures of docs/PANEL.md, from a run of their own: make screenshots. No part of ordinary runs."""
import os
import subprocess

import pytest

from browser import button, css, heading, label, link, text
from rig import dns, ns

FOLDER = os.path.join(ns.REPO, "docs/panel")
SIP = (dns.GATEWAY, 5060)


def take(page, name):
    """Few colours make a small file."""
    path = os.path.join(FOLDER, name + ".png")
    page.screenshot(path)
    subprocess.run(["pngquant", "--force", "--strip", "--speed", "1", "--quality", "60-90", "64", "--output", path, path], check=True)


@pytest.fixture
def world(alone, prosody, office, romeo):
    """Two partners, one of which is out of reach, and some that are only listed."""
    more = {name + ".example": {} for name in ("adatum", "litware", "northwind", "proseware", "tailspin")}
    g = alone(partners={"fabrikam.example": {"description": "Everyday partner"},
                        "wingtip.example": {"proxy": "10.99.0.77:1", "description": "Moves to a new server"}, **more})
    for n in range(8):
        assert office.message("romeo@fabrikam.example", "Hello %d" % n, target=SIP).wait() == 200
        romeo.send("alice@contoso.example", "And hello %d" % n)
        office.wait_message("And hello %d" % n)
    assert office.message("juliet@wingtip.example", "Hello", target=SIP).wait() >= 400
    return g


def test_the_pictures(world, office, romeo, open_page):
    os.makedirs(FOLDER, exist_ok=True)
    gate = open_page(world, who=None)
    gate.sees(button("Sign in"))
    take(gate, "signin")
    page = open_page(world, new=True)
    page.sees(text("1 failing", within=css(".tiles")))
    page.sees(text("Last hour: 9 to XMPP"))
    take(page, "overview")
    page.click(link("Partners", within=css("nav")))
    page.sees(text("Failing since"))
    take(page, "partners")
    page.click(link("wingtip.example"))
    page.click({"css": ".notice summary"})
    page.sees(css(".notice .ladder li.failed"))
    take(page, "partner-failing")
    page.evaluate("() => { location.hash = '#/partners/fabrikam.example'; }")
    page.sees(heading("fabrikam.example", level=1))
    page.click(button("Test the connection"))
    page.sees(css(".test .notice.ok"))
    take(page, "partner-test")
    page.check(css("[name='dialback']"), False)
    page.select(css("[name='tls']"), "optional")
    page.sees(css(".verdict .notice"))
    page.evaluate("document.querySelector('.matrix').scrollIntoView({ block: 'center' })")
    take(page, "partner-matrix")
    page.select(label("Appearance"), "dark")
    take(page, "partner-dark")
    page.check(css("[name='dialback']"), True)
    page.select(css("[name='tls']"), "required")
    page.select(label("Appearance"), "light")
    for where, title in ("#/streams", "Streams"), ("#/effective?user=alice%40contoso.example&with=romeo%40fabrikam.example", "Effective policy"):
        page.evaluate("(hash) => { location.hash = hash; }", where)
        page.sees(heading(title, level=1))
        page.sees(text("fabrikam.example", within=css("main")))
        take(page, where[2:].partition("?")[0])
    page.evaluate("() => { location.hash = '#/trace'; }")
    page.fill(label("People"), "alice@contoso.example")
    page.click(button("Start"))
    page.sees(text("Running", exact=True))
    assert office.message("romeo@fabrikam.example", "Are you there?", target=SIP).wait() == 200
    romeo.send("alice@contoso.example", "Yes")
    office.wait_message("Yes")
    assert office.message("juliet@wingtip.example", "And you?", target=SIP).wait() >= 400
    page.until("() => document.querySelectorAll('.rung').length >= 10")
    take(page, "trace")
    phone = open_page(world, new=True, viewport={"width": 390, "height": 780}, deviceScaleFactor=2)
    phone.sees(text("1 failing", within=css(".tiles")))
    take(phone, "phone")
