"""
knot, serving the rig's names from a signed root of its own, so that a validating resolver works with one trust anchor.

Zones: the root, example., one for each federated domain; insecure.example is not signed, bogus.example's DS is wrong,
lame.example is delegated to a server that has no data of it.
"""
import os
import subprocess

from . import ns
from .process import Process

ADDRESS = "10.99.0.53"
GATEWAY, OFFICE, PHONE = "10.99.0.1", "10.99.0.5", "10.99.0.6"
KAMAILIO, SECOND_PHONE, RELAY = "10.99.0.7", "10.99.0.8", "10.99.0.9"
EDGE, POOL = "10.99.0.4", "10.99.0.12"
AUTHORITY, AUTHORITY_NAME = "10.99.0.31", "authority.example"  # who gives out certificates by ACME
PROSODY, EJABBERD, RECORDER, SCRIPTED = "10.99.0.10", "10.99.0.20", "10.99.0.30", "10.99.0.40"
NOBODY = "10.99.0.99"  # an address of ours with no listener: connections are refused
SILENT = "10.98.0.9"  # nothing comes back


def _xmpp_domain(host, address, client=False):
    lines = ["_xmpp-server._tcp SRV 5 0 5269 %s" % host, "%s A %s" % (host, address)]
    return lines + (["_xmpp-client._tcp SRV 5 0 5222 %s" % host] if client else [])


def _in_example(name, *servers):
    return ["_xmpp-server._tcp.%s SRV %s" % (name, s) for s in servers]


# Names that lead where no name may lead: {name: (port, addresses)}. DECOY is in the rig's network, which may be listed.
OWN, DECOY = "10.99.0.3", "10.99.0.44"
INSIDE4, INSIDE6 = "192.168.7.7", "fd00::7"
TRAPS = {
    "trap-loopback": (5269, ["127.0.0.1"]),
    "trap-loopback6": (5269, ["::1"]),
    "trap-private": (5269, [INSIDE4]),
    "trap-private6": (5269, [INSIDE6]),
    "trap-shared": (5269, ["100.64.7.7"]),
    "trap-link-local": (5269, ["169.254.169.254"]),
    "trap-link-local6": (5269, ["fe80::7"]),
    "trap-multicast": (5269, ["224.0.0.1"]),
    "trap-multicast6": (5269, ["ff02::1"]),
    "trap-broadcast": (5269, ["255.255.255.255"]),
    "trap-zero": (5269, ["0.0.0.0"]),
    "trap-zero6": (5269, ["::"]),
    "trap-mapped": (5269, ["::ffff:" + INSIDE4]),
    "trap-mapped-loopback": (5269, ["::ffff:127.0.0.1"]),
    "trap-6to4": (5269, ["2002:c0a8:707::1"]),
    "trap-nat64": (5269, ["64:ff9b::c0a8:707"]),
    "trap-nat64-local": (5269, ["64:ff9b:1::c0a8:707"]),
    "trap-teredo": (5269, ["2001:0:102:304::3f57:f8f8"]),
    "trap-all-of-them": (5269, ["127.0.0.1", INSIDE4, INSIDE6, "::1", "64:ff9b::7f00:1"]),
    "trap-own-xmpp": (5269, [OWN]),
    "trap-own-xmpp-nat64": (5269, ["64:ff9b::a63:3"]),
    "trap-own-sip": (5070, [OWN]),
    "trap-own-everywhere": (5299, [GATEWAY]),
    "trap-smtp": (25, [DECOY]),
    "trap-http": (80, [DECOY]),
    "trap-sip": (5060, [DECOY]),
    "trap-redis": (6379, [DECOY]),
}


def _trap(name, port, addresses):
    return _in_example(name, "5 0 %d %s-host" % (port, name)) + \
        ["%s-host %s %s" % (name, "AAAA" if ":" in a else "A", a) for a in addresses]


# The negotiation matrix (test_matrix.py): a domain for each server, what it offers, and each row of the settings.
MATRIX_SERVERS = {"prosody": "10.99.0.11", "ejabberd": "10.99.0.21"}
MATRIX_OFFERS = ("tls-external", "tls-dialback", "no-tls", "tls-demanded")
MATRIX_ROWS = range(1, 19)


