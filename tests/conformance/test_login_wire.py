"""Next hops that ask who we are: digest as a client, on the wire (STOX-SEC-10; RFC 3261 22.2, RFC 7616, RFC 8760)."""
import itertools

import pytest

import support
from rig import digest, dns
from rig.process import eventually
from rig.sipua import SipUa
from rig.stoxd import Stoxd
from support import OTHER, RAW_UDP, Partner, error_of, expect_stanza

NAME, PASSWORD, REALM = "stox", "battery staple", "pbx.contoso.example"
_nonces = itertools.count(1)


class Asks:
    """What a SIP server that asks for digest answers; keeps what it was shown."""

    def __init__(self, algorithms=("SHA-256",), proxy=False, qop='"auth"', password=PASSWORD, life=1000):
        self.algorithms, self.proxy, self.qop, self.password, self.life = algorithms, proxy, qop, password, life
        self.shown, self.counts, self.asked, self.requests = [], {}, 0, []

    def challenge(self, stale=False):
        self.asked += 1
        name, status = ("Proxy-Authenticate", 407) if self.proxy else ("WWW-Authenticate", 401)
        lines = []
        for algorithm in self.algorithms:
            nonce = "n%d" % next(_nonces)
            self.counts[nonce] = 0
            lines.append('%s: Digest realm="%s", nonce="%s", opaque="o", algorithm=%s%s%s' % (
                name, REALM, nonce, algorithm, self.qop and ", qop=" + self.qop, ", stale=true" if stale else ""))
        return status, "Who are you", lines

    def judge(self, said, message):
        """Is it right? None: stale."""
        uri, method = message.uri, message.method
        body = message.body.decode()
        a2 = [method, uri] + ([digest._hash(said["algorithm"], body)] if said.get("qop") == "auth-int" else [])
        wanted = digest._hash(said["algorithm"], digest._hash(said["algorithm"], NAME, REALM, self.password),
                              said["nonce"], *([said["nc"], said["cnonce"], said["qop"]] if "qop" in said else []),
                              digest._hash(said["algorithm"], *a2))
        assert said["uri"] == uri and said["opaque"] == "o" and said["algorithm"] in self.algorithms
        if said["nonce"] not in self.counts or self.counts[said["nonce"]] >= self.life:
            return None
        if "nc" in said:
            assert int(said["nc"], 16) == self.counts[said["nonce"]] + 1, said["nc"]
        self.counts[said["nonce"]] += 1
        return said["response"] == wanted and said["username"] == NAME

    def __call__(self, received):
        message = received.message
        self.requests.append(message)
        value = message.get("proxy-authorization" if self.proxy else "authorization")
        if value is None:
            return self.challenge()
        self.shown.append(digest.params(value))
        right = self.judge(self.shown[-1], message)
        return 200 if right else self.challenge(stale=right is None)


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    """contoso.example with a name and a password for its next hop; raw.example without; stream.example with MD5 allowed."""
    login = {"next_hop_user": NAME, "next_hop_password": PASSWORD}
    routes = {"office": {"next_hop": dns.OFFICE + ":5060", **login}, "raw": {"next_hop": RAW_UDP + ":5060"},
              "stream": {"next_hop": dns.OFFICE + ":5060", "digest_md5": True, **login}}
    support.begin_names()
    return start_for_module(Stoxd(rig, name="stoxd-login", **support.settings(OTHER, routes=routes, gateway=support.PATIENT)))


@pytest.fixture
def p(rig, gateway, start):
    """A partner; the gateway has forgotten what was asked before."""
    gateway.ctl("org", "set", "--description", "anew %d" % next(_nonces))
    return start(Partner(rig, at=OTHER))


def write(p, to, body):
    """A message, over a stream for its domain of ours."""
    p.streams = getattr(p, "streams", {})
    domain = to.split("@")[1]
    if domain not in p.streams:
        p.streams[domain] = p.incoming(domain)
    p.send_message(p.streams[domain], to=to, body=body, stanza_id=body.replace(" ", "-"))


def sent(p, asks, body, n, to=support.ALICE):
    """Sends it; until n in all have been let in."""
    write(p, to, body)
    eventually(lambda: sum(asks.counts.values()) == n, "%s is let in" % body)


