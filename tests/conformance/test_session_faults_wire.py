"""
Sessions whose servers fail, and messages in them that are late, doubled, out of order, forged or sent to the wrong port: each with
its named outcome (docs/SIP.md). What takes Timer B or F is in test_sip_dial.c and test_sip_session.c.
"""
import itertools

import pytest

import support
from rig.process import eventually
from rig.sipsession import accepting, tag_of
from rig.sipua import SipUa
from rig.stoxd import Stoxd
from support import OTHER, Partner, body_of, error_of, expect_stanza

CASES = 12
_cases = itertools.count(1)
SILENT = 99  # the case that waits for eight seconds


def hops(n):
    return ["10.99.95.%d" % (2 * n), "10.99.95.%d" % (2 * n + 1)]


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    """udpN.example and tcpN.example in sessions, each with two servers of its own."""
    support.begin_names()
    routes, domains = {}, {}
    for n in [*range(1, CASES + 1), SILENT]:
        for transport in "udp", "tcp":
            name = "%s%d" % (transport, n)
            routes[name] = {"next_hop": [at + ":5060" for at in hops(n)], "im": "session", "transport": transport,
                            "health_interval": 0}
            domains[name + ".example"] = {"route": name}
    return start_for_module(Stoxd(rig, name="stoxd-faults", **support.settings(
        OTHER, routes=routes, sip_domains=domains, gateway=support.PATIENT)))


class Case:
    """A partner, and servers that only this test has."""

    def __init__(self, rig, start, transport, servers, n):
        self.n, self.transport = n, transport
        self.domain = "%s%d.example" % (transport, n)
        self.p = start(Partner(rig, at=OTHER))
        self.uas = [start(SipUa(at, user="alice@" + self.domain, transport=transport)) for at in hops(n)[:servers]]
        for ua in self.uas:
            ua.on_invite = accepting()
        self.wire = self.p.incoming(self.domain)

    def write(self, body):
        self.p.send_message(self.wire, to="alice@" + self.domain, body=body, stanza_id=body.replace(" ", "-"))

    def up(self):
        """A session that XMPP has begun, by the first server."""
        self.write("the first")
        return self.uas[0]._session_of(self.uas[0].wait_message("the first", 20).message)

    def dies(self, rig):
        """The first server; what was in the gateway's way before has been looked at when this returns."""
        rig.down(self.uas[0])
        support.look_round(OTHER, hops(self.n)[1])

    def at_partner(self):
        self.back = getattr(self, "back", None) or self.p.accept_sm()
        return expect_stanza(self.back)


@pytest.fixture
def case(rig, gateway, start):
    return lambda transport="udp", servers=1: Case(rig, start, transport, servers, next(_cases))


@pytest.fixture(scope="module")
def silent(rig, gateway, start_for_module):
    """
    Begun with the module: the first server answers to a port that is not the one in Via. When the second one is asked, the first answers
    to the right port: the gateway remembers for 32 s what it has turned away from, and the test may come later.
    """
    c = Case(rig, start_for_module, "udp", 2, SILENT)

    def astray(got):
        c.answers = got.responses
        got.responses = []  # its repetitions get none
        got.send = lambda wire: (c.answers.append(wire), c.uas[0].send_bytes(wire, (OTHER, 5999)))
        c.uas[0].loop.call_soon(got.responses.clear)
        return accepting()(got)

    def asked(got):
        c.uas[0].send_bytes(c.answers[-1], (OTHER, 5060))
        return accepting()(got)

    c.uas[0].on_invite, c.uas[1].on_invite = astray, asked
    c.write("to whoever answers me")
    return c


def bare(ua, method):
    return [m for m in ua.others.all if not m.is_response and m.method == method]


@pytest.fixture(autouse=True)
def _silent(silent):
    pass


# ---- servers ----


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_the_next_hop_dies_and_another_one_goes_on(case, rig, transport):
    """Nothing was written to the dead one, so that the text goes to the other, in the same session."""
    c = case(transport, 2)
    session = c.up()
    first, second = c.uas
    second.sessions, second._salt = first.sessions, first._salt  # two servers of one system
    c.dies(rig)
    c.write("by the other one")
    got = second.wait_message("by the other one", 20).message
    assert got.get("call-id") == session.call_id and tag_of(got.get("to")) == tag_of(
        session.invite.responses[-1].decode().split("To: ")[1].split("\r\n")[0])
    assert bare(second, "INVITE") == []


def test_the_next_hop_dies_and_the_other_one_knows_nothing_of_it(case, rig):
    c = case("tcp", 2)
    c.up()
    c.dies(rig)
    c.write("anew elsewhere")
    c.uas[1].wait_message("anew elsewhere", 20)
    assert len(bare(c.uas[1], "INVITE")) == 1 and c.uas[1].bodies() == ["anew elsewhere"]


