"""What passes at this moment, and what became of it: streams, conversations and the queue, with real peers."""
from browser import button, css, heading, label, link, text
from rig import dns

SIP = (dns.GATEWAY, 5060)
ALICE, ROMEO, GONE = "alice@contoso.example", "romeo@fabrikam.example", "juliet@wingtip.example"


def row(words):
    return text(words, within=css("tbody"))


def test_a_stream_is_seen_when_it_is_made_looked_into_and_closed(alone, prosody, office, romeo, open_page):
    g = alone(partners={"fabrikam.example": {}})
    page = open_page(g, "#/streams", who="helga")
    page.sees(text("No stream is open."))
    assert office.message(ROMEO, "Hello", target=SIP).wait() == 200
    page.sees(row("to them"))  # without being asked
    page.sees(row("Ready"))
    assert "TLSv1.3" in page.text(css("tbody")) and "certificate (SASL EXTERNAL)" in page.text(css("tbody"))
    page.select(label("Direction"), "in")
    page.sees(text("Nothing fits the search."))
    page.select(label("Direction"), "")
    page.fill(label("Search"), "FABRIKAM")
    page.sees(text("1 in all"))
    reader = open_page(g, "#/streams?search=fabrikam", who="rita")
    reader.click(link("fabrikam.example", within=css("tbody")))
    page.click(link("fabrikam.example", within=css("tbody")))
    for one in page, reader:
        one.sees(heading("Stream with fabrikam.example"))
        one.sees(text("Accepted: an authority that is trusted here has signed it"))
        shown = one.text(css("main"))
        for fact in ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "certificate (SASL EXTERNAL)", "sha256/", "Stox test authority", "10.99.0.10:5269",
                     "the partner believes us by sasl-external"):
            assert fact in shown, fact
        assert one.count(css(".ladder li.ok")) > 5 and one.count(css(".ladder li.failed")) == 0
    assert page.axe() == []
    assert reader.count(button("Close")) == 0
    page.click(button("Close"))
    page.sees(heading("Close the stream with fabrikam.example?"))
    page.click(button("Cancel"))
    page.click(button("Close"))
    page.click(button("Close", within=css("dialog")))
    for one in page, reader:
        one.sees(text("The stream has ended."))
        one.sees_no_more(button("Close"))
    page.click(link("Streams", within=css(".up")))
    page.sees(text("No stream is open."))
    reader.click(link("fabrikam.example"))
    reader.sees(heading("fabrikam.example", level=1))
    assert reader.count(link("Conversations with it")) == 0  # not for readers
    assert page.count(link("Conversations", within=css("nav"))) == 1 and reader.count(link("Queue", within=css("nav"))) == 0


def test_a_message_is_seen_with_its_ending_and_one_that_failed_with_its_reason(alone, prosody, office, romeo, open_page):
    g = alone(partners={"fabrikam.example": {}, "wingtip.example": {"proxy": "10.99.0.77:1"}})
    page = open_page(g, "#/conversations", who="helga")
    page.sees(text("Nobody has talked yet"))
    assert office.message(ROMEO, "Hello", target=SIP).wait() == 200
    page.sees(row("Arrived (200)"))
    romeo.send(ALICE, "And hello")
    office.wait_message("And hello")
    page.until("[...document.querySelectorAll('tbody td')].filter((e) => e.innerText === 'Arrived (200)').length === 2")
    assert office.message(GONE, "Hello", target=SIP).wait() >= 400
    page.sees(row("Refused (504"))
    page.fill(label("Partner"), "fabrikam.example")
    page.press("Enter")
    page.sees_no_more(row(GONE))
    page.fill(label("Partner"), "")
    page.fill(label("User"), "nobody")
    page.press("Enter")
    page.sees(text("this is no address like"))
    page.fill(label("User"), GONE)
    page.press("Enter")
    page.sees_no_more(text("this is no address like"))
    page.sees_no_more(row(ROMEO))
    page.evaluate("() => { location.hash = '#/'; }")
    page.click(link("Failures", within=css(".tiles")))
    page.sees(row(GONE))
    assert page.count(row(ROMEO)) == 0
    page.click(link(ALICE))
    page.sees(heading("%s and %s" % (ALICE, GONE)))
    assert "10.99.0.77" in page.text(css("main"))  # the reason, as administrators read it
    assert page.axe() == []
    page.click(link("wingtip.example"))
    page.click(link("Conversations with it"))
    page.sees(row(GONE))
    assert page.value(label("Partner")) == "wingtip.example"


def test_what_waits_is_seen_with_what_becomes_of_it_and_leaves_the_queue(alone, prosody, office, open_page):
    g = alone(partners={"wingtip.example": {"proxy": dns.SILENT}}, gateway={"hold_time": 5})
    page = open_page(g, "#/queue", who="helga")
    page.sees(text("Nothing waits."))
    message = office.message(GONE, "Hello", target=SIP)
    page.sees(row("the set-up of its stream: the TCP connection"))
    page.sees(row("each is answered 504 when it was not acknowledged"))
    page.click(link("its stream"))
    page.sees(heading("Stream with wingtip.example"))
    page.sees(text("Connecting"))
    page.evaluate("history.back()")
    assert message.wait() == 504
    page.sees(text("Nothing waits."))
    assert page.axe() == []
