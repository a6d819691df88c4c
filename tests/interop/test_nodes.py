"""
Two gateways on one PostgreSQL: what is changed on one counts on the other at once; without the database, or cut off from
it, both go on, and catch up.

The partner is Prosody: it acknowledges on the stream itself (XEP-0198). Who has only pings for that answers them on a stream
of its own, which leads to the node that its look-up found.
"""
import os
import threading
import time

import pytest

from rig import dns
from rig.postgres import Postgres
from rig.process import eventually
from rig.recorder import Recorder
from rig.stoxd import Stoxd
from rig.xmppclient import XmppClient
from talk import Talk, refused_to_sip, streams

PROOF = os.environ.get("STOX_PROOF") == "1"
SECOND = "10.99.0.2"
SECOND_SIP = (SECOND, 5060)
CHANGES = 200 if PROOF else 20
REMOVALS = 20 if PROOF else 5


@pytest.fixture(scope="module")
def shared(rig):
    server = rig.up(Postgres("postgres-shared"))
    yield server
    rig.down(server)


class Nodes:
    """first and second; the second reaches the database by a socket of its own, which can be cut."""

    def __init__(self, rig, start, shared, **options):
        self.shared, self.url = shared, shared.database()
        self.first = start(Stoxd(rig, store=self.url + "&application_name=first", **options))
        self.second = start(Stoxd(rig, name="stoxd-second", empty=True,
                                  store=shared.by_second_socket(self.url) + "&application_name=second",
                                  listen_sip_udp=[SECOND + ":5060"], listen_sip_tcp=[SECOND + ":5060"],
                                  listen_xmpp=[SECOND + ":5269"]))

    def both(self):
        return self.first, self.second


@pytest.fixture
def nodes(rig, start, shared):
    return lambda **options: Nodes(rig, start, shared, **options)


@pytest.fixture
def mercutio(rig, prosody, start):
    return start(XmppClient("mercutio@fabrikam.example", dns.PROSODY, rig.pki.trust_file))


def takes_changes(gateway):
    return gateway.ctl_json("status")["store"]["takes-changes"]


def names(gateway):
    return gateway.ctl("partner", "list", "--names").split()


def same(nodes, what="both have the same"):
    """Until both have the same; that it is."""
    return eventually(lambda: names(nodes.first) == names(nodes.second) and names(nodes.first), what)


def test_a_partner_removed_on_one_node_is_refused_on_the_other(rig, nodes, office, romeo, start, figures):
    both = nodes(partners={"fabrikam.example": {}, "recorder.example": {}})
    recorder = start(Recorder(rig, record=rig.work + "/nodes", peers={"contoso.example": SECOND + ":5269"}))
    delays = []
    with Talk(office, romeo, "nodes", target=SECOND_SIP) as talk:
        kept = streams(both.second, "fabrikam.example")
        for i in range(REMOVALS):
            eventually(lambda: office.message("romeo@recorder.example", "to it", target=SECOND_SIP).wait() == 200, "it is served")
            recorder.send("alice@contoso.example", "from it %d" % i, "n%d" % i)
            office.wait_message("from it %d" % i)
            at, log = both.second.mark(), recorder.mark()
            both.first.ctl("partner", "remove", "recorder.example", "--force")
            here = both.first.events("settings-in-use")[-1].time()
            delays.append(both.second.wait_event("settings-in-use", since=at).time() - here)
            assert refused_to_sip(office, "romeo@recorder.example", "refused", target=SECOND_SIP).status == 404
            assert "policy-violation" in str(recorder.wait_note("there is no longer a federation", since=log))
            both.first.ctl("partner", "new", "recorder.example", "--type", "federated")
            same(both)
        assert streams(both.second, "fabrikam.example") == kept
    figures(removals=REMOVALS, slowest_ms_after_the_first_node=round(max(delays) * 1000), **talk.check_undisturbed())


