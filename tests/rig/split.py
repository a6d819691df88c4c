"""
Split mode (STOX_SPLIT=1): each Stoxd is two processes, a proxy in a perimeter and a gateway inside, with a filter between.

    world (the rig's own) -- filter -- perimeter: stoxd --role proxy
    partners, SIP, tests        |----- inside:    stoxd --role gateway

Each is a network namespace. The filter routes between the others and drops what the table of docs/PERIMETER.md does not list. Perimeter
and inside both have the addresses that tests know a gateway by, and the filter leads a packet to one or the other by its port, as a
firewall with one public address does. So every test finds everything where it is in one process.
"""
import base64
import hashlib
import os
import re
import subprocess

from . import ns
from .process import Process

LINK_PORT = 23456
WORLD = "10.99.0.254"  # what the world calls gateways from: their own address, which it has too, would not come back
_TO_FILTER, _TO_WORLD, _MARK = 900, 901, 9
# The world has all addresses, those of gateways too. What a gateway sends from one of them is answered by the way it came.
_RETURN = """
table inet split_return {
    chain came {
        type filter hook prerouting priority -150;
        iifname "split0" ct mark set 9
    }
    chain left {
        type route hook output priority -150;
        ct mark 9 meta mark set ct mark
    }
}
"""
_FILTER = """
table inet split {
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        jump pairs
        meta l4proto tcp reject with tcp reset
        reject with icmpx type admin-prohibited
    }
    chain pairs {
    }
}
"""
_PAIR = """
add chain inet split pair{k}
add rule inet split pair{k} iifname {{ "w0", "po*" }} oifname "po{k}" {outer} accept
add rule inet split pair{k} iifname "po{k}" oifname {{ "w0", "po*" }} meta l4proto tcp accept
add rule inet split pair{k} iifname "po{k}" oifname "w0" udp dport 53 accept
add rule inet split pair{k} iifname "i{k}" oifname "pi{k}" ip daddr {inner} tcp dport {link} accept
add rule inet split pair{k} iifname {{ "w0", "i*" }} oifname "i{k}" tcp dport != {{ 5269, 5270, {link} }} accept
add rule inet split pair{k} iifname {{ "w0", "i*" }} oifname "i{k}" meta l4proto udp accept
add rule inet split pair{k} iifname "i{k}" oifname "w0" tcp dport != {{ 5269, 5270 }} accept
add rule inet split pair{k} iifname "i{k}" oifname "w0" meta l4proto udp accept
add rule inet split pairs jump pair{k}
"""


def wanted():
    return os.environ.get("STOX_SPLIT", "") not in ("", "0")


def who_tries():
    """From where it is tried whether partners can come in, in the words of checks."""
    return "the proxy" if wanted() else "here"


def _path(name):
    return os.path.join(ns.work_dir(), "net", name)


def within(name):
    """What a command begins with that is to run in this namespace (None: the world); the process keeps its id."""
    return ["nsenter", "--net=" + _path(name), "--"] if name else []


def _feed(argv, text):
    done = subprocess.run(argv, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise AssertionError("%s: %s\nof:\n%s" % (" ".join(argv), done.stdout, text))


def _ip(name, *lines):
    for family in "-4", "-6":
        mine = [line for line in lines if line.startswith("-6 ") == (family == "-6")]
        if mine:
            _feed(within(name) + ["ip", family, "-batch", "-"], "".join(line.removeprefix("-6 ") + "\n" for line in mine))


def _nft(text):
    _feed(within("filter") + ["nft", "-f", "-"], text)


def _forwards(name):
    names = ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]
    _feed(within(name) + ["sh", "-e"], "".join("echo 1 > /proc/sys/net/%s\n" % n for n in names))


def _make(name):
    os.makedirs(os.path.dirname(_path(name)), exist_ok=True)
    open(_path(name), "w").close()
    subprocess.run(["unshare", "--net=" + _path(name), "true"], check=True)
    _ip(name, "link set lo up")


def _wire(near, device, name, far, four, six):
    """A pair of devices: `device` in namespace `near` has the first address of each net, `name` in `far` the second one."""
    subprocess.run(within(near) + ["ip", "link", "add", device, "type", "veth", "peer", "name", name, "netns", _path(far)], check=True)
    for at, own, last in (near, device, 1), (far, name, 2):
        _ip(at, "link set %s up" % own, "address add %s%d/30 dev %s" % (four[:four.rindex(".") + 1], int(four[four.rindex(".") + 1:]) + last, own),
            "-6 address add %s%d/126 dev %s nodad" % (six, last, own))


