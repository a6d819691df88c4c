"""Threats A4 and D16: markup in every field, in every name that comes from elsewhere, in the address; on every page, for every role."""
import json
from urllib.parse import quote

import pytest

import hostile
from browser import button, css, heading, label, text
from gateway import Gateway
from rig import dns
from rig.sipua import SipUa
from test_access import PAGES, PROOF

OBJECTS = {"sites": {"name": "s"}, "policies": {"name": "p"}, "blocks": {"name": "b.example"},
           "sip-users": {"name": "u@contoso.example", "served": False}}
FORMS = ["#/partners/fabrikam.example", "#/domains/contoso.example", "#/routes/office", "#/policies/p", "#/sites/s",
         "#/sip-users/u%40contoso.example", "#/blocks/b.example", "#/org", "#/gateway", "#/new/partners", "#/new/domains",
         "#/new/routes", "#/new/policies", "#/new/sites", "#/new/sip-users", "#/new/blocks"]
# Where a mark came from, and that a page shows it: not one of these has been lost on its way.
SHOWN = {"stream-error", "peer-name", "certificate", "agent", "sip-reason"}
HELPS = ["#/", "#/partners/fabrikam.example"]  # where the helpdesk may do what readers may not
SPARE = ["#/account"]  # one's own password and sessions are everybody's to change

# In the page: types it into each field in turn and commits. {field: "" when it is taken, else what was said}.
EACH_FIELD = """async ([value, numbers]) => {
    const find = (name) => document.querySelector(`form.form [name="${CSS.escape(name)}"]`);
    const turn = () => new Promise((resolve) => { setTimeout(resolve, 5); });
    const fields = [...document.querySelectorAll('form.form :is(input[type=text], input[type=password], textarea)')];
    const names = location.hash.startsWith('#/new/') ? ['name'] // all else waits for it
        : fields.filter((e) => numbers || e.inputMode !== 'numeric').map((e) => e.name);
    const found = {};
    for (const name of names) {
        const control = find(name), { form } = control, before = control.value;
        const words = () => [...form.querySelectorAll(':is(.fault, [role=alert], .verdict) > *')];
        const said = () => words().filter((e) => !e.hasAttribute('data-old')).map((e) => e.textContent.trim()).join(' ');
        words().forEach((e) => e.setAttribute('data-old', ''));
        control.value = value.replaceAll('MARK', `${location.hash.split('/').slice(1).join('.')}.${name}`);
        control.dispatchEvent(new Event('input'));
        form.requestSubmit();
        const since = performance.now();
        while (control.isConnected && !said()) {
            if (performance.now() - since > 20000) {
                throw new Error(`nothing became of ${name}`);
            }
            await turn();
        }
        found[name] = control.isConnected ? said() : '';
        while (document.querySelector('main[aria-busy]') || !(find(name) || control.isConnected)) {
            if (performance.now() - since > 20000) {
                return found; // another page is there
            }
            await turn();
        }
        if (control.isConnected) {
            control.value = before;
            control.dispatchEvent(new Event('input'));
        }
    }
    return found;
}"""


@pytest.fixture(scope="module")
def world(rig, home, prosody):
    """A gateway on which everything that others can choose is markup."""
    home.rest()
    up = []

    def start(thing):
        up.append(thing)
        return rig.up(thing)

    g, office = start(Gateway(rig, partners=hostile.PARTNERS, **home.store())), start(SipUa(dns.OFFICE))
    g.make_people()
    for kind, values in OBJECTS.items():
        assert g.ask("POST", "/v1/" + kind, values)[0] == 201
    hostile.partners_say(rig, start, office)
    hostile.people_say(rig, start, office)
    hostile.certificates_say(rig, g)
    g.people_say = lambda turn: hostile.people_say(rig, start, office, turn)
    yield g
    rig.dns.change("example", "unset _xmpp-server._tcp.hostile SRV")  # the other store begins with it
    for thing in reversed(up):
        rig.down(thing)


def starts():
    return [where for where in PAGES if "/edge" not in where]


def is_clean(page):
    """Nothing has run, and nothing was tried that the policy forbids."""
    assert page.evaluate("window.ran ?? null") is None
    assert [said for said in page.said() if "status of 4" not in said] == []


