"""
Contacts outlive the daemon: what was told to be stored is there after kill -9; two gateways on one PostgreSQL have the same.
STOX_PROOF=1 kills more often.
"""
import itertools
import os
import threading

import pytest

from rig.postgres import Postgres
from rig.process import eventually
from rig.stoxd import Stoxd
from test_nodes import SECOND

PROOF = os.environ.get("STOX_PROOF") == "1"
KILLS = 50 if PROOF else 4
ROUNDS = 100 if PROOF else 15


@pytest.fixture(scope="module")
def database(rig):
    server = rig.up(Postgres("postgres-contacts"))
    yield server
    rig.down(server)


def csv_file(rig, name, rows):
    path = os.path.join(rig.work, name + ".csv")
    with open(path, "w") as f:
        f.write("sip,xmpp,sip-watches,xmpp-watches,added\n" + "".join(",".join(row) + "\n" for row in rows))
    return path


def states(gateway, *options):
    """{(sip, xmpp): (sip-watches, xmpp-watches, added)}"""
    items = gateway.ctl_json("contact", "list", "--limit", "100000", *options)["items"]
    return {(i["sip"], i["xmpp"]): (i["sip-watches"], i["xmpp-watches"], i["added"]) for i in items}


def row(i, to="granted", back="granted"):
    return "user%d@contoso.example" % i, "friend%d@fabrikam.example" % i, to, back, "yes"


def test_contacts_are_shown_and_removed_by_the_daemon_itself(rig, stoxd, start):
    gateway = stoxd()
    rows = [row(1), row(2, "asked", "no"), row(3, "denied", "asked"), row(4, "no", "granted")]
    rows.append(("Alice@Contoso.Example", "conference.fabrikam.example", "granted", "no", "no"))
    gateway.ctl("contact", "import", csv_file(rig, "few", rows))
    everything = states(gateway)
    assert everything == {r[:2]: (r[2], r[3], True) for r in rows[:4]} | {
        ("alice@contoso.example", "conference.fabrikam.example"): ("granted", "no", False)}
    for state, wanted in (("both", [1]), ("to", []), ("from", [4]), ("none", [2, 3]), ("asked", [2, 3]), ("denied", [3])):
        found = {sip for sip, _ in states(gateway, "--state", state)}
        assert found - {"alice@contoso.example"} == {"user%d@contoso.example" % i for i in wanted}, (state, found)
    assert set(states(gateway, "--user", "friend3@fabrikam.example")) == {row(3)[:2]}
    assert set(states(gateway, "--user", "user4@contoso.example", "--partner", "fabrikam.example")) == {row(4)[:2]}
    assert not states(gateway, "--partner", "other.example")
    shown = gateway.ctl_json("contact", "show", *row(1)[:2])
    assert shown["subscription"] == "both" and shown["partner"] == "fabrikam.example" and shown["stored"]
    assert shown["sip-since"] and shown["xmpp-since"]
    gateway.ctl("contact", "remove", *row(1)[:2])
    assert states(gateway)[row(1)[:2]] == ("no", "granted", False)
    gateway.ctl("contact", "remove", *row(1)[:2], "--both")
    assert row(1)[:2] not in states(gateway)
    for bad, says in ((("x", "y"), "sip: this is no address"), (("a@contoso.example", "b@c@d"), "xmpp: this is no address"),
                      (("a@contoso.example", "b@fabrikam.example"), "no contact of each other")):
        status, _, said = gateway.ctl("contact", "remove", *bad, ok=False)
        assert status and says in said, said
    gateway.ctl("gateway", "set", "--user-contact-limit", "2")
    status, _, said = gateway.ctl("contact", "import", csv_file(rig, "many", [
        ("user1@contoso.example", "n%d@fabrikam.example" % i, "granted", "no", "no") for i in range(5)]), ok=False)
    assert status and "user-contact-limit" in said, said
    before = states(gateway)
    gateway.ctl("partner", "remove", "fabrikam.example", "--force")
    assert states(gateway) == before  # they stay, unused
    gateway.ctl("partner", "new", "fabrikam.example", "--type", "federated")
    assert gateway.ctl("contact", "purge", "--domain", "fabrikam.example", "--what-if") == "%d contacts would be removed\n" % \
        sum(1 for _, xmpp in before if xmpp.split("@")[-1] == "fabrikam.example")
    gateway.ctl("contact", "purge", "--user", "user2@contoso.example", "--force")
    gateway.ctl("contact", "purge", "--domain", "fabrikam.example", "--force")
    gateway.stop()
    gateway.start()
    assert {xmpp for _, xmpp in states(gateway)} <= {"conference.fabrikam.example"}


def test_what_was_imported_is_there_after_kill_9(rig, stoxd, figures):
    gateway = stoxd()
    told = {}
    for kill in range(KILLS):
        done = threading.Event()

        def work():
            for i in itertools.count():
                new = [row(kill * 1000 + i * 20 + k, to="granted" if i % 2 else "asked") for k in range(20)]
                status, _, _ = gateway.ctl("contact", "import", csv_file(rig, "killed", new), ok=False)
                if status:
                    return
                told.update({r[:2]: (r[2], r[3], True) for r in new})
                if i == kill % 3:
                    done.set()

        worker = threading.Thread(target=work)
        worker.start()
        assert done.wait(60)
        gateway.kill()
        worker.join(60)
        gateway.start()
        there = states(gateway)
        assert told.items() <= there.items()
    figures(kills=KILLS, contacts=len(told))


def test_two_nodes_have_the_same_contacts(rig, start, database):
    url = database.database()
    first = start(Stoxd(rig, store=url))
    second = start(Stoxd(rig, name="stoxd-second", empty=True, store=url, listen_sip_udp=[SECOND + ":5060"],
                         listen_sip_tcp=[SECOND + ":5060"], listen_xmpp=[SECOND + ":5269"]))

    def same(wanted=None):
        def are():
            a, b = states(first), states(second)
            return a == b and (wanted is None or a == wanted) and (a or wanted == {})
        return eventually(are, "both have the same contacts")

    first.ctl("contact", "import", csv_file(rig, "first", [row(i) for i in range(1500)]))
    same({row(i)[:2]: ("granted", "granted", True) for i in range(1500)})
    second.ctl("contact", "remove", *row(3)[:2], "--both")
    eventually(lambda: row(3)[:2] not in states(first), "it is removed on the other node too")
    files = [csv_file(rig, name, [row(i, to) for i in range(10)]) for name, to in (("a", "asked"), ("b", "denied"))]

    def work(gateway, file):
        for _ in range(ROUNDS):
            gateway.ctl("contact", "import", file, ok=False)

    threads = [threading.Thread(target=work, args=each) for each in zip((first, second), files)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    same()
    first.ctl("contact", "purge", "--domain", "fabrikam.example", "--force")
    eventually(lambda: states(first) == {} == states(second), "all are gone on both")
