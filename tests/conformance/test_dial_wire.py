"""Our requests over several servers, asked for credentials, and sent elsewhere, on the wire (STOX-SIP-34 to 36): INVITE and MESSAGE."""
import itertools

import pytest

import support
from rig.process import eventually
from rig.sipsession import accepting
from rig.sipua import SipUa
from rig.stoxd import Stoxd
from support import OTHER, Partner, error_of, expect_stanza
from test_login_wire import NAME, PASSWORD, Asks

CASES = 18  # the last one is trusted, and an outbound proxy
_cases = itertools.count(1)


def hops(n):
    return ["10.99.94.%d" % (2 * n), "10.99.94.%d" % (2 * n + 1)]


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    """dialN.example in sessions, pageN.example by MESSAGE: each with two servers of its own."""
    support.begin_names()
    routes, domains = {}, {}
    for n in range(1, CASES + 1):
        for kind, im in ("dial", "session"), ("page", "pager"):
            name = "%s%d" % (kind, n)
            routes[name] = {"next_hop": [at + ":5060" for at in hops(n)], "im": im, "health_interval": 0,
                            "next_hop_user": NAME, "next_hop_password": PASSWORD,
                            "next_hop_route": n == CASES, "trust_identity": n == CASES}
            domains[name + ".example"] = {"route": name}
    return start_for_module(Stoxd(rig, name="stoxd-dial", **support.settings(
        OTHER, routes=routes, sip_domains=domains, gateway=support.PATIENT)))


class Case:
    """A partner, and two servers that only this test has."""

    def __init__(self, rig, start, servers, n=None):
        self.n = n or next(_cases)
        self.p = start(Partner(rig, at=OTHER))
        self.uas = [start(SipUa(at, user="alice@dial%d.example" % self.n)) for at in hops(self.n)[:servers]]
        for ua in self.uas:
            ua.on_invite = accepting()
        self.streams = {}

    def write(self, kind, body):
        domain = "%s%d.example" % (kind, self.n)
        if domain not in self.streams:
            self.streams[domain] = self.p.incoming(domain)
        self.p.send_message(self.streams[domain], to="alice@" + domain, body=body, stanza_id=body.replace(" ", "-"))

    def error(self):
        self.back = getattr(self, "back", None) or self.p.accept_sm()
        return error_of(expect_stanza(self.back))[0]


@pytest.fixture
def case(rig, gateway, start):
    return lambda servers=2, n=None: Case(rig, start, servers, n)


def invites(ua):
    return [m for m in ua.others.all if not m.is_response and m.method == "INVITE"]


# ---- several servers ----


def test_STOX_SIP_36_an_INVITE_goes_on_after_503_and_Retry_After_holds(case):
    c = case()
    first, second = c.uas
    first.on_invite = accepting(status=503, headers=["Retry-After: 60"])
    c.write("dial", "to whom it finds")
    got = second.wait_message("to whom it finds", 20).message
    one, two = invites(first)[0], invites(second)[0]
    assert one.branch != two.branch and all(one.get(h) == two.get(h) for h in ("from", "to", "call-id", "cseq"))
    assert first.wait_other("ACK", 20).branch == one.branch and got.get("call-id") == two.get("call-id")
    first.on_invite = accepting()
    c.write("page", "not to the first")  # a MESSAGE knows it too
    second.wait_message("not to the first", 20)
    assert len(invites(first)) == 1 and first.mark() == 0


def test_STOX_SIP_36_nobody_listens_at_the_first(case, rig):
    c = case()
    rig.down(c.uas[0])
    c.write("dial", "past a dead one")
    c.uas[1].wait_message("past a dead one", 20)


def test_STOX_SIP_36_all_refuse(case):
    c = case()
    for ua in c.uas:
        ua.on_invite = accepting(status=503)
    c.write("dial", "nobody")
    assert c.error() in ("internal-server-error", "service-unavailable", "recipient-unavailable",
                         "remote-server-timeout", "resource-constraint")
    assert [len(invites(ua)) for ua in c.uas] == [1, 1]


def test_STOX_SIP_36_a_busy_user_is_no_reason_to_go_on(case):
    c = case()
    c.uas[0].on_invite = accepting(status=486)
    c.write("dial", "engaged")
    assert c.error() == "recipient-unavailable"
    support.heard(c.uas[1], OTHER)
    assert invites(c.uas[1]) == []


# ---- credentials ----