def _place(text, default):
    """("10.99.0.1", 5269) of what a setting of addresses says."""
    found = re.fullmatch(r"\[(.+)\](?::(\d+))?|([^:]+)(?::(\d+))?|(.*)", text)
    host, port = found[1] or found[3] or found[5], found[2] or found[4]
    return host, int(port or default)


class Filter:
    """The one between, and the way of the world to it. There is one in a run."""

    _made = None

    @classmethod
    def get(cls):
        cls._made = cls._made or cls()
        return cls._made

    def __init__(self):
        self.n_pairs = 0
        _make("filter")
        _wire(None, "split0", "w0", "filter", "10.97.0.0", "fd97::")
        for flag, via, source in ("", "10.97.0.2", " src " + WORLD), ("-6 ", "fd97::2", ""):
            _ip(None, *(flag + line for line in (  # the rule of local addresses is the first one, and cannot be moved
                "rule add pref 200 lookup local", "rule del pref 0", "rule add pref 90 fwmark %d lookup %d" % (_MARK, _TO_FILTER))))
            if not flag:
                _ip(None, "address add %s/32 dev lo" % WORLD, "route add 10.97.0.0/16 via 10.97.0.2")
            else:
                _ip(None, "-6 route add fd97::/32 via fd97::2")
            _ip(None, flag + "route add table %d default via %s%s" % (_TO_FILTER, via, source))
        _feed(["sh", "-e"], "echo 1 > /proc/sys/net/ipv4/conf/split0/accept_local\necho 0 > /proc/sys/net/ipv4/conf/all/rp_filter\n"
              "echo 0 > /proc/sys/net/ipv4/conf/split0/rp_filter\n")
        _feed(["nft", "-f", "-"], _RETURN)
        _ip("filter", "route add default via 10.97.0.1", "-6 route add default via fd97::1")  # tests may give the world more networks
        for flag, via in ("", "10.97.0.1"), ("-6 ", "fd97::1"):
            _ip("filter", flag + "route add table %d default via %s" % (_TO_WORLD, via))
        _forwards("filter")
        _forwards(None)
        _nft(_FILTER)

    def number(self):
        self.n_pairs += 1
        return self.n_pairs