def matrix_domain(server, offer, row):
    return "row%02d-%s-%s.example" % (row, offer, server)


_MATRIX = sum((["%s-host A %s" % (server, address)] +
               sum((_in_example(matrix_domain(server, offer, row).partition(".")[0], "5 0 5269 %s-host" % server)
                    for offer in MATRIX_OFFERS for row in MATRIX_ROWS), [])
               for server, address in MATRIX_SERVERS.items()), _in_example("tailspin", "5 0 5269 gw.contoso"))

# Broken or odd, each by its name. Those that a test peer answers for lead to SCRIPTED or RECORDER.
_ODD = (
    ["srv-dot TXT here"] + _in_example("srv-dot", "0 0 0 .") +
    ["nosrv A %s" % SCRIPTED] +
    ["nothing TXT here"] +
    ["refused-host A %s" % NOBODY] + _in_example("refused", "5 0 5269 refused-host") +
    ["silent-host A %s" % SILENT] + _in_example("silent", "5 0 5269 silent-host") +
    _in_example("no-target", "5 0 5269 does-not-exist") +
    ["scripted-host A %s" % SCRIPTED, "recorder-host A %s" % RECORDER, "authority A %s" % AUTHORITY] +
    _in_example("fallback", "1 0 5269 refused-host", "2 0 5269 silent-host", "3 0 5269 scripted-host") +
    sum((_in_example(name, "5 0 5269 scripted-host") for name in
         ("scripted", "expired", "not-yet", "wrong-name", "self-signed", "unknown-ca", "no-tls", "slow")), []) +
    sum((_in_example(name, "5 0 5269 recorder-host") for name in ("recorder", "plain-recorder")), []) +
    sum((_trap(name, *how) for name, how in TRAPS.items()), []) +
    _trap("public", 5269, ["1.2.3.4"]) + _trap("public6", 5269, ["2a00:7::7"]) +
    _trap("half-trap", 5269, ["127.0.0.1", INSIDE4, DECOY]) +
    _trap("flipping", 5269, ["10.99.0.46"]) +
    ["loop-a CNAME loop-b", "loop-b CNAME loop-a"] + _in_example("cname-loop", "5 0 5269 loop-a") +
    ["_xmpp-server._tcp.%s CNAME _xmpp-server._tcp.%s" % names for names in
     (("srv-loop", "srv-loop2"), ("srv-loop2", "srv-loop"))] +
    _in_example("srv-to-itself", "5 0 5269 _xmpp-server._tcp.srv-to-itself")
)

ZONES = {
    "example": _ODD + _MATRIX,
    "contoso.example": _xmpp_domain("gw", GATEWAY) +
        ["@ A %s" % GATEWAY, "_sip._udp SRV 5 0 5060 sip", "_sip._tcp SRV 5 0 5060 sip", "sip A %s" % OFFICE, "phone A %s" % PHONE,
         "kamailio A %s" % KAMAILIO],
    "fabrikam.example": _xmpp_domain("xmpp", PROSODY, client=True),
    "wingtip.example": _xmpp_domain("xmpp", EJABBERD, client=True),
    "insecure.example": _xmpp_domain("xmpp", SCRIPTED),
    "bogus.example": _xmpp_domain("xmpp", SCRIPTED),
}
UNSIGNED = {"insecure.example"}
LAME = "lame.example"

_CONF = """
server:
    rundir: "{dir}"
    listen: {address}@53
    automatic-acl: on
log:
  - target: stderr
    any: info
database:
    storage: "{dir}"
policy:
  - id: own
    manual: on
    single-type-signing: on
    algorithm: ecdsap256sha256
template:
  - id: default
    storage: "{dir}"
    journal-content: none
    zonefile-sync: -1
zone:
{zones}"""


