"""
What an answer means in split mode when a proxy, a gateway or the network between them does not end, but stands still: a process that is
stopped (SIGSTOP) keeps its connections, and finds all that has come meanwhile when it goes on.
"""
import collections
import contextlib
import os
import signal
import time

from rig import dns, split
from rig.numbered import Delivered, SipTraffic, judge, unknown_ids
from rig.process import eventually
from rig.recorder import Recorder
from rig.stoxd import Stoxd
from test_kill import TO, check, settle, stanzas
from test_owners import FIRST, SECOND, Back, cluster, shared  # noqa: F401
from test_perimeter_kill import _CUT, SecondProxy, first, sends

GATEWAY = (dns.GATEWAY, 5060)
ROUNDS = 3
SECONDS = 7  # 3 s of silence, and the set-up of a stream; a connection ends by itself after 10


@contextlib.contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield time.monotonic()
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def swallowed(port):
    """Nothing of the links at this port passes the filter, and nobody is told."""
    split._nft(_CUT + "".join("add rule inet cut link tcp %s %d drop\n" % (way, port) for way in ("dport", "sport")))
    try:
        yield time.monotonic()
    finally:
        split._nft("delete table inet cut\n")


def copies(recorder, bodies):
    return collections.Counter(body for body, _, _ in stanzas(recorder) if body in bodies)


def in_use(gateway, at):
    """The rig's own proxy is linked anew, and sends."""
    gateway.wait_event("settings-used", 40, since=at, proxy=first(gateway))
    assert sends(gateway) == [first(gateway)]


def test_a_proxy_that_is_stopped_under_traffic_is_left_within_seconds_and_sends_nothing_twice(rig, start, office, figures):
    """
    The worst moment: its partner has not acknowledged what was written, so that it has more which is not, and the acknowledgements are the
    first that it finds when it goes on.
    """
    gateway = start(Stoxd(rig, partners={"recorder.example": {}}, in_two=True))
    recorder = start(Recorder(rig, record=rig.work + "/stopped-proxy"))
    start(SecondProxy(gateway))
    traffic = SipTraffic(office, TO, GATEWAY, rate=100, window=250, padding=800, label="k").start()
    gaps, again, unwritten = [], 0, []
    for _ in range(ROUNDS):
        assert sends(gateway) == [first(gateway)]
        traffic.wait_ok(50)
        recorder.set(ack=False, ping=False)
        eventually(lambda: gateway.ctl_json("proxy", "status", first(gateway))["under-way"] >= 200, "it has more than it may write", 40)
        at = gateway.mark()
        with stopped(gateway.perimeter.process.pid) as since:
            bodies = {s.body for s in list(traffic.sent)}
            unwritten.append(len(bodies) - len(copies(recorder, bodies)))
            recorder.set(ack=True, ping=True)
            recorder.acknowledge()
            traffic.wait_ok(1)
            gaps.append(round(time.monotonic() - since, 1))
            assert sends(gateway) == ["second"]
            eventually(lambda: all(s.status for s in list(traffic.sent) if s.body in bodies), "all that it had is answered", 40)
            before = copies(recorder, bodies)
        in_use(gateway, at)
        traffic.wait_ok(50)  # on the stream that it had
        again += sum((copies(recorder, bodies) - before).values())
    settle(traffic, office, recorder)
    unknown = unknown_ids(gateway)
    there = judge(traffic, Delivered(stanzas(recorder), "k"), unknown)
    figures(until_the_other_one_sends_s=gaps, not_written_when_it_was_stopped=unwritten, sent_when_it_went_on=again, sip_to_xmpp=there)
    assert min(unwritten) > 50
    assert again == 0
    check(there, 150)
    assert set(there["answered"]) == {"200"}
    assert min(gaps) < SECONDS  # a machine that has other work makes them longer


