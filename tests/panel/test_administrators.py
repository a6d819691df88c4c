"""Stox's own people: administrators, tokens, sessions, and the audit of what they do."""
import http.client
import json

from browser import button, css, heading, label, link, text
from gateway import PASSWORD, PORT


def by_token(token, method, path, body=None):
    """Over TCP, as a program would: (status, the answer)."""
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    c.request(method, path, None if body is None else json.dumps(body),
              {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
    answer = c.getresponse()
    raw = answer.read()
    c.close()
    return answer.status, json.loads(raw) if raw else None


def go(page, where, title):
    page.follow(where)
    page.sees(heading(title, level=1))


EVERYWHERE = {"#/": "Overview", "#/partners": "Partners", "#/partners/fabrikam.example": "fabrikam.example", "#/domains": "SIP domains",
              "#/routes/office": "office", "#/gateway": "Gateway settings", "#/org": "Organisation", "#/certificates": "Certificates"}
FORBIDDEN = ["#/audit", "#/administrators", "#/administrators/anna", "#/new/administrators", "#/new/tokens", "#/new/partners"]


def test_a_reader_is_made_changes_nothing_and_ends_as_he_is_told(shared, open_page):
    page = open_page(shared, "#/administrators")
    page.click(link("New administrator"))
    page.sees(heading("New administrator"))
    page.fill(label("Name"), "ron")
    page.select(label("Role"), "reader")
    page.fill(label("First password"), "short")
    page.click(button("Make the administrator"))
    page.sees(text("at least 12 characters"))
    page.fill(label("First password"), PASSWORD)
    page.click(button("Make the administrator"))
    page.sees(heading("ron", level=1))
    page.sees(text("Not signed in"))
    # He sees all there is to read, and nothing to change it with.
    ron = open_page(shared, who="ron", new=True)
    for where, title in EVERYWHERE.items():
        go(ron, where, title)
        assert ron.count(button("Commit")) == ron.count(button("Remove")) == ron.count(link("Changes of this")) == 0, where
        assert ron.count(css("form.form :is(input, select, textarea):not(:disabled)")) == 0, where
    assert ron.count(link("Audit log")) == ron.count(link("Administrators")) == 0
    for where in FORBIDDEN:
        go(ron, where, "There is no such page")
    statuses = ron.evaluate("""async () => {
        const { csrf } = await (await fetch('/v1/session')).json();
        const ask = async (method, path, body) => (await fetch(path, { method, body: body && JSON.stringify(body),
            headers: { 'X-Stox-CSRF': csrf, 'Content-Type': 'application/json' } })).status;
        return [await ask('GET', '/v1/audit'), await ask('GET', '/v1/users'), await ask('GET', '/v1/tokens'),
                await ask('POST', '/v1/tokens', { name: 'x', role: 'administrator' }),
                await ask('PATCH', '/v1/users/ron', { role: 'administrator' }), await ask('DELETE', '/v1/users/anna'),
                await ask('PATCH', '/v1/partners/fabrikam.example', { description: 'x' })];
    }""")
    assert statuses == [403] * 7
    # His session is ended where he is; he comes back, and then he is removed.
    page.click(link("Administrators", within=css("nav")))
    page.sees(text("Signed in, one session"))
    page.click(button("End the session of ron from 127.0.0.1"))
    page.sees(text("The session is ended."))
    ron.sees(heading("Sign in again"))
    ron.fill({"within": css("dialog"), **label("Password")}, PASSWORD)
    ron.click(button("Sign in"))
    ron.sees_no_more(css("dialog"))
    page.click(link("ron"))
    page.click(button("Remove"))
    page.click(button("Remove", within=css("dialog")))
    page.sees(text("ron is removed."))
    page.sees(heading("Administrators", level=1))
    page.sees_no_more(link("ron"))
    ron.sees(heading("Sign in again"))
    # The last one stays: helga and rita cannot take her place.
    page.click(link("anna", within=css("tbody")))
    page.sees(heading("anna", level=1))
    page.click(button("Remove"))
    page.click(button("Remove", within=css("dialog")))
    page.sees(text("anna is the last administrator: make another one first"))
    page.select(label("Role"), "helpdesk")
    page.click(button("Commit"))
    page.sees({"within": css("form"), **text("anna is the last administrator")})


def entry(*words):
    """An entry of the audit that holds all of these words."""
    return css(".audit > li" + "".join(':has-text("%s")' % word for word in words))


def test_a_token_works_until_it_is_revoked_and_the_audit_tells_who_did_what(shared, open_page):
    page = open_page(shared, "#/new/tokens", new=True, permissions=["clipboard-write"])
    page.fill(label("Name"), "robot")
    page.select(label("Role"), "administrator")
    page.select(label("Good for"), "30 days")
    page.click(button("Make the token"))
    page.sees(text("The token robot is made"))
    token = page.text(css("pre.block"))
    page.click(button("Copy: Token"))
    page.sees(text("It is in the clipboard."))
    page.click(link("I have kept it"))
    page.sees(link("New token"))
    page.sees(css("tbody:has-text('robot')"))
    assert token not in page.evaluate("document.documentElement.outerHTML + JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    # Somebody of the helpdesk watches while the same partner is changed by three hands.
    helga = open_page(shared, "#/audit", who="helga")
    helga.sees(entry("token", "robot", "anna"))
    status, _ = by_token(token, "PATCH", "/v1/partners/fabrikam.example", {"tls": "optional"})
    assert status == 200
    helga.sees(entry("fabrikam.example", "robot", "with a token, from 127.0.0.1", "tls", "required", "optional"))
    shared.ctl("partner", "set", "fabrikam.example", "--add-domain", "im.fabrikam.example")
    helga.sees(entry("fabrikam.example", "root", "on the machine itself", "additional-domains", "added: im.fabrikam.example"))
    go(page, "#/partners/fabrikam.example", "fabrikam.example")
    page.fill(css("[name='description']"), "<b>Changed</b> here")
    page.click(button("Commit"))
    page.sees(text("The change is committed."))
    helga.sees(entry("fabrikam.example", "anna", "signed in, from 127.0.0.1", "description", "<b>Changed</b> here"))
    page.click(link("Changes of this"))
    page.sees(heading("Audit log", level=1))
    page.sees(entry("tls", "robot"))
    assert page.evaluate("[...document.querySelectorAll('.audit > li')].every((e) => /partner[^]*fabrikam.example/i.test(e.innerText))")
    # It is found by what it was, by who, and by how; and the link leads to it.
    page.click(button("Clear the filters"))
    page.sees(entry("token", "robot", "made"))
    page.fill(label("Setting, value or name"), "im.fabrikam")
    page.until("document.querySelectorAll('.audit > li').length === 1")
    page.fill(label("Setting, value or name"), "")
    page.select(label("By which means"), "token")
    page.until("document.querySelectorAll('.audit > li').length === 1")
    page.sees(entry("robot", "tls"))
    page.fill(label("Who"), "nobody at all")
    page.sees(text("No entry fits."))
    page.reload()  # the filter stands in the address
    page.sees(text("No entry fits."))
    page.fill(label("Who"), "robot")
    page.click(link("fabrikam.example"))
    page.sees(heading("fabrikam.example", level=1))
    # Secrets are said to be others, and not shown.
    shared.ctl("user", "passwd", "rita", stdin="another horse battery\n")
    shared.ctl("user", "passwd", "rita", stdin=PASSWORD + "\n")
    helga.sees(entry("administrator", "rita", "password", "hidden, another one than before"))
    go(page, "#/administrators", "Administrators")
    page.click(button("Revoke the token robot"))
    page.sees(heading("Revoke robot?"))
    page.click(button("Revoke", within=css("dialog")))
    page.sees(text("The token robot is revoked."))
    assert by_token(token, "GET", "/v1/status")[0] == 401
    helga.sees(entry("removed", "token", "robot", "anna"))
    assert [said for said in page.said() + helga.said() if "status of 401" not in said] == []


def test_a_long_audit_is_gone_through_by_pages(shared, open_page):
    changes = [{"op": "new", "kind": "sip-user", "name": "user%03d@contoso.example" % i, "values": {"served": False}}
               for i in range(120)]
    assert shared.ask("POST", "/v1/changes", {"changes": changes})[0] == 200
    page = open_page(shared, "#/audit?kind=sip-user")
    page.sees(entry("user119@contoso.example"))
    assert page.count(css(".audit > li")) == 50
    page.click(button("Older"))
    page.sees(entry("user069@contoso.example"))
    page.click(button("Older"))
    page.sees(entry("user000@contoso.example"))
    page.click(button("Newer"))
    page.sees(entry("user069@contoso.example"))
    page.click(button("Newest"))
    page.sees(entry("user119@contoso.example"))


def test_wrong_passwords_lock_out_until_a_time_that_is_said(alone, open_page):
    g = alone()
    page = open_page(g, "#/administrators", new=True)
    page.sees(link("rita"))
    other = open_page(g, who=None)
    for n in range(5):
        g.sign_in(other, "rita", "wrong wrong wrong %d" % n)
        other.sees(text("Name and password do not belong together"))
        other.until("document.querySelector('button[type=submit]').getAttribute('aria-disabled') === null")
    g.sign_in(other, "rita", "wrong wrong wrong")
    other.sees(text("Too many wrong passwords for this name or from this address. The next try counts at "))
    said = other.text(css("[role=alert]"))
    assert " s to go." in said or " sec to go." in said, said
    page.sees(text("Locked out for"))
    # Locked by an administrator is another thing, and is said to who knows the password.
    page.click(link("rita"))
    page.check(label("Locked: cannot sign in"))
    page.click(button("Commit"))
    page.sees(css(".mark.failed:has-text('Locked')"))
    assert g.ctl_json("user", "list")[2]["locked"] is True
    # The time passes: the page says so, and that the account is locked.
    other.evaluate("() => { const now = Date.now; Date.now = () => now() + 3600000; }")
    other.sees(text("You can try again now."))
