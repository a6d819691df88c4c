"""
What an answer means in split mode when a proxy or the gateway is killed (-9), or the link between them cut, in the middle of traffic.
STOX_PROOF=1 asks for 200 of these.
"""
import os
import random
import time

import pytest

from rig import dns, split
from rig.numbered import Delivered, SipTraffic, judge, unanswered, unknown_ids
from rig.process import Process
from rig.recorder import Recorder
from rig.stoxd import Stoxd, program
from test_kill import FromRecorder, TO, check, settle, stanzas

pytestmark = pytest.mark.apart

EACH_KIND = 67 if os.environ.get("STOX_PROOF") == "1" else 2
GATEWAY = (dns.GATEWAY, 5060)
_CUT = "add table inet cut\nadd chain inet cut link { type filter hook forward priority -10; }\n"


def cut_link(how, seconds):
    """Nothing of a link passes the filter for so long: it is answered with a reset, or is gone."""
    rule = "reject with tcp reset" if how == "reset" else "drop"
    split._nft(_CUT + "add rule inet cut link tcp dport %d %s\nadd rule inet cut link tcp sport %d %s\n" % (
        split.LINK_PORT, rule, split.LINK_PORT, rule))
    time.sleep(seconds)
    split._nft("delete table inet cut\n")


def start_proxy(gateway):
    gateway.perimeter.start(program(), gateway._boot_text(gateway.perimeter.proxy(gateway.settings)), dict(os.environ))


def disturb(gateway, recorder, what, chance):
    pause = chance.choice([0, 0.1, 0.5])
    if what == "proxy":
        gateway.perimeter.kill()
        recorder.set(ack=True, ping=True)  # before there is another stream that would go on waiting for an answer
        time.sleep(pause)
        start_proxy(gateway)
    elif what == "gateway":
        gateway.kill(outside=False)
        time.sleep(pause)
        gateway.start()
    else:
        cut_link(chance.choice(["reset", "drop"]), chance.choice([0.2, 1, 4]))


@pytest.mark.parametrize("sm", [True, False], ids=["stream-management", "ping-only"])
def test_proxy_gateway_and_link_end_under_traffic_and_no_answer_lies(rig, start, office, figures, sm):
    gateway = start(Stoxd(rig, partners={"recorder.example": {}}, in_two=True))
    recorder = start(Recorder(rig, record="%s/perimeter-kills-%s" % (rig.work, sm), sm=sm))
    chance = random.Random(5)
    traffic = SipTraffic(office, TO, GATEWAY, rate=100, window=50, label="k").start()
    back = FromRecorder(recorder, office, "b")
    ends = ["proxy", "gateway", "link"] * EACH_KIND
    chance.shuffle(ends)
    for i, what in enumerate(ends):
        traffic.wait_ok(chance.randrange(20, 60))
        # The worst moment: the partner has taken some that nobody has been told of. All other streams live on, and would go on waiting for
        # the answers that it has left out.
        if what == "proxy" and i % 2 == 0:
            recorder.set(ack=False, ping=False)
            recorder.wait_count(len(recorder.stanzas()) + chance.randrange(5, 30))
        disturb(gateway, recorder, what, chance)
    traffic.wait_ok(20)
    back.stop()
    settle(traffic, office, recorder)
    recorder.wait_acked(60)
    back.drain()
    unknown = unknown_ids(gateway)
    there, here = judge(traffic, Delivered(stanzas(recorder), "k"), unknown), back.judge()
    there.update(unanswered(traffic, gateway))
    figures(ends=len(ends), sip_to_xmpp=there, outcome_unknown=len(unknown), xmpp_to_sip=here)
    check(there, 20 * len(ends))
    assert here["repeats_with_another_branch"] == 0
    assert here["lost"] == 0


class SecondProxy:
    """Beside the rig's own, in its namespace; partners do not find it, so that it only sends."""

    PORT = 23457

    def __init__(self, gateway):
        self.gateway, outside = gateway, gateway.perimeter
        self.pair, self.dir = outside.pair, gateway.dir + "/second"
        self.key = split.Key(self.dir + "/link.key")
        split._nft('insert rule inet split pair%d iifname "i%d" tcp dport %d accept\n' % (self.pair.k, self.pair.k, self.PORT))

    def start(self):
        outside = self.gateway.perimeter
        settings = {**outside.proxy(self.gateway.settings), "state_dir": self.dir + "/state", "link_key": self.key.path,
                    "listen_link": ["%s:%d" % (self.pair.inner_address, self.PORT)], "host_name": "second.contoso.example"}
        del settings["listen_xmpp"]
        conf = self.dir + "/stoxd.conf"
        with open(conf, "w") as f:
            f.write(self.gateway._boot_text(settings))
        self.process = Process("stoxd-second-proxy", split.within(self.pair.perimeter_ns) + [program(), "--role", "proxy", "--config", conf],
                               cwd=self.dir, notify=True)
        self.process.wait_ready(60)
        self.gateway.ctl("proxy", "new", "second", "--address", "%s:%d" % (self.pair.inner_address, self.PORT), "--pin", self.key.pin,
                         "--priority", "20")
        self.gateway.wait_event("settings-used", 30, proxy="second")
        return self

    def stop(self):
        assert self.process.stop(40) == 0


def first(gateway):
    """The name of the rig's own proxy."""
    return next(iter(gateway.perimeter.objects()))


def sends(gateway):
    """Who sends now."""
    return [p for p in (first(gateway), "second") if gateway.ctl_json("proxy", "status", p)["sends"]]


def test_when_one_of_two_proxies_dies_under_traffic_the_other_one_goes_on_within_seconds(rig, start, office, figures):
    gateway = start(Stoxd(rig, partners={"recorder.example": {}}, in_two=True))
    recorder = start(Recorder(rig, record=rig.work + "/two-proxies"))
    second = start(SecondProxy(gateway))
    assert sends(gateway) == [first(gateway)]
    traffic = SipTraffic(office, TO, GATEWAY, rate=100, window=200, label="k").start()
    traffic.wait_ok(50)
    recorder.set(ack=False)  # the worst moment
    recorder.wait_count(len(recorder.stanzas()) + 20)
    gateway.perimeter.kill()
    died = time.monotonic()
    recorder.set(ack=True)
    recorder.acknowledge()  # where the other one has asked already
    traffic.wait_ok(1)
    gap = time.monotonic() - died
    traffic.wait_ok(50)
    assert sends(gateway) == ["second"]
    assert {s["proxy"] for s in gateway.ctl_json("stream", "list")} <= {"second"}
    at = gateway.mark()
    start_proxy(gateway)
    gateway.wait_event("settings-used", 30, since=at, proxy=first(gateway))
    assert sends(gateway) == [first(gateway)]
    traffic.wait_ok(50)
    settle(traffic, office, recorder)
    unknown = unknown_ids(gateway)
    there = judge(traffic, Delivered(stanzas(recorder), "k"), unknown)
    figures(until_the_other_one_sends_s=round(gap, 1), sip_to_xmpp=there, outcome_unknown=len(unknown))
    check(there, 150)
    assert there["not_sent_but_delivered"] == 0
    assert set(there["answered"]) == {"200"}
