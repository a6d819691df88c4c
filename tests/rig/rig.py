#!/usr/bin/python3
"""
The rig: names, certificates and peers in a namespace of their own.

    tests/rig/rig.py COMMAND...     runs COMMAND in it, with DNS, test authority and both XMPP servers up
    tests/rig/rig.py                a shell in it
"""
import os
import sys
import threading

if __package__ in (None, ""):
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    __package__ = "rig"
    import rig  # noqa: F401

from . import dns, ns
from .peers import Ejabberd, Prosody
from .pki import Pki

_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"


class Rig:
    """Names and certificates; peers when asked. Everything started through it is stopped by it, in reverse."""

    def __init__(self):
        assert ns.inside(), "the rig runs in a namespace of its own: start through ns.enter()"
        self.work = ns.work_dir()
        self.pki = Pki(os.path.join(self.work, "pki"))
        self.running = []
        hosts = os.path.join(self.work, "hosts")
        with open(hosts, "w") as f:
            f.write(_HOSTS)
        ns.bind(hosts, "/etc/hosts")
        ns.bind(self.pki.trust_dir, "/etc/ssl/certs")
        self.dns = dns.Dns()
        ns.bind(self.dns.resolv_conf, "/etc/resolv.conf")
        self._certs, self._asked, self._certs_lock = {}, {}, threading.Lock()

    def up(self, thing):
        """Starts it and remembers it."""
        self.running.append(thing)
        return thing.start()

    def down(self, thing=None):
        """Stops one, or all."""
        for each in [thing] if thing else list(reversed(self.running)):
            self.running.remove(each)
            each.stop()

    def cert(self, name, **how):
        """The domain's certificate, made when first asked for. The names of dns.py's broken domains get broken ones."""
        with self._certs_lock:  # threads of tests ask too
            return self._cert(name, how)

    def _cert(self, name, how):
        if name not in self._certs:
            broken = {
                "expired.example": {"days": (-30, -1)},
                "not-yet.example": {"days": (10, 30)},
                "wrong-name.example": {"dns": ["somebody-else.example"]},
                "self-signed.example": {"by": None},
                "unknown-ca.example": {"by": "unknown"},
            }
            self._certs[name] = self.pki.issue(name, **(how or broken.get(name, {})))
            self._asked[name] = how
        assert not how or how == self._asked.get(name), "%s has a certificate of another kind: give it another name" % name
        return self._certs[name]

    def _certified(self, domains):
        """{domain: certificate}, of which each domain has one of its own where only names are given."""
        return domains if isinstance(domains, dict) else {d: self.cert(d) for d in domains}

    def start_dns(self):
        return self.up(self.dns)

    def prosody(self, **options):
        options.setdefault("users", ["romeo@fabrikam.example", "mercutio@fabrikam.example"])
        domains = options.pop("domains", ["fabrikam.example"])
        return self.up(Prosody(self._certified(domains), **options))

    def ejabberd(self, **options):
        options.setdefault("users", ["juliet@wingtip.example", "nurse@wingtip.example"])
        domains = options.pop("domains", ["wingtip.example"])
        return self.up(Ejabberd(self._certified(domains), **options))


def main():
    import subprocess
    ns.enter()
    world = Rig()
    try:
        world.start_dns()
        world.prosody()
        world.ejabberd()
        status = subprocess.call(sys.argv[1:] or [os.environ.get("SHELL", "/bin/sh")])
    finally:
        world.down()
    sys.exit(status)


if __name__ == "__main__":
    main()
