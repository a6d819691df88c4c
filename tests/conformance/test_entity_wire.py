"""What a domain of ours answers to an iq (STOX-IQ), on the wire; more cases of each are in test_entity.c."""
import base64
import hashlib
import os
import re
import socket
import time

import pytest

import support
from rig import ns
from rig.stoxd import Stoxd
from rig.xmlstream import PING
from support import (ALICE, DOMAIN, GATEWAY_SIP, OTHER, Partner, acknowledge, body_of, error_of, expect_stanza, parse,
                     settings)
from test_im_wire import listen, nothing_more, talk  # noqa: F401

INFO, ITEMS = "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items"
CAPS, DATA = "http://jabber.org/protocol/caps", "jabber:x:data"


@pytest.fixture(scope="module")
def gateway(rig, start_for_module):
    support.begin_names()
    return start_for_module(Stoxd(rig, **settings(gateway=support.PATIENT)))


class Asking:
    """Questions on one stream of a partner, and their answers on the gateway's stream back."""

    def __init__(self, p, wire):
        self.p, self.wire, self.back, self.n = p, wire, None, 0

    def send(self, inside, to=DOMAIN, kind="get", attrs=None):
        self.n += 1
        self.wire.send("<iq from='romeo@%s/o' to='%s'%s>%s</iq>" % (
            self.p.domain, to, " id='q%d' type='%s'" % (self.n, kind) if attrs is None else attrs, inside))

    def answer(self):
        self.back = self.back or self.p.accept_sm()
        return expect_stanza(self.back, "iq")

    def ask(self, inside, to=DOMAIN, kind="get"):
        self.send(inside, to, kind)
        got = self.answer()
        assert (got.get("id"), got.get("from")) == ("q%d" % self.n, to)
        assert got.get("to") == "romeo@%s/o" % self.p.domain
        return got

    def refused(self, inside, to=DOMAIN, kind="get"):
        got = self.ask(inside, to, kind)
        assert got.get("type") == "error"
        return error_of(got)[:2]


def query(namespace, attrs="", element="query"):
    return "<%s xmlns='%s'%s/>" % (element, namespace, attrs)


def described(query):
    """The verification string of XEP-0115 5.1, computed anew from what was answered."""
    text = "".join(sorted("%s/%s//%s<" % (i.get("category"), i.get("type"), i.get("name"))
                          for i in query.iter("{%s}identity" % INFO)))
    text += "".join(sorted("%s<" % f.get("var") for f in query.iter("{%s}feature" % INFO)))
    for form in query.iter("{%s}x" % DATA):
        fields = {f.get("var"): sorted(v.text for v in f) for f in form}
        text += fields.pop("FORM_TYPE")[0] + "<"
        text += "".join("%s<%s" % (var, "".join(v + "<" for v in values)) for var, values in sorted(fields.items()))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def features(query):
    return [f.get("var") for f in query.iter("{%s}feature" % INFO)]


def test_STOX_IQ_01_what_the_domain_is_and_each_feature_works(alive, talk):
    asking = Asking(*talk())
    found = asking.ask(query(INFO)).find("{%s}query" % INFO)
    assert ("gateway", "sip") in [(i.get("category"), i.get("type")) for i in found.iter("{%s}identity" % INFO)]
    assert features(found) == sorted(features(found)) and {INFO, ITEMS, PING, "jabber:iq:version"} <= set(features(found))
    elements = {PING: "ping", "urn:xmpp:time": "time"}
    for namespace in features(found):
        if namespace != CAPS:
            got = asking.ask(query(namespace, element=elements.get(namespace, "query")))
            assert got.get("type") == "result", namespace


def test_STOX_IQ_02_nobody_learns_who_is_there(alive, talk):
    asking = Asking(*talk())
    for to in ALICE, "nobody@contoso.example", ALICE + "/phone":
        assert asking.refused(query(INFO), to) == ("service-unavailable", "cancel"), to


def test_STOX_IQ_04_unknown_nodes(alive, talk):
    asking = Asking(*talk())
    for namespace in INFO, ITEMS:
        got = asking.ask(query(namespace, " node='no &lt;such&gt;'"))
        assert error_of(got)[:2] == ("item-not-found", "cancel")
        assert got.find("{%s}query" % namespace).get("node") == "no <such>"