@pytest.mark.parametrize("proxy", [False, True], ids=["401", "407"])
def test_STOX_SIP_34_a_session_with_credentials(case, proxy):
    c = case(1)
    ua, asks = c.uas[0], Asks(proxy=proxy)
    header = "proxy-authorization" if proxy else "authorization"

    def invite(got):
        answer = asks(got)
        return accepting()(got) if answer == 200 else (*answer, "")

    ua.on_invite, ua.answer = invite, asks
    c.write("dial", "who I am")
    ua.wait_message("who I am", 20)
    first, second = invites(ua)
    assert first.get(header) is None and second.get(header) and first.branch != second.branch
    assert first.get("call-id") == second.get("call-id") and first.get("from") == second.get("from")
    assert (first.get("cseq"), second.get("cseq")) == ("1 INVITE", "2 INVITE")
    acks = [m for m in ua.others.all if not m.is_response and m.method == "ACK" and m.get("cseq") == "2 ACK"]
    assert acks and {ack.get(header) for ack in acks} == {second.get(header)}
    asks.life = 2  # the nonce is stale from now on
    c.write("dial", "and again")
    ua.wait_message("and again", 20)
    eventually(lambda: asks.asked == 2, "the new nonce is asked for")
    texts = [m for m in asks.requests if m.method == "MESSAGE"]
    numbers = [int(m.get("cseq").split()[0]) for m in texts]
    assert numbers == sorted(set(numbers)) and len({m.get("call-id") for m in texts}) == 1
    eventually(lambda: asks.counts and max(asks.counts.values()) >= 1, "it is let in")


def test_STOX_SIP_34_a_password_that_is_not_taken_ends_it(case, gateway):
    c = case(1)
    asks = Asks(password="another")
    c.uas[0].on_invite = lambda got: (*asks(got), "")
    c.write("dial", "let me in")
    assert c.error() in ("not-authorized", "forbidden", "subscription-required", "registration-required")
    assert len(asks.shown) == 1 and len(invites(c.uas[0])) == 2
    assert "next-hop-password" in gateway.wait_event("sip-login-failed", status="401")["why"]


# ---- what a route's server is told ----


@pytest.mark.parametrize("kind", ["page", "dial"])
def test_STOX_SIP_38_a_proxy_and_STOX_SIP_39_one_inside_of_the_trust_domain(case, kind):
    seen = []
    for n in None, CASES:
        c = case(1, n)
        c.write(kind, "who and where to")
        got = c.uas[0].wait_message("who and where to", 20).message
        first = got if kind == "page" else invites(c.uas[0])[0]
        seen.append((c, got, first))
    (other, _, plain), (c, inside, told) = seen
    assert plain.get("route") is None and plain.get("p-asserted-identity") is None
    assert told.get("route") == "<sip:%s:5060;lr>" % hops(CASES)[0]
    assert told.uri == "sip:alice@%s%d.example" % (kind, CASES)
    assert told.get("p-asserted-identity") == "<sip:romeo@%s>" % c.p.domain
    if kind == "dial":
        assert inside.get("route") is None


def test_STOX_SIP_39_is_believed_from_inside_only(case):
    """The sender is whom a trusted system asserts; from all others that header is nothing."""
    for n, sender in (None, "alice"), (CASES, "bob"):
        c = case(1, n)
        domain = "page%d.example" % c.n
        txn = c.uas[0].message("romeo@" + c.p.domain, "by whose word", target=(OTHER, 5060), sender="alice@" + domain,
                               headers=["P-Asserted-Identity: <sip:bob@%s>" % domain])
        wire = c.p.accept_sm()
        stanza = expect_stanza(wire)
        assert stanza.get("from").split("/")[0] == "%s@%s" % (sender, domain)
        support.acknowledge(wire, 1)
        assert txn.wait() == 200


# ---- elsewhere ----


def moved(uri, status=302):
    return status, "Moved", ["Contact: <%s>" % uri]


def test_STOX_SIP_35_a_MESSAGE_is_sent_on_within_its_route(case):
    c = case(1)
    ua, to = c.uas[0], "sip:bob@page%d.example" % c.n
    ua.answer = lambda got: 200 if got.message.uri == to else moved(to)
    c.write("page", "sent on")
    eventually(lambda: ua.mark() == 2, "it came to the second place")
    support.heard(ua, OTHER)
    assert ua.mark() == 2
    first, second = (r.message for r in ua.received.all)
    assert second.uri == to and first.branch != second.branch and first.get("call-id") == second.get("call-id")
    assert int(second.get("cseq").split()[0]) > int(first.get("cseq").split()[0])


def test_STOX_SIP_35_an_INVITE_is_sent_on_within_its_route(case):
    c = case(1)
    ua, to = c.uas[0], "sip:bob@dial%d.example" % c.n
    ua.on_invite = lambda got: accepting()(got) if got.message.uri == to else (*moved(to), "")
    c.write("dial", "sent on")
    ua.wait_message("sent on", 20)
    assert [m.uri for m in invites(ua)] == ["sip:alice@dial%d.example" % c.n, to]


@pytest.mark.parametrize("status, condition", [(301, "gone"), (302, "redirect")])
@pytest.mark.parametrize("where", ["sip:alice@elsewhere.example", "sip:alice@10.99.0.66:5060"])
def test_STOX_SIP_35_elsewhere_is_told_and_not_followed(case, status, condition, where):
    c = case(1)
    c.uas[0].answer = moved(where, status)
    c.write("page", "where to")
    assert c.error() == condition
    assert c.uas[0].mark() == 1


def test_STOX_SIP_35_a_ring_of_redirections_ends(case):
    c = case(1)
    ua, asked = c.uas[0], itertools.count(1)
    ua.answer = lambda got: moved("sip:bob%d@page%d.example" % (next(asked), c.n))
    c.write("page", "round and round")
    assert c.error() == "redirect"
    assert ua.mark() == 6