@pytest.mark.parametrize("proxy", [False, True], ids=["401", "407"])
def test_STOX_SEC_10_who_asks_is_told_once_and_then_at_once(p, sip, proxy):
    asks = sip.answer = Asks(proxy=proxy)
    for i in range(4):
        sent(p, asks, "more %d" % i, i + 1)
    assert asks.asked == 1 and [s["nc"] for s in asks.shown] == ["%08x" % i for i in range(1, 5)]
    first, second = asks.requests[:2]
    assert first.get("call-id") == second.get("call-id") and first.get("from") == second.get("from")
    assert first.get("cseq") == "1 MESSAGE" and second.get("cseq") == "2 MESSAGE" and first.branch != second.branch
    assert len({s["cnonce"] for s in asks.shown}) == 4


def test_STOX_SEC_10_a_nonce_that_is_used_up_is_asked_anew(p, sip):
    asks = sip.answer = Asks(life=2)
    for i in range(6):
        sent(p, asks, "stale %d" % i, i + 1)
    assert asks.asked == 3


@pytest.mark.parametrize("offered, to, chosen", [
    (("MD5", "SHA-256"), support.ALICE, "SHA-256"), (("MD5", "SHA-512-256"), support.ALICE, "SHA-512-256"),
    (("SHA-512-256", "SHA-256"), support.ALICE, "SHA-256"), (("AKAv1-MD5", "SHA-256"), support.ALICE, "SHA-256"),
    (("MD5",), "bob@stream.example", "MD5"), (("MD5", "SHA-256"), "bob@stream.example", "SHA-256")])
def test_STOX_SEC_10_the_strongest_is_answered(p, sip, offered, to, chosen):
    asks = sip.answer = Asks(offered)
    sent(p, asks, "strong", 1, to)
    assert [s["algorithm"] for s in asks.shown] == [chosen]


@pytest.mark.parametrize("qop, said", [('"auth-int"', "auth-int"), ('"auth-int, auth"', "auth"), ("", None)])
def test_STOX_SEC_10_what_is_protected(p, sip, qop, said):
    asks = sip.answer = Asks(qop=qop)
    sent(p, asks, "protected", 1)
    assert [s.get("qop") for s in asks.shown] == [said]


def test_a_refused_password_is_told_and_not_shown_again_at_once(gateway, p, sip):
    asks, mark = Asks(password="another"), gateway.mark()
    sip.answer = asks
    for i in range(3):
        write(p, support.ALICE, "refused %d" % i)
    back = p.accept_sm()
    for _ in range(3):
        assert error_of(expect_stanza(back))[0] in ("not-authorized", "forbidden", "subscription-required",
                                                    "registration-required", "internal-server-error")
    assert len(asks.shown) == 1
    event = gateway.wait_event("sip-login-failed", since=mark, status="401")
    assert "next-hop-password" in event["why"] and PASSWORD not in str(event)
    asks = sip.answer = Asks(password="another")
    gateway.ctl("route", "set", "office", "--next-hop-password", "-", stdin="another\n")  # a change ends the pause
    sent(p, asks, "again", 1)
    gateway.ctl("route", "set", "office", "--next-hop-password", "-", stdin=PASSWORD + "\n")


@pytest.mark.parametrize("to, offered, remedy", [
    ("bob@raw.example", ("SHA-256",), "--next-hop-user"), (support.ALICE, ("MD5",), "--digest-md5 yes"),
    (support.ALICE, ("AKAv1-MD5",), "SHA-256")])
def test_what_cannot_be_answered_is_told_with_its_remedy(gateway, p, sip, start, to, offered, remedy):
    asks = Asks(offered)
    if to.endswith("raw.example"):
        start(SipUa(RAW_UDP, user="bob@raw.example", answer=asks))
    sip.answer = asks
    mark = gateway.mark()
    write(p, to, "no answer")
    back = p.accept_sm()
    assert expect_stanza(back).get("type") == "error"
    assert not asks.shown and asks.asked == 1
    assert remedy in gateway.wait_event("sip-login-failed", since=mark)["why"]
