"""`stoxctl check`: everything at once, on a gateway where all is well, and on one where much is not."""
import json
import re
import shutil

from rig import dns
from rig.process import Process
from rig.stoxd import program

OURS = "contoso.example"
AREAS = ["settings", "policy", "certificates", "ports", "dns", "routes", "partners", "proxies", "clock", "disk", "limits", "service"]


def check(gateway):
    status, out, err = gateway.ctl("check", "--json", ok=False, timeout=120)
    assert out, err
    found = json.loads(out)
    areas = list(dict.fromkeys(f["area"] for f in found["findings"]))
    assert areas == [a for a in AREAS if a != "proxies" or gateway.perimeter], areas
    return status, found


def has(found, mark, kind, pattern):
    return any((f["mark"], f["check"]) == (mark, kind) and
               re.search(pattern, "%(about)s %(text)s %(remedy)s %(line)s" % f) for f in found["findings"])


def test_all_is_well(rig, prosody, ejabberd, office, stoxd):
    gateway = stoxd(dns_trust_anchor=rig.dns.trust_anchor_file)
    status, found = check(gateway)
    assert status == 0 and found["works"] and not [f for f in found["findings"] if f["mark"] == "failed"], found
    assert found["verdict"].startswith("Nothing is wrong"), found["verdict"]
    for kind, pattern in (("settings", "objects fit together"), ("policy", "1 policy lets"),
                          ("certificate", "certificate of contoso.example is good for it until"), ("proxy", "link with proxy stoxd is up") if gateway.perimeter else ("port", "listen-xmpp 10.99.0.1:5269"),
                          ("port", "listen-sip-udp 10.99.0.1:5060"), ("srv-ok", "gw.contoso.example port 5269"),
                          ("route", "office works"), ("partner", "fabrikam.example works"),
                          ("partner", "wingtip.example works"), ("disk", "MiB left"), ("streams", "of 1000 streams")):
        assert has(found, "ok", kind, pattern), (kind, pattern, found)


def test_each_area_names_what_is_wrong_and_what_helps(rig, stoxd):
    cert = rig.pki.issue("check-expired", [OURS])
    gateway = stoxd(org={"federation": False}, partners={"refused.example": {}}, host_name="gone.contoso.example",
                    sip_domains={OURS: {"route": "closed", "certificate": cert.file, "key": cert.key}},
                    routes={"closed": {"next_hop": dns.NOBODY + ":5060", "transport": "tcp"}},
                    gateway={"connection_limit": 1000000})
    expired = rig.pki.issue("check-expired-now", [OURS], days=(-30, -1))
    for new, old in (expired.file, cert.file), (expired.key, cert.key):
        with open(new) as source, open(old, "w") as f:
            f.write(source.read())
    status, found = check(gateway)
    assert status == 1 and not found["works"] and re.match(r"Not everything is right: \d+ faults", found["verdict"]), found
    for mark, kind, pattern in (
            ("failed", "org-closed", "stoxctl org set --federation yes"),
            ("failed", "expired", "contoso.example expired 20.*get a new one"),
            ("note", "srv-other-name", "expected was gone.contoso.example"),
            ("failed", "route", "closed: .*10.99.0.99:5060.*stoxctl route test closed"),
            ("failed", "partner", "refused.example: .*stoxctl partner test refused.example"),
            ("warning", "descriptors-few", "LimitNOFILE")):
        assert has(found, mark, kind, pattern), (mark, kind, pattern, found)
    out = gateway.ctl("check", ok=False, timeout=120)[1]
    assert re.search(r"\n\npolicy\nFAILED +the organisation does not federate", out) and out.rstrip().endswith("."), out


def test_a_gateway_with_nothing_in_it_is_told_where_to_begin(stoxd):
    gateway = stoxd(empty=True)
    status, found = gateway.ctl("check", "--json", ok=False, timeout=120)[:2]
    found = json.loads(found)
    assert status == 1
    for pattern in "stoxctl route new", "stoxctl domain new", "stoxctl partner new":
        assert has(found, "failed", "nothing-there", pattern), found


def test_what_handshakes_show_is_held_against_what_is_assigned(rig, stoxd):
    """At each kind of listener, and where a file was replaced that nobody has read yet."""
    host = rig.pki.issue("check-host", ["gw.contoso.example"])
    cert = rig.pki.issue("check-shown", [OURS])
    gateway = stoxd(listen_sip_tls=[dns.GATEWAY + ":5061"], listen_admin=[dns.GATEWAY + ":8443"], admin_certificate=host.file,
                    admin_key=host.key, gateway={"sip_certificate": host.file, "sip_key": host.key}, partners={"refused.example": {}},
                    sip_domains={OURS: {"route": "office", "certificate": cert.file, "key": cert.key}})
    place = "the proxies" if gateway.perimeter else "10.99.0.1:5269"
    _, found = check(gateway)
    for whose in OURS, "the SIP side", "the admin API":
        assert has(found, "ok", "certificate", whose), (whose, found)
    assert not [f for f in found["findings"] if f["check"] in ("another-certificate", "no-handshake")], found
    at, next_one = gateway.mark(), rig.pki.issue("check-next", [OURS])
    for new, old in (next_one.key, cert.key), (next_one.file, cert.file):
        shutil.copy(new, old)
    _, found = check(gateway)
    if not gateway.events("settings-in-use", at):  # nobody has looked at the file meanwhile
        assert has(found, "failed", "another-certificate", "%s.* %s .*certificate-not-loaded" % (OURS, place)), found


def test_an_api_that_speaks_no_tls_yet_is_named_and_partners_sent_away_before_tls_are_no_fault_of_a_certificate(rig, stoxd):
    gateway = stoxd(listen_admin=["127.0.0.1:8443"], partners={"refused.example": {}})
    gateway.ctl("service", "drain")
    _, found = check(gateway)
    assert has(found, "warning", "draining", "") and has(found, "ok", "certificate", "contoso.example"), found
    assert not has(found, "failed", "no-handshake", ""), found
    csr, answer = gateway.dir + "/host.csr", gateway.dir + "/host.pem"
    gateway.ctl("cert", "request", "host", "--use", "admin", "--key-type", "p256", "--csr", csr)
    with open(csr) as f, open(answer, "w") as out:
        out.write(rig.pki.sign("host", f.read()))
    gateway.ctl("cert", "import", "host", answer)
    gateway.ctl("cert", "assign", "host", "--admin")
    assert has(check(gateway)[1], "failed", "no-handshake", "the admin API, certificate host: .*127.0.0.1:8443: there was no TLS handshake")


def test_a_stoxd_that_nobody_would_start_again_is_named(stoxd, start):
    gateway = stoxd(partners={"refused.example": {}})
    assert not has(check(gateway)[1], "note", "no-supervisor", "")
    gateway.stop()
    alone = start(Alone(gateway))
    assert has(check(gateway)[1], "note", "no-supervisor", "nobody starts it again.*make install")
    assert alone.process.stop(40) == 0


class Alone:
    """The same gateway, started as from a shell."""

    def __init__(self, gateway):
        self.gateway = gateway

    def start(self):
        self.process = Process("stoxd-alone", [program(), "--config", self.gateway.conf_path], cwd=self.gateway.dir)
        self.process.wait_line(" info ready ")
        return self

    def stop(self):
        self.process.stop(40)
