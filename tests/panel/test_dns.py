"""DNS and the whole check: records taken to where zones are kept, what is missing found and named, its end seen by all."""
import pytest

from browser import button, css, heading, label, link, text
from rig import dns

DOMAIN = "d-panel.example"
SRV = "_xmpp-server._tcp." + DOMAIN
LEADS_HERE = "set _xmpp-server._tcp.d-panel SRV 5 0 5269 xmpp.d-panel"


@pytest.fixture
def zone(rig):
    """The domain is there, and has no SRV record yet."""
    rig.dns.change("example", "set xmpp.d-panel A " + dns.GATEWAY, ttl=300)
    yield rig.dns
    rig.dns.change("example", "set _xmpp-server._tcp.d-panel SRV 9 0 9 xmpp.d-panel", ttl=300)  # so that there is one to unset
    rig.dns.change("example", "unset xmpp.d-panel", "unset _xmpp-server._tcp.d-panel")


def test_records_are_taken_a_missing_one_is_named_and_the_overview_hears_that_it_is_mended(alone, zone, open_page):
    g = alone(host_name=dns.GATEWAY, sip_domains={DOMAIN: {"route": "office"}})
    watcher = open_page(g, who="rita", new=True)
    watcher.sees(text("Not checked yet", within=css(".tiles")))
    page = open_page(g, "#/dns", permissions=["clipboard-write"])
    page.sees(text("Not checked yet"))
    published = g.ctl("dns", "records")
    line = next(one for one in published.splitlines() if one.startswith(SRV))
    page.click(button("Copy: %s SRV" % SRV))
    page.sees(text("It is in the clipboard."))
    assert page.pasted() == line
    page.sees(text("XMPP servers of partners look here for the server of the domain."))
    page.evaluate("document.querySelector('.said').replaceChildren()")  # or the next word looks like this one
    page.click(button("Copy all"))
    page.sees(text("It is in the clipboard."))
    assert page.pasted() == published
    name, data = page.download(button("Save as zone file"))
    assert (name, data.decode()) == ("stox.zone", published)
    page.fill(label("Time to live (TTL), in seconds"), "300")
    page.sees(text("300", exact=True, within=css(".records td")))

    page.click(button("Check now"))
    page.sees(css(".check .notice.failed"))
    page.sees(text(SRV + " is not there", within=css("li.failed")))
    page.sees(text(line, within=css("li.failed .to-do code")))
    watcher.sees(text("1 fault", within=css(".tiles")))

    zone.change("example", LEADS_HERE, ttl=300)
    page.click(button("Check now"))
    page.sees_no_more(css(".check .notice.failed"))
    page.sees(text("DNS leads partners to this gateway, for 1 domain"))
    page.click(css("[data-key='%s'] summary" % DOMAIN))
    page.sees(text("%s leads to xmpp.%s port 5269, which answers from here" % (SRV, DOMAIN)))
    watcher.sees_no_more(text("1 fault", within=css(".tiles")))
    watcher.sees(text("Right", within=css(".tiles")))

    watcher.click(link("DNS", within=css(".tiles")))
    watcher.sees(heading("DNS", level=1))
    watcher.sees(text("DNS leads partners to this gateway, for 1 domain"))
    watcher.sees(text(SRV))
    assert watcher.count(button("Check now")) == 0 and watcher.count(css(".groups details")) == 0
    page.click(css(".check .plain-form summary"))
    page.check(label("Others"))
    page.fill(label("Addresses of resolvers"), "nobody")
    page.click(button("Check now"))
    page.sees(text("an IP address is expected here"))
    page.fill(label("Addresses of resolvers"), dns.ADDRESS)
    page.click(button("Check now"))
    page.sees(text("it is not kept as the verdict of this gateway"))


def test_the_whole_check_leads_to_what_is_broken_and_is_found_again(gateway, office, open_page):
    g = gateway(partners={"fabrikam.example": {"proxy": "10.99.0.77:1"}})
    page = open_page(g, "#/check")
    page.click(button("Check now"))
    page.sees(text("The check has ended"))
    page.sees(text("Not everything is right"))
    page.sees(text("partner fabrikam.example:", within=css("[data-key='partners'] li.failed")))
    page.click(link("Repair it: fabrikam.example", within=css("[data-key='partners']")))
    page.sees(heading("fabrikam.example", level=1))
    page.click(link("Check"))
    page.sees(text("partner fabrikam.example:", within=css("[data-key='partners'] li.failed")))  # it was kept
    page.click(css("[data-key='policy'] summary"))
    page.sees(css("[data-key='policy'] li.ok"))
    assert page.axe() == []
    page.resize(360)
    assert page.evaluate("document.documentElement.scrollWidth <= 360")
