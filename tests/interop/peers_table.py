"""docs/INTEROP.md: what the runs with real SIP peers found. A complete `make test` puts it there."""
import contextlib
import fcntl
import json
import os
import re
import subprocess
import time

from rig import ns, split

FILE = os.path.join(ns.REPO, "build", "interop.md" if not split.wanted() else "interop-split.md")  # docs/ has what one process does
ROWS = FILE.replace(".md", ".rows")  # of all runs that make one table, side by side or one after the other

HEAD = """# Real SIP peers

Made by `make test` from what happened (`tests/interop/test_sip*.py`, `test_linphone_status.py`,
`test_presence_phones.py`, `test_partner_types.py`). The transport is the one to Stox, in
both directions, and `tls` is TLS with certificates on both sides. The user agents are registered at Kamailio, by UDP where nothing else
is said; Kamailio has the configuration of [kamailio/kamailio.cfg](kamailio/kamailio.cfg), with `PRESENCE_AT_STOX` where presence is
published at Stox; there baresip is also by itself, without a Kamailio. sipp plays a Lync front end from scenarios
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
        if "STOX_SHARE" not in os.environ and "STOX_KEEP" not in os.environ and os.path.exists(ROWS):
            os.unlink(ROWS)  # of another run, by hand

    @contextlib.contextmanager
    def row(self, peers, transport, direction, what):
        """The block is the run: it passes, or fails when something is raised."""
        began, result = time.monotonic(), "failed"
        try:
            yield
            result = "passed"
        finally:
            row = [peers, transport, direction, what, result, "%.1f s" % (time.monotonic() - began)]
            with open(ROWS, "a", encoding="utf-8") as f:
                f.write(json.dumps(row) + "\n")

    def write(self):
        """All rows there are so far. What failed and passed in a later run of the same proof has passed."""
        if not os.path.exists(ROWS):
            return
        with open(ROWS, "a+", encoding="utf-8") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            f.seek(0)
            rows = [json.loads(line) for line in f]
            passed = {tuple(row[:4]) for row in rows if row[4] == "passed" and "STOX_KEEP" in os.environ}
            self._write(row for row in rows if row[4] == "passed" or tuple(row[:4]) not in passed)

    def _write(self, rows):
        lines = ["| program | version |", "|---|---|"] + ["| %s | %s |" % (name, _version(package))
                                                            for name, package in PACKAGES.items()]
        lines += ["", "| peers | transport | direction | what | result | time |", "|---|---|---|---|---|---|"]
        lines += ["| %s |" % " | ".join(row) for row in sorted(rows)]
        with open(FILE, "w", encoding="utf-8") as f:
            f.write(HEAD + "\n".join(lines) + "\n")
