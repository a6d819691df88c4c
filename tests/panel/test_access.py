"""Whoever cannot see it, or not well: every page by axe-core in both themes, by keyboard, and on a phone."""
import os

import pytest

from browser import button, css, heading, label, link

PAGES = {"#/": "Overview", "#/partners": "Partners", "#/partners/fabrikam.example": "fabrikam.example",
         "#/new/partners": "New partner",
         "#/domains": "SIP domains", "#/domains/contoso.example": "contoso.example",
         "#/routes": "Routes", "#/routes/office": "office",
         "#/policies": "Policies", "#/policies/global": "global", "#/sites": "Sites", "#/sip-users": "SIP users", "#/blocks": "Blocks",
         "#/org": "Organisation", "#/gateway": "Gateway settings", "#/account": "Your account: anna", "#/nothing": "There is no such page"}
DARK = ["#/", "#/partners", "#/partners/fabrikam.example", "#/account"]


def test_axe_finds_nothing_on_any_page_in_either_theme(shared, open_page):
    nobody = open_page(shared, who=None)
    page = open_page(shared)
    for scheme in ("light", "dark"):
        nobody.theme(scheme)
        page.theme(scheme)
        assert nobody.axe() == []
        for where, title in PAGES.items():
            page.evaluate("(hash) => { location.hash = hash; }", where)
            page.sees(heading(title, level=1))
            if scheme == "light":
                assert page.axe() == [], where
            elif where in DARK or os.environ.get("STOX_PROOF"):  # these have all there is; the rest is the same in the dark
                assert page.axe("color-contrast") == [], where
    assert [said for said in page.said() if "status of 401" not in said] == []


def test_dialogs_and_the_first_start_pass_axe_too(shared, open_page):
    page = open_page(shared, "#/partners/fabrikam.example")
    page.click(button("Remove"))
    page.sees(heading("Remove fabrikam.example?"))
    assert page.axe() == []
    page.press("Escape")
    page.sees_no_more(css("dialog"))
    assert page.evaluate("document.activeElement.innerText") == "Remove"
    first = open_page(shared, "#/setup", who=None)
    first.sees(heading("First start"))
    assert first.axe() == []


def test_the_theme_and_the_language_are_chosen_and_kept(shared, open_page):
    page = open_page(shared)
    page.select(label("Appearance"), "dark")
    page.reload()
    page.until("getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 26)'")
    page.select(label("Language"), "ja")
    page.sees(heading("概要"))
    assert page.evaluate("document.documentElement.lang") == "ja"
    assert page.axe() == []


def test_a_keyboard_is_enough(shared, open_page):
    page = open_page(shared)
    page.sees(heading("Overview"))
    page.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the content"
    page.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.evaluate("document.querySelector('nav a[href=\"#/partners\"]').focus()")
    page.press("Enter")
    page.sees(heading("Partners", level=1))
    page.until("document.activeElement.tagName === 'H1'")  # whoever reads by ear hears where they are
    assert page.evaluate("document.title") == "Partners – Stox"
    for _ in range(40):
        page.press("Tab")
        ring = page.evaluate("""() => { const e = document.activeElement;
            return e === document.body || getComputedStyle(e).outlineStyle !== 'none'; }""")
        assert ring, page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("document.activeElement.innerText") == "fabrikam.example":
            break
    page.press("Enter")
    page.sees(heading("fabrikam.example", level=1))


@pytest.mark.parametrize("width", [360, 768])
def test_a_narrow_screen_has_all_of_it(shared, open_page, width):
    page = open_page(shared)
    page.resize(width)
    for where, title in PAGES.items():
        page.evaluate("(hash) => { location.hash = hash; }", where)
        page.sees(heading(title, level=1))
        wide = page.evaluate("""(width) => document.documentElement.scrollWidth <= width ? [] : [...document.querySelectorAll('*')]
            .filter((e) => e.getBoundingClientRect().right > width).map((e) => e.outerHTML.slice(0, 200))""", width)
        assert wide == [], (where, wide)
    page.click(button("Menu"))
    page.click(link("Partners"))
    page.sees(heading("Partners", level=1))
    assert page.axe() == []
