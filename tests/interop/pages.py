"""Pages of docs/ and what it takes to do what they say: their commands, a shell, an authority, a zone."""
import contextlib
import os
import re
import subprocess

from rig import dns, ns
from rig.peers import Prosody
from rig.stoxd import program


def text_of(page):
    with open(os.path.join(ns.REPO, "docs", page), encoding="utf-8") as f:
        return f.read()


def blocks(page):
    """The indented blocks, each without its indentation."""
    found = re.findall(r"(?:^    .*\n)+", text_of(page), re.MULTILINE)
    return ["".join(line[4:] + "\n" for line in block.splitlines()) for block in found]


def commands(page, *programs):
    """The lines that begin with stoxctl (or one of these), in their order; a backslash at the end joins the next."""
    lines = "".join(blocks(page)).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.split(" ")[0] in (programs or ("stoxctl",))]


def settings(text):
    """A bootstrap file's, by their names as rig/stoxd.py has them; what is in braces is a list."""
    found = re.findall(r'^([a-z-]+) = (?:"([^"]*)"|\{(.*)\})$', text, re.MULTILINE)
    assert len(found) == len([line for line in text.splitlines() if line and not line.startswith("#")]), text
    return {name.replace("-", "_"): re.findall('"([^"]*)"', many) if many else one for name, one, many in found}


class Shell:
    """Commands as an administrator types them, in a folder of their own."""

    def __init__(self, gateway, folder):
        self.gateway, self.folder = gateway, str(folder)
        self.env = dict(os.environ, STOX_SERVER=gateway.server, LC_ALL="C.UTF-8",
                        PATH="%s:%s" % (os.path.dirname(program("stoxctl", "ctl")), os.environ["PATH"]))

    def run(self, line, *, status=0, stdin="", timeout=120):
        """What it printed. status: its exit status; None: any."""
        done = subprocess.run(["sh", "-c", line], cwd=self.folder, env=self.env, text=True, timeout=timeout, input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert status in (None, done.returncode), "%s: %d\n%s%s" % (line, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
            f.write(text)

    def signs(self, rig, name):
        """What the authority does: NAME.csr becomes NAME.pem."""
        with open(os.path.join(self.folder, name + ".csr"), encoding="utf-8") as f:
            self.write(name + ".pem", rig.pki.sign(name, f.read()))


@contextlib.contextmanager
def network(address):
    """More addresses of the rig's machine, all of this network."""
    subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)
    try:
        yield
    finally:
        subprocess.run(["ip", "address", "del", address, "dev", "lo"], check=True)


@contextlib.contextmanager
def partner(rig, domain, users, address, name):
    """A Prosody of its own for a partner, which has not looked anything up yet, at another address than the rig's."""
    rig.dns.change(domain, "unset xmpp A", "set xmpp A " + address)
    server = rig.up(Prosody({domain: rig.cert(domain)}, users, address=address, name=name))
    try:
        yield server
    finally:
        rig.down(server)
        rig.dns.change(domain, "unset xmpp A", "set xmpp A " + dns.PROSODY, ttl=30)


class Zone:
    """A domain's zone as its administrator has it: empty of what leads to a gateway, until that is published; the rig's again after."""

    def __init__(self, rig, domain):
        self.rig, self.domain, self.owners = rig, domain, set()

    def __enter__(self):
        self.rig.dns.change(self.domain, "unset _xmpp-server._tcp SRV", "unset gw A")
        return self

    def publish(self, lines, ttl=None):
        """Lines of a zone file, each set of records instead of the one that was there. ttl: this one, so that nobody waits."""
        records = [re.fullmatch(r"(\S+)\.%s\. (\d+) IN (\S+) (.*)" % re.escape(self.domain), line) for line in lines.splitlines()
                   if line and not line.startswith(";")]
        assert records and all(records), lines
        new = {"%s %s" % (r[1], r[3]) for r in records}
        commands = ["unset " + owner for owner in sorted(self.owners & new)]
        self.rig.dns.change(self.domain, *commands, *("set %s %s %s" % (r[1], r[3], r[4]) for r in records),
                            ttl=ttl or int(records[0][2]))
        self.owners |= new

    def __exit__(self, *_):
        commands = ["unset " + owner for owner in sorted(self.owners)]
        self.rig.dns.change(self.domain, *commands, "set _xmpp-server._tcp SRV 5 0 5269 gw", "set gw A " + dns.GATEWAY, ttl=30)
