"""docs/MATRIX.md: what a run of the negotiation matrix found. A complete `make test` puts it there."""
import os
import re

import matrix
from rig import dns, ns, split

FILE = os.path.join(ns.REPO, "build", "matrix.md" if not split.wanted() else "matrix-split.md")  # docs/ has what one process does

SERVERS = {"prosody": "Prosody", "ejabberd": "ejabberd"}
SHORT = {matrix.EXTERNAL: "EXTERNAL", matrix.OVER_TLS: "dialback, TLS", matrix.OVER_TCP: "dialback, TCP"}
LETTERS = {matrix.CERTIFICATE: "a", matrix.TLS_MISSING: "b", matrix.NO_PROOF: "c", matrix.TLS_FORBIDDEN: "d",
           matrix.NOT_VALID: "e"}

HEAD = """# The negotiation matrix

Made by `make test` from what happened between stoxd and real servers, as their Debian packages set them up but for the lines
below. Each cell is a pair of domains of its own: a message goes out, from SIP to the partner, and another comes in. It says how
the stream of that way was proven, or that it was refused, and why.

| the partner's server | Prosody | ejabberd |
|---|---|---|
| tls-external: TLS, and a certificate that an authority we trust gave it | `s2s_secure_auth = false`, `s2s_require_encryption = false` | `s2s_use_starttls: optional` |
| tls-dialback: TLS, and a certificate that it gave itself | the same | the same |
| no-tls | `s2s_allow_encryption = false` | `s2s_use_starttls: false` |
| tls-demanded: as tls-external, and nothing without TLS | `s2s_require_encryption = true` | `s2s_use_starttls: required` |

All of them do dialback, and all trust the certificate of our domain. What counts is the best that both sides can, in this order:
EXTERNAL (SASL EXTERNAL over TLS), dialback over TLS, dialback over TCP.
"""

FOOT = """
## Refused, and what was said

The sender is told; the administrator reads stoxd's log. PARTNER stands for the partner's domain.
"""


def _short(cell, outcome):
    if outcome.arrived:
        text = ", ".join(SHORT[m] for m in matrix.ORDER if m in outcome.methods) or "?"
    else:
        text = "refused (%s)" % LETTERS.get(cell.expected[1], "?")
    right = outcome.methods == {cell.expected[0]} if outcome.arrived else cell.expected[0] is None
    return text if right else "**differs:** " + text


def _cell(outcomes, server, offer, row):
    both = [_short(cell, outcomes[cell]) for cell in (matrix.Cell(server, offer, row, way) for way in ("out", "in"))]
    return both[0] if both[0] == both[1] else "out: %s<br>in: %s" % tuple(both)


def _table(outcomes, server):
    lines = ["", "## " + SERVERS[server], "", "| | TLS | SASL | dialback | %s |" % " | ".join(matrix.OFFERS),
             "|---" * (4 + len(matrix.OFFERS)) + "|"]
    for row in matrix.ROWS:
        lines.append("| %d | %s | %s | %s | %s |" % (
            row.number, row.tls, row.sasl, "yes" if row.dialback else "no",
            " | ".join(_cell(outcomes, server, offer, row) for offer in matrix.OFFERS)))
    return lines


def _plain(text, cell):
    """Without what is another one in each run."""
    text = text.replace(cell.domain, "PARTNER")
    return re.sub(r"sha256/[A-Za-z0-9+/=]+", "sha256/...", text).replace("|", "\\|")


def _reasons(outcomes):
    lines = ["", "| | why | way | server | the sender is told | the log says |", "|---|---|---|---|---|---|"]
    seen = set()
    for reason, letter in LETTERS.items():
        for cell, outcome in outcomes.items():
            key = letter, cell.way, cell.server
            if cell.expected[1] != reason or outcome.arrived or key in seen:
                continue
            seen.add(key)
            log = "<br>".join(_plain(why, cell) for why in outcome.why) if reason != matrix.NOT_VALID else \
                "(the settings are refused when they are made)"
            lines.append("| %s | %s | %s | %s | %s | %s |" % (
                letter, reason, cell.way, SERVERS[cell.server], _plain(outcome.told, cell), log))
    return lines


def text(outcomes):
    wrong = sum("differs" in _short(cell, outcome) for cell, outcome in outcomes.items())
    count = "%d cells; %s" % (len(outcomes), "each ends as the rule says." if not wrong else
                              "%d of them differ from the rule." % wrong)
    lines = [HEAD, count]
    for server in dns.MATRIX_SERVERS:
        lines += _table(outcomes, server)
    return "\n".join(lines + [FOOT.rstrip()] + _reasons(outcomes)) + "\n"