class Dns:
    def __init__(self):
        self.dir = os.path.join(ns.work_dir(), "knot")
        os.mkdir(self.dir)
        self.conf = os.path.join(self.dir, "knot.conf")
        self.trust_anchor_file = os.path.join(ns.work_dir(), "root.key")
        self.resolv_conf = os.path.join(ns.work_dir(), "resolv.conf")
        with open(self.resolv_conf, "w") as f:
            f.write("nameserver %s\noptions timeout:2 attempts:2\n" % ADDRESS)
        self._write()
        self.process = None

    def _tool(self, *argv):
        return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout

    def _write(self):
        zones = "".join('  - domain: %s.\n    file: "%s.zone"\n%s' % (
            name, name or "root", "" if name in UNSIGNED else "    dnssec-signing: on\n    dnssec-policy: own\n")
            for name in [""] + list(ZONES))
        zones += '  - domain: %s.\n    file: "nothing-here.zone"\n' % LAME
        with open(self.conf, "w") as f:
            f.write(_CONF.format(dir=self.dir, address=ADDRESS, zones=zones))
        ds = {}
        for name in [""] + [z for z in ZONES if z not in UNSIGNED]:
            self._tool("keymgr", "-c", self.conf, name + ".", "generate", "ksk=yes", "zsk=yes")
            lines = self._tool("keymgr", "-c", self.conf, name + ".", "ds").splitlines()
            ds[name] = [line for line in lines if line.split()[4] == "2"]  # SHA-256
        ds["bogus.example"] = [line[:-4] + "0000" for line in ds["bogus.example"]]
        with open(self.trust_anchor_file, "w") as f:
            f.write(self._tool("keymgr", "-c", self.conf, ".", "dnskey"))
        self._zone("", ["example NS ns.example.", "ns.example A %s" % ADDRESS] + ds["example"])
        for name, lines in ZONES.items():
            if name == "example":
                lines = list(lines) + ["%s. NS ns.example." % LAME]
                for child in ZONES:
                    if child != "example":
                        lines += ["%s. NS ns.example." % child] + ds.get(child, [])
            self._zone(name, lines)

    def _zone(self, name, lines):
        with open(os.path.join(self.dir, (name or "root") + ".zone"), "w") as f:
            f.write("$ORIGIN %s.\n$TTL 30\n@ SOA ns.example. admin.example. 1 3600 600 86400 2\n" % name)
            f.write("@ NS ns.example.\n")
            f.write("" if name != "example" else "ns A %s\n" % ADDRESS)
            f.write("\n".join(lines) + "\n")

    def start(self):
        user = ns.own_user(self.dir, "knot")
        self.process = Process("knot", ["knotd", "-c", self.conf], user=user, notify=True).wait_ready()
        return self

    def change(self, zone, *commands, ttl=2):
        """Changes a zone while it is served, for example change("example", "set refused-host A 10.99.0.40")."""
        ctl = ["knotc", "-c", self.conf, "-b"]
        self._tool(*ctl, "zone-begin", zone + ".")
        for command in commands:
            verb, *words = command.split()
            self._tool(*ctl, "zone-" + verb, zone + ".", *(words if verb == "unset" else [words[0], str(ttl)] + words[1:]))
        self._tool(*ctl, "zone-commit", zone + ".")

    def stop(self):
        if self.process:
            self.process.stop()


class OtherView:
    """A second server that says something else of one zone, unsigned, to whoever asks it: another view of the world."""

    def __init__(self, address, zone, lines):
        self.dir = os.path.join(ns.work_dir(), "knot-" + address)
        os.makedirs(self.dir, exist_ok=True)
        with open(os.path.join(self.dir, "zone"), "w") as f:
            f.write("$ORIGIN %s.\n$TTL 300\n@ SOA ns admin 1 3600 600 86400 2\n@ NS ns\nns A %s\n%s\n" % (
                zone, address, "\n".join(lines)))
        self.conf = os.path.join(self.dir, "knot.conf")
        with open(self.conf, "w") as f:
            f.write('server:\n    rundir: "%s"\n    listen: %s@53\ndatabase:\n    storage: "%s"\nzone:\n'
                    '  - domain: %s.\n    file: "%s/zone"\n' % (self.dir, address, self.dir, zone, self.dir))
        self.process = None

    def start(self):
        user = ns.own_user(self.dir, "knot")
        self.process = Process("knot-view", ["knotd", "-c", self.conf], user=user, notify=True).wait_ready()
        return self

    def stop(self):
        if self.process:
            self.process.stop()
