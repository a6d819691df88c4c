"""
The store goes away, fills up, or its daemon is killed in the middle of a change: traffic goes on, whoever changes something
is told what became of it, and nothing is half done. STOX_PROOF=1 kills more often.
"""
import concurrent.futures
import os
import subprocess
import time

import pytest

from rig import ns
from rig.postgres import Postgres
from rig.process import eventually
from rig.stoxd import program
from talk import Talk

PROOF = os.environ.get("STOX_PROOF") == "1"
BATCH = 5000
KILLS = 20 if PROOF else 3
UNREACHABLE = 3  # stoxctl's exit status
PATIENCE = 20  # seconds; stoxctl is to give up after ten


@pytest.fixture(scope="module")
def fragile(rig):
    """A PostgreSQL that tests stop and freeze."""
    server = rig.up(Postgres("postgres-fragile"))
    yield server
    rig.down(server)


def description(gateway):
    return gateway.ctl_json("partner", "show", "fabrikam.example").get("description", "")


def describe(gateway, text):
    """Sets it: (exit status, standard error, seconds)."""
    began = time.monotonic()
    status, _, said = gateway.ctl("partner", "set", "fabrikam.example", "--description", text, ok=False, timeout=PATIENCE)
    return status, said, round(time.monotonic() - began, 1)


def crowd(gateway, n):
    """n administrators who set it at the same time, none of whom may wait for the others."""
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return list(pool.map(lambda _: describe(gateway, "while it was away"), range(n)))


@pytest.mark.parametrize("how", ["stopped", "frozen"])
def test_postgresql_is_away_under_traffic_and_comes_back(fragile, stoxd, office, romeo, figures, how):
    gateway = stoxd(store=fragile.database())
    with Talk(office, romeo, "away-" + how) as talk:
        gateway.ctl("partner", "set", "fabrikam.example", "--description", "before")
        at = gateway.mark()
        fragile.stop() if how == "stopped" else fragile.freeze()
        results = crowd(gateway, 4)
        assert all(status == UNREACHABLE for status, _, _ in results), results
        assert any("PostgreSQL database" in said for _, said, _ in results), results
        seconds = max(took for _, _, took in results)
        store = gateway.ctl_json("status")["store"]
        assert store["takes-changes"] is False and store["why-not"]
        assert gateway.wait_event("store-away", since=at)["effect"].startswith("traffic goes on")
        assert description(gateway) == "before"
        talk.wait(20)
        began = time.monotonic()
        fragile.start() if how == "stopped" else fragile.thaw()
        eventually(lambda: describe(gateway, "after")[0] == 0, "changes work again", 30)
        back_s = round(time.monotonic() - began, 1)
        assert gateway.ctl_json("status")["store"]["takes-changes"] is True
        talk.wait(10)
    figures(refused_after_s=seconds, changes_again_after_s=back_s, **talk.check_undisturbed())
    gateway.stop()
    gateway.start()
    assert description(gateway) == "after"
    told = [row["after"].get("description") for row in gateway.ctl_json("audit", "list", "--name", "fabrikam.example")["items"]]
    assert told[0] == "after" and set(told) <= {"after", "while it was away", "before", None}


def partners(n):
    return "".join('partner "p%05d.example" {\n    type = federated\n    description = "%s"\n}\n' % (i, "x" * 200)
                   for i in range(n))


def batch_file(gateway, n):
    path = os.path.join(gateway.dir, "batch-%d.conf" % n)
    with open(path, "w") as f:
        f.write(partners(n))
    return path


@pytest.fixture
def small_disk(rig):
    """A folder with room for 8 MiB, in the rig's own mount namespace."""
    folder = os.path.join(ns.work_dir(), "small-disk")
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as f:
        try:
            while f.write(b"\0" * 4096):
                pass
        except OSError:
            pass


def test_the_disk_of_sqlite_is_full_under_traffic_and_has_room_again(small_disk, stoxd, office, romeo, figures):
    gateway, ballast = stoxd(state_dir=small_disk + "/state"), small_disk + "/ballast"
    batch = batch_file(gateway, 2000)
    with Talk(office, romeo, "full") as talk:
        names = gateway.ctl("partner", "list", "--names")
        fill(ballast)
        status, _, said = gateway.ctl("config", "apply", batch, "--force", ok=False)
        assert status == UNREACHABLE and "nothing was changed" in said and "full" in said, said
        assert gateway.ctl("partner", "list", "--names") == names
        talk.wait(20)
        os.unlink(ballast)
        gateway.ctl("config", "apply", batch, "--force")
        assert len(gateway.ctl("partner", "list", "--names").split()) == 2002
        talk.wait(10)
    figures(**talk.check_undisturbed())
    gateway.stop()
    gateway.start()
    assert len(gateway.ctl("partner", "list", "--names").split()) == 2002


def test_a_batch_that_a_kill_interrupts_is_there_as_a_whole_or_not_at_all(stoxd, store, figures):
    gateway = stoxd(store=store, partners={})
    batch = batch_file(gateway, BATCH)
    began = time.monotonic()
    gateway.ctl("config", "apply", batch, "--force")
    whole_s = time.monotonic() - began
    found = []
    for i in range(KILLS):
        gateway.apply()  # none is left
        apply = subprocess.Popen([program("stoxctl", "ctl"), "--server", gateway.server, "config", "apply", batch, "--force"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(whole_s * (i + 1) / (KILLS + 1))  # the moment is what is tried out
        gateway.kill()
        assert apply.wait(60) in (0, UNREACHABLE)
        gateway.start()
        n = len(gateway.ctl("partner", "list", "--names").split())
        rows = gateway.ctl_json("audit", "list", "--kind", "partner", "--limit", "1000")["items"]
        assert n in (0, BATCH)
        assert rows[0]["action"] == ("new" if n else "remove")
        assert n or apply.returncode == UNREACHABLE  # what was said to be done is there
        found.append(n)
    figures(kills=KILLS, whole=found.count(BATCH), nothing=found.count(0))
