"""
`stoxctl dns records`, `dns check` and `check` against a real DNS server with real, signed zones: each broken situation is a domain
of its own, and each is named with the line that mends it.
"""
import concurrent.futures
import json
import os
import re
import socket

import pytest

from rig import dns, pki, split

AUTHORITY = "ca.example"
OTHER_RESOLVER = "10.99.0.54"
TTL = 300


def good(label, host=None):
    host = host or "xmpp." + label
    return ["set _xmpp-server._tcp.%s SRV 5 0 5269 %s" % (label, host), "set xmpp.%s A %s" % (label, dns.GATEWAY)]


def srv(label, *records, service="_xmpp-server._tcp"):
    return ["set %s.%s SRV %s" % (service, label, r) for r in records]


def address(label, *addresses):
    return ["set xmpp.%s A %s" % (label, a) for a in addresses]


def tlsa(label, data):
    return ["set _5269._tcp.xmpp.%s TLSA 3 1 1 %s" % (label, data)]


OURS = "OUR-KEY"
# A domain below example, what its zone says of it, and what is found: mark, check, and a pattern in its sentence, remedy or line.
CASES = {
    "d-good": (good("d-good"), "ok", "srv-ok", r"leads to xmpp\.d-good\.example port 5269, which answers from " + split.who_tries()),
    "d-missing": (address("d-missing", dns.GATEWAY), "failed", "srv-missing",
                  r"_xmpp-server\._tcp\.d-missing\.example\. 3600 IN SRV 5 0 5269 xmpp\.d-missing\.example\.$"),
    "d-nowhere": ([], "failed", "domain-unknown", r"NXDOMAIN.*delegated"),
    "d-elsewhere": (srv("d-elsewhere", "5 0 5269 scripted-host"), "failed", "srv-wrong-target",
                    r"leads to scripted-host\.example port 5269, which is not this gateway"),
    "d-port": (good("d-port")[1:] + srv("d-port", "5 0 5222 xmpp.d-port"), "failed", "srv-wrong-port",
               r"port 5222 of xmpp\.d-port\.example, but this gateway listens on port 5269"),
    "d-second": (good("d-second") + srv("d-second", "1 0 5269 scripted-host"), "warning", "srv-priority",
                 r"scripted-host\.example port 5269 \(priority 1, ours 5\): all partners go there first"),
    "d-shared": (good("d-shared") + srv("d-shared", "5 0 5269 scripted-host"), "warning", "srv-shared",
                 r"some partners go there and some come here.*SRV 5 0 5269 scripted-host\.example\.$"),
    "d-backup": (good("d-backup") + srv("d-backup", "20 0 5269 scripted-host"), "note", "srv-backup", r"while this gateway"),
    "d-stale": (good("d-stale") + srv("d-stale", "5 0 5269 gone.d-stale"), "warning", "srv-stale",
                r"gone\.d-stale\.example.*no address.*remove"),
    "d-dot": (srv("d-dot", "0 0 0 ."), "failed", "srv-dot", r'target "\."'),
    "d-alias": (good("d-alias")[1:] + srv("d-alias", "5 0 5269 alias.d-alias") +
                ["set alias.d-alias CNAME xmpp.d-alias"], "failed", "target-alias",
                r"alias\.d-alias\.example is an alias \(CNAME\) of xmpp\.d-alias\.example.*alias\.d-alias\.example\. 3600 IN A 10"),
    "d-empty": (srv("d-empty", "5 0 5269 xmpp.d-empty") + ["set xmpp.d-empty TXT nothing"], "failed", "target-no-address",
                r"xmpp\.d-empty\.example\. 3600 IN A 10\.99\.0\.1$"),
    "d-target": (srv("d-target", "5 0 5269 xmpp.d-target"), "failed", "target-unknown", r"does not exist \(NXDOMAIN\)"),
    "d-foreign": (good("d-foreign") + address("d-foreign", dns.SCRIPTED), "failed", "address-foreign",
                  r"has the address 10\.99\.0\.40, which is not this gateway's.*--add-public-address 10\.99\.0\.40"),
    "d-unserved": (good("d-unserved") + srv("d-unserved", "5 0 5270 xmpp.d-unserved", service="_xmpps-server._tcp"),
                   "failed", "srv-not-served", r"does not listen for it.*listen-xmpps"),
    "d-conflict": (good("d-conflict") + srv("d-conflict", "5 0 5061 xmpp.d-good", service="_sipfederationtls._tcp"),
                   "failed", "srv-domain-conflict", r"1009.*SRV 5 0 5061 sip\.d-conflict\.example\.$"),
    "d-edge": (good("d-edge") + srv("d-edge", "5 0 5061 sip.d-edge", service="_sipfederationtls._tcp") +
               ["set sip.d-edge A %s" % dns.SCRIPTED], "failed", "address-foreign", r"sip\.d-edge\.example has the address 10\.99\.0\.40"),
    "d-sip-name": (good("d-sip-name") + srv("d-sip-name", "5 0 5061 sip.d-sip-name", service="_sipfederationtls._tcp") +
                   ["set sip.d-sip-name A %s" % dns.GATEWAY], "warning", "sip-certificate-name", r"sip\.d-sip-name\.example among"),
    "d-caa": (good("d-caa") + ["set d-caa CAA 0 issue other.example"], "failed", "caa-forbids",
              r'let other\.example issue, and not ca\.example.*CAA 0 issue "ca\.example"'),
    "d-caa-good": (good("d-caa-good") + ["set d-caa-good CAA 0 issue ca.example"], "ok", "caa-allows", r"let ca\.example issue"),
    "d-wild": (good("d-wild") + ["set *.d-wild SRV 5 0 5269 xmpp.d-wild"], "warning", "wildcard-srv", r"does not serve"),
    "d-wild-a": (good("d-wild-a") + ["set *.d-wild-a A %s" % dns.GATEWAY], "warning", "wildcard-address", r"\*\.d-wild-a"),
    "d-key": (good("d-key") + tlsa("d-key", "ab" * 32), "failed", "tlsa-mismatch",
              r"none of the TLSA records.*_5269\._tcp\.xmpp\.d-key\.example\. 3600 IN TLSA 3 1 1 [0-9a-f]{64}$"),
    "d-old-key": (good("d-old-key") + tlsa("d-old-key", OURS) + tlsa("d-old-key", "ab" * 32), "warning", "tlsa-stale",
                  r"not shown there"),
    "d-our-key": (good("d-our-key") + tlsa("d-our-key", OURS), "ok", "tlsa-fits", r"fit the certificate"),
}
# The same with records that live too long and too short, and in zones that are broken as a whole.
TTLS = {"d-long": (86400, "ttl-long", r"for 86400 s.*lower its TTL to 300"), "d-short": (5, "ttl-short", r"for 5 s only")}
ZONES = {
    "bogus.example": ("failed", "dnssec-bogus", r"DNSSEC validation failed.*DS record"),
    "lame.example": ("failed", "dns-servfail", r"SERVFAIL.*delegated"),
    "insecure.example": ("warning", "tlsa-insecure", r"not signed by DNSSEC.*Sign the zones"),
}


