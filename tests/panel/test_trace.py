"""What passes, watched; and messages and presence, tried: with Prosody and a SIP server at both ends."""
import json
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
        ?? '', e.querySelector('.what').innerText])""")


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


def id_of(page):
    asked = page.asked()
    return next(m.group(1) for m in (re.search(r"/v1/traces/(\d+)\?", url) for url in reversed(asked)) if m)


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
    begin(page, "", "fabrikam.example")
    ended = id_of(page)
    page.click(link("Overview"))
    page.sees(heading("Overview", level=1))
    page.until("async (id) => (await fetch(`/v1/traces/${id}`)).status === 404", ended)
    page.evaluate("history.back()")
    begin(page, "", "fabrikam.example")
    page.until("performance.getEntriesByType('resource').some((e) => /traces.\\d+\\?/.test(e.name))")
    page.evaluate("""async (id) => { const { csrf } = await (await fetch('/v1/session')).json();
        await fetch(`/v1/traces/${id}`, { method: 'DELETE', headers: { 'X-Stox-CSRF': csrf } }); }""", id_of(page))
    page.sees(text("The gateway has this trace no more"))
    assert [said for said in page.said() if not re.search("status of (401|404|422)", said)] == []
