"""
Thousands of numbered messages between SIP and real XMPP servers: none lost, none doubled, none overtaken, each answered
truthfully. The quick size is for every test run; STOX_PROOF=1 asks for the full one.
"""
import collections
import os
import time

import pytest

from rig import dns
from rig.numbered import Delivered, SipTraffic, judge, unknown_ids
from rig.peers import Ejabberd, Prosody
from rig.xmppclient import XmppClient

PROOF = os.environ.get("STOX_PROOF") == "1"
EACH_WAY = 10000 if PROOF else 1000
LIMITED = 300
GATEWAY = (dns.GATEWAY, 5060)
USERS = ("alice", "bob", "carol", "dave")
NONE_WRONG = {"lost": 0, "repeats": 0, "out_of_order": 0, "refused_but_delivered": 0}


def federate(rig, domain, address):
    """Puts a domain of an extra server into the DNS."""
    host = "host-" + domain.split(".")[0]
    rig.dns.change("example", "set %s A %s" % (host, address),
                   "set _xmpp-server._tcp.%s SRV 5 0 5269 %s" % (domain.split(".")[0], host))


class FromXmpp:
    """Numbered messages from one person on XMPP to several SIP users; each hundredth is refused there, with 480."""

    def __init__(self, person, office, label):
        self.person, self.office, self.label = person, office, label
        self.sent = {}  # stanza id: body
        self.seen = []  # (body, branch, time), as they came to SIP
        self.refused = set()
        office.answer = self._answer

    def _answer(self, got):
        body = got.body
        if not body.startswith(self.label + "-"):
            return 200
        self.seen.append((body, got.message.branch, time.time()))
        if int(body.split(" ")[1]) % 100 == 99:
            self.refused.add(body)
            return 480
        return 200

    def send(self, n):
        for i in range(n):
            user = USERS[i % len(USERS)]
            body = "%s-%s %d" % (self.label, user, i)
            stanza_id = "%s-%d" % (self.label, i)
            self.sent[stanza_id] = body
            self.person.send(user + "@contoso.example", body, id=stanza_id)

    def errors(self):
        """{body: how many error stanzas the sender got}"""
        return collections.Counter(self.sent[m["id"]] for m in self.person.messages.all
                                   if m["type"] == "error" and m["id"] in self.sent)

    def wait(self, timeout):
        """Until each was either delivered or given back, and each refusal told."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            seen, errors = {b for b, _, _ in list(self.seen)}, self.errors()
            if len(seen | set(errors)) == len(self.sent) and self.refused <= set(errors):
                return
            time.sleep(0.2)

    def judge(self):
        delivered, errors = Delivered(self.seen, self.label), self.errors()
        accepted = set(delivered.first) - self.refused
        return {
            "sent": len(self.sent), "delivered": len(delivered), "refused_by_sip": len(self.refused),
            "errors_to_sender": sum(errors.values()),
            "silent": sum(b not in delivered.first and b not in errors for b in self.sent.values()),
            "delivered_but_error": sum(b in errors for b in accepted),
            "refused_but_no_error": sum(errors[b] != 1 for b in self.refused),
            "repeats": delivered.repeats, "out_of_order": delivered.out_of_order,
        }


def exchange(gateway, office, person, n, *, transport, window=100, timeout=60, padding=0, label):
    """n each way at the same time; returns the figures of both ways."""
    # Prosody 0.12 overtakes the messages that it queued while its stream to us opened, so the streams stand first.
    assert office.message(person.jid, "the first", target=GATEWAY, transport=transport).wait() == 200
    person.send("alice@contoso.example", "the first")
    office.wait_message("the first")
    back = FromXmpp(person, office, label)
    traffic = SipTraffic(office, person.jid, GATEWAY, transport=transport, window=window, padding=padding, label=label)
    at = time.monotonic()
    back.send(n)
    traffic.run(n, timeout)
    to_xmpp_s = time.monotonic() - at
    back.wait(timeout)
    to_sip_s = time.monotonic() - at
    # Whatever is still under way comes before these.
    assert office.message(person.jid, "the last", target=GATEWAY, transport=transport).wait() == 200
    person.wait_message("the last", timeout)
    person.send("alice@contoso.example", "the last")
    office.wait_message("the last")
    entries = [(m["body"], m["id"], m.arrived_at) for m in person.messages.all if m["type"] != "error"]
    unknown = unknown_ids(gateway)
    there, here = judge(traffic, Delivered(entries, label), unknown), back.judge()
    there["outcome_unknown"] = len(unknown)
    there["messages_per_s"], here["messages_per_s"] = int(n / to_xmpp_s), int(n / to_sip_s)
    return there, here


def has(figures, **expected):
    assert {k: figures[k] for k in expected} == expected


def check_all_through(there, here, n):
    has(there, answered={"200": n}, delivered=n, **NONE_WRONG)
    has(here, delivered=n, errors_to_sender=here["refused_by_sip"], silent=0, delivered_but_error=0,
        refused_but_no_error=0, repeats=0, out_of_order=0)


@pytest.mark.parametrize("server, transport",
                         [("romeo", "udp"), ("romeo", "tcp"), ("juliet", "udp"), ("juliet", "tcp")],
                         ids=["prosody-udp", "prosody-tcp", "ejabberd-udp", "ejabberd-tcp"])
def test_every_message_each_way_arrives_once_in_order_and_truthfully_answered(
        request, stoxd, office, figures, server, transport):
    # All of it comes from one person at once, who would be refused beyond 1000.
    gateway = stoxd(log_level="info", gateway={"user_message_rate": 0}, routes={
        "office": {"next_hop": dns.OFFICE + ":5060", "transport": transport}})
    person = request.getfixturevalue(server)
    there, here = exchange(gateway, office, person, EACH_WAY, transport=transport, timeout=30 + EACH_WAY / 50,
                           label="load-%s-%s" % (server, transport))
    figures(sip_to_xmpp=there, xmpp_to_sip=here)
    check_all_through(there, here, EACH_WAY)


@pytest.fixture(scope="module")
def limited(rig):
    """Both servers with their packages' rate limits."""
    federate(rig, "limited-p.example", "10.99.0.11")
    federate(rig, "limited-e.example", "10.99.0.21")
    servers = [
        rig.up(Prosody({"limited-p.example": rig.cert("limited-p.example")}, ["romeo@limited-p.example"],
                       address="10.99.0.11", limits=True, name="prosody-limited")),
        rig.up(Ejabberd({"limited-e.example": rig.cert("limited-e.example")}, ["romeo@limited-e.example"],
                        address="10.99.0.21", limits=True, name="ejabberd-limited"))]
    yield {"prosody": servers[0], "ejabberd": servers[1]}
    for server in servers:
        rig.down(server)


