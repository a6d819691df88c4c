"""
What the type of a partner lets its users do (lync-gateway.md 6), and what those who may watch learn of whom they watch
(STOX-IQ-02, 03, 06). The office's agent is the SIP side; the partner is scripted.
"""
import pytest

import support
from rig import sippresence
from rig.sippresence import pidf
from rig.stoxd import Stoxd
from rig.xmlstream import PING
from support import ALICE, GATEWAY_SIP, error_of, expect_stanza
from test_presence_s2x_wire import Scene, alice  # noqa: F401

INFO = "http://jabber.org/protocol/disco#info"
VCARD = "vcard-temp"
NOTE = "<note xml:lang='en'>out for lunch</note>"


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    return start_for_module(Stoxd(rig, **support.settings(gateway=support.PATIENT)))


@pytest.fixture
def scene(alive, partner, alice, office):
    """The office lets everybody watch alice, who is there with a note."""
    office.answer = 200
    alice.first = lambda w: w.notify(pidf(ALICE, ("phone", "open", "", NOTE)) if w.expires else "",
                                     state="active" if w.expires else "terminated")
    return Scene(alice, partner())


class Asking(Scene):
    """romeo's questions and messages."""

    def send(self, text):
        self.wire = self.wire or self.p.incoming()
        self.wire.send(text)

    def message(self, body):
        self.send("<message from='%s/o' to='%s' id='%s' type='chat'><body>%s</body></message>" % (
            self.romeo, ALICE, body.replace(" ", ""), body))

    def ask(self, inside, to, sender=None):
        """The answer."""
        self.n_asked = getattr(self, "n_asked", 0) + 1
        self.send("<iq from='%s/o' to='%s' id='q%d' type='get'>%s</iq>" % (sender or self.romeo, to, self.n_asked, inside))
        while True:
            answer = self.stanza("iq")
            if answer.get("id") == "q%d" % self.n_asked:  # and no question of the gateway's
                return answer

    def stanza(self, name):
        """The next one of this name, acknowledged; presence before it is acknowledged too."""
        self.out = self.out or self.p.accept_sm()
        return expect_stanza(self.out, name)


@pytest.fixture
def asking(scene):
    return Asking(scene.alice, scene.p)


def let_in(asking):
    """romeo subscribes and may; returns the presence that follows."""
    asking.say("subscribe")
    yes = asking.stanza("presence")
    assert (yes.get("type"), yes.get("from"), yes.get("to")) == ("subscribed", ALICE, asking.romeo)
    return asking.stanza("presence")


@pytest.mark.parametrize("kind, first, notes", [
    ("federated", True, True), ("public-verified", True, False), ("public-unverified", False, False)])
def test_partner_types(gateway, asking, office, kind, first, notes):
    p, mark = asking.p, office.mark()
    gateway.ctl("partner", "set", p.domain, "--type", kind)
    asking.message("before she adds him")
    if first:
        office.wait_message("before she adds him", 20, mark)
        asking.say("subscribe")
    else:
        assert error_of(asking.stanza("message"))[0] == "forbidden"
        asking.say("subscribe")
        assert error_of(asking.stanza("presence"))[0] == "forbidden"
        watch = asking.watch()  # she adds him
        assert asking.stanza("presence").get("type") == "subscribe"
        asking.say("subscribed")
        watch.wait_notice("active")
        asking.say("subscribe")
    seen = asking.stanza("presence")
    while seen.get("type") != "subscribed":
        seen = asking.stanza("presence")
    seen = asking.stanza("presence")
    while seen.get("type") == "probe":  # she watches him, too
        seen = asking.stanza("presence")
    assert seen.get("from") == ALICE + "/phone" and seen.get("type") is None
    assert seen.findtext("{jabber:server}status") == ("out for lunch" if notes else None)
    asking.message("after she adds him")
    office.wait_message("after she adds him", 20, mark)


