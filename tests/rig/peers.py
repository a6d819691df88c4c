"""
Real XMPP servers as their Debian packages set them up. The packages' own configuration files are the start; the lines
we change are in the tables below, each with its reason, and nothing else is.
"""
import datetime
import os
import re
import shutil
import socket
import time

from . import ns
from .process import Failed, Process

PASSWORD = "secret"
RETRY_S = 1  # ejabberd's s2s_max_retry_delay: its least


def _change(text, changes, what):
    for pattern, replacement, _why in changes:
        text, n = re.subn(pattern, lambda m: replacement, text, flags=re.MULTILINE | re.DOTALL)
        if n == 0:
            raise Failed("%s: the packaged configuration has no /%s/" % (what, pattern))
    return text


# Stands in for the packaged file where it cannot be read (it is root's and prosody's): what it enables, in short.
_PROSODY_PACKAGED = """
admins = { }
modules_enabled = { "disco"; "roster"; "saslauth"; "tls"; "blocklist"; "bookmarks"; "carbons"; "dialback"; "limits";
"pep"; "private"; "smacks"; "vcard4"; "vcard_legacy"; "csi_simple"; "ping"; "register"; "time";
"uptime"; "version"; "posix"; }
pidfile = "/run/prosody/prosody.pid";
s2s_secure_auth = true
limits = { c2s = { rate = "10kb/s"; }; s2sin = { rate = "30kb/s"; }; }
authentication = "internal_hashed"
log = {
    info = "/var/log/prosody/prosody.log";
}
certificates = "certs"
VirtualHost "localhost"
Include "conf.d/*.cfg.lua"
"""

# Without any figures mod_limits has its own, the same 10 kb/s and 30 kb/s as the packaged file.
_NO_LIMITS = 'limits = { c2s = { rate = "1000mb/s" }; s2sin = { rate = "1000mb/s" }; }'


