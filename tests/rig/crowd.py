"""Many people on XMPP at once, each at a server's domain of its own: light clients on one asyncio loop, driven by tests."""
import asyncio
import base64
import itertools
import ssl
import threading
from xml.sax.saxutils import quoteattr

from . import xmlstream
from .peers import PASSWORD
from .process import Failed, Lines

_BIND = "urn:ietf:params:xml:ns:xmpp-bind"
_AT_THE_DOOR = 4  # at once for each server: ejabberd listens with a backlog of 5


class _Person(xmlstream.Wire):
    """STARTTLS without a look at the certificate, which is not what these tests are about; SASL PLAIN; bind; presence."""

    def __init__(self, jid):
        super().__init__()
        self.jid, self.is_in = jid, False
        self.settled = asyncio.Event()  # logged in, or not
        self.messages = Lines()  # of elements
        self.said = ""

    def connection_made(self, transport):
        super().connection_made(transport)
        self._header()

    def _header(self):
        self.write("<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='%s' version='1.0' to=%s>" % (
            xmlstream.CLIENT, xmlstream.STREAM, quoteattr(self.jid.partition("@")[2])))

    def on_tls(self):
        self._header()

    def on_note(self, text):
        self.said = text

    def on_lost(self):
        self.settled.set()

    def on_element(self, el):
        name, ns = xmlstream.name(el)
        if name == "features":
            self._features(el)
        elif (name, ns) == ("proceed", xmlstream.TLS):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.start_tls(context, False)
        elif (name, ns) == ("success", xmlstream.SASL):
            self.new_stream()
            self._header()
        elif name == "iq" and el.get("id") == "bind":
            self.write("<presence/>")
            self.is_in = True
            self.settled.set()
        elif name == "message":
            self.messages.add(el)
        elif name in ("failure", "error"):
            self.said = xmlstream.ET.tostring(el, encoding="unicode")

    def _features(self, el):
        if el.find("{%s}starttls" % xmlstream.TLS) is not None and not self.tls:
            self.write("<starttls xmlns='%s'/>" % xmlstream.TLS)
        elif el.find("{%s}mechanisms" % xmlstream.SASL) is not None:
            token = "\0%s\0%s" % (self.jid.partition("@")[0], PASSWORD)
            self.write("<auth xmlns='%s' mechanism='PLAIN'>%s</auth>" % (
                xmlstream.SASL, base64.b64encode(token.encode()).decode()))
        elif el.find("{%s}bind" % _BIND) is not None:
            self.write("<iq type='set' id='bind'><bind xmlns='%s'/></iq>" % _BIND)


class Crowd:
    """people: {bare address: its server's IP address}."""

    def __init__(self, people, port=5222):
        self.addresses, self.port = people, port
        self.people = {}
        self._ids = itertools.count(1)

    def start(self, timeout=60):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True, name="crowd")
        self._thread.start()
        done = asyncio.run_coroutine_threadsafe(self._log_in(timeout), self.loop)
        done.result(timeout + 5)
        out = {jid: person.said for jid, person in self.people.items() if not person.is_in}
        if out:
            raise Failed("%d of %d could not log in within %g s: %s" % (len(out), len(self.people), timeout,
                                                                        dict(list(out.items())[:3])))
        return self

    async def _log_in(self, timeout):
        room = {address: asyncio.Semaphore(_AT_THE_DOOR) for address in self.addresses.values()}

        async def one(jid, address):
            async with room[address]:
                person = self.people[jid]
                await self.loop.create_connection(lambda: person, address, self.port)
                await person.settled.wait()

        for jid in self.addresses:
            self.people[jid] = _Person(jid)
        await asyncio.wait([self.loop.create_task(one(*who)) for who in self.addresses.items()], timeout=timeout)

    def send(self, jid, to, body):
        """Sends a message; returns its id."""
        stanza_id = "crowd-%d" % next(self._ids)
        self.loop.call_soon_threadsafe(self.people[jid].write, "<message type='chat' to=%s id=%s><body>%s</body></message>" % (
            quoteattr(to), quoteattr(stanza_id), xmlstream.escape(body)))
        return stanza_id

    def message(self, jid, body):
        """The message with this body that has arrived, or None."""
        return self._first(jid, lambda m: m.get("type") != "error" and body in (m.findtext("{*}body") or ""))

    def error(self, jid, stanza_id):
        """The error that has arrived for this id, as (condition, text), or None."""
        el = self._first(jid, lambda m: m.get("type") == "error" and m.get("id") == stanza_id)
        error = el.find("{*}error") if el is not None else None
        if error is None:
            return None
        names = [xmlstream.name(child)[0] for child in error]
        return next((n for n in names if n != "text"), "?"), error.findtext("{*}text") or ""

    def _first(self, jid, found):
        return next((m for m in list(self.people[jid].messages.all) if found(m)), None)

    def stop(self):
        def end():
            for person in self.people.values():
                person.close()
            self.loop.call_soon(self.loop.stop)
        self.loop.call_soon_threadsafe(end)
        self._thread.join(20)
