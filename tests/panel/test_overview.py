"""The overview, live: what passes, what fails, a gateway that goes away and comes back."""
from browser import button, css, heading, label, link, text
from rig import dns

SIP = (dns.GATEWAY, 5060)


def test_a_message_a_failure_and_a_new_setting_are_seen_at_once(alone, prosody, office, romeo, open_page):
    g = alone()
    page = open_page(g)
    page.sees(text("Serving", within=css(".tiles")))
    page.sees(text("for 1 SIP domain"))
    page.sees(text("Last hour: 0 to XMPP, 0 to SIP, 0 failed."))
    assert office.message("romeo@fabrikam.example", "Hello", target=SIP).wait() == 200
    page.sees(text("1 connected", within=css(".tiles")))
    page.sees(text("Last hour: 1 to XMPP, 0 to SIP, 0 failed."))
    page.click(button("Last day"))
    page.sees(text("Last day: 1 to XMPP"))
    g.ctl("org", "set", "--federation", "no")
    page.sees(text("Federation is off"))
    page.click(link("Service"))
    page.sees(heading("Organisation", level=1))
    page.check(css("[name='federation']"))
    page.click(button("Commit"))
    page.click(link("Overview"))
    page.sees(text("Serving", within=css(".tiles")))


def test_a_broken_partner_is_found_from_the_overview_and_repaired(alone, prosody, office, romeo, open_page):
    g = alone(partners={"fabrikam.example": {"proxy": "10.99.0.77:1"}})
    page = open_page(g)
    page.sees(text("0 connected", within=css(".tiles")))
    assert office.message("romeo@fabrikam.example", "Hello", target=SIP).wait() >= 400
    page.sees(text("1 failing", within=css(".tiles")))
    page.click(link("Partners", within=css(".tiles")))
    page.sees(text("Failing since"))
    page.click(link("fabrikam.example"))
    page.sees(text("Our last set-up failed"))
    page.click({"css": ".notice summary"})
    page.sees(css(".notice .ladder li.failed"))
    page.fill(css("[name='proxy']"), "")
    page.click(button("Commit"))
    page.sees(text("The change is committed."))
    page.click(button("Test the connection"))
    page.sees(css(".test .notice.ok"))
    page.sees_no_more(text("Our last set-up failed"))
    page.click(link("Overview"))
    page.sees(text("1 connected", within=css(".tiles")))


def test_a_gateway_that_went_away_is_missed_and_found_again(alone, open_page):
    g = alone()
    page = open_page(g, "#/partners")
    page.sees(link("fabrikam.example"))
    g.stop()
    page.sees(text("Connection lost."))
    g.start()
    page.sees(heading("Sign in again"))  # sessions end with the daemon
    page.fill({"within": css("dialog"), **label("Password")}, "correct horse battery")
    page.click(button("Sign in"))
    page.sees_no_more(text("Connection lost."))
    g.ctl("partner", "new", "tailspin.example")
    page.sees(link("tailspin.example"))
