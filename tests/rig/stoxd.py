"""stoxd under test: its settings, its start and end, and its log lines as events."""
import contextlib
import datetime
import json
import os
import re
import shutil
import subprocess
import time

from . import dns, ns, split
from .dns import ADDRESS as DNS, GATEWAY, OFFICE
from .process import Failed, Process, eventually

# What is told of streams that a proxy has (docs/PERIMETER.md): the first words of commands.
_COPIES = {("stream", "list"), ("stream", "show"), ("stream", "close"), ("partner", "status"), ("queue", "list"), ("status",), ("status", "--json"), ("metrics",)}
_FIELD = re.compile(r'([A-Za-z0-9_.-]+)=("((?:[^"\\]|\\.)*)"|\S*)')


def program(name="stoxd", folder="daemon"):
    """$STOXD ($STOXCTL ...), or what `make` built."""
    for path in [os.environ.get(name.upper(), "")] + [os.path.join(ns.REPO, "build", p) for p in
                                                      ("src/%s/%s" % (folder, name), name)]:
        if path and os.access(path, os.X_OK):
            return path
    raise Failed("there is no %s: run make, or set %s to its path" % (name, name.upper()))


def test_program(path):
    """A program that the tests are made of, by its place under tests/ in the build of program(); else in build/."""
    beside = os.path.join(os.path.dirname(program()), "../../tests", path)
    return beside if os.path.exists(beside) else os.path.join(ns.REPO, "build/tests", path)


def _unescaped(text):
    return re.sub(r"\\(?:x([0-9a-f]{2})|(.))", lambda m: chr(int(m[1], 16)) if m[1] else m[2], text)


class Event:
    """One log line: stamp, level, name and fields."""

    def __init__(self, line):
        words = line.split(" ", 3)
        self.line, self.at, self.level, self.name = line, words[0], words[1], words[2]
        self.fields = {}
        for key, bare, quoted in _FIELD.findall(words[3] if len(words) > 3 else ""):
            self.fields[key] = _unescaped(quoted) if bare.startswith('"') else bare

    def time(self):
        return datetime.datetime.fromisoformat(self.at).timestamp()

    def __getitem__(self, key):
        return self.fields.get(key, "")

    def __str__(self):
        return self.line


def _event(line):
    return Event(line) if re.match(r"\S+ (error|warning|info|debug) \S", line) else None


def _value(v):
    if isinstance(v, bool):
        return "yes" if v else "no"
    if isinstance(v, int):
        return str(v)
    if isinstance(v, (list, tuple)):
        return "{%s}" % ", ".join(_value(e) for e in v)
    return '"%s"' % v.replace("\\", "\\\\").replace('"', '\\"')


def _block(kind, title, options):
    head = kind if title is None else '%s "%s"' % (kind, title)
    lines = ("    %s = %s\n" % (k.replace("_", "-"), _value(v)) for k, v in options.items())
    return "%s {\n%s}\n" % (head, "".join(lines))


