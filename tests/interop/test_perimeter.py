"""Gateway and proxy as an administrator has them: two machines, a firewall, and what stoxctl says of the link between."""
import contextlib
import os
import re
import signal
import subprocess

import pytest

from rig import dns, ns, split
from rig.process import Process, eventually
from rig.recorder import Recorder
from rig.stoxd import Stoxd, program

OTHER_PIN = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
PROXY_SETTINGS = {"listen-xmpp": '{"%s:5269"}' % dns.GATEWAY, "dns-servers": '{"%s"}' % dns.ADDRESS, "host-name": '"proxy.contoso.example"'}


@pytest.fixture
def gateway(rig, start):
    return start(Stoxd(rig, name="stoxd-inside", in_two=True))


def version():
    return subprocess.check_output([program(), "--version"], text=True).strip()


def verdict(gateway, name="stoxd-inside"):
    """The exit status and the last line of stoxctl proxy test."""
    status, out, err = gateway.ctl("proxy", "test", name, ok=False)
    return status, out.strip().splitlines()[-1] if out.strip() else err.strip()


def test_what_stoxctl_prints_makes_a_proxy_that_works(rig, gateway, romeo, office):
    pair, home = gateway.perimeter.pair, os.path.join(ns.work_dir(), "by-hand")
    os.makedirs(home)
    gateway.ctl("proxy", "remove", "stoxd-inside", "--force")  # the rig's own
    assert gateway.perimeter.end() == 0

    status, said, warned = gateway.ctl("proxy", "new", "edge", "--address", pair.inner_address, ok=False)
    assert status == 0
    assert "without the pin of its key the gateway does not link with it" in warned
    boot = dict(re.findall(r"^    ([a-z-]+) = ([^#\n]*?) *(?:#.*)?$", said, re.M))
    boot.update(PROXY_SETTINGS, **{"state-dir": '"%s/state"' % home, "trust-file": '"%s"' % rig.pki.trust_file})
    conf = os.path.join(home, "proxy.conf")
    with open(conf, "w") as f:
        f.write("".join("%s = %s\n" % item for item in boot.items()))
    assert verdict(gateway, "edge") == (1, "stoxctl: the pin of its key is not set: stoxctl proxy guide says how to come by it")

    make_key = [program(), "--role", "proxy", "--config", conf, "--make-key"]
    pin = subprocess.check_output(make_key, text=True).strip()
    assert subprocess.check_output(make_key, text=True).strip() == pin  # it is made once
    proxy = Process("proxy-by-hand", split.within(pair.perimeter_ns) + [program(), "--role", "proxy", "--config", conf], notify=True)
    try:
        proxy.wait_ready(60)
        gateway.ctl("proxy", "set", "edge", "--pin", pin)
        assert verdict(gateway, "edge") == (0, "The link with edge at %s:23456 is up." % pair.inner_address)
        assert office.message(romeo.jid, "through the perimeter", target=(dns.GATEWAY, 5060)).wait() == 200
        romeo.wait_message("through the perimeter")
        romeo.send("alice@contoso.example", "and back")
        office.wait_message("and back")
    finally:
        assert proxy.stop() == 0


def is_named(gateway, words):
    """In the end: what was tried when the change was made may still have its own end to come to."""
    found = []
    eventually(lambda: found.append(verdict(gateway)) or (found[-1][0] == 1 and words in found[-1][1]), "%s among %s" % (words, found))


def test_the_state_of_a_link_is_shown(gateway):
    status = gateway.ctl_json("proxy", "status", "stoxd-inside")
    assert (status["state"], status["sends"], status["why"], status["links"]) == ("ready", True, "", 1)
    assert status["host"] == "gw.contoso.example"
    status = eventually(lambda: [s for s in [gateway.ctl_json("proxy", "status", "stoxd-inside")] if s["version"]], "it was asked")[0]
    assert re.fullmatch(r"stoxd " + re.escape(status["version"]), version())
    assert 0 <= status["round-trip-ms"] < 10000
    assert (status["under-way"], status["waiting"], status["partners"]) == (0, 0, [])
    assert status["credit"] == {"out": 1024, "out-bytes": 1 << 20, "in": 64, "in-bytes": 512 << 10}
    assert "round-trip-ms:" in gateway.ctl("proxy", "status", "stoxd-inside")
    gateway.ctl("proxy", "set", "stoxd-inside", "--enabled", "no")
    status = gateway.ctl_json("proxy", "status", "stoxd-inside")
    assert (status["state"], status["sends"]) == ("off", False)
    assert "not enabled" in status["why"]
    assert gateway.ctl("proxy", "status", "nowhere", ok=False)[0] == 5


