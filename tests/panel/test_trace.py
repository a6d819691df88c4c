"""What passes, watched; and messages and presence, tried: with Prosody and a SIP server at both ends."""
import re
import subprocess

from browser import button, css, heading, label, link, text
from rig import dns
from rig.process import eventually
from rig.stoxd import program
from rig.xmppclient import XmppClient

SIP = (dns.GATEWAY, 5060)
ALICE, ROMEO = "alice@contoso.example", "romeo@fabrikam.example"
CLOSED = "unresolvable.example"
HOSTILE = "\"'><img src=x onerror=window.ran=1><script>window.ran=1</script>"


def rungs(page):
    """Of each entry its classes, the number of its message, and its words."""
    return page.evaluate("""[...document.querySelectorAll('.rung')].map((e) => [e.className, e.querySelector('.group')?.lastChild.data
        ?? '', e.querySelector('.what').textContent])""")


def opened(page, n):
    """The text of entry n, by keyboard."""
    page.evaluate("(n) => document.querySelectorAll('.rung .entry')[n].focus()", n)
    page.press("Enter")
    page.until("(n) => document.querySelectorAll('.rung')[n].querySelector('.more') !== null", n)
    return page.evaluate("(n) => document.querySelectorAll('.rung')[n].querySelector('.more').innerText", n)


def entries(page, n):
    page.until("(n) => document.querySelectorAll('.rung').length === n", n)


class Beside:
    """stoxctl trace --output, of the same at the same time."""

    def __init__(self, gateway, file, *words):
        self.file = str(file)
        self.popen = subprocess.Popen([program("stoxctl", "ctl"), "--server", gateway.server, "trace", "--output", self.file, *words],
                                      text=True, stdout=subprocess.PIPE)
        assert self.popen.stdout.readline().startswith("time (UTC)")

    def end(self):
        self.popen.terminate()
        self.popen.communicate(timeout=60)
        with open(self.file) as f:
            return f.read()


def begin(page, users="", partners=""):
    page.fill(label("People"), users)
    page.fill(label("Partners"), partners)
    page.click(button("Start"))
    page.sees(css(".mark", within={"css": "main section"}))
    page.sees(text("Running", exact=True))


def id_of(page, before=None):
    """Of the trace that it asks for, which is another than the one before."""
    def asks():
        ids = [m.group(1) for m in (re.search(r"/v1/traces/(\d+)\?", url) for url in page.asked()) if m]
        return next((one for one in reversed(ids) if one != before), None)
    return eventually(asks, "the page asks for its trace")