# Prosody takes 30 kB/s from us, so the larger ones need longer than a hold time of 5 s. ejabberd's packaged listener
# limits only its own users (3 kB/s), not other servers.
@pytest.mark.parametrize("server, padding", [("prosody", 0), ("ejabberd", 0), ("prosody", 1200)],
                         ids=["prosody", "ejabberd", "prosody-late"])
def test_the_packaged_rate_limits_make_messages_late_not_lost(rig, limited, stoxd, office, start, figures, server,
                                                              padding):
    domain = "limited-%s.example" % server[0]
    gateway = stoxd(partners={domain: {}}, gateway={"hold_time": 5 if padding else 20})
    person = start(XmppClient("romeo@" + domain, limited[server].address, rig.pki.trust_file))
    there, here = exchange(gateway, office, person, LIMITED, transport="tcp" if padding else "udp", window=LIMITED,
                           timeout=90, padding=padding, label="limited-%s-%d" % (server, padding))
    figures(sip_to_xmpp=there, xmpp_to_sip=here)
    assert set(there["answered"]) <= {"200", "504"}
    # What is refused and there all the same had been written when the time was up, and the log said so.
    has(there, lost=0, repeats=0, out_of_order=0, not_sent_but_delivered=0)
    has(here, silent=0, delivered_but_error=0, refused_but_no_error=0, repeats=0, out_of_order=0)
    if not padding:
        check_all_through(there, here, LIMITED)


@pytest.mark.parametrize("server", ["prosody", "ejabberd"])
def test_uncertified_domains_prove_each_other_by_dialback_and_exchange_messages(rig, stoxd, office, start, figures,
                                                                                server):
    domain = "dialback-%s.example" % server[0]
    address = {"prosody": "10.99.0.12", "ejabberd": "10.99.0.22"}[server]
    federate(rig, domain, address)
    cert, ours = rig.cert(domain, by=None), rig.pki.issue("contoso-uncertified", ["contoso.example"], by=None)
    options = dict(users=["romeo@" + domain], address=address, name=server + "-uncertified")
    start(Prosody({domain: cert}, dialback=["contoso.example"], **options) if server == "prosody" else
          Ejabberd({domain: cert}, **options))
    gateway = stoxd(partners={domain: {"sasl": "optional", "dialback": True}},
                    sip_domains={"contoso.example": {"route": "office", "certificate": ours.file, "key": ours.key}})
    person = start(XmppClient("romeo@" + domain, address, cert.file))
    there, here = exchange(gateway, office, person, LIMITED, transport="udp", label="dialback-" + server)
    methods = {(e["direction"], e["method"]) for e in gateway.events("stream-authenticated")}
    figures(sip_to_xmpp=there, xmpp_to_sip=here, methods=sorted("/".join(m) for m in methods))
    check_all_through(there, here, LIMITED)
    assert methods == {("in", "dialback-over-tls"), ("out", "dialback-over-tls")}