def test_changes_made_on_both_nodes_at_the_same_time_are_all_there(nodes, figures):
    both = nodes(partners={})
    failed = []

    def work(gateway, label):
        for i in range(CHANGES):
            status, _, said = gateway.ctl("partner", "new", "%s%d.example" % (label, i), ok=False)
            if status:
                failed.append(said)
            gateway.ctl("partner", "set", "%s0.example" % label, "--description", str(i))

    threads = [threading.Thread(target=work, args=each) for each in ((both.first, "a"), (both.second, "b"))]
    began = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    seconds = time.monotonic() - began
    assert not failed
    wanted = sorted("%s%d.example" % (label, i) for label in "ab" for i in range(CHANGES))
    eventually(lambda: names(both.first) == names(both.second) == wanted, "all are on both")
    for label in "ab":
        assert both.first.ctl_json("partner", "show", label + "0.example") == \
            eventually(lambda: [s for s in [both.second.ctl_json("partner", "show", label + "0.example")]
                                if s["description"] == str(CHANGES - 1)], "it is up to date")[0]
    made = [r for r in both.second.ctl_json("audit", "list", "--kind", "partner", "--limit", "1000")["items"]
            if r["action"] == "new"]
    assert sorted(r["name"] for r in made) == wanted
    figures(changes=4 * CHANGES, changes_per_s=round(4 * CHANGES / seconds))


def test_both_nodes_go_on_without_the_database_and_catch_up(nodes, shared, office, romeo, mercutio, figures):
    both = nodes()
    with Talk(office, romeo, "first-node") as one, Talk(office, mercutio, "second-node", target=SECOND_SIP) as two:
        shared.stop()
        for gateway in both.both():
            eventually(lambda: not takes_changes(gateway), "it knows that the store is away")
            assert gateway.ctl("partner", "new", "x.example", ok=False)[0] == 3
        one.wait(10)
        two.wait(10)
        shared.start()
        for i, gateway in enumerate(both.both()):
            eventually(lambda: gateway.ctl("partner", "new", "back%d.example" % i, ok=False)[0] == 0, "changes work again", 30)
        assert {"back0.example", "back1.example"} <= set(same(both))
    figures(first=one.check_undisturbed(), second=two.check_undisturbed())


def test_a_node_that_is_cut_off_goes_on_with_what_it_has_and_catches_up(nodes, shared, office, romeo, figures):
    both = nodes()
    with Talk(office, romeo, "cut-off", target=SECOND_SIP) as talk:
        shared.cut_second_socket()
        eventually(lambda: not takes_changes(both.second), "the second knows that it is cut off")
        both.first.ctl("partner", "new", "meanwhile.example")
        assert both.second.ctl("partner", "new", "x.example", ok=False)[0] == 3
        assert takes_changes(both.first) and "meanwhile.example" not in names(both.second)
        talk.wait(10)
        at, began = both.second.mark(), time.monotonic()
        shared.mend_second_socket()
        both.second.wait_event("store-back", since=at, timeout=30)
        back_s = round(time.monotonic() - began, 1)
        assert "meanwhile.example" in same(both)
        both.second.ctl("partner", "remove", "meanwhile.example", "--force")
        assert "meanwhile.example" not in same(both)
    figures(caught_up_after_s=back_s, **talk.check_undisturbed())


def test_a_dialback_key_of_one_node_is_confirmed_by_the_other(rig, nodes, office, start):
    """The partner asks the node that its look-up found; both derive keys from the passphrase in the store."""
    both = nodes(partners={"recorder.example": {"sasl": "optional"}})
    recorder = start(Recorder(rig, record=rig.work + "/nodes-dialback", external=False))
    at = both.first.mark()
    assert office.message("romeo@recorder.example", "by dialback", target=SECOND_SIP).wait() == 200
    recorder.wait_stanza("by dialback")
    assert {s["method"] for s in both.second.ctl_json("stream", "list")} == {"dialback-over-tls"}
    eventually(lambda: both.first.events(since=at), "the first node was asked")
