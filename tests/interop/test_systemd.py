"""
The unit under a real systemd, on a machine of its own (rig/systemd.py): installed by make, started, upgraded and stopped as
docs/SERVICE.md says, while messages pass; with both stores, because what the unit forbids would show there first. STOX_PROOF=1: all
of it.
"""
import os
import re

import pytest

from rig import dns, ns, systemd
from rig.header import header_answer
from rig.process import eventually
from rig.stoxd import Stoxd
from talk import GATEWAY

pytestmark = pytest.mark.skipif(bool(systemd.forbidden()), reason=systemd.forbidden() or "-")
PROOF = os.environ.get("STOX_PROOF") == "1"
at_full_size = pytest.mark.skipif(not PROOF, reason="make proof runs it")

ETC, OURS, ALICE = "/etc/stox/", "contoso.example", "alice@contoso.example"
PAGE = os.path.join(ns.REPO, "docs/SERVICE.md")


class Installed(Stoxd):
    """The settings of a gateway, for a machine on which make install has been."""

    def __init__(self, rig, machine, store):
        super().__init__(rig, name="stoxd-unit", in_two=False, partners={"fabrikam.example": {}}, state_dir="/var/lib/stox",
                         trust_file=ETC + "trust.pem", **({"store": store} if store else {}),
                         sip_domains={OURS: {"route": "office", "certificate": ETC + "chain.pem", "key": ETC + "key.pem"}})
        self.machine = machine

    def install(self):
        """Keys as the page says: of the group stox."""
        said = self.machine.run("make", "-C", ns.REPO, "--no-print-directory", "-o", "all", "install")
        assert "/etc/stox/stox.conf is new" in said and "systemctl enable --now stoxd" in said, said
        cert, machine = self.rig.cert(OURS), self.machine
        for name, source, mode in ("trust.pem", self.rig.pki.trust_file, 0o644), ("chain.pem", cert.file, 0o644), ("key.pem", cert.key, 0o640):
            with open(source) as f:
                machine.write(ETC + name, f.read(), mode)
        machine.run("chown", "root:stox", ETC + "key.pem")
        machine.write(ETC + "stox.conf", self.bootstrap())

    def begin(self):
        self.machine.run("systemctl", "enable", "--now", "stoxd")
        self.machine.write("/root/objects.conf", self.objects())
        self.machine.run("stoxctl", "config", "apply", "/root/objects.conf", "--prune", "--force")

    def main_pid(self):
        return int(self.machine.property("stoxd", "MainPID"))

    def active(self):
        return self.machine.property("stoxd", "ActiveState"), self.machine.property("stoxd", "SubState")


@pytest.fixture
def machine(rig, start):
    def up(binds=None):
        return start(systemd.Machine(binds))
    return up


@pytest.fixture
def installed(rig, machine):
    """installed(store): a machine with the unit, not started."""
    def make(store=""):
        binds, found = {}, re.search(r"host=([^&]*)", store)
        if found:  # the unit has a /tmp of its own
            binds[found[1]] = "/srv/postgres"
            store = store.replace(found[1], "/srv/postgres")
        gateway = Installed(rig, machine(binds), store)
        gateway.install()
        return gateway
    return make


def passes(office, romeo, text):
    """There and back, while the partner's streams come up again."""
    assert office.message(romeo.jid, text, target=GATEWAY).wait() == 200
    romeo.wait_message(text)
    romeo.send(ALICE, text + ", back")
    office.wait_message(text + ", back")


@pytest.mark.parametrize("store", ["sqlite", "postgresql"] if PROOF else ["sqlite"], indirect=True)
def test_the_unit_starts_serves_restarts_hands_over_and_stops(installed, store, office, romeo):
    gateway = installed(store)
    machine = gateway.machine
    gateway.begin()  # it comes back when it serves
    assert gateway.active() == ("active", "running")
    assert machine.run("stoxctl", "service", "status").startswith("serving")
    assert machine.property("stoxd", "StatusText").startswith("serving"), machine.property("stoxd", "StatusText")
    passes(office, romeo, "by the unit")
    pid = gateway.main_pid()
    machine.run("stoxctl", "service", "restart")
    assert gateway.active() == ("active", "running") and gateway.main_pid() != pid
    passes(office, romeo, "after a restart")

    pid = gateway.main_pid()
    machine.run("stoxctl", "service", "restart", "--hand-over")
    assert gateway.active() == ("active", "running") and gateway.main_pid() != pid
    passes(office, romeo, "after the hand-over")
    eventually(lambda: not os.path.exists(machine.path("/proc/%d" % pid)), "the old process has ended", 60)
    assert gateway.active() == ("active", "running") and machine.property("stoxd", "NRestarts") == "0"
    machine.run("systemctl", "reload", "stoxd")
    passes(office, romeo, "after a reload")

    machine.run("stoxctl", "service", "stop")
    assert gateway.active() == ("inactive", "dead") and machine.property("stoxd", "Result") == "success"
    said = machine.journal("stoxd")
    assert 'stopped state="all work ended"' in said.rsplit("stopping why=SIGTERM", 1)[1] and "SIGKILL" not in said, said
    status, out, _ = machine.run("stoxctl", "service", "status", ok=False)
    assert status == 3 and "not running" in out, (status, out)
    machine.run("stoxctl", "service", "start")
    assert machine.run("stoxctl", "service", "status").startswith("serving")
    assert "Permission denied" not in said and "not permitted" not in said and "mode is different" not in said, said


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_the_unit_is_as_closed_as_the_page_says_and_who_dies_comes_back(installed, store, office, romeo):
    gateway = installed(store)
    machine = gateway.machine
    gateway.begin()
    with open(PAGE) as f:
        said = re.search(r"systemd-analyze security stoxd` says ([0-9.]+) of 10", f.read())[1]
    assert "exposure level for stoxd.service: %s OK" % said in machine.run("systemd-analyze", "security", "--no-pager", "stoxd")
    status = open(machine.path("/proc/%d/status" % gateway.main_pid())).read()
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M) and re.search(r"^CapBnd:\s+0+$", status, re.M)
    assert re.search(r"^Seccomp:\s+2$", status, re.M)
    assert os.stat(machine.path("/var/lib/stox")).st_mode & 0o777 == 0o700
    passes(office, romeo, "before it dies")
    pid = gateway.main_pid()
    machine.run("kill", "-9", str(pid))
    eventually(lambda: gateway.active() == ("active", "running") and gateway.main_pid() not in (0, pid), "systemd starts it anew")
    assert machine.property("stoxd", "NRestarts") == "1"
    eventually(lambda: office.message(romeo.jid, "it is back", target=GATEWAY).wait() == 200, "messages pass again", 40)