class Prosody:
    """
    domains: {domain: Cert}. users: bare addresses. dialback: accept partners that only dialback proves (s2s_secure_auth
    and s2s_require_encryption stay as packaged for all others). limits: keep the packaged rate limits. smacks: False
    takes stream management away. bidi: with mod_s2s_bidi. extra: further lines for the global section. hosts: {domain: further lines for it}.
    components: {name: secret}, on port 5347.
    """

    def __init__(self, domains, users=(), *, address="10.99.0.10", dialback=(), limits=False, smacks=True, bidi=False,
                 extra="", hosts=None, components=None, name="prosody"):
        self.name, self.domains, self.users, self.address = name, domains, users, address
        self.dialback, self.limits, self.smacks, self.extra = dialback, limits, smacks, extra
        self.bidi = bidi
        self.hosts = hosts or {}
        self.components = components or {}
        self.dir = os.path.join(ns.work_dir(), name)
        self.process = None

    def _packaged(self):
        try:
            with open("/etc/prosody/prosody.cfg.lua") as f:
                return f.read()
        except PermissionError:
            return _PROSODY_PACKAGED

    def _changes(self):
        changes = [
            (r'^pidfile = [^\n]*', 'data_path = "%s/data"' % self.dir, "our own storage, no pid file"),
            (r'^log = \{.*?\n\}', 'log = { { levels = { min = "info" }; to = "console" } }', "log to the rig"),
            (r'^certificates = "certs"', 'certificates = "%s/certs"' % self.dir, "test certificates"),
            (r'^VirtualHost "localhost".*', self._globals() + self._hosts(), "our domains instead of localhost"),
        ]
        if not self.limits:
            changes.append((r'^limits = \{.*?^\}|^limits = [^\n]*', _NO_LIMITS, "no rate limits, for load"))
        if not self.smacks:
            changes.append((r'"smacks";', '', "without stream management"))
        if self.bidi:
            changes.append((r'^modules_enabled = \{', 'modules_enabled = { "s2s_bidi";', "one stream for both directions"))
        return changes

    def _globals(self):
        lines = ['interfaces = { "%s" }' % self.address]  # an address of its own instead of all
        if self.dialback:
            lines.append("s2s_insecure_domains = { %s }" % "".join('"%s"; ' % d for d in self.dialback))
        if self.components:
            lines.append('component_ports = { 5347 }; component_interfaces = { "%s" }' % self.address)
        lines.append(self.extra)
        return "\n".join(lines) + "\n"

    def _hosts(self):
        return "".join('VirtualHost "%s"\n    ssl = { certificate = "%s"; key = "%s"; }\n%s' % (
            domain, os.path.join(self.dir, domain + ".crt"), os.path.join(self.dir, domain + ".key"),
            "".join("    %s\n" % line for line in self.hosts.get(domain, ())))
            for domain in self.domains) + "".join('Component "%s"\n    component_secret = "%s"\n' % each
                                                  for each in self.components.items())

    def start(self):
        if not os.path.isdir(self.dir):
            os.makedirs(os.path.join(self.dir, "certs"))
            for domain, cert in self.domains.items():
                shutil.copy(cert.file, os.path.join(self.dir, domain + ".crt"))
                shutil.copy(cert.key, os.path.join(self.dir, domain + ".key"))
            for user in self.users:
                local, domain = user.split("@")
                folder = os.path.join(self.dir, "data", _encoded(domain), "accounts")
                os.makedirs(folder, exist_ok=True)
                with open(os.path.join(folder, _encoded(local) + ".dat"), "w") as f:
                    f.write('return { ["password"] = "%s"; };\n' % PASSWORD)
        conf = os.path.join(self.dir, "prosody.cfg.lua")
        with open(conf, "w") as f:
            f.write(_change(self._packaged(), self._changes(), "Prosody"))
        user = ns.own_user(self.dir, "prosody")
        env = dict(os.environ, HOME=self.dir)
        argv = ["/usr/bin/prosody", "-F", "--config", conf]
        self.process = Process(self.name, argv, cwd=self.dir, env=env, user=user)
        for service in ["s2s", "c2s"] + ["component"] * bool(self.components):
            self.process.wait_line("Activated service '%s'" % service, 20)
        return self

    def stop(self):
        if self.process:
            self.process.stop()

    def kill(self):
        self.process.kill()


def _encoded(name):
    return re.sub(r"[^A-Za-z0-9]", lambda m: "%%%02x" % ord(m.group()), name)


