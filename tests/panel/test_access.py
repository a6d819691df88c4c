"""Whoever cannot see it, or not well: every page by axe-core in both themes, by keyboard, on a phone and in Japanese."""
import os

from browser import button, css, heading, label, link, text

PROOF = os.environ.get("STOX_PROOF") == "1"
# Every page there is, by its address, with its heading: a new page joins by a line, and by what it shows in world().
PAGES = {
    "#/": "Overview",
    "#/partners": "Partners",
    "#/partners/fabrikam.example": "fabrikam.example",
    "#/new/partners": "New partner",
    "#/domains": "SIP domains",
    "#/domains/contoso.example": "contoso.example",
    "#/routes": "Routes",
    "#/routes/office": "office",
    "#/policies": "Policies",
    "#/policies/global": "global",
    "#/sites": "Sites",
    "#/sip-users": "SIP users",
    "#/blocks": "Blocks",
    "#/certificates": "Certificates",
    "#/certificates/edge": "edge",
    "#/certificates/edge/import": "Import for edge",
    "#/certificates/edge/assign": "Assign edge",
    "#/certificates/edge/export": "Export edge",
    "#/import/certificates": "Import a certificate",
    "#/new/certificates": "Request a certificate",
    "#/org": "Organisation",
    "#/gateway": "Gateway settings",
    "#/audit": "Audit log",
    "#/administrators": "Administrators",
    "#/administrators/anna": "anna",
    "#/new/administrators": "New administrator",
    "#/new/tokens": "New token",
    "#/account": "Your account: anna",
    "#/nothing": "There is no such page",
}
STEPS = ["What it is for", "Prepare now, send later", "Purposes", "Name and security", "Who you are", "SIP domains", "Names"]
NARROW = ["color-contrast", "target-size", "scrollable-region-focusable", "link-name", "button-name"]  # what width and theme change
SCHEMES, WIDTHS = ("light", "dark"), (1280, 768, 360)
# An ordinary run has axe look at each page in full once, and for what may differ once more in the dark on a phone.
LOOKS = [{"scheme": scheme, "width": width} for scheme in SCHEMES for width in WIDTHS] if PROOF else [
    {"scheme": "light", "width": 1280}, {"scheme": "light", "width": 768, "rules": []},
    {"scheme": "dark", "width": 360, "rules": NARROW}]


def world(gateway):
    """What the pages show."""
    gateway.ctl("cert", "request", "edge", "--csr", os.path.join(gateway.dir, "edge.csr"))
    return gateway


def test_nothing_is_wrong_with_any_page_in_either_theme_at_any_width(shared, open_page):
    page = open_page(world(shared))
    assert page.visit(list(PAGES.items()), LOOKS) == []
    assert [said for said in page.said() if "status of 401" not in said] == []


def test_japanese_is_chosen_and_every_page_is_there_in_it(shared, open_page):
    page = open_page(world(shared))
    page.select(label("Language"), "ja")
    page.sees(heading("概要"))
    assert page.axe() == []
    assert page.visit([(where, title if title in where else "") for where, title in PAGES.items()],
                      [{"scheme": "light", "width": 360, "rules": []}], "ja") == []


def test_each_step_of_the_wizard_and_each_dialog_passes_axe_too(shared, open_page):
    page = open_page(world(shared), "#/certificates/edge/request")
    for title in STEPS:
        page.sees(heading(title, level=2))
        assert page.axe() == [], title
        page.click(button("Next"))
    page.sees(heading("Summary", level=2))
    assert page.axe() == []


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


def test_the_theme_is_chosen_and_kept(shared, open_page):
    page = open_page(shared)
    page.select(label("Appearance"), "dark")
    page.reload()
    page.until("getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 26)'")


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


def test_the_menu_of_a_narrow_screen_opens_and_closes(shared, open_page):
    page = open_page(shared)
    page.resize(360)
    page.click(button("Menu"))
    assert page.axe(*NARROW) == []
    page.click(link("Partners", within=css("nav")))
    page.sees(heading("Partners", level=1))
