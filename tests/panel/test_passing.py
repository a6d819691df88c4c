"""What passes at this moment, and what became of it: streams, conversations and the queue, with real peers."""
import select
import threading

from browser import button, css, heading, label, link, text
from rig import dns, scripted, xmlstream
from test_access import LOOKS

SIP = (dns.GATEWAY, 5060)
ROMEO, GONE = "romeo@fabrikam.example", "juliet@wingtip.example"
PARTNERS = {"fabrikam.example": {}, "wingtip.example": {"proxy": "10.99.0.77:1"}, "silent.example": {"proxy": dns.SILENT}}
N_STREAMS = 2000
SOURCES = scripted.source_addresses(50)  # 64 streams that are not authenticated are allowed to each


def row(words):
    return text(words, within=css("tbody"))


def show(page, where, title):
    page.follow(where)
    page.sees(heading(title, level=1))


def here(page):
    return page.evaluate("location.hash")


def test_a_stream_is_seen_when_it_is_made_looked_into_and_closed(gateway, prosody, office, open_page):
    gateway(partners={})  # all that were open end with their partners
    g = gateway(partners=PARTNERS)
    page = open_page(g, "#/streams", who="helga")
    page.sees(text("No stream is open."))
    assert office.message(ROMEO, "Hello", target=SIP).wait() == 200
    page.sees(row("Ready"))  # without being asked
    shown = page.text(css("tbody"))
    for fact in "to them", "contoso.example", "TLSv1.3", "TLS_AES_256_GCM_SHA384", "SASL EXTERNAL", "certificate accepted":
        assert fact in shown, shown
    page.select(label("Direction"), "in")
    page.sees(text("Nothing fits the search."))
    page.select(label("Direction"), "")
    page.fill(label("Search"), "FABRIKAM")
    page.sees(text("1 in all"))
    reader = open_page(g, "#/streams?search=fabrikam", who="rita")
    for one in page, reader:
        one.click(link("fabrikam.example", within=css("tbody")))
        one.sees(heading("Stream with fabrikam.example"))
        one.sees(text("Accepted: an authority that is trusted here has signed it"))
        shown = one.text(css("main"))
        for fact in ("TLSv1.3", "SASL EXTERNAL", "CN=fabrikam.example", "sha256/", "Stox test authority", "10.99.0.10:5269",
                     "the partner believes us by sasl-external"):
            assert fact in shown, (fact, shown)
        assert one.count(css(".ladder li.ok")) > 5 and one.count(css(".ladder li.failed")) == 0
    assert reader.visit([["#/streams", "Streams"], [here(reader), "Stream with fabrikam.example"]], LOOKS) == []
    assert reader.count(button("Close")) == 0
    page.click(button("Close"))
    page.sees(heading("Close the stream with fabrikam.example?"))
    page.click(button("Cancel"))
    page.sees_no_more(css("dialog"))
    page.click(button("Close"))
    page.click(button("Close", within=css("dialog")))
    for one in page, reader:
        one.sees(text("The stream has ended."))
    page.sees_no_more(button("Close"))
    page.click(link("Streams", within=css(".up")))
    page.sees(text("No stream is open."))
    reader.click(link("fabrikam.example"))
    reader.sees(heading("fabrikam.example", level=1))
    reader.sees(link("Its streams"))
    assert reader.count(link("Conversations with it")) == reader.count(link("Queue")) == 0  # not for readers