def names():
    return ["%s.example" % label for label in [*CASES, *TTLS]] + list(ZONES)


@pytest.fixture(scope="module")
def published(rig):
    """All of these zones, as long as this file's tests run."""
    cert = rig.pki.issue("dns-check", names())
    key = pki.key_hash(cert).hex()
    rig._certs.update({domain: cert for domain in names()})
    commands = [c.replace(OURS, key) for case in CASES.values() for c in case[0]]
    rig.dns.change("example", *commands, ttl=TTL)
    for label, (ttl, _, _) in TTLS.items():
        rig.dns.change("example", *good(label), ttl=ttl)
    rig.dns.change("insecure.example", "unset xmpp", "set xmpp A " + dns.GATEWAY, "set _5269._tcp.xmpp TLSA 3 1 1 " + key,
                   ttl=TTL)
    yield cert
    for label in TTLS:
        commands += good(label)
    owners = sorted({" ".join(c.split()[1:3]) for c in commands})
    rig.dns.change("example", *("unset " + o for o in owners))
    rig.dns.change("insecure.example", "unset xmpp", "unset _5269._tcp.xmpp", "set xmpp A " + dns.SCRIPTED)


def settings(rig, cert, domains, **gateway):
    return {"host_name": dns.GATEWAY, "listen_sip_tls": [dns.GATEWAY + ":5061"],
            "sip_domains": {d: {"route": "office"} for d in domains},
            "gateway": {"certificate_authorities": [AUTHORITY], "sip_certificate": cert.file, "sip_key": cert.key, **gateway}}


