"""
Kamailio, the SIP server of contoso.example, with the configuration that docs/kamailio shows; only site.cfg is the rig's. And
Kamailio as an Edge, with a configuration of the rig's.
"""
import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess

from . import dns, ns
from .process import Failed, Process, eventually

DOCS = os.path.join(ns.REPO, "docs", "kamailio")
PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}

_SITE = """#!define OWN_ADDRESS {own}
#!define STOX_ADDRESS "{known}"
#!define STOX_NAME "gw.contoso.example"
#!define STOX_URI "sip:{stox}:{port};transport={transport}"
#!define KNOWN_USERS "^(alice|bob|carol|dave)$"
#!define SERVER_URI "sip:{own}:5060"
#!define EVERYBODY_MAY_WATCH 0
#!define DB_MODULE "{module}"
#!define DB_URL "{url}"
#!define CTL "unix:{dir}/ctl"
#!define TLS_CONFIG "{dir}/tls.cfg"
"""

_RULES = """<?xml version="1.0" encoding="UTF-8"?><cp:ruleset xmlns:cp="urn:ietf:params:xml:ns:common-policy" \
xmlns:pr="urn:ietf:params:xml:ns:pres-rules">%s</cp:ruleset>"""
_RULE = """<cp:rule id="r%d"><cp:conditions><cp:identity><cp:one id="sip:%s"/></cp:identity></cp:conditions><cp:actions>\
<pr:sub-handling>%s</pr:sub-handling></cp:actions><cp:transformations/></cp:rule>"""
_RULES_TYPE = 2  # of a row of the table xcap
_DECIDES = """BEGIN; DELETE FROM xcap WHERE username = '{user}';
INSERT INTO xcap (username, domain, doc, doc_type, etag, source, doc_uri, port)
VALUES ('{user}', 'contoso.example', '\\x{text}', {type}, 'e', 0, '{user}', 0); COMMIT"""

_SLOW = """CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER slow AFTER INSERT OR UPDATE ON presentity DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()"""

_EDGE_SITE = """#!define OWN_ADDRESS {own}
#!define STOX_URI "sip:{stox}:{port};transport={transport}"
#!define POOL_ADDRESS "{pool}"
#!define POOL_URI "sip:{pool}:5060;transport=udp"
#!define TLS_CONFIG "{dir}/tls.cfg"
"""


def _tables(kind):
    """The files that make what its presence server needs."""
    return ["/usr/share/kamailio/%s/%s-create.sql" % (kind, name) for name in ("standard", "presence")]


class Kamailio:
    """
    transport: how it speaks to Stox. cert (pki.Cert) is shown both ways, trust is a file of authorities. known: the address that is
    taken for Stox's without TLS; all that connects over TCP in the rig comes from it, phones too. postgres (postgres.Postgres): where its
    presence server has its tables; without one it has an SQLite, which lets one of its processes write and fails the others. defines:
    the names that site.cfg may define.
    """

    name, config, site = "kamailio", os.path.join(DOCS, "kamailio.cfg"), _SITE

    def __init__(self, transport, cert, trust, *, address=dns.KAMAILIO, known=dns.GATEWAY, postgres=None, defines=()):
        self.known, self.postgres, self.database, self.defines = known, postgres, None, defines
        self.transport, self.cert, self.trust, self.address = transport, cert, trust, address
        self.dir = os.path.join(ns.work_dir(), self.name)
        self.process = None

    def start(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        conf = shutil.copy(self.config, self.dir)
        module, url = self._postgres() if self.postgres else self._sqlite()
        with open(os.path.join(self.dir, "site.cfg"), "w") as f:
            f.write("".join("#!define %s\n" % name for name in self.defines))
            f.write(self.site.format(own=self.address, stox=dns.GATEWAY, port=PORTS[self.transport], module=module, url=url,
                                     transport=self.transport, dir=self.dir, pool=dns.POOL, known=self.known))
        self._tls()
        user = ns.own_user(self.dir, "kamailio")
        argv = ["/usr/sbin/kamailio", "-DD", "-E", "-f", conf, "-Y", self.dir, "-m", "32", "-M", "8", "-w", self.dir]
        env = dict(os.environ, PGHOST=self.postgres.dir) if self.postgres else None  # its URLs have no room for a socket's path
        self.process = Process(self.name, argv, cwd=self.dir, env=env, user=user)
        eventually(self._listens, "Kamailio listens")
        return self

    def _sqlite(self):
        with contextlib.closing(sqlite3.connect(self.dir + "/presence.db")) as db:
            for path in _tables("db_sqlite"):
                with open(path) as f:
                    db.executescript(f.read())
            db.execute("PRAGMA journal_mode = WAL")
        return "db_sqlite.so", "sqlite:///%s/presence.db" % self.dir

    def _postgres(self):
        self.database = self.postgres.database()
        for path in _tables("postgres"):
            with open(path) as f:
                self.postgres.ask(self.database, f.read())
        return "db_postgres.so", "postgres://super@/%s" % self.postgres.name_of(self.database)

    def _tls(self):
        with open(os.path.join(DOCS, "tls.cfg")) as f:
            text = f.read()
        for name, path in (("kamailio.pem", self.cert.file), ("kamailio.key", self.cert.key),
                           ("authorities.pem", self.trust)):
            shutil.copy(path, os.path.join(self.dir, name))
            text = text.replace("/etc/kamailio/tls/" + name, os.path.join(self.dir, name))
        with open(os.path.join(self.dir, "tls.cfg"), "w") as f:
            f.write(text)

    def decides(self, **rules):
        """alice={watcher: "allow", "block" or "confirm"}: who may watch her of contoso.example (RFC 5025), from now on. Who is not
        named waits for her word. With a postgres."""
        for user, people in rules.items():
            text = _RULES % "".join(_RULE % (i, jid, word) for i, (jid, word) in enumerate(people.items()))
            self.postgres.ask(self.database, _DECIDES.format(user=user, type=_RULES_TYPE, text=text.encode().hex()))
            said = self.command("presence.refreshWatchers", "sip:%s@contoso.example" % user, "presence", "0")
            if said:
                raise Failed("Kamailio does not ask again who may watch %s: %s" % (user, said))

    @contextlib.contextmanager
    def writes_slowly(self):
        """With a postgres: what is published is in the database a second after it was answered, as when the machine is busy."""
        self.postgres.ask(self.database, _SLOW)
        try:
            yield
        finally:
            self.postgres.ask(self.database, "DROP FUNCTION slow CASCADE")

    def command(self, *words):
        """What kamcmd prints: nothing, where there is nothing to tell and nothing went wrong."""
        done = subprocess.run(["/usr/sbin/kamcmd", "-s", "unix:%s/ctl" % self.dir, *words], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=20)
        return done.stdout

    def _listens(self):
        if not self.process.running():
            raise Failed("Kamailio ended:\n%s" % self.process.tail(30))
        try:
            socket.create_connection((self.address, PORTS["tls"]), 1).close()
            return True
        except OSError:
            return False

    def version(self):
        return subprocess.run(["/usr/sbin/kamailio", "-v"], stdout=subprocess.PIPE, text=True).stdout.split()[2]

    def stop(self):
        if self.process:
            self.process.stop()


class Edge(Kamailio):
    """A record-routing proxy, as Lync's Edge is one, between Stox and the front end at dns.POOL, which it reaches by UDP."""

    name, config, site = "edge", os.path.join(os.path.dirname(__file__), "edge.cfg"), _EDGE_SITE

    def __init__(self, transport, cert, trust):
        super().__init__(transport, cert, trust, address=dns.EDGE)