def test_a_message_is_seen_with_its_ending_and_one_that_failed_with_its_reason(gateway, prosody, office, romeo, open_page):
    g = gateway(partners=PARTNERS)
    cora, page = "cora@contoso.example", open_page(g, "#/conversations", who="helga")
    assert office.message(ROMEO, "Hello", target=SIP, sender=cora).wait() == 200
    page.sees(row("Arrived (200)"))
    page.fill(label("User"), cora)
    page.press("Enter")
    page.until("document.querySelectorAll('tbody tr').length === 1")
    assert page.text(css("tbody")).count("Arrived (200)") == 1
    romeo.send(cora, "And hello")
    office.wait_message("And hello")
    page.until("document.querySelector('tbody').innerText.match(/Arrived .200./g).length === 2")
    assert office.message(GONE, "Hello", target=SIP, sender=cora).wait() >= 400
    page.sees(row("Refused (504"))
    office.message("nobody-at-all@fabrikam.example", "Hello", target=SIP, sender=cora)  # refused, or bounced later
    page.fill(label("Partner"), "fabrikam.example")
    page.press("Enter")
    page.sees_no_more(row(GONE))
    page.fill(label("User"), "nobody")
    page.press("Enter")
    page.sees(text("this is no address like"))
    show(page, "#/", "Overview")
    page.click(link("Failures", within=css(".tiles")))
    page.sees(row(GONE))
    page.sees(row("nobody-at-all@fabrikam.example"))
    assert page.count(css("tbody tr:has-text('%s'):has-text('%s')" % (cora, ROMEO))) == 0  # those of other tests are there, too
    page.fill(label("User"), GONE)
    page.press("Enter")
    page.sees_no_more(row("nobody-at-all"))
    page.click(link(cora))
    page.sees(heading("%s and %s" % (cora, GONE)))
    shown = page.text(css("main"))
    assert "cannot connect to 10.99.0.77:1: connection refused" in shown and "Refused (504)" in shown, shown
    assert page.visit([["#/conversations", "Conversations"], [here(page), "%s and %s" % (cora, GONE)]], LOOKS) == []
    page.click(link("Trace " + GONE))
    page.sees(heading("Trace", level=1))
    assert page.value(label("People")) == GONE
    page.evaluate("history.back()")
    page.click(link("wingtip.example"))
    page.click(link("Conversations with it"))
    page.sees(row(GONE))
    assert page.value(label("Partner")) == "wingtip.example"
    assert page.count(button("Older")) == 0
    sent = [office.message(ROMEO, "Hello", target=SIP, sender="u%02d@contoso.example" % n) for n in range(60)]
    assert all(one.wait() == 200 for one in sent)
    show(page, "#/conversations?user=" + ROMEO, "Conversations")
    page.sees(button("Older"))
    first = page.text(css("tbody"))
    page.click(button("Older"))
    page.until("(user) => document.querySelector('tbody').innerText.includes(user)", cora)
    assert cora not in first and "before=" in here(page)
    page.click(button("Newest"))
    page.sees_no_more(row(cora))


def test_what_waits_is_seen_with_what_becomes_of_it_and_leaves_the_queue(gateway, office, open_page):
    g = gateway(partners=PARTNERS)
    g.ctl("gateway", "set", "--hold-time", "28")
    page = open_page(g, "#/queue?partner=silent.example", who="helga")
    page.sees(text("Nothing of that waits."))
    message = office.message("juliet@silent.example", "Hello", target=SIP)
    page.sees(row("the set-up of its stream: the TCP connection"))
    page.sees(row("each is answered 504 when it was not acknowledged"))
    assert page.visit([["#/queue", "Queue"]], LOOKS) == []
    second = office.message("juliet@silent.example", "And hello", target=SIP)  # the first one's time may be over by now
    page.follow("#/queue?partner=silent.example")
    page.click(link("its stream"))
    page.sees(heading("Stream with silent.example"))
    page.sees(text("Connecting"))
    page.click(button("Close"))
    page.click(button("Close", within=css("dialog")))
    page.sees(text("The stream has ended."))
    assert (message.wait(), second.wait()) == (504, 504)
    show(page, "#/queue?partner=silent.example", "Queue")
    page.sees_no_more(row("the set-up of its stream"))  # what may stand there is that the partner is in back-off


class Doorstep:
    """So many partners that have begun a stream each, and begin another when theirs has ended."""

    def __init__(self, names):
        self.ending, self.poll, self.wires = threading.Event(), select.poll(), {}
        for i, name in enumerate(names):
            self.begin(name, SOURCES[i % len(SOURCES)])
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def begin(self, name, source):
        wire = scripted.connect((dns.GATEWAY, 5269), source=source)
        wire.send(xmlstream.header(name, "contoso.example"))
        self.wires[wire.sock.fileno()] = wire, name, source
        self.poll.register(wire.sock, select.POLLIN)

    def run(self):
        while not self.ending.is_set():
            for fd, _ in self.poll.poll(100):
                wire, name, source = self.wires[fd]
                try:
                    if wire.sock.recv(65536):
                        continue
                except OSError:
                    pass
                self.poll.unregister(fd)
                wire.close()
                self.begin(name, source)

    def leave(self):
        self.ending.set()
        self.thread.join()
        for wire, _, _ in self.wires.values():
            wire.close()


def test_two_thousand_streams_are_searched_sorted_and_turned_over(gateway, open_page):
    g = gateway(partners={})
    names = ["p%04d.example" % i for i in range(N_STREAMS)]
    status, raw = g.ask("POST", "/v1/changes", {"changes": [{"op": "new", "kind": "partner", "name": n} for n in names]})
    assert status == 200, raw
    g.ctl("gateway", "set", "--connection-limit", "3000", "--stream-establishment-timeout", "600")
    crowd = Doorstep(names)
    try:
        page = open_page(g, "#/streams")
        page.sees(text("2,000 in all, 1 to 50 shown"))
        page.sees(link("p0000.example"))
        page.click(button("Next"))
        page.sees(link("p0050.example"))
        page.click(button("Their domain"))
        page.sees(link("p1999.example"))
        page.fill(label("Search"), "P199")
        page.sees(text("10 in all"))
        page.click(link("p1998.example"))
        page.sees(heading("Stream with p1998.example"))
    finally:
        crowd.leave()