def wrong(found, about, mark, check, pattern):
    """What does not fit, as text; None: all does."""
    mine = [f for f in found if f["about"] == about]
    for f in mine:
        whole = "%(text)s %(remedy)s %(line)s" % f
        if (f["mark"], f["check"]) == (mark, check) and re.search(pattern, whole.rstrip(), re.DOTALL):
            return None
    return "%s: no %s %s %s:\n%s" % (about, mark, check, pattern, "\n".join("    %s" % f for f in mine))


def test_each_broken_dns_situation_is_named_with_the_line_to_publish(rig, published, stoxd):
    gateway = stoxd(dns_trust_anchor=rig.dns.trust_anchor_file, **settings(rig, published, names()))
    status, out, err = gateway.ctl("dns", "check", "--json", ok=False, timeout=120)
    assert status == 1 and not err, err
    check = json.loads(out)
    assert check["done"] and not check["works"] and "DNS is not right" in check["verdict"], check["verdict"]
    faults = [wrong(check["findings"], label + ".example", *case[1:]) for label, case in CASES.items()]
    faults += [wrong(check["findings"], label + ".example", "warning", *case[1:]) for label, case in TTLS.items()]
    faults += [wrong(check["findings"], domain, *case) for domain, case in ZONES.items()]
    assert not any(faults), "\n\n".join(f for f in faults if f)
    # What is right is called right, and nothing worse is said of it.
    for label in "d-good", "d-our-key", "d-caa-good":
        marks = {f["mark"] for f in check["findings"] if f["about"] == label + ".example"}
        assert marks <= {"ok", "note"}, [f for f in check["findings"] if f["about"] == label + ".example"]


def test_a_domain_that_is_right_passes_and_others_are_refused(rig, published, stoxd):
    gateway = stoxd(dns_trust_anchor=rig.dns.trust_anchor_file, **settings(rig, published, ["d-good.example", "d-port.example"]))
    out = gateway.ctl("dns", "check", "d-good.example")
    assert re.search(r"^ok +_xmpp-server._tcp.d-good.example leads to xmpp.d-good.example port 5269", out, re.MULTILINE), out
    assert out.endswith("\nDNS leads partners to this gateway, for 1 domain.\n"), out
    status, out, _ = gateway.ctl("dns", "check", "d-port.example", ok=False)
    assert status == 1 and re.search(r"^FAILED +_xmpp-server", out, re.MULTILINE) and "Publish:" in out, out
    for words, why in ((["fabrikam.example"], "none of the SIP domains"), (["--resolver", "x"], "an IP address is expected")):
        status, _, err = gateway.ctl("dns", "check", *words, ok=False)
        assert status == 1 and why in err, (words, status, err)


def test_what_is_proposed_passes_when_it_is_published(rig, published, stoxd):
    """The lines of `dns records` go into the zone as they are; then `dns check` has nothing to say against them."""
    cert = rig.cert("d-made.example", dns=["d-made.example", "sip.d-made.example"])
    gateway = stoxd(dns_trust_anchor=rig.dns.trust_anchor_file, **settings(rig, cert, ["d-made.example"]))
    before = gateway.ctl("dns", "check", ok=False)
    assert before[0] == 1 and "domain-unknown" not in before[1] and "NXDOMAIN" in before[1], before
    lines = [line for line in gateway.ctl("dns", "records").splitlines() if line and not line.startswith(";")]
    assert {line.split()[3] for line in lines} == {"SRV", "A", "TLSA", "CAA"}, lines
    owners = set()
    for line in lines:
        owner, ttl, _, rtype, data = line.split(" ", 4)
        owners.add("unset %s %s" % (owner, rtype))
        rig.dns.change("example", "set %s %s %s" % (owner, rtype, data.replace('"', "")), ttl=int(ttl))
    try:
        # What had no records a moment ago is remembered by nobody: each check asks anew.
        check = json.loads(gateway.ctl("dns", "check", "--json"))
        bad = [f for f in check["findings"] if f["mark"] != "ok"]
        assert check["works"] and not bad, bad
    finally:
        rig.dns.change("example", *owners)
    shorter = gateway.ctl("dns", "records", "d-made.example", "--ttl", "5m")
    assert "_xmpp-server._tcp.d-made.example. 300 IN SRV 5 0 5269 xmpp.d-made.example.\n" in shorter, shorter


