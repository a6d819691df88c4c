"""First start, signing in and out, sessions that end."""
from browser import button, css, heading, label, text
from gateway import PASSWORD


def test_the_first_administrator_is_made_with_the_token_of_the_log(alone, open_page):
    g = alone(people=False, empty=True)
    token = g.wait_event("admin-setup")["token"]
    page = open_page(g, who=None)
    page.click(button("First start? Make the first administrator"))
    page.fill(label("Setup token"), "wrong" + token[5:])
    page.fill(label("Name"), "anna")
    page.fill(label("Password"), PASSWORD)
    page.click(button("Make the administrator and sign in"))
    page.sees(text("This token is not good"))
    page.fill(label("Setup token"), token)
    page.fill(label("Password"), "short")
    page.click(button("Make the administrator and sign in"))
    page.sees(text("a password has at least 12 characters"))
    page.fill(label("Password"), PASSWORD)
    page.click(button("Make the administrator and sign in"))
    page.sees(heading("Overview"))
    assert g.ctl_json("user", "list")[0]["role"] == "administrator"


def test_a_wrong_password_is_said_and_a_right_one_opens(gateway, open_page):
    g = gateway()
    page = open_page(g, who=None)
    page.until("document.activeElement.name === 'name'")
    g.sign_in(page, "anna", "wrong wrong wrong")
    page.sees(text("Name and password do not belong together"))
    g.sign_in(page, "anna")
    page.sees(heading("Overview"))
    page.click(button("Sign out"))
    page.sees(heading("Sign in"))
    page.reload()
    page.sees(heading("Sign in"))


def test_an_ended_session_brings_one_back_where_one_was(gateway, open_page):
    g = gateway()
    page = open_page(g, "#/account", new=True)
    page.sees(heading("Your account: anna"))
    page.fill(label("Password now"), "typed before")
    page.fill(label("New password"), "another long password")
    page.forget()
    # As a click; what the page asks by itself may have brought the dialog already, below which there is nothing to click at.
    page.evaluate("() => [...document.querySelectorAll('main button')].find((b) => b.innerText === 'Change password').click()")
    page.sees(heading("Sign in again"))
    page.fill({"within": css("dialog"), **label("Password")}, PASSWORD)
    page.click(button("Sign in"))
    page.sees(text("the old password is wrong"))  # the same request again, with what was typed
    assert page.value(label("Password now")) == "typed before"


def test_signing_in_in_another_window_does_not_stop_this_one(shared, open_page):
    page = open_page(shared, "#/partners/fabrikam.example", new=True)
    page.fill(css("[name='description']"), "Changed here")
    before = page.cookies()[0]["value"]
    assert page.evaluate("""async (password) => (await fetch('/v1/session', { method: 'POST', body: JSON.stringify({ name: 'anna', password }),
        headers: { 'Content-Type': 'application/json' } })).status""", PASSWORD) == 200
    assert page.cookies()[0]["value"] != before
    page.click(button("Commit"))
    page.sees(text("The change is committed."))
    assert shared.ctl_json("partner", "show", "fabrikam.example")["description"] == "Changed here"


def test_a_password_is_changed_and_sessions_are_seen_and_ended(shared, open_page):
    shared.make("paul", "reader")
    page = open_page(shared, "#/account", who="paul", new=True)
    other = open_page(shared, "#/account", who="paul", userAgent="Other <b>browser</b>")
    page.reload()
    page.sees(text("Other <b>browser</b>"))
    page.click(button("End the session of paul from 127.0.0.1"))
    page.sees_no_more(text("Other <b>browser</b>"))
    other.sees(heading("Sign in again"))
    page.fill(label("Password now"), PASSWORD)
    page.fill(label("New password"), "another long password")
    page.click(button("Change password"))
    page.sees(text("Your password is changed."))
    page.click(button("Sign out"))
    shared.sign_in(page, "paul", "another long password")
    page.sees(button("Sign out"))
