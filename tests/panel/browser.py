"""Debian's Chromium, driven by driver.mjs: a browser for all tests of a worker, and pages that know nothing of each other."""
import json
import os
import subprocess

from rig import ns
from rig.process import eventually

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.join(ns.REPO, "build/panel-node")  # tools/panel-node puts them there


class Failed(AssertionError):
    """The browser could not do it, or did not see it in time."""


class Browser:
    def __init__(self):
        env = {**os.environ, "STOX_NODE": MODULES, "HOME": ns.work_dir()}
        self.node = subprocess.Popen(["node", os.path.join(HERE, "driver.mjs")], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True, env=env)
        self.n = 0

    def ask(self, op, page, **wish):
        self.node.stdin.write(json.dumps({"op": op, "page": page, **wish}) + "\n")
        self.node.stdin.flush()
        line = self.node.stdout.readline()
        if not line:
            raise Failed("the browser's driver has ended")
        answer = json.loads(line)
        if "error" in answer:
            raise Failed("%s %s: %s" % (op, wish, answer["error"]))
        return answer["value"]

    def open(self, url, **options):
        """A page with cookies and storage of its own. options: as Playwright's newContext takes them."""
        self.n += 1
        self.ask("open", self.n, url=url, options=options)
        return Page(self, self.n)

    def stop(self):
        self.node.stdin.close()
        self.node.wait(20)


def button(name, **more):
    return {"role": "button", "name": name, **more}


def link(name, **more):
    return {"role": "link", "name": name, **more}


def heading(name, **more):
    return {"role": "heading", "name": name, **more}


def label(text, **more):
    return {"label": text, **more}


def text(words, **more):
    return {"text": words, **more}


def css(selector, **more):
    return {"css": selector, **more}


class Page:
    """What a person does, and sees: each waits until it can be done, 20 s at most."""

    def __init__(self, browser, name):
        self.browser, self.name = browser, name

    def _ask(self, op, **wish):
        return self.browser.ask(op, self.name, **wish)

    def click(self, where):
        self._ask("click", where=where)

    def fill(self, where, value):
        self._ask("fill", where=where, value=value)

    def check(self, where, value=True):
        self._ask("check", where=where, value=value)

    def select(self, where, value):
        self._ask("select", where=where, value=value)

    def files(self, where, *paths):
        self._ask("files", where=where, paths=list(paths))

    def download(self, where):
        """Clicks what saves a file: (its name, its bytes)."""
        got = self._ask("download", where=where)
        with open(got["path"], "rb") as f:
            return got["name"], f.read()

    def pasted(self):
        """What is in the clipboard, read as people do: the page itself may not look into it."""
        self.evaluate("() => { const t = document.createElement('textarea'); t.id = 'paste'; document.body.append(t); t.focus(); }")
        self.press("Control+V")
        self.until("document.getElementById('paste').value !== ''")
        value = self.value(css("#paste"))
        self.evaluate("document.getElementById('paste').remove()")
        return value

    def press(self, key):
        self._ask("press", key=key)

    def type(self, words):
        self._ask("type", text=words)

    def reach(self, name, tag=None, key="Tab", most=150):
        """By this key alone to the control of this name (keyboard.mjs); at each on the way one sees where one is."""
        self._ask("reach", name=name, tag=tag, key=key, most=most)

    def focus(self):
        """(tag, name) of what has the focus."""
        at = self._ask("focus")
        return at["tag"], at["name"]

    def sees(self, where):
        self._ask("wait", where=where)

    def sees_no_more(self, where):
        self._ask("wait", where=where, state="hidden")

    def text(self, where):
        return self._ask("text", where=where)

    def value(self, where):
        return self._ask("value", where=where)

    def count(self, where):
        return self._ask("count", where=where)

    def evaluate(self, script, argument=None):
        return self._ask("evaluate", script=script, argument=argument)

    def until(self, script, argument=None):
        """Waits until this expression holds."""
        self._ask("until", script=script, argument=argument)

    def begin_anew(self, url):
        """As somebody who comes back, without what was chosen before."""
        self.evaluate("location.protocol.startsWith('http') && localStorage.clear()")
        self._ask("leave")
        self.resize(1280)
        self.theme("light")
        self.said()
        self.asked()
        self.goto(url)

    def is_gate(self):
        """Must one sign in here? Waits until that is known."""
        self.until("document.querySelector('.frame, .gate') !== null")
        return self.count(css(".gate")) > 0

    def goto(self, url):
        self._ask("goto", url=url)

    def follow(self, hash):
        """Where a link to this place of the panel leads: until that page is there, and nothing of the one before."""
        self._ask("follow", hash=hash)

    def reload(self):
        self._ask("reload")

    def resize(self, width, height=800):
        self._ask("resize", size={"width": width, "height": height})

    def theme(self, scheme):
        self._ask("theme", scheme=scheme)

    def offline(self, off=True):
        self._ask("offline", offline=off)

    def cookies(self):
        return self._ask("cookies")

    def plant(self, **cookie):
        """As Playwright's addCookies takes it."""
        self._ask("plant", cookies=[cookie])

    def tab(self, url):
        """Another page with the same cookies."""
        self.browser.n += 1
        self.browser.ask("tab", self.browser.n, beside=self.name, url=url)
        return Page(self.browser, self.browser.n)

    def forget(self):
        """All cookies are gone."""
        self._ask("forget")

    def screenshot(self, path, full=False):
        self._ask("screenshot", path=path, full=full)

    def axe(self, *rules):
        """What axe-core finds wrong, by these rules; without any by all."""
        return self._ask("axe", rules=rules or None)

    def visit(self, pages, looks, language="en"):
        """What is wrong with the pages at these addresses (visit.mjs): with headings, widths, languages, and what axe-core finds."""
        return self._ask("visit", pages=pages, looks=looks, language=language)

    def said(self):
        """What the browser has complained of since it was asked last."""
        return self._ask("said")

    def complains(self, *words):
        """Of all of these, sooner or later: it tells of what it has refused when it has done so. What it has said."""
        said = []

        def all_of_them():
            said.extend(self.said())
            return all(any(word in line for line in said) for word in words)
        eventually(all_of_them, "the browser complains of " + ", ".join(words))
        return said

    def asked(self):
        """The addresses that it has asked for since."""
        return self._ask("asked")

    def changes(self):
        """The requests that were no GET since."""
        return self._ask("changes")

    def refused(self):
        """Those that were answered 403 since."""
        return self._ask("refused")

    def elsewhere(self):
        """Those to another host or port than it was opened at, since."""
        return self._ask("elsewhere")

    def crawl(self, start, spare=None):
        """From these addresses on (crawl.mjs). spare: buttons are pressed, but for those of these pages."""
        return self._ask("crawl", **{"from": list(start)}, spare=spare)

    def close(self):
        self._ask("close")