def test_what_is_on_its_way_by_a_proxy_is_shown_by_partner(rig, start, office):
    gateway = start(Stoxd(rig, name="stoxd-inside", partners={"recorder.example": {}}, in_two=True))
    recorder = start(Recorder(rig, record=rig.work + "/on-its-way"))
    assert office.message("romeo@recorder.example", "first", target=(dns.GATEWAY, 5060)).wait() == 200
    recorder.set(ack=False, ping=False)
    recorder.send("alice@contoso.example", "it has heard that", "after-set")
    office.wait_message("it has heard that")
    held = [office.message("romeo@recorder.example", "held %d" % i, target=(dns.GATEWAY, 5060)) for i in range(3)]
    for i in range(3):
        recorder.wait_stanza("held %d" % i)
    status = gateway.ctl_json("proxy", "status", "stoxd-inside")
    assert [(p["partner"], p["out"], p["in"]) for p in status["partners"]] == [("recorder.example", 3, 0)]
    assert (status["under-way"], status["waiting"]) == (3, 0)
    recorder.set(ack=True, ping=True)
    recorder.acknowledge()
    assert [txn.wait() for txn in held] == [200] * 3


def test_what_keeps_a_link_from_coming_up_is_named(gateway):
    assert verdict(gateway) == (0, "The link with stoxd-inside at %s:23456 is up." % gateway.perimeter.pair.inner_address)

    gateway.ctl("proxy", "set", "stoxd-inside", "--pin", OTHER_PIN)  # another key than the proxy has
    is_named(gateway, "its key is %s, which is not pinned here" % gateway.perimeter.ours.pin)

    gateway.ctl("proxy", "set", "stoxd-inside", "--pin", gateway.perimeter.ours.pin)
    gateway.perimeter.theirs.pin = OTHER_PIN  # the proxy knows another gateway
    gateway.perimeter.start(program(), gateway._boot_text(gateway.perimeter.proxy(gateway.settings)), dict(os.environ))
    is_named(gateway, "most likely its link-pins do not have our pin")

    assert gateway.perimeter.end() == 0  # nobody listens there
    is_named(gateway, "connection refused: no proxy listens at this address and port, or a firewall refuses it")

    gateway.ctl("proxy", "set", "stoxd-inside", "--address", dns.OFFICE + ":5060")  # no TLS there
    assert verdict(gateway)[0] == 1


def read(path):
    with open(path) as f:
        return f.read()


def each(folder, look):
    """look(path) of all that is in the folder, and has not gone while it was looked at."""
    found = []
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append(look(os.path.join(folder, name)))
    assert found
    return found


def test_the_proxy_has_given_up_files_and_programs(gateway, romeo, office):
    """What it cannot do any more is tests/unit/daemon/test_sandbox.c; this is that it is so, and works."""
    assert office.message(romeo.jid, "from the sandbox", target=(dns.GATEWAY, 5060)).wait() == 200
    romeo.wait_message("from the sandbox")
    at = "/proc/%d/" % gateway.perimeter.process.pid
    for status in each(at + "task", lambda task: read(task + "/status")):
        assert re.search(r"^Seccomp:\t2$", status, re.M), status
        assert re.search(r"^NoNewPrivs:\t1$", status, re.M), status
    kinds = {re.sub(r":?\[.*", "", leads_to) for leads_to in each(at + "fd", os.readlink)}
    assert kinds <= {"socket", "pipe", "anon_inode", "/dev/null"}, kinds
    os.kill(gateway.perimeter.process.pid, signal.SIGHUP)
    gateway.wait_event("nothing-read-again")


def test_the_bootstrap_file_may_say_the_role_and_then_nothing_else_may(gateway, romeo, office):
    outside, conf = gateway.perimeter, gateway.perimeter.dir + "/stoxd.conf"
    assert gateway.process.stop(40) == 0 and outside.end() == 0
    for path, role in (conf, "proxy"), (gateway.conf_path, "gateway"):
        with open(path, "a") as f:
            f.write('role = "%s"\n' % role)
    outside.process = Process("proxy-by-its-file", split.within(outside.pair.perimeter_ns) + [program(), "--config", conf], notify=True)
    outside.process.wait_ready(60)
    gateway.process = Process(gateway.name, split.within(outside.pair.inside_ns) + [program(), "--config", gateway.conf_path], cwd=gateway.dir, notify=True)
    gateway.process.wait_ready(60)
    gateway.wait_event("settings-used", 30)
    assert office.message(romeo.jid, "by their files", target=(dns.GATEWAY, 5060)).wait() == 200
    romeo.wait_message("by their files")

    assert subprocess.check_output([program(), "--config", conf, "--make-key"], text=True).strip() == outside.ours.pin
    for role in "gateway", "all":
        done = subprocess.run([program(), "--role", role, "--config", conf, "--check"], text=True, stderr=subprocess.PIPE)
        assert done.returncode == 1
        assert "%s: role is proxy, and the command line says --role %s: which of both is meant?" % (conf, role) in done.stderr
    assert subprocess.run([program(), "--role", "proxy", "--config", conf, "--check"], stdout=subprocess.DEVNULL).returncode == 0
