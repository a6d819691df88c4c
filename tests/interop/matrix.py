"""
The negotiation matrix with real servers: the rule as it is written, the cells, and one run of all of them. The rule is
said here once more, from the table that administrators know, so that it does not lean on what it judges.
"""
import collections
import concurrent.futures

from rig import dns
from rig.crowd import Crowd
from rig.process import Failed, eventually
from rig.sipua import SipUa
from rig.stoxd import Stoxd

EXTERNAL, OVER_TLS, OVER_TCP = "sasl-external", "dialback-over-tls", "dialback-over-tcp"
ORDER = EXTERNAL, OVER_TLS, OVER_TCP  # the best first
IN_FLIGHT = 24  # fewer than the strangers that stoxd hears from one address at once

Row = collections.namedtuple("Row", "number tls sasl dialback methods")

# TLS, SASL, dialback, and the methods that may be used; none: the settings are not valid. In the order of Lync's table.
ROWS = [Row(number, *row) for number, row in enumerate([
    ("required", "required", True, (EXTERNAL,)),
    ("required", "required", False, (EXTERNAL,)),
    ("optional", "required", True, (EXTERNAL, OVER_TLS, OVER_TCP)),
    ("optional", "required", False, (EXTERNAL,)),
    ("not-supported", "required", True, (OVER_TCP,)),
    ("not-supported", "required", False, ()),
    ("required", "optional", True, (EXTERNAL, OVER_TLS)),
    ("required", "optional", False, (EXTERNAL,)),
    ("optional", "optional", True, (EXTERNAL, OVER_TLS, OVER_TCP)),
    ("optional", "optional", False, (EXTERNAL,)),
    ("not-supported", "optional", True, (OVER_TCP,)),
    ("not-supported", "optional", False, ()),
    ("required", "not-supported", True, (OVER_TLS,)),
    ("required", "not-supported", False, ()),
    ("optional", "not-supported", True, (OVER_TLS, OVER_TCP)),
    ("optional", "not-supported", False, ()),
    ("not-supported", "not-supported", True, (OVER_TCP,)),
    ("not-supported", "not-supported", False, ()),
], 1)]

# What the partner's server can do. Only the last one insists on something, so that with the others our settings decide.
OFFERS = {
    "tls-external": {EXTERNAL, OVER_TLS, OVER_TCP},  # its certificate is by an authority we trust, and names it
    "tls-dialback": {OVER_TLS, OVER_TCP},  # its certificate is its own: it proves nothing
    "no-tls": {OVER_TCP},
    "tls-demanded": {EXTERNAL, OVER_TLS},  # as tls-external, but never without TLS: what both servers' packages set
}

# Why a cell ends refused.
NOT_VALID = "the settings are not valid"
TLS_MISSING = "TLS is required, and the partner has none"
CERTIFICATE = "the partner's certificate proves nothing, and dialback may not"
NO_PROOF = "without TLS only dialback is left, and it is off"
TLS_FORBIDDEN = "the partner demands TLS, which is off"


def expected(row, offer):
    """(method, None) or (None, why refused): the best of what both sides can."""
    if not row.methods:
        return None, NOT_VALID
    for method in ORDER:
        if method in row.methods and method in OFFERS[offer]:
            return method, None
    if offer == "no-tls":
        return None, TLS_MISSING if row.tls == "required" else NO_PROOF
    return None, TLS_FORBIDDEN if row.tls == "not-supported" else CERTIFICATE


class Cell(collections.namedtuple("Cell", "server offer row way")):
    domain = property(lambda self: dns.matrix_domain(self.server, self.offer, self.row.number))
    user = property(lambda self: "juliet@" + self.domain)
    # Each way is a pair of domains of its own.
    local = property(lambda self: "contoso.example" if self.way == "out" else "tailspin.example")
    expected = property(lambda self: expected(self.row, self.offer))

    def __str__(self):
        return "%s-%s-tls_%s-sasl_%s-%s-%s" % (
            self.server, self.offer.replace("-", "_"), self.row.tls.replace("-", "_"), self.row.sasl.replace("-", "_"),
            "dialback" if self.row.dialback else "nodialback", self.way)


CELLS = [Cell(server, offer, row, way) for server in dns.MATRIX_SERVERS for offer in OFFERS for row in ROWS
         for way in ("out", "in")]

# methods: how the streams of this way were proven. told: what the sender was told, if not that it arrived. why: stoxd's log.
Outcome = collections.namedtuple("Outcome", "arrived told methods why")


