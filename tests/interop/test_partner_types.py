"""
What the type of a partner lets its users do, with a person on Prosody: each type with each thing, from a table. The SIP side, which
lets everybody watch alice, is a scripted agent. A SIP user adds somebody by subscribing to his presence (docs/PRESENCE.md).
"""
import pytest

from rig import dns, sippresence, xmpppresence
from rig.process import eventually
from rig.sippresence import pidf
from rig.stoxd import Stoxd
from rig.xmppclient import XmppClient

GATEWAY = (dns.GATEWAY, 5060)
ALICE, ROMEO = "alice@contoso.example", "romeo@fabrikam.example"
PHONE, NOTE = ALICE + "/phone", "out for lunch"

# What happens to romeo. add: he asks to see her, of whom she knows nothing. The others but "IM before add": after she has added him.
# remove: the contact is removed on our side, and he writes once more.
TYPES = {
    "federated": {"add": "allowed", "see presence": "seen", "see note": NOTE, "IM before add": "delivered",
                  "IM after add": "delivered", "remove": "delivered"},
    "public-verified": {"add": "allowed", "see presence": "seen", "see note": None, "IM before add": "delivered",
                        "IM after add": "delivered", "remove": "delivered"},
    "public-unverified": {"add": "forbidden", "see presence": "seen", "see note": None, "IM before add": "forbidden",
                          "IM after add": "delivered", "remove": "forbidden"},
}


@pytest.fixture(scope="module")
def gateway(rig):
    it = rig.up(Stoxd(rig, name="stoxd-types", gateway={"notify_pace": 200, "denied_hold": 0}))
    yield it
    rig.down(it)


class Scene:
    def __init__(self, gateway, office, romeo):
        self.gateway, self.office, self.romeo = gateway, office, romeo
        self.alice, self.he = sippresence.attach(office), xmpppresence.attach(romeo)
        self.alice.first = self._first

    @staticmethod
    def _first(watched):
        if watched.expires:
            watched.notify(pidf(ALICE, ("phone", "open", "", "<note>%s</note>" % NOTE)), state="active")
        else:
            watched.notify(state="terminated", reason="timeout")

    def she_adds_him(self):
        self.watch = self.alice.subscribe(ROMEO, target=GATEWAY)
        self.he.wait("subscribe", ALICE)
        self.he.allows(ALICE)
        self.watch.wait_notice("active")

    def he_asks(self):
        """What he is told to it."""
        mark = self.he.mark()
        self.he.asks(ALICE)
        answer, _ = self.he.told.wait(lambda p: p.xml.get("type") if p["from"].bare == ALICE and p.xml.get("type") in (
            "subscribed", "error") else None, 20, mark)
        return {"subscribed": "allowed", "error": "forbidden"}[answer]

    def he_writes(self, text):
        mark = self.office.mark()
        stanza_id = self.romeo.send(ALICE, text)
        eventually(lambda: any(text in r.body for r in self.office.received.all[mark:]) or
                   any(m["id"] == stanza_id for m in self.romeo.messages.all), "it came, or an error")
        errors = [m["error"]["condition"] for m in self.romeo.messages.all if m["id"] == stanza_id]
        return errors[0] if errors else "delivered"

    def he_sees(self):
        assert self.he_asks() == "allowed"
        return self.he.wait("available", PHONE)

    def happens(self, what):
        if what == "add":
            return self.he_asks()
        if what == "IM before add":
            return self.he_writes("before")
        self.she_adds_him()
        if what == "see presence":
            return "seen" if self.he_sees() is not None else None
        if what == "see note":
            return xmpppresence.said(self.he_sees())[1]
        if what == "IM after add":
            return self.he_writes("after")
        self.he_sees()
        self.gateway.ctl("contact", "remove", ALICE, ROMEO, "--both")
        self.he.wait("unavailable", PHONE)
        self.he.wait("unsubscribed", ALICE)
        self.watch.wait_notice("terminated")
        return self.he_writes("removed")

    def end(self):
        self.he.removes(ALICE)
        self.he.settle("contoso.example")  # or it would come into the next test
        self.gateway.ctl("contact", "purge", "--user", ALICE, "--force")
        self.he.settle("contoso.example")  # and what is said to that


@pytest.fixture
def scene(rig, gateway, prosody, office, start):
    romeo = start(XmppClient(ROMEO + "/balcony", dns.PROSODY, rig.pki.trust_file))
    it = Scene(gateway, office, romeo)
    yield it
    it.end()


@pytest.mark.parametrize("kind, what", [(kind, what) for kind in TYPES for what in TYPES[kind]])
def test_partner_types(scene, table, kind, what):
    scene.gateway.ctl("partner", "set", "fabrikam.example", "--type", kind)
    wanted = TYPES[kind][what]
    says = "no note" if what == "see note" and not wanted else "then IM: " + wanted if what == "remove" else wanted
    with table.row("scripted agent, Prosody", "udp", "both", "partner %s: %s: %s" % (kind, what, says)):
        assert scene.happens(what) == wanted
