"""Pebble, an ACME authority for tests: strict, with its own root, asking the rig's DNS, proving names on port 80."""
import json
import os
import ssl
import urllib.request

from . import dns, ns
from .process import Process, eventually


class Pebble:
    """
    cert: what it shows itself. reject: percent of good nonces that it refuses. seconds: how long its certificates live.
    customers: {id: secret} of those that it serves, base64url; None: anybody.
    """

    def __init__(self, rig, cert, reject=5, seconds=86400, customers=None):
        self.rig, self.cert, self.reject, self.seconds, self.name = rig, cert, reject, seconds, "pebble"
        self.customers = customers
        self.dir = os.path.join(ns.work_dir(), "pebble")
        self.directory = "https://%s:14000/dir" % dns.AUTHORITY_NAME
        self.process = None

    def start(self):
        os.makedirs(self.dir, exist_ok=True)
        conf = os.path.join(self.dir, "pebble.json")
        with open(conf, "w") as f:
            json.dump({"pebble": {"listenAddress": dns.AUTHORITY + ":14000", "managementListenAddress": "127.0.0.1:15000",
                                  "certificate": self.cert.file, "privateKey": self.cert.key, "httpPort": 80,
                                  "tlsPort": 443, "certificateValidityPeriod": self.seconds, "ocspResponderURL": "",
                                  "externalAccountBindingRequired": bool(self.customers),
                                  "externalAccountMACKeys": self.customers or {}}}, f)
        self.process = Process("pebble", ["pebble", "-config", conf, "-dnsserver", dns.ADDRESS + ":53", "-strict"],
                               cwd=self.dir, env=dict(os.environ, PEBBLE_VA_NOSLEEP="1",
                                                      PEBBLE_WFE_NONCEREJECT=str(self.reject)))
        self.root = eventually(self._fetch_root, "pebble answers")
        self.trust_file = os.path.join(self.dir, "trust.pem")
        with open(self.trust_file, "w") as f, open(self.rig.pki.trust_file) as own:
            f.write(own.read() + self.root)
        return self

    def _fetch_root(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with urllib.request.urlopen("https://127.0.0.1:15000/roots/0", context=context, timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return None

    def stop(self):
        self.process.stop()
