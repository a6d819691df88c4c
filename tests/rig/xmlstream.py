"""An XMPP stream on asyncio: TCP, TLS over memory BIOs (it can begin in the middle), XML elements one by one."""
import asyncio
import ssl
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

STREAM = "http://etherx.jabber.org/streams"
SERVER, CLIENT = "jabber:server", "jabber:client"
TLS, SASL = "urn:ietf:params:xml:ns:xmpp-tls", "urn:ietf:params:xml:ns:xmpp-sasl"
DIALBACK, DIALBACK_FEATURE = "jabber:server:dialback", "urn:xmpp:features:dialback"
SM, PING = "urn:xmpp:sm:3", "urn:xmpp:ping"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"

for prefix, uri in ("stream", STREAM), ("db", DIALBACK):
    ET.register_namespace(prefix, uri)


def name(el):
    """("message", namespace) of an element."""
    ns, _, local = el.tag[1:].partition("}") if el.tag.startswith("{") else ("", "", el.tag)
    return local, ns


def header(sender, to, stream_id=None):
    return ("<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='%s' xmlns:db='%s' version='1.0'%s%s%s>" % (
        SERVER, STREAM, DIALBACK,
        " from=%s" % quoteattr(sender) if sender else "", " to=%s" % quoteattr(to) if to else "",
        " id=%s" % quoteattr(stream_id) if stream_id else ""))


def message(sender, to, body, stanza_id, mtype="chat"):
    return "<message from=%s to=%s id=%s type='%s'><body>%s</body></message>" % (
        quoteattr(sender), quoteattr(to), quoteattr(stanza_id), mtype, escape(body))


class Wire(asyncio.Protocol):
    """Override on_open, on_element, on_chunk (after all elements of one read), on_lost."""

    def __init__(self):
        self.transport = self.tls = None
        self.closed = False
        self._restart_parser()

    def _restart_parser(self):
        self.parser = ET.XMLPullParser(("start", "end"))
        self.depth, self.root = 0, None

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, exc):
        self.closed = True
        self.on_lost()

    def write(self, text):
        data = text.encode() if isinstance(text, str) else text
        if self.closed:
            return
        if self.tls:
            self.tls.write(data)
            self._flush()
        else:
            self.transport.write(data)

    def close(self):
        if not self.closed:
            self.write("</stream:stream>")
            self.transport.close()

    def start_tls(self, context, server_side, hostname=None):
        """From the next byte on. The XML starts anew."""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_side=server_side, server_hostname=hostname)
        self._shaking = True
        self._restart_parser()
        if not server_side:
            self._handshake()

    def _flush(self):
        data = self._out.read()
        if data:
            self.transport.write(data)

    def _handshake(self):
        try:
            self.tls.do_handshake()
            self._shaking = False
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as e:
            self._flush()
            self.on_note("TLS failed: %s" % e)
            self.transport.close()
            return
        self._flush()
        if not self._shaking:
            self.on_tls()

    def data_received(self, data):
        if self.tls:
            self._in.write(data)
            if self._shaking:
                self._handshake()
                if self._shaking:
                    return
            data = self._decrypt()
        if data:
            self._feed(data)
        self.on_chunk()

    def _decrypt(self):
        parts = []
        try:
            while True:
                part = self.tls.read(65536)
                if not part:
                    self.transport.close()
                    break
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.transport.close()
        self._flush()
        return b"".join(parts)

    def _feed(self, data):
        try:
            self.parser.feed(data)
            parser = self.parser
            for event, el in parser.read_events():
                if event == "start":
                    self.depth += 1
                    if self.depth == 1:
                        self.root = el
                        self.on_open(el.attrib)
                    continue
                self.depth -= 1
                if self.depth == 1:
                    self.root.remove(el)
                    self.on_element(el)
                    if self.parser is not parser:  # a new stream begins; the rest was not for the old one
                        return
                elif self.depth == 0:
                    self.close()
        except ET.ParseError as e:
            self.on_note("not XML: %s" % e)
            self.transport.close()

    def new_stream(self):
        """After SASL: the next bytes are a new document."""
        self._restart_parser()

    def on_open(self, attributes):
        pass

    def on_element(self, el):
        pass

    def on_chunk(self):
        pass

    def on_tls(self):
        pass

    def on_lost(self):
        pass

    def on_note(self, text):
        pass