def test_writing_first_adds_where_the_route_says_so(gateway, asking, office):
    p, mark = asking.p, office.mark()
    gateway.ctl("partner", "set", p.domain, "--type", "public-unverified")
    asking.message("too early")
    assert error_of(asking.stanza("message"))[0] == "forbidden"
    gateway.ctl("route", "set", "office", "--contact-added-by", "message")
    try:
        txn = office.message(asking.romeo, "hello romeo", target=GATEWAY_SIP)
        asking.stanza("message")
        asking.out.send("<a xmlns='urn:xmpp:sm:3' h='2'/>")
        assert txn.wait() == 200
        asking.message("now we talk")
        office.wait_message("now we talk", 20, mark)
    finally:
        gateway.ctl("route", "set", "office", "--contact-added-by", "subscription")


def test_STOX_IQ_02_03_06_those_who_may_watch_learn_more(asking):
    info, ping = "<query xmlns='%s'/>" % INFO, "<ping xmlns='%s'/>" % PING
    assert let_in(asking).get("from") == ALICE + "/phone"
    account = asking.ask(info, ALICE)
    assert [(i.get("category"), i.get("type")) for i in account.iter("{%s}identity" % INFO)] == [("account", "registered")]
    device = asking.ask(info, ALICE + "/phone")
    assert [(i.get("category"), i.get("type")) for i in device.iter("{%s}identity" % INFO)] == [("client", "pc")]
    for to in ALICE, ALICE + "/phone":
        assert asking.ask(ping, to).get("type") == "result"
    assert asking.ask("<vCard xmlns='%s'/>" % VCARD, ALICE).get("type") == "result"
    for to in ALICE + "/gone", "nobody@contoso.example":
        assert error_of(asking.ask(ping, to))[0] == "service-unavailable"
        assert error_of(asking.ask(info, to))[0] == "service-unavailable"
    stranger = "tybalt@" + asking.p.domain
    for to in ALICE, ALICE + "/phone":
        assert error_of(asking.ask(info, to, stranger))[0] == "service-unavailable"
        assert error_of(asking.ask(ping, to, stranger))[0] == "service-unavailable"
    assert error_of(asking.ask("<vCard xmlns='%s'/>" % VCARD, ALICE, stranger))[0] == "item-not-found"


def test_STOX_SEC_15_too_many_requests(gateway, asking):
    gateway.ctl("gateway", "set", "--user-presence-rate", "1")
    try:
        asking.send("<presence from='%s' to='%s' type='subscribe'/>" % (asking.romeo, ALICE) * 40)  # ten at once are none too many
        conditions = set()
        while not conditions:
            stanza = asking.stanza("presence")
            if stanza.get("type") == "error":
                conditions.add(error_of(stanza)[0])
        assert conditions == {"resource-constraint"}
    finally:
        gateway.ctl("gateway", "set", "--user-presence-rate", "50")


def test_STOX_SEC_15_too_many_subscriptions_of_a_sip_user(gateway, asking, alice):
    gateway.ctl("gateway", "set", "--sip-user-subscription-rate", "1")
    try:
        watches = [alice.subscribe("r%d@%s" % (i, asking.p.domain), target=GATEWAY_SIP, sender="fast@contoso.example")
                   for i in range(40)]  # ten at once are none too many
        assert sorted(w.subscribed[0].wait() for w in watches)[-1] == 480
    finally:
        gateway.ctl("gateway", "set", "--sip-user-subscription-rate", "20")


def test_STOX_SEC_17_a_contact_does_not_aim(asking, office):
    """NOTIFY goes by the route of the one who has asked, whatever his Contact says."""
    with support.Udp("10.99.0.66") as victim:
        raw = support.request("SUBSCRIBE", "sip:" + asking.romeo, headers=["Event: presence", "Contact: <sip:x@10.99.0.66>"])
        with support.Udp(support.RAW) as peer:
            assert peer.status(raw).status == 200
            call_id = support.message(raw).get("call-id")
        got, _ = office.others.wait(lambda m: not m.is_response and m.method == "NOTIFY" and m.get("call-id") == call_id, 20)
        assert got, "the NOTIFY went elsewhere"
        support.no_answer(victim)
