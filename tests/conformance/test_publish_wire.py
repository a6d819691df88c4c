"""
PUBLISH (RFC 3903; STOX-PRS-88) on the wire, by the byte: alice's client publishes at a route that takes it, and romeo, of a scripted
partner, watches her.
"""
import pytest

import support
from rig.stoxd import Stoxd
from rig.sippresence import PIDF, pidf
from support import ALICE, expect_stanza

AT_HOME = "sip:" + ALICE
SHOW = "<show xmlns='jabber:client'>away</show>"
OPEN, AWAY = pidf(ALICE, ("phone", "open")), pidf(ALICE, ("phone", "open", SHOW))


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    it = start_for_module(Stoxd(rig, **support.settings(gateway={**support.PATIENT, "subscription_min": 60})))
    it.ctl("route", "set", "office", "--publish", "yes")
    return it


@pytest.fixture
def client(alive):
    with support.Udp() as peer:
        made = []

        def publish(body="", uri=AT_HOME, tag=None, expires=None, headers=(), event="presence", content_type=PIDF, **how):
            lines = ["Event: " + event] if event else []
            lines += ["SIP-If-Match: " + tag] if tag else []
            lines += ["Expires: %d" % expires] if expires is not None else []
            answer = peer.status(support.request("PUBLISH", uri, sender=how.pop("sender", "<%s>;tag=p" % AT_HOME), body=body,
                                                 content_type=content_type if body else "text/plain",
                                                 headers=[*lines, *headers], **how))
            if answer.status == 200 and expires != 0:
                made.append(answer.get("sip-etag"))
            return answer

        yield publish
        for tag in made:  # whatever is left of them
            publish(tag=tag, expires=0)


def test_STOX_PRS_88_published_refreshed_modified_removed(client):
    first = client(OPEN)
    assert first.status == 200 and first.get("expires") == "3600" and first.get("sip-etag")
    refreshed = client(tag=first.get("sip-etag"), expires=600)
    assert refreshed.status == 200 and refreshed.get("expires") == "600"
    assert refreshed.get("sip-etag") not in (None, first.get("sip-etag"))
    modified = client(AWAY, tag=refreshed.get("sip-etag"))
    assert modified.status == 200
    assert client(AWAY, tag=refreshed.get("sip-etag")).status == 412
    assert client(tag=modified.get("sip-etag"), expires=0).status == 200
    assert client(tag=modified.get("sip-etag"), expires=0).status == 412
    assert client(OPEN, expires=10 ** 9).get("expires") != str(10 ** 9)


@pytest.mark.parametrize("how, status, header", [
    (dict(body=OPEN, tag="0123456789abcdef"), 412, None),
    (dict(body=OPEN, expires=59), 423, ("min-expires", "60")),
    (dict(body=OPEN, event="foo"), 489, ("allow-events", "presence, presence.winfo")),
    (dict(body=OPEN, event=None), 489, ("allow-events", "presence, presence.winfo")),
    (dict(), 400, None),
    (dict(body="<presence"), 400, None),
    (dict(body="hello", content_type="text/plain"), 415, ("accept", PIDF)),
    (dict(body=OPEN, headers=["Content-Encoding: gzip"]), 415, ("accept-encoding", "identity")),
    (dict(body=OPEN, uri="sip:bert@contoso.example"), 403, None),
    (dict(body=OPEN, uri="sip:carl@raw.example"), 405, ("allow", None)),
    (dict(body=OPEN, uri="sip:romeo@stranger.example"), 404, None),
    (dict(body=OPEN, sender="<sip:carl@raw.example>;tag=p"), 403, None),
])
def test_STOX_PRS_88_what_is_refused(client, how, status, header):
    answer = client(**how)
    assert answer.status == status, answer.raw
    if header:
        name, value = header
        assert answer.get(name) and value in (None, answer.get(name)), answer.raw
    assert status != 405 or "PUBLISH" not in answer.get("allow")


def test_options_name_publish_where_somebody_may(client):
    with support.Udp(ports=(5070,)) as peer:
        assert "PUBLISH" in peer.status(support.request("OPTIONS", sent_by=support.RAW + ":5070")).get("allow")


class Watching:
    def __init__(self, p):
        self.p, self.romeo = p, "romeo@" + p.domain
        self.wire, self.out, self.h = p.incoming(), None, 0

    def say(self, kind):
        self.wire.send("<presence from='%s' to='%s' type='%s'/>" % (self.romeo, ALICE, kind))

    def next(self):
        """(type, resource, show) of the next presence, acknowledged."""
        self.out = self.out or self.p.accept_sm()
        stanza = expect_stanza(self.out, "presence")
        self.h += 1
        self.out.send("<a xmlns='urn:xmpp:sm:3' h='%d'/>" % self.h)
        assert stanza.get("from").partition("/")[0] == ALICE
        return stanza.get("type"), stanza.get("from").partition("/")[2], stanza.findtext("{jabber:server}show")


def test_STOX_PRS_88_what_is_published_is_what_watchers_see(client, partner, gateway):
    watching = Watching(partner())
    watching.say("subscribe")
    assert [watching.next()[0] for _ in range(2)] == ["subscribed", "unavailable"]
    tag = client(OPEN).get("sip-etag")
    assert watching.next() == (None, "phone", None)
    tag = client(AWAY, tag=tag).get("sip-etag")
    assert watching.next() == (None, "phone", "away")
    desk = client(pidf(ALICE, ("desk", "open"))).get("sip-etag")
    assert watching.next() == (None, "desk", None)
    assert client(tag=tag, expires=0).status == 200
    assert watching.next() == ("unavailable", "phone", None)
    watching.say("probe")
    assert watching.next() == (None, "desk", None)
    status, out, _ = gateway.ctl("test", "presence", ALICE, watching.romeo, "--way", "xmpp-to-sip", ok=False)
    assert status == 0 and "who has published that she is available" in out, out
    assert client(tag=desk, expires=0).status == 200
    assert watching.next()[0] == "unavailable"
    watching.say("unsubscribe")
    assert watching.next()[0] == "unsubscribed"


def test_STOX_IQ_13_her_card_has_the_display_name_of_her_requests(client, partner):
    watching = Watching(partner())
    watching.say("subscribe")
    assert [watching.next()[0] for _ in range(2)] == ["subscribed", "unavailable"]
    client(OPEN, sender='"Alice \\"A\\" Example" <%s>;tag=p' % AT_HOME)
    assert watching.next() == (None, "phone", None)
    for ns, name, inside in (("vcard-temp", "vCard", "<FN>%s</FN>"), ("urn:ietf:params:xml:ns:vcard-4.0", "vcard", "<fn><text>%s</text></fn>")):
        watching.wire.send("<iq from='%s' to='%s' type='get' id='%s'><%s xmlns='%s'/></iq>" % (watching.romeo, ALICE, name, name, ns))
        card = watching.out.expect(r"<%s xmlns=.*</%s>" % (name, name)).group()
        assert inside % "Alice &quot;A&quot; Example" in card, card
    watching.say("unsubscribe")