def test_a_trace_is_watched_read_saved_and_left(gateway, prosody, office, romeo, open_page, tmp_path):
    g = gateway(partners={"fabrikam.example": {}, CLOSED: {"proxy": dns.OFFICE + ":5999"}})
    page = open_page(g, "#/partners/fabrikam.example")
    page.click(link("Watch its traffic"))
    page.sees(heading("Trace", level=1))
    assert page.value(label("Partners")) == "fabrikam.example"
    page.sees(text("log-message-bodies is off"))
    assert page.evaluate("document.querySelector('[name=\"bodies\"]').disabled") is True
    page.fill(label("Partners"), "")
    page.click(button("Start"))
    page.sees(text("whom? users and partners"))
    beside = Beside(g, tmp_path / "ticket.txt", "--user", ALICE, "--partner", "fabrikam.example")
    begin(page, ALICE, "fabrikam.example")
    first_id = id_of(page)
    page.sees(text("Nothing has passed yet."))
    assert office.message(ROMEO, "secret words", target=SIP).wait() == 200
    page.sees(css(".rung.sip.out.ok"))
    romeo.send(ALICE, "other secret words")
    office.wait_message("other secret words")
    page.sees(css(".rung.xmpp.out.ok"))
    # Both legs of the one message, by its number; and of the other.
    seen = [r for r in rungs(page) if r[1]]
    first = [(r[0].split()[1:], r[2]) for r in seen if r[1] == "1"]
    assert [way for way, _ in first] == [["sip", "in", "note"], ["xmpp", "out", "note"], ["xmpp", "in", "ok"], ["sip", "out", "ok"]]
    assert "MESSAGE sip:romeo@fabrikam.example" in first[0][1] and "200 OK" in first[3][1], first
    second = [(r[0].split()[1:], r[2]) for r in seen if r[1] == "2"]
    assert [way for way, _ in second] == [["xmpp", "in", "note"], ["sip", "out", "note"], ["sip", "in", "ok"], ["xmpp", "out", "ok"]]
    # A message that fails: the cause stands where it failed.
    assert office.message("x@" + CLOSED, "lost words", target=SIP).wait() == 504
    page.sees(css(".rung.sip.out.failed"))
    failed = [r for r in rungs(page) if r[1] == "3"]
    assert any("gateway" in r[0] and "10.99.0.5" in r[2] for r in failed), failed
    assert "504" in failed[-1][2]
    # An entry's text, the others of its message, and no words of people.
    at = [r[2] for r in rungs(page)].index(first[0][1])
    words = opened(page, at)
    assert "call-id=" in words and "Hidden." in words and "Message 1: 3 other entries." in words, words
    assert page.count(css(".rung.same")) == 4
    page.press("ArrowDown")
    assert page.evaluate("document.activeElement.className") == "entry"
    assert page.axe() == []
    page.theme("dark")
    assert page.axe("color-contrast") == []
    page.resize(360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.axe("target-size", "color-contrast", "scrollable-region-focusable") == []
    page.resize(1280)
    # What comes while it rests waits.
    page.click(button("Pause"))
    assert office.message(ROMEO, "more secret words", target=SIP).wait() == 200
    page.sees(text("Paused: 4 wait."))
    before = len(rungs(page))
    page.click(button("Go on"))
    entries(page, before + 4)
    page.click(button("Stop"))
    page.sees(text("Stopped."))
    name, raw = page.download(button("Save as a file"))
    assert raw.decode() == beside.end()
    assert name.startswith("trace-alice_contoso.example-") and b"secret" not in raw
    assert page.evaluate("document.body.textContent.includes('secret')") is False
    audit = g.ctl_json("audit", "list", "--kind", "trace")["items"][0]
    assert audit["who"] == "user:anna" and audit["after"]["users"] == [ALICE], audit
    # Leaving the page ends it; one that the gateway has no more is said to be gone.
    page.click({"css": "summary"})
    page.asked()
    begin(page, "", "fabrikam.example")
    ended = id_of(page, first_id)
    page.click(link("Overview"))
    page.sees(heading("Overview", level=1))
    page.until("async (id) => (await fetch(`/v1/traces/${id}`)).status === 404", ended)
    page.evaluate("history.back()")
    begin(page, "", "fabrikam.example")
    page.evaluate("""async (id) => { const { csrf } = await (await fetch('/v1/session')).json();
        await fetch(`/v1/traces/${id}`, { method: 'DELETE', headers: { 'X-Stox-CSRF': csrf } }); }""", id_of(page, ended))
    page.sees(text("The gateway has this trace no more"))
    assert [said for said in page.said() if not re.search("status of (401|404|422)", said)] == []


def stays_text(page):
    assert page.evaluate("window.ran ?? null") is None
    assert page.count(css("img[src='x'], script:not([src]), [onerror]")) == 0


def test_names_and_texts_from_both_sides_are_text_in_a_trace(gateway, rig, prosody, office, start, open_page):
    g = gateway()
    g.ctl("gateway", "set", "--log-message-bodies", "on")
    tybalt = start(XmppClient("romeo@fabrikam.example/" + HOSTILE, dns.PROSODY, rig.pki.trust_file))
    page = open_page(g, "#/trace?user=" + ALICE + "&partner=fabrikam.example")
    page.check(label("Texts of messages too"))
    page.click(button("Start"))
    page.sees(text("Running", exact=True))
    office.answer = (404, "Gone " + HOSTILE)
    tybalt.send(ALICE, "Body " + HOSTILE, id="id " + HOSTILE)
    tybalt.wait_error()
    page.sees(css(".rung.sip.in.failed"))
    sender = "%3Cscript%3Ewindow.ran=1%3C%2Fscript%3E@contoso.example"
    display = 'P-Asserted-Identity: "%s" <sip:%s>' % (HOSTILE.replace('"', '\\"'), sender)
    assert office.message(ROMEO, "And " + HOSTILE, target=SIP, sender=sender, headers=[display]).wait() == 200
    page.until("[...document.querySelectorAll('.rung.sip.out.ok')].length === 1")
    shown = [r[2] for r in rungs(page)]
    came = next(i for i, what in enumerate(shown) if "id=id " + HOSTILE in what)
    assert "resource=" + HOSTILE in shown[came], shown
    assert any("404 Gone " + HOSTILE in what for what in shown), shown
    assert "Body " + HOSTILE in opened(page, came)
    words = opened(page, next(i for i, what in enumerate(shown) if "MESSAGE sip:romeo@" in what))
    assert "And " + HOSTILE in words and "\\3cscript\\3ewindow.ran=1\\3c\\2fscript\\3e@contoso.example" in words, words
    stays_text(page)
    _, raw = page.download(button("Save as a file"))
    assert b"body: Body " + HOSTILE.encode() in raw
    # By the address, and a name that is none.
    page.evaluate("(user) => { location.hash = '#/trace?user=' + encodeURIComponent(user); }", HOSTILE)
    page.until("(user) => document.querySelector('[name=\"users\"]')?.value === user", HOSTILE)
    page.click(button("Start"))
    page.sees(css("[role='alert'] .notice.failed"))
    stays_text(page)


def test_only_the_newest_two_thousand_entries_stay_and_what_is_missing_is_said(gateway, office, open_page):
    g = gateway()
    page = open_page(g, "#/trace?partner=stranger.example")
    clear, keep = (css(".trace-actions button:nth-of-type(%d)" % n) for n in (3, 4))  # by their names the driver looks at all entries
    page.click(button("Start"))
    page.sees(text("Running", exact=True))
    figures = css("main section > .hint")

    def send(n):  # three entries each: it comes, why not, 404
        office.send_many("x@stranger.example", [str(i) for i in range(n)], target=SIP)

    send(500)
    entries(page, 1500)
    send(200)
    page.sees(text("100 older ones are gone: this page keeps the newest 2,000.", within=figures))
    entries(page, 2000)
    assert page.count(css(".rung .people:not(:empty)")) == 1
    _, raw = page.download(keep)
    lines = raw.decode().splitlines()
    assert lines[1] == "(100 events are missing here: only the newest 2000 are kept)" and lines[2].startswith("-- SIP: alice@")
    assert len([line for line in lines if re.match(r"\d\d:\d\d:\d\d\.\d{3}Z ", line)]) == 2000
    page.click(clear)
    entries(page, 0)
    page.offline()
    page.sees(text("The gateway does not answer; trying again."))
    send(900)
    page.offline(False)
    page.sees(text("were lost: more passed than could be read.", within=figures))
    missing = page.text(css(".gap"))
    assert page.evaluate("document.querySelector('.rungs').firstElementChild.className") == "gap"
    _, raw = page.download(keep)
    n = re.match(r"([\d,]+) entries are missing here", missing).group(1).replace(",", "")
    assert raw.decode().splitlines()[1] == "(%s events are missing here: more passed than could be read)" % n
    page.sees(text("Running", exact=True))


def test_from_no_partner_to_the_first_message(gateway, prosody, office, romeo, open_page):
    g = gateway(partners={})
    page = open_page(g, "#/partners")
    page.click(link("New partner", within=css(".empty")))
    page.fill(label("Domain"), "fabrikam.example")
    page.select(css("[name='type']"), "federated")
    page.click(button("Commit"))
    page.sees(heading("fabrikam.example"))
    page.click(button("Test the connection"))
    page.sees(css(".test .notice.ok"))
    page.click(link("Send a test message"))
    page.sees(heading("Test messages", level=1))
    message, presence = {"css": ".try:nth-of-type(1)"}, {"css": ".try:nth-of-type(2)"}
    page.fill(label("From", within=message), ALICE)
    page.fill(label("To", within=message), ROMEO)
    page.check(label("Watch it in a trace", within=message))
    page.click(button("Send the test message"))
    page.sees(text("The partner's server has acknowledged the message."))
    assert "This is a test message." in romeo.wait_message(ALICE)["body"]
    result = page.text(css(".facts", within=message))
    assert re.search(r"From\s+alice@contoso\.example\s+To\s+romeo@fabrikam\.example\s+Result\s+Success\s+"
                     r"Latency\s+00:00:\d\d\.\d{3}\s+Error\s+–", result), result
    page.sees(css(".rung.xmpp.in.ok"))
    seen = rungs(page)
    assert ["message id=" in what for _, group, what in seen if group == "1"].count(True) == 1, seen
    assert page.axe() == []
    # A gate that is closed: what would open it is said. And the other way.
    page.fill(label("To", within=message), "x@stranger.example")
    page.click(button("Send the test message"))
    page.sees(text("stoxctl partner new stranger.example"))
    assert "Failure" in page.text(css(".facts", within=message))
    page.fill(label("From", within=message), "x@elsewhere.example")
    page.click(button("Send the test message"))
    page.sees(text("neither from nor to is in a SIP domain of ours"))
    page.fill(label("From", within=message), ALICE)
    page.fill(label("To", within=message), ROMEO)
    page.click(button("The other way round"))
    page.click(button("Send the test message"))
    office.wait_message("This is a test message.")
    page.sees(text("Success", exact=True))
    # Presence, step by step.
    page.fill(label("SIP user", within=presence), ALICE)
    page.fill(label("Partner's user", within=presence), ROMEO)
    page.click(button("Test presence"))
    page.sees(css(".notice", within=presence))
    assert page.count(css(".ladder li", within=presence)) >= 5
    page.sees(text("Policy", exact=True, within=presence))
    assert page.count(link("Watch these two in a trace", within=presence)) == 1
    page.click(link("Their conversation"))
    page.sees(css("main h1"))
    page.until("location.hash.startsWith('#/conversations/')")
    page.sees(text(ROMEO, within=css("main")))
    page.click(link("Trace %s" % ROMEO))
    page.sees(heading("Trace", level=1))
    assert page.value(label("People")) == ROMEO


def test_the_helpdesk_traces_without_texts_and_a_reader_not_at_all(gateway, open_page):
    g = gateway()
    g.ctl("gateway", "set", "--log-message-bodies", "on")
    page = open_page(g, "#/trace", who="helga")
    page.sees(text("Texts of messages are shown to administrators only."))
    assert page.count(css("[name='bodies']")) == 0
    page.click(link("Test messages"))
    page.sees(button("Test presence"))
    assert page.count(button("Send the test message")) == 0
    reader = open_page(g, "#/trace", who="rita")
    reader.sees(heading("There is no such page"))
    assert reader.count(link("Trace")) == reader.count(link("Test messages")) == 0
    reader.evaluate("() => { location.hash = '#/partners/fabrikam.example'; }")
    reader.sees(heading("fabrikam.example", level=1))
    assert reader.count(link("Watch its traffic")) == 0
    assert reader.evaluate("fetch('/v1/traces/1').then((r) => r.status)") == 403