def test_markup_in_every_field_is_kept_as_text_or_refused_in_words(world, open_page):
    page = open_page(world)
    taken = 0
    for where in FORMS:
        page.follow(where)
        page.sees(css("form.form"))
        found = page.evaluate(EACH_FIELD, [hostile.hostile("MARK"), PROOF])
        assert found, where
        taken += sum(not said for said in found.values())
    assert taken >= 6  # the free texts
    is_clean(page)


def test_every_page_shows_it_as_text(world, open_page):
    hostile.browsers_say()
    page = open_page(world)
    page.said()
    found = page.crawl(starts())
    assert found["faults"] == []
    assert SHOWN <= set(found["marks"]), found["marks"]
    page.evaluate("(hash) => { location.hash = hash; }", "#/partners/" + hostile.FORBIDDING)
    page.click(button("Test the connection"))
    page.sees(text("onerror=window.ran=/stream-error/", within=css(".test .notice.failed")))
    is_clean(page)


def test_what_passes_is_shown_as_text(world, open_page):
    page = open_page(world, "#/trace?partner=fabrikam.example")
    page.click(button("Start"))
    page.sees(text("Running"))
    world.people_say(2)
    page.until("['resource', 'sip-reason'].every((mark) => document.body.textContent.includes(`window.ran=/${mark}/`))")
    is_clean(page)


def test_markup_in_the_address_is_text(world, open_page):
    words = hostile.hostile("address")
    page = open_page(world, "#/partners?search=" + quote(words))
    page.sees(text("Nothing fits the search."))
    assert page.value(label("Search")) == words
    found = page.crawl(["#/partners/" + quote(words, safe=""), "#/" + quote(words, safe=""), "#/partners?sort=" + quote(words),
                        "#/partners?offset=" + quote(words), "#/%zz/%", "#/new/" + quote(words), "#/certificates/" + quote(words, safe="")])
    assert found["faults"] == []
    is_clean(page)


# In the page: every change of the API that takes a role which this one has not; with no secret, every change there is.
FORBIDDEN = """async ([role, secret]) => {
    const roles = ['reader', 'helpdesk', 'administrator'], { csrf } = await (await fetch('/v1/session')).json();
    const { paths } = await (await fetch('/v1/openapi.json')).json(), done = [];
    let n = 0;
    for (const [path, item] of Object.entries(paths)) {
        for (const [method, { 'x-role': needs }] of Object.entries(item)) {
            if (method === 'get' || !needs || (secret && roles.indexOf(needs) <= roles.indexOf(role))) {
                continue;
            }
            n += 1;
            const { status } = await fetch(path.replace(/{name}/g, 'fabrikam.example').replace(/{id}/g, '1'), { method: method.toUpperCase(),
                body: '{}', headers: { 'Content-Type': 'application/json', 'X-Stox-CSRF': secret ? csrf : 'A'.repeat(csrf.length) } });
            status === 403 || done.push(`${method} ${path}: ${status}`);
        }
    }
    return [n, done];
}"""


@pytest.mark.parametrize("who, role", [("rita", "reader"), ("helga", "helpdesk")])
def test_who_may_not_change_something_is_offered_no_button_for_it_and_cannot(world, open_page, who, role):
    page = open_page(world, "#/partners/fabrikam.example", who=who)
    page.sees(heading("fabrikam.example"))
    assert page.count(css("form.form :is(input, select, textarea):not(:disabled)")) == 0
    assert page.count(button("Test the connection")) == (1 if who == "helga" else 0)
    page.evaluate("() => { location.hash = '#/new/partners'; }")
    page.sees(heading("There is no such page"))
    page.changes(), page.refused()
    found = page.crawl([where for where in starts() if "new/" not in where and "import/" not in where] if who == "rita" or PROOF
                       else HELPS, SPARE)
    assert found["faults"] == [] and page.refused() == []
    assert page.changes() == [] or who == "helga"
    is_clean(page)
    n, done = page.evaluate(FORBIDDEN, [role, True])
    assert n > 30 and done == []


def test_no_change_is_made_without_the_session_s_secret(world, open_page):
    n, done = open_page(world).evaluate(FORBIDDEN, ["administrator", False])
    assert n > 40 and done == []
