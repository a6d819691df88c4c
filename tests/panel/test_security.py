"""Threats A4 and D16: scripts in whatever is stored and shown, roles, cookies."""
import http.client
import json
import threading
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest

from browser import button, css, heading, label, link, text
from gateway import PORT
from rig import dns
from rig.process import Failed
from rig.scripted import Listener

HOSTILE = "\"'><img src=x onerror=window.ran=1><script>window.ran=1</script><svg/onload=window.ran=1>{{7*7}}"
VIEWS = ["#/partners", "#/partners/fabrikam.example", "#/policies", "#/policies/bad", "#/sites", "#/sites/bad", "#/blocks",
         "#/blocks/bad.example", "#/org", "#/gateway", "#/routes", "#/"]


def put(gateway, method, path, body):
    status, raw = gateway.ask(method, path, body)
    assert status in (200, 201), raw


def stays_text(page):
    assert page.evaluate("window.ran ?? null") is None
    assert page.count(css("img[src='x'], script:not([src]), svg[onload], [onerror]")) == 0


def test_what_administrators_store_is_shown_as_text_everywhere(shared, open_page):
    put(shared, "PATCH", "/v1/partners/fabrikam.example", {"description": HOSTILE})
    put(shared, "POST", "/v1/policies", {"name": "bad", "description": HOSTILE})
    put(shared, "POST", "/v1/sites", {"name": "bad", "description": HOSTILE})
    put(shared, "POST", "/v1/blocks", {"name": "bad.example", "description": HOSTILE})
    put(shared, "PATCH", "/v1/org", {"description": HOSTILE})
    put(shared, "PATCH", "/v1/gateway", {"contact-addresses": ["abuse=mailto:" + quote(HOSTILE)], "public-name": ""})
    page = open_page(shared)
    page.said()
    for view in VIEWS:
        page.evaluate("(hash) => { location.hash = hash; }", view)
        page.until("(want) => document.querySelector('main').ariaBusy !== 'true' && location.hash.startsWith(want)", view)
        if view in ("#/partners", "#/policies", "#/sites", "#/blocks"):
            page.sees(text(HOSTILE))
        elif view not in ("#/gateway", "#/routes", "#/"):
            page.until("(want) => document.querySelector('[name=\"description\"]')?.value === want", HOSTILE)
        stays_text(page)
    assert page.said() == []


def test_what_comes_in_by_the_address_or_with_an_error_is_shown_as_text(shared, open_page):
    page = open_page(shared, "#/partners?search=" + quote(HOSTILE))
    page.sees(text("Nothing fits the search."))
    assert page.value(label("Search")) == HOSTILE
    stays_text(page)
    for where in ("#/partners/" + quote(HOSTILE, safe=""), "#/" + quote(HOSTILE, safe=""), "#/partners?sort=" + quote(HOSTILE),
                  "#/partners?offset=" + quote(HOSTILE), "#/%zz/%"):
        page.evaluate("(hash) => { location.hash = hash; }", where)
        page.until("document.querySelector('main').ariaBusy !== 'true'")
        stays_text(page)
    page.evaluate("(hash) => { location.hash = hash; }", "#/partners/fabrikam.example")
    page.fill(css("[name='additional-domains']"), HOSTILE)
    page.click(button("Commit"))
    page.sees(css("[name='additional-domains'][aria-invalid='true']"))  # the API's sentence repeats it
    stays_text(page)


def refuse_with(listener, words):
    """A partner's server that ends each stream with an error of these words."""
    try:
        while True:
            wire = listener.accept(30)
            wire.expect(r"<stream:stream[^>]*>")
            wire.send("<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
                      "from='fabrikam.example' to='contoso.example' id='1' version='1.0'><stream:error><policy-violation "
                      "xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>"
                      "%s</text></stream:error></stream:stream>" % escape(words))
    except (Failed, OSError):
        pass  # the test is over


def test_what_a_partner_says_is_shown_as_text(gateway, start, open_page):
    listener = start(Listener("10.99.0.77"))
    threading.Thread(target=refuse_with, args=(listener, HOSTILE), daemon=True).start()
    g = gateway(partners={"fabrikam.example": {"proxy": "10.99.0.77"}})
    page = open_page(g, "#/partners/fabrikam.example")
    page.click(button("Test the connection"))
    page.sees(css(".test .notice.failed"))
    page.sees(text("onerror=window.ran=1"))
    stays_text(page)


@pytest.mark.parametrize("who", ["rita", "helga"])
def test_who_may_not_change_anything_is_offered_nothing_and_cannot(shared, open_page, who):
    page = open_page(shared, "#/partners", who=who)
    page.sees(link("fabrikam.example"))
    assert page.count(link("New partner")) == 0
    page.click(link("fabrikam.example"))
    page.sees(heading("fabrikam.example"))
    assert page.count(button("Commit")) == page.count(button("Remove")) == 0
    assert page.count(css("form.form :is(input, select, textarea):not(:disabled)")) == 0
    assert page.count(button("Test the connection")) == (1 if who == "helga" else 0)
    page.evaluate("() => { location.hash = '#/new/partners'; }")
    page.sees(heading("There is no such page"))
    statuses = page.evaluate("""async () => {
        const { csrf } = await (await fetch('/v1/session')).json();
        const ask = async (method, path, body) => (await fetch(path, { method, body: JSON.stringify(body),
            headers: { 'X-Stox-CSRF': csrf, 'Content-Type': 'application/json' } })).status;
        return [await ask('POST', '/v1/partners', { name: 'x.example' }), await ask('PATCH', '/v1/partners/fabrikam.example', {}),
                await ask('DELETE', '/v1/partners/fabrikam.example'), await ask('PATCH', '/v1/gateway', {}),
                await ask('POST', '/v1/users', { name: 'x', password: 'x'.repeat(12) })];
    }""")
    assert statuses == [403] * 5


def test_the_cookie_is_out_of_reach_and_nothing_secret_is_kept(alone, rig, open_page):
    host = "gw.contoso.example"
    cert = rig.cert(host)
    g = alone(address="%s:8443" % dns.GATEWAY, scheme="https", admin_certificate=cert.file, admin_key=cert.key)
    page = open_page(g, ignoreHTTPSErrors=True)
    page.sees(heading("Overview"))
    (cookie,) = page.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == ("__Host-stox", True, True, "Strict")
    assert page.evaluate("document.cookie") == ""
    page.select(label("Appearance"), "dark")
    kept = page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert json.loads(kept) == [{"stox.theme": "dark"}, {}]


def test_a_page_elsewhere_can_neither_frame_nor_use_it(shared, open_page):
    page = open_page(shared)
    page.sees(heading("Overview"))
    # localhost is another site than 127.0.0.1, and the same server: its page is "elsewhere" here.
    other = "http://localhost:%d" % PORT
    page.goto(other + "/")
    page.sees(button("Sign in"))
    assert page.evaluate("fetch('%s/v1/status').then((r) => r.status, () => 'refused')" % shared.url) == "refused"
    for path in ("/v1/partners", "/v1/session", "/v1/setup"):
        c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
        c.request("POST", path, b"{}", {"Content-Type": "application/json", "Origin": other})
        assert c.getresponse().status in (401, 403), path
        c.close()
