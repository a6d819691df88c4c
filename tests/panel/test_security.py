"""Threats A4 and D16: cookies, sessions, pages of others, scripts that got in. What is stored and shown: test_hostile.py."""
import http.client
import http.server
import json
import threading

import pytest

from browser import button, css, heading, label, text
from gateway import PASSWORD, PORT
from rig import dns

ELSEWHERE = 8081  # the same host, so that the cookie would come along: another origin all the same
FOREIGN = """<!doctype html><title>Win a prize</title><iframe src="http://127.0.0.1:%(port)d/"></iframe>
<form method="post" enctype="text/plain" action="http://127.0.0.1:%(port)d/v1/partners"><input name='{"name":"evil.example","x":"' value='"}'></form>"""


def test_the_cookie_is_out_of_reach_and_nothing_secret_is_kept(alone, rig, open_page):
    host = "gw.contoso.example"
    cert = rig.cert(host)
    g = alone(address="%s:8443" % dns.GATEWAY, scheme="https", admin_certificate=cert.file, admin_key=cert.key)
    page = open_page(g, ignoreHTTPSErrors=True)
    page.sees(heading("Overview"))
    (cookie,) = page.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == ("__Host-stox", True, True, "Strict")
    assert page.evaluate("document.cookie") == ""
    page.select(label("Appearance"), "dark")
    kept = page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    assert json.loads(kept) == [{"stox.theme": "dark"}, {}]


class Foreign(http.server.BaseHTTPRequestHandler):
    """A page that frames the panel."""

    def do_GET(self):
        page = (FOREIGN % {"port": PORT}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


@pytest.fixture
def foreign():
    with http.server.ThreadingHTTPServer(("127.0.0.1", ELSEWHERE), Foreign) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield "http://127.0.0.1:%d/" % ELSEWHERE
        server.shutdown()
        thread.join(20)


def test_a_page_elsewhere_can_neither_frame_nor_use_it(shared, foreign, open_page):
    page = open_page(shared)
    page.sees(heading("Overview"))
    other = page.tab(foreign)
    other.until("document.querySelector('iframe') !== null")
    for path, how in (("/v1/status", "{ credentials: 'include' }"), ("/v1/events", "{ credentials: 'include' }"),
                      ("/v1/partners", "{ method: 'POST', body: '{}', credentials: 'include', headers: { 'Content-Type': 'application/json' } }"),
                      ("/v1/partners/fabrikam.example", "{ method: 'DELETE', credentials: 'include' }")):
        assert other.evaluate("fetch('%s%s', %s).then((r) => r.status, () => 'refused')" % (shared.url, path, how)) == "refused"
    other.evaluate("(url) => fetch(url, { method: 'POST', mode: 'no-cors', credentials: 'include', body: JSON.stringify({ name: 'evil.example' }) })"
                   ".then((r) => r.type)", shared.url + "/v1/partners")
    other.complains("frame-ancestors")
    other.evaluate("document.querySelector('form').submit()")
    other.sees(text("forbidden"))  # a top-level request of another origin: it is told why, and nothing is done
    assert {p["name"] for p in shared.ctl_json("partner", "list")} == {"fabrikam.example", "wingtip.example"}
    other.elsewhere()
    for path in ("/v1/partners", "/v1/session", "/v1/setup"):
        c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
        c.request("POST", path, b"{}", {"Content-Type": "application/json", "Origin": "http://localhost:%d" % PORT})
        assert c.getresponse().status in (401, 403), path
        c.close()


def session_of(value):
    """What the API says to whoever has this cookie."""
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    c.request("GET", "/v1/session", headers={"Cookie": "stox=" + value})
    status = c.getresponse().status
    c.close()
    return status


def cookie_of(page):
    return {c["name"]: c["value"] for c in page.cookies()}["stox"]


def test_no_session_is_planted_and_none_outlives_a_sign_in_or_a_new_password(shared, open_page):
    shared.make("olga", "reader")
    planted = open_page(shared, who="olga", new=True)
    evil = cookie_of(planted)
    page = open_page(shared, who=None)
    page.sees(button("Sign in"))
    page.plant(name="stox", value=evil, url=shared.url)  # by whoever had the browser before
    shared.sign_in(page, "olga")
    first = cookie_of(page)
    assert first != evil and session_of(evil) == 401 and session_of(first) == 200
    page.evaluate("() => { location.hash = '#/account'; }")
    page.fill(label("Password now"), PASSWORD)
    page.fill(label("New password"), "another long password")
    page.click(button("Change password"))
    page.sees(text("Your password is changed."))
    second = cookie_of(page)
    assert second != first and session_of(first) == 401 and session_of(second) == 200
    page.fill(label("Password now"), "another long password")
    page.fill(label("New password"), PASSWORD)
    page.click(button("Change password"))  # the page knows the new secret
    page.until("document.querySelector('[name=old]').value === ''")
    assert session_of(second) == 401


def test_two_tabs_are_one_session(shared, open_page):
    page = open_page(shared, "#/partners/fabrikam.example", new=True)
    other = page.tab(shared.url + "/#/partners")
    other.click(button("Sign out"))
    other.sees(heading("Sign in"))
    page.sees(heading("Sign in again"))
    shared.sign_in(other, "anna")
    page.fill({"within": css("dialog"), **label("Password")}, PASSWORD)
    page.click(button("Sign in"))
    page.sees_no_more(css("dialog"))
    other.evaluate("() => { location.hash = '#/domains'; }")
    other.sees(heading("SIP domains"))
    assert cookie_of(page) == cookie_of(other)


def test_a_script_that_got_into_the_page_does_not_run(shared, open_page):
    page = open_page(shared)
    page.said()
    assert page.evaluate("""async () => {
        const seen = [];
        document.addEventListener('securitypolicyviolation', (event) => seen.push(event.effectiveDirective));
        for (const script of ['window.ran = 1', null]) {
            const e = document.createElement('script');
            try {
                script ? e.append(script) : e.setAttribute('src', 'data:text/javascript,window.ran=1');
                document.body.append(e);
            } catch { // Trusted Types were faster
            }
        }
        try {
            setTimeout('window.ran = 1');
        } catch {
        }
        await import('data:text/javascript,window.ran=1').catch(() => null);
        for (const since = performance.now(); seen.length < 4 && performance.now() - since < 20000;) { // these events come later
            await new Promise((resolve) => { setTimeout(resolve, 10); });
        }
        return [window.ran ?? null, seen];
    }""") == [None, ["require-trusted-types-for"] * 3 + ["script-src-elem"]]
