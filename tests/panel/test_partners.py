"""Federated partners: from an empty list to one that works, and back."""
import json

from browser import button, css, heading, label, link, text
from rig.process import eventually


def field(setting):
    return css("[name='%s']" % setting)


def test_the_first_partner_is_made_tested_changed_and_removed(gateway, prosody, open_page):
    g = gateway(partners={})
    page = open_page(g, "#/partners")
    page.sees(text("There is no partner yet."))
    page.click(link("New partner", within=css(".empty")))
    page.sees(heading("New partner"))
    page.fill(label("Domain"), "fabrikam.example")
    page.select(field("type"), "federated")
    page.fill(field("description"), "The first one")
    page.click(button("Commit"))
    page.sees(text("fabrikam.example is made."))  # before the page is there, and for some seconds only
    page.sees(heading("fabrikam.example"))
    made = g.ctl_json("partner", "show", "fabrikam.example")
    assert (made["type"], made["description"]) == ("federated", "The first one")
    page.click(button("Test the connection"))
    page.sees(css(".test .notice.ok"))
    assert page.count(css(".ladder li.ok")) >= 4 and page.count(css(".ladder li.failed")) == 0
    page.click(link("Partners", within=css(".up")))
    page.sees(text("Connected (", within=css("tbody")))
    page.click(link("fabrikam.example"))
    page.fill(field("description"), "Changed")
    page.click(button("Commit"))
    page.sees(text("The change is committed."))
    page.click(button("Remove"))
    page.sees(heading("Remove fabrikam.example?"))
    page.click(button("Remove", within=css("dialog")))
    page.sees(text("There is no partner yet."))
    assert g.ctl_json("partner", "list") == []


def test_the_matrix_follows_the_choice_and_a_refusal_stands_at_its_field(gateway, open_page):
    g = gateway()
    page = open_page(g, "#/partners/fabrikam.example")
    page.sees(text("This combination is allowed, with something to consider."))
    page.check(field("dialback"), False)
    page.sees(text("This combination is sound."))
    page.select(field("tls"), "not-supported")
    page.sees(text("This combination is refused."))
    page.sees(css(".verdict .notice.failed"))  # what the API would say
    page.check(field("dialback"), True)
    page.select(field("tls"), "optional")
    page.sees(css(".verdict .notice.warning"))
    page.click(text("All combinations"))
    assert page.count(css(".matrix tbody tr")) == 18
    assert page.text(css(".matrix tr[aria-current] td:first-child")) == "optional"
    page.select(field("tls"), "required")
    page.select(field("sasl"), "required")
    page.fill(field("connection-limit"), "many")
    page.click(button("Commit"))
    page.sees(css("[name='connection-limit'][aria-invalid='true']"))  # it was that when it had been typed; who commits is led there
    page.until("document.activeElement.name === 'connection-limit'")
    described = page.evaluate("document.getElementById(document.activeElement.getAttribute('aria-describedby').split(' ')[1]).innerText")
    assert "connection-limit" in described and "number" in described
    page.fill(field("connection-limit"), "7")
    page.fill(field("additional-domains"), "im.fabrikam.example\n\nchat.fabrikam.example")
    page.click(button("Commit"))
    page.sees(text("The change is committed."))
    shown = g.ctl_json("partner", "show", "fabrikam.example")
    assert shown["connection-limit"] == 7
    assert sorted(shown["additional-domains"]) == ["chat.fabrikam.example", "im.fabrikam.example"]
    page.click(button("connection-limit: back to the default"))
    page.click(button("Commit"))
    eventually(lambda: g.ctl_json("partner", "show", "fabrikam.example")["connection-limit"] == 0, "it is committed")
    page.sees_no_more(button("connection-limit: back to the default"))


def test_two_who_change_the_same_partner_hear_of_each_other(gateway, open_page):
    g = gateway()
    page = open_page(g, "#/partners/fabrikam.example")
    page.fill(field("description"), "Mine")
    g.ctl("partner", "set", "fabrikam.example", "--description", "Theirs", "--connection-limit", "9")
    page.click(button("Commit"))
    page.sees(heading("Somebody was faster"))
    dialog = page.text(css("dialog"))
    assert "unix:root" in dialog and "Theirs" in dialog and "Mine" in dialog and "connection-limit" in dialog
    page.click(button("Back to the form"))
    assert page.value(field("description")) == "Mine"
    page.click(button("Commit"))
    page.click(button("Commit mine onto theirs"))
    page.sees(text("The change is committed."))
    shown = g.ctl_json("partner", "show", "fabrikam.example")
    assert (shown["description"], shown["connection-limit"]) == ("Mine", 9)


def test_what_is_not_committed_is_not_lost_by_leaving(gateway, open_page):
    g = gateway()
    page = open_page(g, "#/partners/fabrikam.example")
    page.fill(field("description"), "Not yet")
    page.click(link("Overview"))
    page.sees(heading("Leave this page?"))
    page.click(button("Cancel"))
    assert page.value(field("description")) == "Not yet"
    page.click(link("Overview"))
    page.click(button("Leave without committing"))
    page.sees(heading("Overview"))


def test_ten_thousand_partners_are_searched_sorted_and_turned_over(gateway, open_page):
    g = gateway(partners={})
    changes = [{"op": "new", "kind": "partner", "name": "p%05d.example" % i, "values": {"description": "Number %d" % i}}
               for i in range(10000)]
    status, raw = g.ask("POST", "/v1/changes", {"changes": changes})
    assert status == 200, raw
    page = open_page(g, "#/partners")
    page.sees(text("10,000 in all, 1 to 50 shown"))
    page.click(button("Next"))
    page.sees(text("51 to 100 shown"))
    page.sees(link("p00050.example"))
    page.click(button("Domain"))
    page.sees(link("p09999.example"))
    page.fill(label("Search"), "NUMBER 777")
    page.sees(text("11 in all"))
    assert page.text(css("tbody tr:first-child th")) == "p07779.example"
    page.click(link("p07779.example"))
    page.sees(heading("p07779.example"))
    page.evaluate("history.back()")
    page.sees(text("11 in all"))
    page.fill(label("Search"), "nothing of the kind")
    page.sees(text("Nothing fits the search."))
    for query, least in ("sort=-name&offset=9950", 1), ("search=p0999", 1), ("state=any&sort=state", 1):
        status, raw = g.ask("GET", "/v1/partners?" + query)
        assert status == 200 and len(json.loads(raw)["items"]) >= least