class Ejabberd:
    """
    domains, users as for Prosody. dialback: partners need no valid certificate (s2s_use_starttls: optional). hosts: {domain:
    further lines for it}. components: the secret of all of them, on port 5347.
    """

    def __init__(self, domains, users=(), *, address="10.99.0.20", dialback=False, limits=False, hosts=None,
                 components="", name="ejabberd"):
        self.name, self.domains, self.users, self.address = name, domains, users, address
        self.dialback, self.limits, self.components = dialback, limits, components
        self.hosts = hosts or {}
        self.dir = os.path.join(ns.work_dir(), name)
        self.process = None

    def _changes(self, certs):
        hosts = "hosts:\n" + "".join("  - %s\n" % d for d in self.domains)
        retry = "s2s_max_retry_delay: %d\n" % RETRY_S
        # Only XMPP, on an address of its own: the web, STUN and MQTT listeners are left out.
        listen = """listen:
  -
    port: 5222
    ip: "%(ip)s"
    module: ejabberd_c2s
    max_stanza_size: 262144
    shaper: c2s_shaper
    access: c2s
    starttls_required: true
    protocol_options: 'TLS_OPTIONS'
  -
    port: 5269
    ip: "%(ip)s"
    module: ejabberd_s2s_in
    max_stanza_size: 524288
""" % {"ip": self.address}
        if self.components:
            listen += '  -\n    port: 5347\n    ip: "%s"\n    module: ejabberd_service\n' % self.address
            listen += '    password: "%s"\n' % self.components  # "hosts" gives each connection the stanzas of all names
        changes = [
            (r"^hosts:\n(  - [^\n]*\n)+", hosts + retry, "our domains instead of localhost; when a stream of its own was "
             "refused it opens another after a second, not after up to five minutes"),
            (r"^certfiles:\n(  - [^\n]*\n)+", "certfiles:\n" + "".join('  - "%s"\n' % c for c in certs),
             "test certificates"),
            (r"^listen:\n.*?(?=^[a-z#])", listen, "our address, XMPP only"),
            (r"^  mod_pres_counter:\n(    [^\n]*\n)+", "", "it drops what is more than five subscriptions in a minute to one person"),
            (r"^  mod_mqtt: \{\}\n", "", "no MQTT listener"),
            (r"^  mod_stun_disco: \{\}\n", "", "no STUN listener"),
        ]
        if self.dialback:
            changes.append((r"^s2s_use_starttls: required", "s2s_use_starttls: optional", "dialback without TLS too"))
        if not self.limits:
            changes.append((r"^  s2s_shaper: fast", "  s2s_shaper: none", "no rate limit, for load"))
            changes.append((r"^    normal: all", "    none: all", "no rate limit, for load"))
        return changes

    def _host_config(self):
        hosts = "".join("  %s:\n%s" % (domain, "".join("    %s\n" % line for line in lines))
                        for domain, lines in self.hosts.items())
        return "\nhost_config:\n" + hosts if hosts else ""

    def start(self):
        if not os.path.isdir(self.dir):
            os.makedirs(os.path.join(self.dir, "spool"))
        certs = [shutil.copy(cert.both, os.path.join(self.dir, name + ".pem"))
                 for name, cert in {cert.name: cert for cert in self.domains.values()}.items()]
        conf = os.path.join(self.dir, "ejabberd.yml")
        with open("/usr/share/ejabberd/ejabberd.yml.example") as source, open(conf, "w") as f:
            f.write(_change(source.read(), self._changes(certs), "ejabberd") + self._host_config())
        user = ns.own_user(self.dir, "ejabberd")
        env = dict(os.environ, HOME=self.dir, EJABBERD_CONFIG_PATH=conf, EJABBERD_LOG_PATH=self.dir + "/ejabberd.log",
                   ERL_CRASH_DUMP="/dev/null", ERL_INETRC="/etc/ejabberd/inetrc", ERL_LIBS=_erl_libs())
        register = "".join('ejabberd_auth:try_register(<<"%s">>,<<"%s">>,<<"%s">>),' % (*u.split("@"), PASSWORD)
                           for u in self.users)  # again, lest it was killed before it had written them down
        # Without a node name there is no distribution, hence no epmd.
        argv = ["erl", "-noinput", "-mnesia", "dir", '"%s/spool"' % self.dir, "-s", "ejabberd",
                "-eval", register + 'io:format("rig: users are there~n").']
        self.process = Process(self.name, argv, cwd=self.dir, env=env, user=user)
        self.process.wait_line("rig: users are there", 60)
        for port in [5222, 5269] + [5347] * bool(self.components):
            _connects(self.address, port)
        return self

    def log(self):
        with open(self.dir + "/ejabberd.log", errors="replace") as f:
            return f.read()

    def gives_back(self):
        """Whether it may give back what is for others, as it does for s2s_max_retry_delay at most when it could open no stream."""
        failed = [line for line in self.log().splitlines() if "; bouncing for " in line]
        at = " ".join(failed[-1].split(" ", 2)[:2]) if failed else None
        return bool(at) and time.time() < datetime.datetime.fromisoformat(at).timestamp() + RETRY_S

    def kill(self):
        self.process.kill()

    def stop(self):
        if self.process:
            self.process.stop()
            shutil.copy(self.dir + "/ejabberd.log", os.path.join(ns.work_dir(), "log", self.name + "-own.log"))


def _erl_libs():
    import glob
    return ":".join(sorted({os.path.dirname(p.rstrip("/").rsplit("/ejabberd-", 1)[0] + "/x")
                            for p in glob.glob("/usr/lib/*/ejabberd-*/")}))


def _connects(address, port):
    with socket.create_connection((address, port), 20):
        pass