class World:
    """DNS is up; the two servers, the people, the office and stoxd come with it."""

    def __init__(self, rig):
        self.rig = rig
        self.outcomes = {}  # {cell: Outcome}
        self.settings = {}  # {(server, offer, row number): what stoxctl said of settings that are not valid}
        self.gateway = self.crowd = self.office = None

    def run(self):
        """All cells, some at a time; all that takes part is started before and ended afterwards."""
        before = list(self.rig.running)
        for server in dns.MATRIX_SERVERS:
            self._domains(server)
        for domain in "contoso.example", "tailspin.example":
            self.rig.cert(domain)  # one after another: the test authority has one index
        try:
            with concurrent.futures.ThreadPoolExecutor(IN_FLIGHT) as pool:
                list(pool.map(lambda do: do(), (self._prosody, self._ejabberd, self._stoxd)))
                self.office = self.rig.up(SipUa(dns.OFFICE))
                self.crowd = self.rig.up(Crowd({cell.user: dns.MATRIX_SERVERS[cell.server] for cell in CELLS}))
                ends = {}
                for valid in True, False:  # the others after these: stoxd logs only so many failures of strangers
                    cells = [cell for cell in CELLS if bool(cell.row.methods) is valid]
                    ends.update(zip(cells, pool.map(self._try, cells)))
            log = self._log()
            self.outcomes = {cell: self._outcome(cell, ends[cell], log) for cell in CELLS}
        finally:
            for thing in reversed([t for t in self.rig.running if t not in before]):
                self.rig.down(thing)

    # ---- who takes part ----

    def _domains(self, server):
        """{domain: certificate}, and the names of each offer."""
        names = {offer: [dns.matrix_domain(server, offer, row.number) for row in ROWS] for offer in OFFERS}
        trusted = self.rig.cert(server + "-trusted", dns=sum((names[o] for o in OFFERS if o != "tls-dialback"), []))
        own = self.rig.cert(server + "-own", dns=names["tls-dialback"], by=None)
        return {name: own if offer == "tls-dialback" else trusted for offer in OFFERS for name in names[offer]}, names

    def _server(self, start, server, without_tls, only_tls, **options):
        domains, names = self._domains(server)
        hosts = {**{d: [without_tls] for d in names["no-tls"]}, **{d: [only_tls] for d in names["tls-demanded"]}}
        start(domains=domains, users=["juliet@" + d for d in domains], address=dns.MATRIX_SERVERS[server], hosts=hosts,
              name=server + "-matrix", **options)

    def _prosody(self):
        self._server(self.rig.prosody, "prosody", "s2s_allow_encryption = false", "s2s_require_encryption = true",
                     extra="s2s_secure_auth = false\ns2s_require_encryption = false")

    def _ejabberd(self):
        self._server(self.rig.ejabberd, "ejabberd", "s2s_use_starttls: false", "s2s_use_starttls: required", dialback=True)

    def _stoxd(self):
        partners = [(server, offer, row) for server in dns.MATRIX_SERVERS for offer in OFFERS for row in ROWS]
        self.gateway = self.rig.up(Stoxd(
            self.rig, name="stoxd-matrix", log_level="info",
            sip_domains={"contoso.example": {"route": "office"}, "tailspin.example": {"route": "office"}},
            partners={dns.matrix_domain(server, offer, row.number): {
                "tls": row.tls, "sasl": row.sasl, "dialback": row.dialback} for server, offer, row in partners if row.methods}))
        for server, offer, row in partners:
            if not row.methods:
                self.settings[server, offer, row.number] = self.gateway.ctl(
                    "partner", "new", dns.matrix_domain(server, offer, row.number), "--tls", row.tls, "--sasl", row.sasl,
                    "--dialback", "on" if row.dialback else "off", ok=False)

    # ---- one cell ----

    def _try(self, cell):
        """(arrived, what the sender was told)"""
        return self._from_sip(cell) if cell.way == "out" else self._from_xmpp(cell)

    def _from_sip(self, cell):
        txn = self.office.message(cell.user, str(cell), target=(dns.GATEWAY, 5060),
                                  sender="sip%02d@%s" % (cell.row.number, cell.local))
        if txn.wait() == 200:
            eventually(lambda: self.crowd.message(cell.user, str(cell)) is not None, "%s: confirmed, but not there" % str(cell))
            return True, ""
        return False, "%d %s" % (txn.status, txn.reason)

    def _from_xmpp(self, cell):
        stanza_id = self.crowd.send(cell.user, "sip%02d@%s" % (cell.row.number, cell.local), str(cell))

        def ended():
            error = self.crowd.error(cell.user, stanza_id)
            return error or any(r.body == str(cell) for r in self.office.received.all)
        try:
            error = eventually(ended, "%s: neither a message nor an error" % str(cell), 60)
        except Failed as e:
            return False, str(e)
        return error is True, "" if error is True else "%s %s" % error

    # ---- what stoxd says of it ----

    def _log(self):
        """{(local, remote, direction): its events}"""
        found = collections.defaultdict(list)
        for event in self.gateway.events():
            found[event["local"], event["remote"], event["direction"]].append(event)
        return found

    def _outcome(self, cell, end, log):
        events = log[cell.local, cell.domain, cell.way]
        methods = {e["method"] for e in events if e.name == "stream-authenticated"}
        why = [e["why"] or e["what"] for e in events if e.name in ("stream-failed", "stream-ignored")]
        return Outcome(end[0], end[1], methods, why)
