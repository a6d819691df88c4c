"""docs/INTEROP.md: what the runs with real SIP peers found. A complete `make test` puts it there."""
import contextlib
import os
import re
import subprocess
import time

from rig import ns

FILE = os.path.join(ns.REPO, "build", "interop.md")

HEAD = """# Real SIP peers

Made by `make test` from what happened (`tests/interop/test_sip*.py`, `test_linphone_status.py`,
`test_presence_phones.py`, `test_partner_types.py`). The transport is the one to Stox, in
both directions, and `tls` is TLS with certificates on both sides. The user agents are registered at Kamailio, by UDP where nothing else
is said; Kamailio has the configuration of [kamailio/kamailio.cfg](kamailio/kamailio.cfg). sipp plays a Lync front end from scenarios
(`tests/interop/sipp`) that are made from what is known of it; over TLS, and mostly over TCP, a record-routing Kamailio is its Edge. The
people on XMPP are at Prosody and ejabberd. How to set up the other end: [PEERS.md](PEERS.md).

"""

PACKAGES = {"Kamailio": "kamailio", "baresip": "baresip-core", "linphone": "linphone-cli", "sipp": "sip-tester",
            "Prosody": "prosody", "ejabberd": "ejabberd"}


def _version(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], stdout=subprocess.PIPE, text=True)
    return re.sub(r"^\d+:", "", done.stdout)


class Table:
    def __init__(self):
        self.rows = []

    @contextlib.contextmanager
    def row(self, peers, transport, direction, what):
        """The block is the run: it passes, or fails when something is raised."""
        began, result = time.monotonic(), "failed"
        try:
            yield
            result = "passed"
        finally:
            self.rows.append((peers, transport, direction, what, result, "%.1f s" % (time.monotonic() - began)))

    def write(self):
        lines = ["| program | version |", "|---|---|"] + ["| %s | %s |" % (name, _version(package))
                                                            for name, package in PACKAGES.items()]
        lines += ["", "| peers | transport | direction | what | result | time |", "|---|---|---|---|---|---|"]
        lines += ["| %s |" % " | ".join(row) for row in sorted(self.rows)]
        with open(FILE, "w") as f:
            f.write(HEAD + "\n".join(lines) + "\n")