@at_full_size
def test_a_start_that_fails_says_why_in_one_sentence(installed):
    gateway = installed()
    gateway.machine.write(ETC + "stox.conf", gateway.bootstrap() + 'no-such-setting = "1"\n')
    status, _, _ = gateway.machine.run("systemctl", "start", "stoxd", ok=False)
    assert status != 0
    lines = [line for line in gateway.machine.journal("stoxd").splitlines() if line.startswith("stoxd: ")]
    assert lines and "no-such-setting" in lines[0], lines


@at_full_size
def test_a_loop_that_stands_still_is_ended_by_the_watchdog(installed):
    gateway = installed()
    machine = gateway.machine
    machine.write("/etc/systemd/system/stoxd.service.d/soon.conf", "[Service]\nWatchdogSec=2\n")
    machine.run("systemctl", "daemon-reload")
    gateway.begin()
    pid = gateway.main_pid()
    machine.run("kill", "-STOP", str(pid))
    eventually(lambda: gateway.main_pid() not in (0, pid) and gateway.active() == ("active", "running"), "it was started anew", 40)
    assert "Watchdog timeout" in machine.journal("stoxd")


@at_full_size
def test_a_port_below_1024_needs_what_the_page_says(installed):
    """The rig lets everybody have such ports; for this start it does not."""
    gateway = installed()
    machine = gateway.machine
    low = gateway.bootstrap().replace('"%s:5269"' % dns.GATEWAY, '"%s:269"' % dns.GATEWAY)
    machine.write(ETC + "stox.conf", low)
    with open(PAGE) as f:
        drop_in = re.search(r"    \[Service\]\n(?:    .*\n)+", f.read())[0].replace("    ", "")
    ports = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
    with open(ports, "w") as f:
        f.write("1024")
    try:
        assert machine.run("systemctl", "start", "stoxd", ok=False)[0] != 0
        assert "269" in machine.journal("stoxd")
        machine.run("systemctl", "stop", "stoxd")
        machine.write("/etc/systemd/system/stoxd.service.d/override.conf", drop_in)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "start", "stoxd")
    finally:
        with open(ports, "w") as f:
            f.write("0")
    assert "<host-unknown" in header_answer(dns.GATEWAY, port=269)  # no domain is declared


@at_full_size
def test_sockets_of_systemd_are_used_and_nobody_is_refused_while_it_is_away(installed, office, romeo):
    gateway = installed()
    machine = gateway.machine
    machine.write("/etc/systemd/system/stoxd.socket", "[Socket]\nListenStream=%s:5269\nListenDatagram=%s:5060\n" % (dns.GATEWAY, dns.GATEWAY))
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "start", "stoxd.socket")
    gateway.begin()
    passes(office, romeo, "by systemd's sockets")
    machine.run("systemctl", "stop", "stoxd")
    early = office.message(romeo.jid, "while it was away", target=GATEWAY)
    eventually(lambda: gateway.active() == ("active", "running"), "the datagram has started it")
    assert early.wait() == 200
    romeo.wait_message("while it was away")


def test_the_unit_of_a_proxy_starts_with_the_key_that_root_has_made(rig, machine):
    it = machine()
    it.run("make", "-C", ns.REPO, "--no-print-directory", "-o", "all", "install")
    with open(rig.pki.trust_file) as f:
        it.write(ETC + "trust.pem", f.read(), 0o644)
    with open(os.path.join(ns.REPO, "service/proxy.conf.example")) as f:
        text = f.read().replace("192.0.2.10", "10.99.0.77").replace("[::]", "10.99.0.78")
    it.write(ETC + "proxy.conf", text + 'trust-file = "%strust.pem"\ndns-servers = {"%s"}\n' % (ETC, dns.ADDRESS))
    pin = it.run("stoxd", "--role", "proxy", "--config", ETC + "proxy.conf", "--make-key").strip()
    status, _, said = it.run("systemctl", "enable", "--now", "stoxd-proxy", ok=False)
    assert status == 0, said + it.journal("stoxd-proxy")
    assert "role=proxy pin=" + pin in it.journal("stoxd-proxy")
    with open(it.path("/proc/%s/status" % it.property("stoxd-proxy", "MainPID"))) as f:
        filters = int(re.search(r"^Seccomp_filters:\s+(\d+)$", f.read(), re.M)[1])
    it.run("systemctl", "stop", "stoxd-proxy")
    said = it.journal("stoxd-proxy")
    assert it.property("stoxd-proxy", "Result") == "success" and 'stopped state="all work ended"' in said, said
    assert filters > 1  # the unit's, and its own on top