def test_STOX_IQ_05_no_items(alive, talk):
    got = Asking(*talk()).ask(query(ITEMS))
    assert got.get("type") == "result" and len(got.find("{%s}query" % ITEMS)) == 0


def test_STOX_IQ_06_ping(alive, talk):
    asking = Asking(*talk())
    assert asking.ask(query(PING, element="ping")).get("type") == "result"
    for to in ALICE, ALICE + "/gone", "nobody@contoso.example":
        assert asking.refused(query(PING, element="ping"), to) == ("service-unavailable", "cancel")


def test_STOX_IQ_07_version_time_and_uptime(alive, talk):
    asking = Asking(*talk())
    version = asking.ask(query("jabber:iq:version"))[0]
    assert [c.tag.split("}")[1] for c in version] == ["name", "version"]
    utc = asking.ask(query("urn:xmpp:time", element="time"))[0].find("{urn:xmpp:time}utc").text
    assert abs(time.time() - time.mktime(time.strptime(utc, "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60
    assert int(asking.ask(query("jabber:iq:last"))[0].get("seconds")) < 86400


def test_STOX_IQ_08_everything_else_is_unavailable(alive, talk):
    asking = Asking(*talk())
    for inside in query("jabber:iq:roster"), query("vcard-temp:x", element="vCard"), query("urn:made-up", " node='x'"):
        for to in DOMAIN, ALICE, "nobody@contoso.example/r":
            for kind in "get", "set":
                assert asking.refused(inside, to, kind) == ("service-unavailable", "cancel")
    assert asking.refused(query(INFO), kind="set") == ("service-unavailable", "cancel")


def test_STOX_IQ_09_bad_requests(alive, talk):
    asking = Asking(*talk())
    ping = query(PING, element="ping")
    for inside, attrs in ((ping, " type='get'"), ("", " type='get' id='x'"), (ping + ping, " type='set' id='x'"),
                          (ping, " type='put' id='x'"), (ping, " id='x'")):
        for to in DOMAIN, ALICE:
            asking.send(inside, to, attrs=attrs)
            got = asking.answer()
            assert got.get("type") == "error" and error_of(got)[:2] == ("bad-request", "modify"), attrs
            assert got.get("id") == ("x" if "id=" in attrs else None)


def test_STOX_IQ_10_answers_are_not_answered(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    for to in DOMAIN, ALICE:
        for attrs in " type='result'", " type='error' id='x'":
            wire.send("<iq from='%s' to='%s'%s>%s</iq>" % (p.domain, to, attrs, query(INFO) + query(PING)))
    nothing_more(p, wire, sip, mark)


def test_STOX_IQ_11_the_stream_feature_has_the_digest_of_the_answer(alive, talk):
    p, wire = talk()
    feature = parse(wire.features).find("{%s}c" % CAPS)
    found = Asking(p, wire).ask(query(INFO, " node='%s#%s'" % (feature.get("node"), feature.get("ver"))))
    assert feature.get("hash") == "sha-1" and described(found.find("{%s}query" % INFO)) == feature.get("ver")


def test_STOX_IQ_17_events_are_dropped_and_pubsub_is_not_served(alive, talk, sip):
    p, wire = talk()
    mark = sip.mark()
    p.send_message(wire, body=None, mtype="headline", extra="<event xmlns='http://jabber.org/protocol/pubsub#event'>"
                   "<items node='http://jabber.org/protocol/mood'><item><mood/></item></items></event>")
    nothing_more(p, wire, sip, mark)
    asking = Asking(p, wire)
    assert asking.refused(query("http://jabber.org/protocol/pubsub", element="pubsub"), ALICE) == (
        "service-unavailable", "cancel")


def test_STOX_IQ_19_contact_addresses_change_while_it_runs(rig, stoxd, start):
    one = stoxd(name="stoxd-other", **settings(OTHER))
    p = start(Partner(rig, at=OTHER))
    asking = Asking(p, p.incoming())
    assert asking.ask(query(INFO)).find(".//{%s}x" % DATA) is None
    one.ctl("gateway", "set", "--contact-addresses",
            "abuse=mailto:abuse@contoso.example,security=https://contoso.example/s")
    form = asking.ask(query(INFO)).find(".//{%s}x" % DATA)
    assert {f.get("var"): [v.text for v in f] for f in form} == {
        "FORM_TYPE": ["http://jabber.org/network/serverinfo"], "abuse-addresses": ["mailto:abuse@contoso.example"],
        "security-addresses": ["https://contoso.example/s"]}
    status, _, err = one.ctl("gateway", "set", "--add-contact-address", "abuse=nobody", ok=False)
    assert status != 0 and "abuse=nobody" in err and "KIND=URI" in err


def test_STOX_IQ_21_the_statement_of_compliance_is_true(alive, partner):
    """Each namespace that docs/COMPLIANCE.md says is there: in disco or in the stream features, as it says."""
    with open(os.path.join(ns.REPO, "docs/COMPLIANCE.md")) as f:
        rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in f if line.startswith("| ")][1:]
    claimed = {row[3]: row[4] for row in rows if row[3]}
    assert len(claimed) == 7
    p = partner("either")
    wire = p.connect()
    offered = wire.open_stream(p.domain, DOMAIN)
    wire = p.secured()
    offered += wire.open_stream(p.domain, DOMAIN)
    wire = p.incoming()
    said = features(Asking(p, wire).ask(query(INFO)).find("{%s}query" % INFO))
    for namespace, where in claimed.items():
        assert "disco" not in where or namespace in said, namespace
        assert "stream feature" not in where or namespace in offered + wire.features, namespace


def test_STOX_IQ_03_a_client_of_a_person_is_not_asked(alive, talk):
    """Without presence nobody is known to be allowed: a full address tells no more than a bare one, there or not."""
    asking = Asking(*talk())
    for to in ALICE + "/phone", "nobody@contoso.example/x":
        assert asking.refused(query(INFO), to) == ("service-unavailable", "cancel"), to


def test_STOX_IQ_14_pictures_are_not_fetched(alive, listen, sip):
    """URLs of pictures, from either side, are nobody's reason to connect (avatars are off)."""
    p, wire = listen()
    with socket.socket() as web:
        web.bind((OTHER, 8080))
        web.listen()
        url = "http://%s:8080/a.png" % OTHER
        txn = sip.message("romeo@" + p.domain, "look at me", target=GATEWAY_SIP,
                          headers=["Call-Info: <%s>;purpose=icon" % url])
        assert body_of(expect_stanza(wire)) == "look at me"
        acknowledge(wire, 2)
        assert txn.wait() == 200
        mark = sip.mark()
        p.send_message(p.incoming(), body="and at me", extra="<x xmlns='vcard-temp:x:update'><photo>%s</photo></x>"
                       "<x xmlns='jabber:x:oob'><url>%s</url></x>" % ("0" * 40, url))
        sip.wait_message("and at me", 20, mark)
        web.settimeout(0.2)
        with pytest.raises(TimeoutError):
            web.accept()


def test_STOX_SEC_18_nobody_learns_who_is_there(alive, talk):
    """Whatever a stranger says and asks about presence, a person who is there, his client and nobody at all look the same."""
    asking = Asking(*talk())
    for to in ALICE, ALICE + "/phone", "nobody@contoso.example":
        for kind in "type='probe'", "type='unsubscribe'", "type='unavailable'", "":
            asking.wire.send("<presence from='romeo@%s/o' to='%s' id='p' %s/>" % (asking.p.domain, to, kind))
        asking.back = asking.back or asking.p.accept_sm()
        for _ in range(2):  # to the probe, and to unsubscribe; nothing to the others
            said = expect_stanza(asking.back, "presence")
            assert (said.get("type"), said.get("from"), len(said)) == ("unsubscribed", to.partition("/")[0], 0)
        seen = len(asking.back.all) - len(asking.back.data)
        assert asking.ask(query(PING, element="ping")).get("type") == "result"  # all before it has been looked at
        assert b"<presence" not in bytes(asking.back.all[seen:])
