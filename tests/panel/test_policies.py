"""A policy granted: who is refused, why, and what lets the message pass."""
from browser import button, css, heading, label, link, text
from rig import dns

SIP = (dns.GATEWAY, 5060)
ROMEO = "romeo@fabrikam.example"


def closed(gateway):
    """Nobody may, but for whom the policy "staff" is granted to; a site, Rome."""
    g = gateway()
    g.ctl("policy", "set", "global", "--federation", "no", "--xmpp", "no")
    g.ctl("policy", "new", "staff", "--federation", "yes", "--xmpp", "yes")
    g.ctl("site", "new", "rome", "--users", "r*@contoso.example")
    return g


def ask(page, user, other=""):
    page.fill(label("SIP user"), user)
    page.fill(label("Partner's user or domain"), other)
    page.click(button("Look"))


def test_whoever_is_refused_is_granted_a_policy_and_the_message_passes(gateway, prosody, office, romeo, open_page):
    g = closed(gateway)
    refused = office.message(ROMEO, "Before", target=SIP)
    assert refused.wait() == 403 and "not allowed to talk to people on XMPP" in refused.reason
    page = open_page(g)
    page.click(link("Effective policy"))
    ask(page, "alice@contoso.example", ROMEO)
    page.sees(text("alice@contoso.example and romeo@fabrikam.example may not talk to each other."))
    page.sees(text("the policy does not allow federation"))
    page.sees(text("The global policy decides"))
    assert page.count(css(".findings .mark.failed")) == 1
    assert page.axe() == []
    page.click(link("global", within=css(".findings")))
    page.sees(heading("global", level=1))
    page.evaluate("history.back()")
    page.sees(heading("Grant a policy"))
    page.select(css("[name='policy']"), "staff")
    page.click(button("Grant"))
    page.sees(text("The policy is granted."))
    page.sees(text("alice@contoso.example and romeo@fabrikam.example may talk to each other."))
    page.sees(text("The policy that is granted to the user decides."))
    assert office.message(ROMEO, "After", target=SIP).wait() == 200
    romeo.wait_message("After")
    g.ctl("block", "add", ROMEO)  # what somebody else changes is seen at once
    page.sees(text("An entry of the block list keeps them apart:"))
    page.click(link(ROMEO, within=css(".findings")))
    page.sees(heading(ROMEO, level=1))
    page.click(link("Effective policy"))
    ask(page, "alice@contoso.example", "somebody@nowhere.example")
    page.sees(text("The domain belongs to no partner (nowhere.example)"))
    ask(page, "nobody")
    page.sees(css(".notice.failed [lang='en']"))


def test_a_policy_is_granted_to_many_and_to_a_site_and_taken_back(gateway, open_page):
    g = closed(gateway)

    def level(user):
        v = g.ask_json("/v1/effective?user=" + user)
        return v["level"], v["policy"], v["allowed"]

    page = open_page(g, "#/policies/staff")
    page.click(css("summary"))
    assert page.axe() == []
    page.fill(label("Users"), "alice@contoso.example\nbob@contoso.example, nobody")
    page.click(button("Grant"))
    page.sees(css("details .notice.failed"))
    assert level("alice@contoso.example") == ("global", "global", False)  # all of them or none
    page.fill(label("Users"), "alice@contoso.example\nbob@contoso.example")
    page.click(button("Grant"))
    page.sees(text("The policy is granted to 2 users."))
    assert level("bob@contoso.example") == ("user", "staff", True)
    page.check(label("rome"))
    page.click(button("Give it to these sites"))
    page.sees(text("The site has a policy with these values."))
    assert level("rosa@contoso.example") == ("site", "site:rome", True)
    page.click(button("Give it to these sites"))  # it has one already
    page.fill(label("Users"), "bob@contoso.example")
    page.click(button("Take it back"))
    page.sees(text("The user has no policy of their own."))
    assert level("bob@contoso.example") == ("global", "global", False)
    page.click(link("Users to whom it is granted"))
    page.sees(text("1 in all"))
    page.sees(link("alice@contoso.example"))
    page.goto(g.url + "/#/policies/site%3Arome")
    page.sees(link("rome", exact=True, within=css("section")))
    reader = open_page(g, "#/policies/staff", who="rita")
    reader.sees(heading("Who has it"))
    assert reader.count(css("summary")) == 0