def test_a_proxy_whose_link_is_swallowed_under_traffic_is_left_within_seconds(rig, start, office, figures):
    gateway = start(Stoxd(rig, partners={"recorder.example": {}}, in_two=True))
    recorder = start(Recorder(rig, record=rig.work + "/swallowed-link"))
    start(SecondProxy(gateway))
    traffic = SipTraffic(office, TO, GATEWAY, rate=100, window=250, label="k").start()
    gaps = []
    for _ in range(ROUNDS):
        traffic.wait_ok(50)
        at = gateway.mark()
        with swallowed(split.LINK_PORT) as since:
            gateway.wait_event("proxy-lost", 40, since=at, proxy=first(gateway))
            traffic.wait_ok(50)
            gaps.append(round(time.monotonic() - since, 1))
            assert sends(gateway) == ["second"]
            gateway.wait_event("gateway-silent", 40, since=at)  # the proxy has seen it, too
        in_use(gateway, at)
    settle(traffic, office, recorder)
    there = judge(traffic, Delivered(stanzas(recorder), "k"), unknown_ids(gateway))
    figures(until_the_other_one_sends_s=gaps, sip_to_xmpp=there)
    check(there, 150)
    assert set(there["answered"]) == {"200"}
    assert min(gaps) < SECONDS


def test_the_only_proxy_is_shown_as_silent_and_goes_on_with_what_it_had(rig, start, office):
    gateway = start(Stoxd(rig, partners={"recorder.example": {}}, in_two=True))
    recorder = start(Recorder(rig, record=rig.work + "/only-proxy"))
    assert office.message(TO, "first", target=GATEWAY).wait() == 200
    at = gateway.mark()
    with stopped(gateway.perimeter.process.pid):
        gateway.wait_event("proxy-silent", 40, since=at, proxy=first(gateway))
        status = gateway.ctl_json("proxy", "status", first(gateway))
        assert (status["state"], status["sends"]) == ("silent", False)
        assert status["why"].startswith("it has asked nothing for more than 3 s")
        code, out, _ = gateway.ctl("proxy", "test", first(gateway), ok=False)
        assert code == 1 and "is silent: it has asked nothing for more than 3 s" in out.splitlines()[-1]
        held = office.message(TO, "meanwhile", target=GATEWAY)
        eventually(lambda: gateway.ctl_json("proxy", "status", first(gateway))["waiting"] == 1, "it waits inside")
    assert held.wait() == 200
    assert [body for body, _, _ in stanzas(recorder)] == ["first", "meanwhile"]
    assert gateway.ctl_json("proxy", "status", first(gateway))["state"] == "ready"


def test_a_gateway_that_is_stopped_leaves_its_pairs_to_the_other_node_within_seconds(cluster, office, romeo, figures):  # noqa: F811
    node, second = cluster
    back = Back(romeo, office, "still")
    back.send(10)
    back.wait()
    assert back.by(back.sent) == {FIRST[0]}
    with stopped(node.process.pid) as since:
        for _ in range(40):
            back.send(1)
            with contextlib.suppress(Exception):
                office.wait_message(back.sent[-1], 0.5)
                break
        gap = round(time.monotonic() - since, 1)
        assert back.by(back.sent[-1:]) == {SECOND[0]}
        eventually(lambda: back.judge()["lost"] == 0, "what the stopped node had been given has come by the other one", 40)
        passed_on = round(time.monotonic() - since, 1)
        assert back.by(back.sent[10:]) == {SECOND[0]}
    office.message(romeo.jid, "it goes on", target=FIRST).wait()
    back.send(10)
    back.wait()
    figures(until_the_other_node_gets_what_comes_s=gap, until_it_has_all_s=passed_on, xmpp_to_sip=back.judge())
    assert back.by(back.sent[-10:]) == {SECOND[0]}
    assert back.judge()["lost"] == 0
    came = collections.Counter(r.body for r in office.received.all)
    assert {came[text] for text in back.sent[10:]} == {1}  # before, SIP may have had one whose answer the stopped node had not read yet