def test_the_last_verdict_is_kept_and_only_a_new_one_is_logged(rig, published, stoxd):
    gateway = stoxd(**settings(rig, published, ["d-good.example", "d-port.example"]))
    assert "checks" not in gateway.ctl_json("status")
    for _ in range(2):
        gateway.ctl("dns", "check", ok=False)
    # What was asked of one domain, or of another resolver, says nothing of all of them.
    gateway.ctl("dns", "check", "d-good.example")
    gateway.ctl("dns", "check", "--resolver", dns.ADDRESS, ok=False)
    dns_verdict = gateway.ctl_json("status")["checks"]["dns"]
    assert not dns_verdict["works"] and dns_verdict["failed"] == 1, dns_verdict
    assert dns_verdict["verdict"].startswith("DNS is not right: 1 fault") and dns_verdict["at"].endswith("Z")
    told = gateway.events("check-verdict")
    assert [(e["what"], e["verdict"]) for e in told] == [("dns", dns_verdict["verdict"])], told
    assert "DNS is not right" in gateway.ctl("status") and 'stox_check_works{what="dns"} 0' in gateway.ctl("metrics")
    gateway.ctl("domain", "remove", "--force", "d-port.example")
    whole = json.loads(gateway.ctl("check", "--json", ok=False)[1])  # of everything, and so of DNS too
    checks = gateway.ctl_json("status")["checks"]
    assert checks["dns"]["works"] and checks["dns"]["check"] == checks["all"]["check"] == whole["id"], checks
    assert (checks["all"]["works"], checks["all"]["verdict"]) == (whole["works"], whole["verdict"]), checks
    assert [e["what"] for e in gateway.events("check-verdict")] == ["dns", "dns", "all"]


@pytest.mark.skipif(os.environ.get("STOX_PROOF") != "1", reason="make proof runs it")
def test_dns_is_checked_without_being_asked(rig, published, stoxd):
    gateway = stoxd(**settings(rig, published, ["d-good.example"]))
    told = gateway.wait_event("check-verdict", timeout=300)
    assert told["what"] == "dns" and gateway.ctl_json("status")["checks"]["dns"]["works"], told


def test_a_check_connects_to_nobody_but_us(rig, published, stoxd):
    """Where DNS leads elsewhere, nobody hears of it: whoever writes into a zone must not choose whom this machine calls."""
    with socket.socket() as stranger:
        stranger.bind((dns.SCRIPTED, 5269))
        stranger.listen()
        stranger.setblocking(False)
        elsewhere = ["d-elsewhere.example", "d-shared.example", "d-foreign.example", "d-edge.example"]
        gateway = stoxd(**settings(rig, published, elsewhere))
        found = json.loads(gateway.ctl("dns", "check", "--json", ok=False)[1])["findings"]
        assert sum("10.99.0.40" in f["text"] or "scripted-host" in f["text"] for f in found) >= len(elsewhere), found
        with pytest.raises(BlockingIOError):
            stranger.accept()


def test_two_views_a_silent_resolver_and_a_closed_port_are_told_apart(rig, published, stoxd, start):
    other = start(dns.OtherView(OTHER_RESOLVER, "example", ["_xmpp-server._tcp.d-good SRV 5 0 5269 old-edge", "old-edge A 192.0.2.9"]))
    assert other.process
    gateway = stoxd(**settings(rig, published, ["d-good.example"], public_addresses=[dns.GATEWAY, dns.NOBODY]))

    def found(*words):
        status, out, err = gateway.ctl("dns", "check", "--json", *words, ok=False, timeout=120)
        assert out, err
        return status, json.loads(out)["findings"]

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        silent = pool.submit(found, "--resolver", dns.SILENT)
        status, both = found("--resolver", dns.ADDRESS, "--resolver", OTHER_RESOLVER)
        rig.dns.change("example", "set xmpp.d-good A " + dns.NOBODY, ttl=TTL)
        try:
            closed = found()
        finally:
            rig.dns.change("example", "unset xmpp.d-good A " + dns.NOBODY)
        silent = silent.result()
    differ = r"10\.99\.0\.53 says 5 0 5269 xmpp\.d-good\.example, 10\.99\.0\.54 says 5 0 5269 old-edge\.example"
    missing = [wrong(both, "d-good.example", "warning", "resolvers-differ", differ),
               wrong(both, "d-good.example", "note", "address-missing", r"10\.99\.0\.99"),
               wrong(both, "", "note", "dnssec-not-checked", "dns-trust-anchor"),
               wrong(silent[1], dns.SILENT, "failed", "resolver-silent", "none of the questions"),
               wrong(closed[1], "d-good.example", "failed", "port-closed",
                     r"10\.99\.0\.99:5269 cannot be connected to from " + split.who_tries())]
    assert (status, silent[0], closed[0]) == (0, 1, 1) and not any(missing), missing
