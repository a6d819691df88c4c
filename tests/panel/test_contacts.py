"""
Who watches whose presence: many contacts to look through, and what is done to single ones and to all of somebody. STOX_PROOF=1: a
hundred thousand of them.
"""
import json
import os
import random
import urllib.parse

from browser import button, css, heading, label, link, text

MANY = 100000 if os.environ.get("STOX_PROOF") == "1" else 10000
PARTNERS = {"fabrikam.example": {}, "wingtip.example": {"additional_domains": ["im.wingtip.example"]}}


def put(gateway, contacts):
    for at in range(0, len(contacts), 1000):
        status, raw = gateway.ask("POST", "/v1/contacts", {"contacts": contacts[at:at + 1000]})
        assert status == 200, raw


def page_of(gateway, **query):
    status, raw = gateway.ask("GET", "/v1/contacts?" + urllib.parse.urlencode(query))
    assert status == 200, raw
    return json.loads(raw)


def forget(gateway):
    for domain in ("fabrikam.example", "wingtip.example", "other.example"):
        gateway.ask("POST", "/v1/contacts/purge", {"domain": domain})


def some(n):
    """The same each time; not in any order."""
    dice = random.Random(5)
    domains = ["fabrikam.example", "wingtip.example", "im.wingtip.example", "other.example"]
    return [{"sip": "user%d@contoso.example" % dice.randrange(n // 5), "xmpp": "friend%d@%s" % (i, dice.choice(domains)),
             "sip-watches": dice.choice(["no", "asked", "granted", "denied"]), "xmpp-watches": dice.choice(["asked", "granted"]),
             "added": dice.random() < 0.5} for i in range(n)]


def test_every_order_and_search_gives_each_contact_once_in_its_place(gateway):
    g = gateway(partners=PARTNERS)
    forget(g)
    wanted = some(1200)
    put(g, wanted)
    owner = {"fabrikam.example": "fabrikam.example", "wingtip.example": "wingtip.example",
             "im.wingtip.example": "wingtip.example", "other.example": ""}
    for c in wanted:
        c["partner"] = owner[c["xmpp"].split("@")[1]]
    rank = {"no": 0, "asked": 1, "granted": 2, "denied": 3}
    for sort in ("sip", "xmpp", "partner", "sip-watches", "added"):
        def key(c):
            return rank.get(c[sort], c[sort]), c["sip"], c["xmpp"]
        for sign in ("", "-"):
            right = [(c["sip"], c["xmpp"]) for c in sorted(wanted, key=key, reverse=bool(sign))]
            for offset, limit in ((0, 50), (0, 1000), (617, 100), (1150, 50), (1190, 50), (1200, 50)):
                got = page_of(g, sort=sign + sort, offset=offset, limit=limit)
                assert got["total"] == 1200
                assert [(c["sip"], c["xmpp"]) for c in got["items"]] == right[offset:offset + limit], (sort, sign, offset)
    for query, fits in (({"search": "FRIEND77"}, lambda c: "friend77" in c["xmpp"]),
                        ({"search": "im.wing"}, lambda c: "im.wing" in c["xmpp"]),
                        ({"partner": "im.wingtip.example", "sort": "sip"}, lambda c: c["partner"] == "wingtip.example"),
                        ({"state": "denied", "offset": 0}, lambda c: c["sip-watches"] == "denied"),
                        ({"user": "user7@contoso.example", "sort": "-xmpp"}, lambda c: c["sip"] == "user7@contoso.example"),
                        ({"search": "user7@", "state": "added"}, lambda c: c["sip"].startswith("user7@") and c["added"])):
        got = page_of(g, limit=1000, **query)
        right = {(c["sip"], c["xmpp"]) for c in wanted if fits(c)}
        assert {(c["sip"], c["xmpp"]) for c in got["items"]} == right and got["total"] == len(right) > 0, query
    for bad in ("sort=none", "sort=--sip", "sort=stored", "offset=99990&limit=50", "state=x&offset=0"):
        assert g.ask("GET", "/v1/contacts?" + bad)[0] == 422, bad
    forget(g)


def test_many_thousand_contacts_are_searched_sorted_and_turned_over(gateway, open_page):
    g = gateway(partners=PARTNERS)
    forget(g)
    put(g, [{"sip": "user%05d@contoso.example" % (i // 10), "xmpp": "friend%05d@fabrikam.example" % (MANY - 1 - i),
             "sip-watches": "asked" if i % 100 == 7 else "granted", "xmpp-watches": "granted"} for i in range(MANY)])
    page = open_page(g, "#/contacts")
    page.sees(text("{:,} in all, 1 to 50 shown".format(MANY)))
    page.click(button("Next"))
    page.sees(text("51 to 100 shown"))
    page.sees(link("user00009@contoso.example", exact=True, within=css("tr:last-child")))
    page.click(button("Partner's user"))
    page.sees(text("friend00000@fabrikam.example"))
    page.click(button("Partner's user"))
    page.sees(text("friend%05d@fabrikam.example" % (MANY - 1)))
    page.fill(label("Search"), "FRIEND0177")
    page.sees(text("10 in all"))
    page.select(label("State"), "asked")
    page.sees(text("Nothing fits the search."))
    page.fill(label("Search"), "")
    page.sees(text("{:,} in all".format(MANY // 100)))
    page.goto(g.url + "/#/contacts?sort=sip&offset=%d" % (MANY - 50))
    page.sees(text("{:,} to {:,} shown".format(MANY - 49, MANY)))
    page.click(link("Remove many"))
    page.fill(label("Domain or user"), "contoso.example")
    page.click(button("Count them"))
    page.click(button("Remove {:,} contacts".format(MANY)))
    page.sees(heading("Remove {:,} contacts?".format(MANY)))
    page.click(button("Cancel"))
    page.fill(label("Domain or user"), "user00042@contoso.example")
    page.sees_no_more(button("Remove {:,} contacts".format(MANY)))  # what was counted is not what stands there
    page.check(label("All of a user"))
    page.click(button("Count them"))
    page.click(button("Remove 10 contacts"))
    page.click(button("Remove 10 contacts", within=css("dialog")))
    page.sees(text("10 contacts are removed."))
    assert page_of(g, offset=0)["total"] == MANY - 10
    forget(g)


def test_one_contact_is_added_looked_at_and_removed_one_way_and_the_other(gateway, open_page):
    g = gateway(partners=PARTNERS)
    forget(g)
    page = open_page(g, "#/contacts")
    page.sees(text("There are no contacts yet."))
    page.click(link("Add a contact"))
    page.fill(label("SIP user"), "nobody")
    page.fill(label("Partner's user"), "Romeo@Fabrikam.example")
    page.click(button("Add"))
    page.sees(text("sip: this is no address"))
    page.fill(label("SIP user"), "alice@contoso.example")
    page.click(button("Add"))
    page.sees(heading("alice@contoso.example and Romeo@Fabrikam.example"))
    page.sees(text("romeo@fabrikam.example watches alice@contoso.example"))
    page.click(button("Ask both sides anew"))
    page.click(button("Remove one way"))
    page.click(button("Remove", within=css("dialog")))
    page.sees(text("The contact is removed."))
    page.sees_no_more(button("Remove one way"))
    left = page_of(g, offset=0)["items"][0]
    assert (left["sip-watches"], left["xmpp-watches"], left["added"]) == ("no", "granted", False)
    page.click(button("Remove both ways"))
    page.click(button("Remove", within=css("dialog")))
    page.sees(text("There are no contacts yet."))
    put(g, [{"sip": "alice@contoso.example", "xmpp": "romeo@fabrikam.example", "xmpp-watches": "granted"}])
    helpdesk = open_page(g, "#/contacts", who="helga")
    helpdesk.click(link("alice@contoso.example"))
    helpdesk.sees(heading("alice@contoso.example and romeo@fabrikam.example"))
    assert helpdesk.count(button("Ask both sides anew")) == 1 and helpdesk.count(css("button.danger")) == 0
    reader = open_page(g, "#/contacts", who="rita")
    reader.sees(heading("There is no such page"))
    assert reader.count(css("nav [data-name='contacts']")) == 0
    forget(g)
