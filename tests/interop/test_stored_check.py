"""Stored certificates where DNS and `stoxctl check` look at them, and what a check says of requests and of a drain."""
import hashlib
import json
import os
import re
import subprocess

from rig import dns

DOMAIN = "d-stored.example"


def request(gateway, name, *names):
    csr = os.path.join(gateway.dir, name + ".csr")
    gateway.ctl("cert", "request", name, "--key-type", "p256", "--csr", csr, *(w for n in names for w in ("--names", n)))
    with open(csr) as f:
        return f.read()


def give(rig, gateway, name, csr):
    """The authority's answer, imported. The data of its TLSA 3 1 1, computed by openssl."""
    pem = rig.pki.sign(name, csr)
    path = os.path.join(gateway.dir, name + ".pem")
    with open(path, "w") as f:
        f.write(pem)
    gateway.ctl("cert", "import", name, path)
    key = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=pem.encode(), check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=key, check=True, capture_output=True).stdout
    return hashlib.sha256(der).hexdigest()


def findings(gateway, *words):
    return json.loads(gateway.ctl(*words, "--json", ok=False, timeout=120)[1])["findings"]


def has(found, mark, kind, pattern):
    return any((f["mark"], f["check"]) == (mark, kind) and
               re.search(pattern, "%(about)s %(text)s %(remedy)s %(line)s" % f) for f in found)


def test_the_tlsa_record_of_a_stored_certificate_is_proposed_and_recognised(rig, stoxd):
    gateway = stoxd(dns_trust_anchor=rig.dns.trust_anchor_file, host_name=dns.GATEWAY,
                    sip_domains={DOMAIN: {"route": "office"}})
    want = give(rig, gateway, "edge", request(gateway, "edge", DOMAIN))
    gateway.ctl("cert", "assign", "edge", "--domain", DOMAIN)
    lines = [line for line in gateway.ctl("dns", "records").splitlines() if line and not line.startswith(";")]
    tlsa = [line.split() for line in lines if line.split()[3] == "TLSA"]
    assert tlsa and all("".join(words[7:]).lower() == want for words in tlsa), (want, lines)
    owner = tlsa[0][0]
    host = owner.split(".", 2)[2]
    assert host.endswith(".example."), lines
    rig.dns.change("example", "set _xmpp-server._tcp.%s. SRV 5 0 5269 %s" % (DOMAIN, host), "set %s A %s" % (host, dns.GATEWAY))
    try:
        rig.dns.change("example", "set %s TLSA 3 1 1 %s" % (owner, want))
        found = findings(gateway, "dns", "check", DOMAIN)
        assert has(found, "ok", "tlsa-fits", DOMAIN), found
        rig.dns.change("example", "unset %s TLSA" % owner, "set %s TLSA 3 1 1 %s" % (owner, "ab" * 32))
        found = findings(gateway, "dns", "check", DOMAIN)
        assert has(found, "failed", "tlsa-mismatch", want), found
    finally:
        rig.dns.change("example", "unset %s TLSA" % owner, "unset _xmpp-server._tcp.%s. SRV" % DOMAIN, "unset %s A" % host)


def test_a_check_names_requests_that_wait_and_a_gateway_that_drains(rig, stoxd):
    gateway = stoxd()
    csr = request(gateway, "edge", "contoso.example")
    found = findings(gateway, "check")
    assert has(found, "note", "certificate-pending", "edge .*stoxctl cert import edge FILE"), found
    assert has(found, "ok", "service", "serving"), found
    give(rig, gateway, "edge", csr)
    gateway.ctl("cert", "assign", "edge")
    gateway.ctl("service", "drain")
    found = findings(gateway, "check")
    assert not has(found, "note", "certificate-pending", "") and has(found, "ok", "certificate", "contoso.example is good"), found
    assert has(found, "warning", "draining", "stoxctl service resume"), found
    gateway.ctl("service", "resume")
    assert has(findings(gateway, "check"), "ok", "service", "serving")