def inner(k, host):
    """An address of pair k's nets: 0 is the outer one's, 4 the perimeter's inner one, 8 the inside's. 4095 pairs have some."""
    return "10.97.%d.%d" % (k // 16, k % 16 * 16 + host)


class Pair:
    """
    Perimeter and inside of one gateway, with the addresses of both. outer, inside: [(address, port)] that they listen at. k: the number of
    one that was removed, so that the inner addresses are the same again; None: another one.
    """

    def __init__(self, outer, inside, k=None):
        self.filter = Filter.get()
        self.k = k or self.filter.number()
        self.outer, self.inside = outer, inside
        self.perimeter_ns, self.inside_ns = "perimeter%d" % self.k, "inside%d" % self.k
        self.inner_address = inner(self.k, 6)
        self._undo = []
        _make(self.perimeter_ns)
        _make(self.inside_ns)
        for device, name, far, at in (("po%d", "outer", self.perimeter_ns, 0), ("pi%d", "inner", self.perimeter_ns, 4),
                                      ("i%d", "inside", self.inside_ns, 8)):
            _wire("filter", device % self.k, name, far, inner(self.k, at), "fd97:%d:%d::" % (self.k, at))
        _ip(self.perimeter_ns, "route add default via " + inner(self.k, 1), "route add %s/30 via %s" % (inner(self.k, 8), inner(self.k, 5)),
            "-6 route add default via fd97:%d:0::1" % self.k)
        self._own(self.perimeter_ns, outer)
        self._own(self.inside_ns, inside)
        _ip(self.inside_ns, "route add default via " + inner(self.k, 9) + self._source(),
            "route add %s/30 via %s src %s" % (inner(self.k, 4), inner(self.k, 9), inner(self.k, 10)), "-6 route add default via fd97:%d:8::1" % self.k)
        self._lead()
        self._open()

    def _open(self):
        _nft(_PAIR.format(k=self.k, inner=self.inner_address, link=LINK_PORT, outer=self._outer_rule()))

    def _shut(self):
        for name, line in reversed(self._undo):
            _ip(name, line)
        self._undo = []
        _nft("flush chain inet split pair%d\ndelete rule inet split pairs handle %s\n" % (self.k, self._jump()))

    def _jump(self):
        shown = subprocess.run(within("filter") + ["nft", "-a", "list", "chain", "inet", "split", "pairs"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout
        return re.search(r"jump pair%d # handle (\d+)" % self.k, shown)[1]

    def move(self, outer, inside):
        """Both listen elsewhere from now on; what is connected stays so."""
        known = {a for a, _ in self.outer + self.inside}
        self._shut()
        for name, places in (self.perimeter_ns, outer), (self.inside_ns, inside):
            self._own(name, [p for p in places if p[0] not in known])
        self.outer, self.inside = outer, inside
        self._lead()
        self._open()

    def _source(self):
        fours = [a for a, _ in self.inside if ":" not in a and not a.startswith("127.")]
        return " src " + fours[0] if fours else ""

    def _outer_rule(self):
        ports = sorted({p for _, p in self.outer}) or [5269]
        return "tcp dport { %s }" % ", ".join(str(p) for p in ports)

    def _own(self, name, places):
        for address in sorted({a for a, _ in places if not a.startswith("127.")}):
            _ip(name, "-6 address add %s/128 dev lo nodad" % address if ":" in address else "address add %s/32 dev lo" % address)

    def _lead(self):
        """
        From the world by address and port, from the other pairs by address, and to the perimeter by port too. At a port of partners where
        nobody of this pair listens, the world may, with a wire that leads to another port.
        """
        for address, port in sorted({p for p in self.outer + self.inside if not p[0].startswith("127.")}):
            for protocol in "tcp", "udp":
                self._do(None, "-6 " if ":" in address else "",
                         "rule %%s pref 80 to %s ipproto %s dport %d lookup %d" % (address, protocol, port, _TO_FILTER))
        for address in sorted({a for a, _ in self.outer + self.inside if not a.startswith("127.")}):
            six = ":" in address
            inward = "fd97:%d:8::2" % self.k if six else inner(self.k, 10)
            _ip("filter", ("-6 " if six else "") + "route replace %s via %s" % (address, inward))
        for address in sorted({a for a, _ in self.outer if not a.startswith("127.")}):
            for port in {5269, 5270} - {p for a, p in self.outer if a == address}:
                self._do("filter", "-6 " if ":" in address else "",
                         "rule %%s pref 9000 to %s ipproto tcp dport %d lookup %d" % (address, port, _TO_WORLD))
        for address, port in self.outer:
            six = ":" in address
            flag, outward = ("-6 ", "fd97:%d:0::2" % self.k) if six else ("", inner(self.k, 2))
            self._do("filter", flag, "rule %%s pref %d to %s ipproto tcp dport %d lookup %d" % (100 + self.k, address, port, 1000 + self.k))
            _ip("filter", flag + "route replace table %d default via %s" % (1000 + self.k, outward))

    def _do(self, name, flag, line):
        _ip(name, flag + line % "add")
        self._undo.append((name, flag + line % "del"))

    def remove(self):
        """With the wires: namespaces end some time after they are left, and until then their wires bear names that are needed again."""
        self._shut()
        _ip("filter", *("link delete %s%d" % (device, self.k) for device in ("po", "pi", "i")))
        for name in self.perimeter_ns, self.inside_ns:
            subprocess.run(["umount", _path(name)], check=True)
            os.unlink(_path(name))




class Key:
    """A link key as stoxd would make it, and its pin: both ends have to know the other one's before the first start."""

    def __init__(self, path):
        run = lambda *argv, **how: subprocess.run(["openssl", *argv], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **how).stdout
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.path = path
        run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
        os.chmod(path, 0o600)
        public = run("pkey", "-in", path, "-pubout", "-outform", "DER")
        self.pin = "sha256/" + base64.b64encode(hashlib.sha256(public).digest()).decode()


class Perimeter:
    """The proxy of one Stoxd and the namespaces of both, as long as that one is up. say(line): what the proxy logs."""

    OUTER = {"listen_xmpp": 5269, "listen_xmpps": 5270}
    INSIDE = {"listen_sip_udp": 5060, "listen_sip_tcp": 5060, "listen_sip_tls": 5061, "listen_admin": 8443, "listen_acme_http": 80,
              "listen_acme_tls": 443}
    SHARED = ("log_level", "host_name", "dns_servers", "dns_trust_anchor", "trust_file")

    def __init__(self, name, directory, say):
        self.label = name  # of the kind proxy: gateways on one store have one each, and can reach their own alone
        self.name, self.dir, self.say = name + "-proxy", directory + "/perimeter", say
        self.ours, self.theirs = Key(self.dir + "/link.key"), Key(directory + "/gateway-link.key")
        self.others = []  # pins of more gateways of this proxy
        self.pair = self.process = self.written = self.k = None

    def gateway(self, settings):
        """What of the settings is the gateway's."""
        return {**{k: v for k, v in settings.items() if k not in self.OUTER}, "link_key": self.theirs.path}

    def proxy(self, settings):
        return {**{k: v for k, v in settings.items() if k in self.OUTER or k in self.SHARED}, "state_dir": self.dir + "/state",
                "link_key": self.ours.path, "listen_link": ["%s:%d" % (self.pair.inner_address, LINK_PORT)], "link_pins": [self.theirs.pin, *self.others]}

    def objects(self):
        """{name: settings} of the gateway's kind proxy."""
        if not self.pair:
            return {}
        outer = {name: ["%s:%d" % place for place in self._places(self.settings, {listens: self.OUTER[listens]})]
                 for name, listens in (("outer_xmpp", "listen_xmpp"), ("outer_xmpps", "listen_xmpps"))}
        return {self.label: {"address": "%s:%d" % (self.pair.inner_address, LINK_PORT), "pin": self.ours.pin,
                              **{name: places for name, places in outer.items() if places}}}

    def _places(self, settings, defaults):
        return [_place(text, port) for name, port in defaults.items() for text in settings.get(name) or []]

    @staticmethod
    def _each_address(places, known):
        """Who listens at all addresses does so at each of the gateway's."""
        own = [a for a in dict.fromkeys(a for a, _ in known) if a not in ("0.0.0.0", "::") and not a.startswith("127.")]
        found = ([(a, port) for a in own if (":" in a) == (":" in address)] if address in ("0.0.0.0", "::") else [(address, port)]
                 for address, port in places)
        return list(dict.fromkeys(place for each in found for place in each))

    def namespaces(self, settings):
        """Made when they are first needed, and anew when the addresses are others."""
        self.settings = settings
        outer, inside = self._places(settings, self.OUTER), self._places(settings, self.INSIDE)
        outer, inside = self._each_address(outer, outer + inside), self._each_address(inside, outer + inside)
        if self.pair and (self.pair.outer, self.pair.inside) != (outer, inside):
            self.stop()
        self.pair = self.pair or Pair(outer, inside, self.k)
        self.k = self.pair.k  # the gateway keeps the address in its settings

    def move(self, settings):
        self.settings = settings
        self.pair.move(self._places(settings, self.OUTER), self._places(settings, self.INSIDE))

    def start(self, program, text, env):
        """text: the proxy's bootstrap file. One that runs with this text goes on."""
        if self.process and self.process.running() and self.written == text:
            return
        self.end()
        path = self.dir + "/stoxd.conf"
        with open(path, "w") as f:
            f.write(text)
        self.written = text
        self.process = Process(self.name, within(self.pair.perimeter_ns) + [program, "--role", "proxy", "--config", path], cwd=self.dir,
                               env=env, notify=True, also=self.say)
        self.process.wait_ready(60)

    def end(self, timeout=40):
        """The process alone. Its exit status; None: there was none."""
        process, self.process = self.process, None
        return process.stop(timeout) if process else None

    def kill(self):
        self.process.kill()
        self.process = None

    def stop(self, timeout=40):
        status = self.end(timeout)
        if self.pair:
            self.pair.remove()
        self.pair = None
        return status


class Behind(Perimeter):
    """Of one gateway more of a proxy that is another Stoxd's: a place inside, and the way from there to that proxy alone."""

    def __init__(self, name, directory, say, first):
        super().__init__(name, directory, say)
        self.first = first
        first.others.append(self.theirs.pin)

    def objects(self):
        return {self.first.label: self.first.objects()[self.first.label]}

    def namespaces(self, settings):
        super().namespaces(settings)
        near, far = self.pair.k, self.first.pair.k
        _ip(self.first.pair.perimeter_ns, "route replace %s/30 via %s" % (inner(near, 8), inner(far, 5)))
        _nft('add rule inet split pair%d iifname "i%d" oifname "pi%d" ip daddr %s tcp dport %d accept\n' % (
            near, near, far, self.first.pair.inner_address, LINK_PORT))

    def start(self, program, text, env):
        """The proxy is the other one's to start."""
