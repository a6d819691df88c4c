"""The panel's files as a client of HTTP sees them, and what a browser is told about them."""
import gzip
import http.client
import re

import pytest

from browser import css
from gateway import PASSWORD, PORT
from rig.process import eventually

POLICY = {"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
          "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
          "trusted-types 'none'"}


def ask(path, method="GET", headers=None, body=None):
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    c.request(method, path, body, headers or {})
    answer = c.getresponse()
    raw = answer.read()
    c.close()
    return answer, raw


def names(html):
    return re.findall(r'(?:src|href)="(/panel/[^"]+)"', html)


def test_every_file_is_there_for_nobody_in_particular_with_its_type_and_headers(shared):
    page = ask("/")[1].decode()
    assert "<script>" not in page and "style=" not in page and " on" not in re.sub(r">[^<]*<", "><", page)
    for path in ["/"] + names(page):
        answer, raw = ask(path)
        kind = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}.get(
            path.rsplit(".", 1)[-1], "text/html; charset=utf-8")
        assert (answer.status, answer.getheader("Content-Type")) == (200, kind), path
        assert set(answer.getheader("Content-Security-Policy").split("; ")) == POLICY
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Referrer-Policy") == "no-referrer"
        assert answer.getheader("Cross-Origin-Opener-Policy") == "same-origin"
        assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"
        assert "camera=()" in answer.getheader("Permissions-Policy")
        assert answer.getheader("Cache-Control") == "no-cache" and answer.getheader("Set-Cookie") is None
        head, nothing = ask(path, "HEAD")
        assert (head.status, head.getheader("Content-Length"), nothing) == (200, str(len(raw)), b"")


def test_they_travel_compressed_and_once(shared):
    plain, raw = ask("/panel/app/main.js")
    packed, less = ask("/panel/app/main.js", headers={"Accept-Encoding": "br;q=1.0, gzip;q=0.8"})
    assert packed.getheader("Content-Encoding") == "gzip" and packed.getheader("Vary") == "Accept-Encoding"
    assert gzip.decompress(less) == raw and len(less) < len(raw)
    assert plain.getheader("ETag") != packed.getheader("ETag")
    for given in ("", "gzip;q=0", "gzip; q=0.000", "br", "gzipped"):
        assert ask("/panel/app/main.js", headers={"Accept-Encoding": given})[0].getheader("Content-Encoding") is None
    tag = plain.getheader("ETag")
    for given in (tag, "W/" + tag, '"x", ' + tag):
        same, nothing = ask("/panel/app/main.js", headers={"If-None-Match": given})
        assert (same.status, nothing, same.getheader("ETag")) == (304, b"", tag)
    for given in ('"x"', tag[:-1], "", packed.getheader("ETag")):
        assert ask("/panel/app/main.js", headers={"If-None-Match": given})[0].status == 200


def test_what_is_no_file_is_answered_as_everything_to_nobody(shared):
    other = ask("/v1/partners")
    for path in ("/panel", "/panel/", "/panel/app", "/panel/app/main.js/", "/panel/app/none.js", "/panel/../panel/app/main.js",
                 "/panel/%2e%2e/%2e%2e/etc/passwd", "/panel/app%2fmain.js", "/panel//app/main.js", "/panel/app/main.js%00",
                 "/PANEL/app/main.js", "/index.html", "/panel/index.html", "/panel/meson.build", "/favicon.ico",
                 "/panel/" + "a" * 6000, "/panel/" + "a/" * 2000):
        answer, raw = ask(path)
        assert (answer.status, raw) == (401, other[1]), path


def test_they_can_only_be_read(shared):
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"):
        for body in (None, b"{}"):
            answer, raw = ask("/", method, {"Content-Type": "application/json"}, body)
            assert (answer.status, answer.getheader("Allow")) == (405, "GET, HEAD"), method
    assert ask("/", headers={"Host": "evil.example"})[0].status == 421


@pytest.mark.parametrize("language", ["en-GB", "ja"])
def test_the_first_page_is_small_and_asks_nobody_else(shared, open_page, language):
    """All that the wire has carried, heads and the API's answers too, from an empty cache until the overview is there."""
    page = open_page(shared, who=None, locale=language)
    page.fill(css("form [autocomplete='username']"), "anna")
    page.fill(css("form [type='password']"), PASSWORD)
    page.press("Enter")
    page.sees(css(".tile .value"))
    asked, sent = [], []

    def is_told():  # of all that it has asked for: it is when all of an answer is there
        sent[:] = page.evaluate("""performance.getEntries().filter((e) => e.transferSize !== undefined)
            .map((e) => [e.name, e.transferSize])""")
        asked.extend(page.asked())
        return {url for url in asked if not url.endswith("/v1/events")} <= {url for url, _ in sent}
    eventually(is_told, "all answers are there")
    assert all(url.startswith(shared.url + "/") for url in asked), asked
    assert sum(size for _, size in sent) < 100_000


def test_the_policy_is_enforced(shared, open_page):
    page = open_page(shared)
    page.said()
    for attempt in ("document.body.innerHTML = '<b>x</b>'", "document.createElement('script').text = 'window.ran = 1'",
                    "document.createElement('iframe').srcdoc = '<b>x</b>'", "trustedTypes.createPolicy('mine', {})",
                    "document.body.insertAdjacentHTML('beforeend', 'x')",
                    "document.body.setAttribute('onclick', 'window.ran = 1')"):
        assert page.evaluate("() => { try { %s; return 'done'; } catch (e) { return e.name; } }" % attempt) == "TypeError"
    page.evaluate("""() => {
        for (const [tag, name, value] of [['img', 'src', 'http://10.99.0.9/x.png'], ['iframe', 'src', 'http://10.99.0.9/'],
                                          ['div', 'style', 'position: fixed'], ['link', 'href', 'http://10.99.0.9/x.css']]) {
            const e = document.createElement(tag);
            e.setAttribute(name, value);
            e.setAttribute('rel', 'stylesheet');
            document.body.append(e);
        } }""")
    page.until("document.querySelector('body > div[style]') !== null")
    page.complains("img-src", "frame-src", "default-src", "style-src", "TrustedHTML")
    assert page.evaluate("window.ran ?? null") is None
    page.elsewhere()  # what was tried and not sent


def test_the_panel_can_be_switched_off(shared):
    g = shared
    assert ask("/")[0].status == 200
    g.ctl("gateway", "set", "--panel", "no")
    assert ask("/")[0].status == 401 and ask("/panel/app/main.js")[0].status == 401
    g.ctl("gateway", "set", "--panel", "yes")
    assert ask("/")[0].status == 200
