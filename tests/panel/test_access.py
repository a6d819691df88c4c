"""Whoever cannot see it, or not well: every page by axe-core in both themes, by keyboard, on a phone and in Japanese."""
import os

from browser import button, css, heading, label, link, text

PROOF = os.environ.get("STOX_PROOF") == "1"
# Every page there is, by its address, with its heading: a new page joins by a line, and by what it shows in world().
PAGES = {
    "#/": "Overview",
    "#/check": "Check",
    "#/dns": "DNS",
    "#/partners": "Partners",
    "#/partners/fabrikam.example": "fabrikam.example",
    "#/new/partners": "New partner",
    "#/streams": "Streams",
    "#/conversations": "Conversations",
    "#/queue": "Queue",
    "#/domains": "SIP domains",
    "#/domains/contoso.example": "contoso.example",
    "#/routes": "Routes",
    "#/routes/office": "office",
    "#/policies": "Policies",
    "#/policies/global": "global",
    "#/sites": "Sites",
    "#/sip-users": "SIP users",
    "#/blocks": "Blocks",
    "#/proxies": "Proxies",
    "#/certificates": "Certificates",
    "#/certificates/edge": "edge",
    "#/certificates/edge/import": "Import for edge",
    "#/certificates/edge/assign": "Assign edge",
    "#/certificates/edge/export": "Export edge",
    "#/import/certificates": "Import a certificate",
    "#/new/certificates": "Request a certificate",
    "#/trace": "Trace",
    "#/test": "Test messages",
    "#/audit": "Audit log",
    "#/administrators": "Administrators",
    "#/new/administrators": "New administrator",
    "#/new/tokens": "New token",
    "#/effective": "Effective policy",
    "#/effective?user=alice%40contoso.example&with=romeo%40fabrikam.example": "Effective policy",
    "#/contacts": "Contacts",
    "#/contacts/alice%40contoso.example/romeo%40fabrikam.example": "alice@contoso.example and romeo@fabrikam.example",
    "#/new/contacts": "Add a contact",
    "#/purge/contacts": "Remove many",
    "#/org": "Organisation",
    "#/gateway": "Gateway settings",
    "#/administrators/anna": "anna",
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
    status, raw = gateway.ask("POST", "/v1/contacts", {"contacts": [
        {"sip": "alice@contoso.example", "xmpp": "romeo@fabrikam.example", "sip-watches": "granted"}]})
    assert status == 200, raw
    gateway.ctl("dns", "check", ok=False)
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


def is_at(page, name):
    """A page of this heading is there, and whoever reads by ear is at it."""
    page.until("(name) => document.activeElement.tagName === 'H1' && document.activeElement.innerText === name", name)
    assert page.evaluate("document.title") == name + " – Stox"


def is_told(page, words):
    """A region that screen readers follow says this."""
    page.sees(text(words, within=css(":is([role=status], [role=alert], [aria-live])")))


def test_a_keyboard_is_enough_from_a_new_partner_to_its_end(gateway, open_page):
    g = gateway()
    page = open_page(g)
    page.sees(heading("Overview"))
    page.press("Tab")
    assert page.focus() == ("a", "Skip to the content")
    page.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.reach("Partners", key="Shift+Tab")  # of the navigation
    page.press("Enter")
    is_at(page, "Partners")
    page.reach("New partner")
    page.press("Enter")
    is_at(page, "New partner")
    page.reach("Domain")
    page.type("no domain")
    page.press("Enter")
    is_told(page, "is not a domain name")
    assert page.focus() == ("input", "Domain")
    page.press("Control+a")
    page.type("northwind.example")
    page.reach("Authentication by server dialback (XEP-0220)")
    page.press("Space")
    is_told(page, "This combination is sound.")
    page.reach("dialback: back to the default")
    page.press("Enter")
    assert page.focus() == ("input", "Authentication by server dialback (XEP-0220)")
    page.reach("Commit")
    page.press("Enter")
    is_told(page, "northwind.example is made.")  # for some seconds, from before the page is there
    is_at(page, "northwind.example")
    page.reach("Remove")
    page.press("Enter")
    page.sees(heading("Remove northwind.example?"))
    assert page.focus() == ("button", "Cancel")
    page.press("Shift+Tab")
    assert page.focus() == ("button", "Remove") and page.evaluate("document.activeElement.closest('dialog') !== null")
    page.press("Escape")
    page.sees_no_more(css("dialog"))
    assert page.focus() == ("button", "Remove")
    page.press("Enter")
    page.press("Shift+Tab")
    page.press("Enter")
    is_told(page, "northwind.example is removed.")
    is_at(page, "Partners")
    page.reach("Domain", "button")
    page.press("Enter")
    page.sees(css("th[aria-sort=descending]"))
    assert page.focus() == ("button", "Domain")
    page.resize(360)
    page.reach("Menu", key="Shift+Tab")
    page.press("Enter")
    page.reach("SIP domains", "a")
    assert page.axe(*NARROW) == []
    page.press("Escape")
    assert page.focus() == ("button", "Menu") and page.evaluate("document.activeElement.ariaExpanded") == "false"
    assert [p["name"] for p in g.ctl_json("partner", "list")] == ["fabrikam.example", "wingtip.example"]


def test_nothing_that_goes_away_takes_the_focus_with_it(shared, open_page):
    other = open_page(shared, who="anna", userAgent="Another browser")
    page = open_page(shared, "#/account")
    page.sees(text("Another browser"))
    page.evaluate("document.querySelector('tr:has(button) button').focus()")
    page.press("Enter")
    page.sees_no_more(text("Another browser"))
    assert page.focus()[0] != "body"
    is_told(page, "The session is ended.")
    other.sees(heading("Sign in again"))
    assert other.evaluate("document.activeElement.closest('dialog') !== null")