class Stoxd:
    """
    Settings by their names with _ for -. sip_domains: {domain: {options}}, routes, partners, sites, policies and
    sip_users alike; each has a default that fits the rig: contoso.example on SIP behind the "office", fabrikam.example
    and wingtip.example as federated partners, and every gate open. The other settings are those of the bootstrap file.

    in_two: as proxy and gateway (rig/split.py); None: as STOX_SPLIT says. behind: a Stoxd in two that is up, whose proxy is ours, too; it
    has to be started after this object was made, so that its proxy knows our key.

    The first start begins with an empty state; the objects are given to the running gateway by stoxctl. empty: none are.
    """

    def __init__(self, rig, *, gateway=None, org=None, sip_domains=None, routes=None, partners=None, sites=None,
                 policies=None, sip_users=None, env=None, name="stoxd", empty=False, in_two=None, behind=None, **settings):
        self.rig, self.name, self.env = rig, name, env or {}
        self.dir = os.path.join(ns.work_dir(), name)
        self.settings = {
            "state_dir": self.dir + "/state", "log_level": "debug", "host_name": "gw.contoso.example",
            "listen_sip_udp": [GATEWAY + ":5060"], "listen_sip_tcp": [GATEWAY + ":5060"],
            "listen_xmpp": [GATEWAY + ":5269"], "dns_servers": [DNS], "trust_file": rig.pki.trust_file, **settings}
        # Tests end it while people keep silent; those about the end itself say otherwise.
        self.gateway = {"partner_networks": [ns.NETWORK, ns.SILENT], "stop_within": 3, **(gateway or {})}
        self.org = {"federation": True} if org is None else org
        self.routes = {"office": {"next_hop": OFFICE + ":5060", "transport": "udp", "im": "pager"}} if routes is None \
            else routes
        for route in self.routes.values():  # no OPTIONS among what tests wait for
            route.setdefault("health_interval", 0)
        self.sip_domains = {"contoso.example": {"route": "office"}} if sip_domains is None else sip_domains
        self.partners = {"fabrikam.example": {}, "wingtip.example": {}} if partners is None else partners
        self.sites = sites or {}
        self.policies = {"global": {"federation": True, "xmpp": True}} if policies is None else policies
        self.sip_users = sip_users or {}
        self.process = None
        self.empty = empty
        self._new = True
        if behind:
            self.settings["listen_xmpp"] = []
            self.perimeter = split.Behind(name, self.dir, self._said_outside, behind.perimeter)
        else:
            self.perimeter = split.Perimeter(name, self.dir, self._said_outside) if (split.wanted() if in_two is None else in_two) else None
        self.lives = []  # [from, to] of each process that was ready, time.time(); to is None while it lives

    def bootstrap(self):
        return self._boot_text(self.perimeter.gateway(self.settings) if self.perimeter else self.settings)

    @staticmethod
    def _boot_text(settings):
        return "".join("%s = %s\n" % (k.replace("_", "-"), _value(v)) for k, v in settings.items())

    def _said_outside(self, line):
        """What the proxy of split mode logs counts as ours."""
        if self.process:
            self.process.out.add(line)

    def objects(self):
        """As `stoxctl config apply` reads them."""
        text = _block("org", None, self.org) + _block("gateway", None, self.gateway)
        for name, options in self.routes.items():
            if self.perimeter and dns.GATEWAY in options.get("sources", []):  # what is not bound comes from there
                options = {**options, "sources": [*options["sources"], split.WORLD]}
            text += _block("route", name, options)
        for domain, options in self.sip_domains.items():
            cert = self.rig.cert(domain)
            text += _block("sip-domain", domain, {"certificate": cert.file, "key": cert.key, **options})
        for domain, options in self.partners.items():
            text += _block("partner", domain, {"type": "federated", **options})
        for kind, objects in ("site", self.sites), ("policy", self.policies), ("sip-user", self.sip_users):
            for name, options in objects.items():
                text += _block(kind, name, options)
        for name, options in (self.perimeter.objects() if self.perimeter else {}).items():
            text += _block("proxy", name, options)
        return text

    @property
    def conf_path(self):
        return os.path.join(self.dir, "stoxd.conf")

    @property
    def server(self):
        """What stoxctl --server takes."""
        return "unix:" + self.settings["state_dir"] + "/admin.sock"

    def start(self):
        if self._new:
            self.forget_state()
        os.makedirs(self.settings["state_dir"], exist_ok=True)
        env = dict(os.environ, **self.env)
        argv = [program(), "--config", self.conf_path]
        if self.perimeter:
            self.perimeter.namespaces(self.settings)
            self.perimeter.start(program(), self._boot_text(self.perimeter.proxy(self.settings)), env)
            argv = split.within(self.perimeter.pair.inside_ns) + argv + ["--role", "gateway"]
        with open(self.conf_path, "w") as f:
            f.write(self.bootstrap())
        self.process = Process(self.name, argv, cwd=self.dir, env=env, notify=True)
        self.process.wait_ready(60)
        self.lives.append([time.time(), None])
        if self._new and not self.empty:
            self.apply()
        if self.perimeter:
            self._link()
        self._new = False
        return self

    @property
    def caller(self):
        """Whom it sees in a program of the world that has chosen no address to call from."""
        return split.WORLD if self.perimeter else GATEWAY

    def _link(self):
        """Until partners can come in by the proxy, as they can in one process when it is ready."""
        known = self.ctl("proxy", "list", "--names").split()
        for name, options in self.perimeter.objects().items():
            if name not in known:
                given = (("--" + k.replace("_", "-"), ",".join(v) if isinstance(v, list) else v) for k, v in options.items())
                self._declare("proxy", "new", name, *(word for pair in given for word in pair))
        self.wait_event("settings-used", 30)

    def _declare(self, *words):
        """At this gateway, or, if it takes no changes because of what it lacks itself, at one on the same database."""
        database = self.settings.get("store", "").partition("?")[0]
        others = [t for t in self.rig.running if database and isinstance(t, Stoxd) and t is not self and
                  t.settings.get("store", "").partition("?")[0] == database]
        for at in [self, *others]:
            status, out, err = at.ctl(*words, ok=False)
            if status == 0:
                return
        raise Failed("stoxctl %s: %d\n%s%s" % (" ".join(words), status, out, err))

    def apply(self):
        """Gives it all objects, and takes from it all others."""
        path = os.path.join(self.dir, "objects.conf")
        with open(path, "w") as f:
            f.write(self.objects())
        self.ctl("config", "apply", path, "--prune", "--force")

    def _look_again(self):
        """What the gateway shows of its proxy's streams are copies, which come behind each question of the proxy's: until two more were asked."""
        def heard():
            return time.monotonic() - (self._ctl_json("proxy", "status", self.perimeter.label).get("answered-ms") or 1e6) / 1000

        last = time.monotonic()
        for _ in range(2):
            eventually(lambda: heard() > last + 0.3, "another question of the proxy")
            last = heard()

    def ctl(self, *words, **how):
        """stoxctl with these words: what it printed. ok=False: (exit status, standard output, standard error)."""
        if self.perimeter and self.perimeter.process and words[:2] in _COPIES:
            self._look_again()
        return self._ctl(*words, **how)

    def _ctl_json(self, *words):
        return json.loads(self._ctl(*words, "--json"))

    def _ctl(self, *words, ok=True, stdin=None, timeout=60):
        done = subprocess.run([program("stoxctl", "ctl"), "--server", self.server, *words], text=True, timeout=timeout,
                              input=stdin if stdin is not None else "", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if not ok:
            return done.returncode, done.stdout, done.stderr
        if done.returncode:
            raise Failed("stoxctl %s: %d\n%s%s" % (" ".join(words), done.returncode, done.stdout, done.stderr))
        return done.stdout

    def ctl_json(self, *words):
        return json.loads(self.ctl(*words, "--json"))

    def stop(self, timeout=40):
        """Ends it politely; an exit status other than 0 is a failure."""
        if not self.process:
            if self.perimeter:
                self.perimeter.stop(timeout)
            return
        was_running = self.process.running()
        status = self.process.stop(timeout)
        outside = self.perimeter.stop(timeout) if self.perimeter else None
        self.process, process = None, self.process
        if status != 0 or not was_running:
            raise Failed("stoxd ended with %d:\n%s" % (status, process.tail(40)))
        if outside:
            raise Failed("its proxy ended with %d:\n%s" % (outside, process.tail(40)))

    def hand_over(self):
        """A new process takes over. Returns the old one, as subprocess.Popen: it has its work to end; then adopt()."""
        pid = self.pid()
        self.ctl("service", "restart", "--hand-over", timeout=120)
        assert self.pid() != pid
        return self.process.popen

    def pid(self):
        return self.ctl_json("service", "status")["pid"]

    def adopt(self, timeout=90):
        """When the old process has ended, the new one stands for it."""
        status = self.process.adopt(self.pid(), timeout)
        if status:
            raise Failed("the process that had handed over ended with %d:\n%s" % (status, self.process.tail(40)))

    def kill(self, outside=True):
        """-9. In split mode the proxy too, as its streams die with one process; outside=False: it lives on."""
        if self.perimeter and outside:
            self.perimeter.kill()
        self.process.kill()
        self.lives[-1][1] = time.time()
        self.process = None

    def _catch_up(self):
        self.process.catch_up()
        if self.perimeter and self.perimeter.process:
            self.perimeter.process.catch_up()

    def mark(self):
        self._catch_up()
        return self.process.mark()

    def events(self, name=None, since=0):
        """All that it has logged by now, of this name."""
        self._catch_up()
        found = (_event(line) for line in self.process.out.all[since:])
        return [e for e in found if e and (name is None or e.name == name)]

    def events_of_all_lives(self, name):
        """As events, of the processes before this one too."""
        self._catch_up()
        paths = [self.process.log_path] + ([self.perimeter.process.log_path] if self.perimeter else [])
        found = []
        for path in paths:
            with open(path, encoding="utf-8", errors="replace") as f:
                found += [e for e in (_event(line.rstrip("\n")) for line in f) if e and e.name == name]
        return sorted(found, key=lambda e: e.at)

    def wait_event(self, name, timeout=20, since=0, **fields):
        """The first event of this name whose fields have these values (names with _ for -), bounded."""
        want = {k.replace("_", "-"): str(v) for k, v in fields.items()}

        def found(line):
            e = _event(line)
            return e if e and e.name == name and all(e[k] == v for k, v in want.items()) else None

        event, _ = self.process.out.wait(found, timeout, since)
        if event is None:
            raise Failed("stoxd logged no %s %s within %g s:\n%s" % (name, want or "", timeout, self.process.tail(40)))
        return event

    def inet_sockets(self):
        """Of the process, by their numbers: those that listen, those of connections, those that wait for DNS."""
        mine, known, at = set(), set(), "/proc/%d/" % self.process.pid
        for fd in os.listdir(at + "fd"):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                mine.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(at + "fd/" + fd)))
        for table in "tcp", "tcp6", "udp", "udp6":
            with open(at + "net/" + table, encoding="ascii") as f:
                known.update(line.split()[9] for line in f.readlines()[1:])
        return mine & known

    def resident_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def cpu_seconds(self):
        with open("/proc/%d/stat" % self.process.pid) as f:
            words = f.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def forget_state(self):
        shutil.rmtree(self.settings["state_dir"], ignore_errors=True)
