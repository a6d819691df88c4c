"""What a scanner that is not ours finds at our listener (threats A6, BCP 195)."""
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

NAME = "gw.contoso.example"  # the scanner opens its stream to the name that it connects to


@pytest.fixture
def scanned(rig, alive):
    cert = rig.cert(NAME)
    alive.ctl("domain", "new", NAME, "--route", "office", "--certificate", cert.file, "--key", cert.key)
    yield NAME
    alive.ctl("domain", "remove", NAME, "--force")


def test_A6_only_what_bcp_195_recommends(scanned):
    """TLS 1.2 and 1.3, AEAD with ephemeral keys, no compression, no renegotiation; the rest is refused."""
    done = subprocess.run(["sslscan", "--starttls-xmpp", "--xmpp-server", "--no-colour", "--no-fallback", "--timeout=20",
                           "--xml=-", scanned + ":5269"], capture_output=True, timeout=600)
    found = ElementTree.fromstring(done.stdout).find("ssltest")
    assert found is not None, done.stdout + done.stderr
    protocols = {p.get("type") + p.get("version"): p.get("enabled") for p in found.iter("protocol")}
    assert {name for name, on in protocols.items() if on == "1"} == {"tls1.2", "tls1.3"}, protocols
    ciphers = [(c.get("sslversion"), c.get("cipher")) for c in found.iter("cipher")]
    assert {v for v, _ in ciphers} == {"TLSv1.2", "TLSv1.3"}
    for version, cipher in ciphers:
        assert ("GCM" in cipher or "CHACHA20" in cipher) and (version == "TLSv1.3" or cipher.startswith("ECDHE")), cipher
    for what in "compression", "renegotiation":  # compression only where the scanner's OpenSSL has it
        assert all(e.get("supported") == "0" for e in found.iter(what)), what
    assert found.find("renegotiation") is not None
    assert all(h.get("vulnerable") == "0" for h in found.iter("heartbleed"))