def test_all_next_hops_are_dead(case, rig):
    c = case("tcp", 1)
    c.up()
    c.dies(rig)
    c.write("into nothing")
    assert error_of(c.at_partner())[0] == "remote-server-timeout"


@pytest.mark.last
def test_STOX_SIP_36_who_answers_to_the_wrong_port_is_silent(silent):
    """The next server gets it; what the first one began is taken back, once it is heard of."""
    first, second = silent.uas
    second.wait_message("to whoever answers me")
    assert first.mark() == 0
    ack, bye = first.wait_other("ACK", 20), first.wait_other("BYE", 20)  # to what came late, and to the right port
    assert ack.get("call-id") == bye.get("call-id") == bare(second, "INVITE")[0].get("call-id")
    silent.write("still by the second")
    second.wait_message("still by the second", 20)


# ---- answers ----


def test_answers_out_of_order(case):
    """A 180 behind its 200, and a 486 behind that: the session is up, and stays so."""
    c = case()
    ua = c.uas[0]

    def late(got):
        sent = accepting()(got)
        ua.loop.call_soon(lambda: [got.send(got.responses[0].replace(b"SIP/2.0 200 OK", b"SIP/2.0 180 Ringing")),
                                   got.send(got.responses[0].replace(b"SIP/2.0 200 OK", b"SIP/2.0 486 Busy Here"))])
        return sent

    ua.on_invite = late
    session = c.up()
    c.write("still up")
    assert ua.wait_message("still up", 20).message.get("call-id") == session.call_id
    support.heard(ua, OTHER)
    assert bare(ua, "BYE") == [] and len(bare(ua, "INVITE")) == 1


@pytest.mark.parametrize("forge", ["branch", "sent-by"])
def test_a_forged_answer_to_a_text_counts_for_nothing(case, forge):
    c = case()
    session, ua = c.up(), c.uas[0]
    change = {"branch": (b";branch=z9hG4bK", b";branch=z9hG4bKx"), "sent-by": (b"10.99.0.3:5060", b"10.99.0.3:5061")}[forge]

    def answer(got):
        send, got.send = got.send, lambda wire: None
        ua._reply(got, 404, "", (), b"")
        honest, got.send = got.responses.pop(), send
        assert change[0] in honest
        send(honest.replace(*change))
        waiting.append(got)

    waiting = []
    ua.answer = answer
    c.write("who says so")
    eventually(lambda: waiting, "the text has come")
    ua.answer = 200
    support.heard(ua, OTHER)
    c.write("the next")
    c.p.was_told_nothing(c.wire, c.domain)  # no error, and the next one waits for its turn
    support.heard(ua, OTHER)
    assert ua.bodies() == ["the first", "who says so"]
    waiting[0].reply(200)
    assert ua.wait_message("the next", 20).message.get("call-id") == session.call_id


def test_doubled_and_late_requests_arrive_once(case):
    """The same datagram again, at once and after its answer, is the same text; an older one is refused."""
    c = case()
    session, ua = c.up(), c.uas[0]
    txn = session.message("only once")
    for _ in range(3):
        ua.send_bytes(txn.wire, session.target)
    stanza = c.at_partner()
    assert body_of(stanza) == "only once"
    support.acknowledge(c.back, 1)
    assert txn.wait() == 200
    ua.send_bytes(txn.wire, session.target)
    assert session.message("older", cseq=session.cseq - 1).wait() == 500
    second = session.message("the next")
    assert body_of(c.at_partner()) == "the next"
    support.acknowledge(c.back, 2)
    assert second.wait() == 200


def test_forged_requests_end_nothing(case):
    """A wrong tag on either side, another system's, a CANCEL for what is over: 481, 403, and the session goes on."""
    c = case()
    session, ua = c.up(), c.uas[0]
    assert session.request("BYE", to_tag="forged").wait() == 481
    assert session.request("BYE", from_tag="forged").wait() == 481
    assert session.message("x", from_tag="forged").wait() == 481
    assert session.request("CANCEL").wait() == 481
    txn = session.message("still here")
    assert body_of(c.at_partner()) == "still here"
    support.acknowledge(c.back, 1)
    assert txn.wait() == 200
    support.heard(ua, OTHER)
    assert ua.others.all and bare(ua, "BYE") == []


def test_a_bye_from_another_system_is_refused(case, rig, start, gateway):
    c, other = case(), case()
    session = c.up()
    stranger = other.uas[0]
    txn = stranger.request(session.peer, "", target=session.target, sender=session.sender, method="BYE",
                           uri=session.remote_target, call_id=session.call_id, cseq=session.cseq + 1,
                           from_tag=session.local_tag, to_tag=session.remote_tag)
    assert txn.wait() == 403
    c.write("nothing has happened")
    assert c.uas[0].wait_message("nothing has happened", 20).message.get("call-id") == session.call_id
