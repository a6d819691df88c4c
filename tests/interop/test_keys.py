"""
Where private keys are not: in files that others read, in core dumps, in the log, and in memory once they are not in use. And that
gateways on one database have the same certificates, if they have the same certificates.key.
"""
import base64
import os
import re
import resource
import shutil
import signal
import subprocess

import pytest

from rig import dns, scripted
from rig.postgres import Postgres
from rig.process import eventually
from rig.stoxd import Stoxd, program

OURS = "contoso.example"
PASSPHRASE = "correct horse battery"
LARGEST = 1 << 30  # bytes of a mapping: beyond it are a sanitizer's own


def openssl(*args):
    return subprocess.run(("openssl",) + args, check=True, capture_output=True, text=True).stdout


def install(rig, gateway, name="edge"):
    csr, pem = (os.path.join(gateway.dir, name + end) for end in (".csr", ".pem"))
    gateway.ctl("cert", "request", name, "--key-type", "p256", "--names", OURS, "--csr", csr)
    with open(csr) as f:
        signed = rig.pki.sign(name, f.read())
    with open(pem, "w") as f:
        f.write(signed)
    gateway.ctl("cert", "import", name, pem)
    return openssl("x509", "-in", pem, "-noout", "-serial").strip().partition("=")[2].lstrip("0")


def scalar_in(der):
    """The private number of a key, PKCS#8."""
    text = subprocess.run(["openssl", "pkey", "-inform", "DER", "-noout", "-text"], input=der, check=True, capture_output=True).stdout
    digits = re.search(r"priv:\n((?: +[0-9a-f:]+\n)+)", text.decode()).group(1)
    return bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits))[-32:].rjust(32, b"\0")


def scalar_of(gateway, name="edge"):
    """The private number of the key, as it leaves under its passphrase."""
    out, secret = os.path.join(gateway.dir, name + ".p12"), os.path.join(gateway.dir, "pass")
    with open(secret, "w") as f:
        f.write(PASSPHRASE + "\n")
    gateway.ctl("cert", "export", name, out, "--form", "pkcs12", "--with-key", "--passphrase-file", secret)
    key = os.path.join(gateway.dir, name + ".key")
    openssl("pkcs12", "-in", out, "-passin", "pass:" + PASSPHRASE, "-nocerts", "-nodes", "-out", key)
    return scalar_in(subprocess.run(["openssl", "pkey", "-in", key, "-outform", "DER"], check=True, capture_output=True).stdout)


def memory_holds(pid, *needles):
    """Which of them are in the memory of a process, whatever it is for."""
    found = set()
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            if "rw" not in mode:
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            if end - start > LARGEST:
                continue
            try:
                memory.seek(start)
                piece = memory.read(end - start)
            except (OSError, ValueError):
                continue
            found |= {n for n in needles if n in piece}
    return found


def shown(address=dns.GATEWAY, rig=None):
    wire = scripted.connect((address, 5269), source=dns.SCRIPTED)
    wire.secure("scripted.example", OURS, scripted.client_context(rig))
    number = wire.sock.getpeercert()["serialNumber"]
    wire.close()
    return number.lstrip("0")


def test_a_key_that_is_not_in_use_is_not_in_memory(rig, stoxd):
    gateway = stoxd(partners={"fabrikam.example": {}, "scripted.example": {}})
    install(rig, gateway)
    scalar = scalar_of(gateway)
    needles = scalar, scalar[::-1], scalar.hex().encode()
    pid = gateway.process.pid
    assert not memory_holds(pid, *needles), "made, sealed, opened and exported: and left behind"
    gateway.ctl("cert", "assign", "edge")
    assert memory_holds(pid, *needles), "what is in use must be there, or this test finds nothing"
    gateway.ctl("domain", "set", OURS, "--reset", "certificate")
    eventually(lambda: not memory_holds(pid, *needles), "a key that is not in use any more is wiped")


def test_what_is_brought_with_its_key_leaves_no_key_behind(rig, stoxd):
    gateway = stoxd()
    own = rig.pki.issue("contoso-brought", [OURS])
    gateway.ctl("cert", "import", "brought", own.file, "--key-file", own.key)
    with open(own.key) as f:
        text = f.read()
    lines, scalar = text.splitlines(), scalar_of(gateway, "brought")
    sent = base64.b64encode(text.encode())[80:160]  # as it came, in the JSON of the request
    assert not memory_holds(gateway.process.pid, scalar, scalar[::-1], lines[1].encode(), lines[2].encode(), sent)


def test_a_crash_leaves_no_core(rig, stoxd, tmp_path):
    gateway = stoxd()
    gateway.stop()

    def end_of(argv):
        popen = subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
        if argv[0] != "sleep":
            assert any(" ready " in line for line in popen.stderr)
        popen.send_signal(signal.SIGABRT)
        how = os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOWAIT).si_code
        popen.stderr.close()
        popen.wait()
        return how

    if end_of(["sleep", "60"]) != os.CLD_DUMPED:
        pytest.skip("this machine dumps no cores at all: nothing to be seen here")
    assert end_of([program(), "--config", gateway.conf_path]) == os.CLD_KILLED


def test_the_files_of_keys_are_their_owner_s(rig, stoxd):
    gateway = stoxd()
    state = gateway.settings["state_dir"]
    path = os.path.join(state, "certificates.key")
    for name in "certificates.key", "secret", "stox.db":
        assert os.stat(os.path.join(state, name)).st_mode & 0o777 == 0o600
    gateway.stop()
    for change, said in ((lambda: os.chmod(path, 0o640), "can be read by others"),
                         (lambda: (os.chmod(path, 0o600), open(path, "wb").close()),
                          "no key of a stored certificate opens without")):
        change()
        done = subprocess.run([program(), "--config", gateway.conf_path], capture_output=True, text=True, timeout=30)
        assert done.returncode == 1 and said in done.stderr, done.stderr


def test_nodes_on_one_database_have_the_same_certificates(rig, start):
    server = rig.up(Postgres("postgres-keys"))
    url = server.database()
    first = start(Stoxd(rig, store=url, partners={"scripted.example": {}}))
    second = Stoxd(rig, name="stoxd-keys-second", empty=True, store=url, listen_sip_udp=["10.99.0.2:5060"],
                   listen_sip_tcp=["10.99.0.2:5060"], listen_xmpp=["10.99.0.2:5269"])
    third = Stoxd(rig, name="stoxd-keys-third", empty=True, store=url, listen_sip_udp=["10.99.0.3:5060"],
                  listen_sip_tcp=["10.99.0.3:5060"], listen_xmpp=["10.99.0.3:5269"])
    second.forget_state()
    os.makedirs(second.settings["state_dir"], mode=0o700)
    for name in "certificates.key", "secret":
        shutil.copy(os.path.join(first.settings["state_dir"], name), second.settings["state_dir"])
    second._new = False  # its state is there
    second = start(second)
    serial = install(rig, first)
    first.ctl("cert", "assign", "edge", "--domain", OURS)
    assert shown(rig=rig) == serial
    eventually(lambda: shown("10.99.0.2", rig) == serial, "the second one shows it")
    assert second.ctl("cert", "check")
    third = start(third)  # with a file of its own
    why = third.wait_event("certificate-not-loaded", 20)["why"]
    assert "must have the same file" in why, why
    rig.down(server)
