"""
Peers whose every byte the test decides: open or accept TCP, send, expect, begin TLS. Blocking, always with a bound.

    wire = connect(("10.99.0.1", 5269), source="10.99.0.40")
    wire.send(xmlstream.header("scripted.example", "contoso.example"))
    wire.expect("</stream:features>")
"""
import base64
import re
import select
import socket
import ssl
import time

from . import xmlstream
from .process import Failed


class Closed(Failed):
    """The other side closed while more was expected."""


class Wire:
    """One connection. data: what came and was not consumed by expect; all: everything that ever came."""

    def __init__(self, sock, name):
        self.sock, self.name = sock, name
        self.data = self.all = b""
        self.ended = False
        self.stream_id = None
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, what, timeout=20):
        data = what.encode() if isinstance(what, str) else what
        deadline = time.monotonic() + timeout
        while data:
            try:
                data = data[self.sock.send(data):]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(deadline, write=True)
            except ssl.SSLWantReadError:
                self._wait(deadline)
        return self

    def send_slowly(self, what, each=1):
        """In pieces of so many bytes, each in a segment of its own."""
        data = what.encode() if isinstance(what, str) else what
        for i in range(0, len(data), each):
            self.send(data[i:i + each])
        return self

    def _wait(self, deadline, write=False):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        ready = select.poll()  # not select(): there may be thousands of descriptors
        ready.register(self.sock, select.POLLOUT if write else select.POLLIN)
        return bool(ready.poll(left * 1000))

    def _more(self, deadline):
        """Reads once; False at the bound or at the end."""
        while not self.ended:
            try:
                data = self.sock.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):
                if not self._wait(deadline):
                    return False
                continue
            except (ConnectionError, ssl.SSLError):
                data = b""
            if not data:
                self.ended = True
                return False
            self.data += data
            self.all += data
            return True
        return False

    def expect(self, pattern, timeout=20):
        """Reads until pattern (a regular expression) is there; consumes up to its end; returns the match, of text."""
        deadline = time.monotonic() + timeout
        while True:
            text = self.data.decode("utf-8", "replace")
            match = re.search(pattern, text, re.DOTALL)
            if match:
                self.data = text[match.end():].encode()
                return match
            if not self._more(deadline):
                raise (Closed if self.ended else Failed)("%s: no /%s/ %s; got %r" % (
                    self.name, pattern, "before the end" if self.ended else "within %g s" % timeout, self.data[-2000:]))

    def expect_end(self, timeout=20):
        """Reads until the other side closes; returns what came before."""
        deadline = time.monotonic() + timeout
        while self._more(deadline):
            pass
        if not self.ended:
            raise Failed("%s: still open after %g s; got %r" % (self.name, timeout, self.data[-2000:]))
        return self.data.decode("utf-8", "replace")

    def expect_silence(self, seconds):
        """That nothing comes for so long, and the connection stays open."""
        if self.data or self._more(time.monotonic() + seconds) or self.ended:
            what = "closed" if self.ended else "got"
            raise Failed("%s: expected silence; %s %r" % (self.name, what, self.data[-2000:]))

    def start_tls(self, context, *, server_side=False, hostname=None, session=None, timeout=20):
        """TLS from the next byte on. The bounds hold for the handshake; its failure is an ssl.SSLError."""
        self.sock = context.wrap_socket(self.sock, server_side=server_side, server_hostname=hostname,
                                        do_handshake_on_connect=False, session=session)
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.sock.do_handshake()
                return self
            except ssl.SSLWantReadError:
                if not self._wait(deadline):
                    raise Failed("%s: TLS not done within %g s" % (self.name, timeout)) from None
            except ssl.SSLWantWriteError:
                self._wait(deadline, write=True)

    def reset(self):
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    def close(self):
        self.sock.close()

    # XMPP, step by step. Every step can be done by hand with send and expect instead.

    def open_stream(self, sender, to):
        """As the connecting side: header out, header and features in. Returns the features' text."""
        self.send(xmlstream.header(sender, to))
        self.stream_id = self.expect(r"<stream:stream[^>]*\bid=['\"]([^'\"]*)['\"][^>]*>").group(1)
        return self.expect(r"<stream:features\s*/>|<stream:features\b.*?</stream:features>").group()

    def secure(self, sender, to, context):
        """Header, STARTTLS, TLS as the connecting side."""
        features = self.open_stream(sender, to)
        assert "starttls" in features, features
        self.send("<starttls xmlns='%s'/>" % xmlstream.TLS)
        self.expect(r"<proceed\b[^>]*/>")
        return self.start_tls(context, hostname=to)

    def authenticate(self, sender, to):
        """SASL EXTERNAL as the connecting side, then the stream anew. Returns the features."""
        features = self.open_stream(sender, to)
        assert "EXTERNAL" in features, features
        self.send("<auth xmlns='%s' mechanism='EXTERNAL'>%s</auth>" % (
            xmlstream.SASL, base64.b64encode(sender.encode()).decode()))
        self.expect(r"<success\b[^>]*/>|<success\b[^>]*></success>")
        return self.open_stream(sender, to)

    def accept_stream(self, domain, features):
        """As the accepting side: header in, header and features out. Returns the peer's header."""
        header = self.expect(r"<stream:stream\b[^>]*>").group()
        peer = re.search(r"\bfrom=['\"]([^'\"]*)['\"]", header)
        self.stream_id = "scripted-%d" % time.monotonic_ns()
        self.send(xmlstream.header(domain, peer and peer.group(1), self.stream_id) +
                  "<stream:features>%s</stream:features>" % features)
        return header

    def accept_secure(self, domain, context):
        """As the accepting side: header, STARTTLS, TLS."""
        self.accept_stream(domain, "<starttls xmlns='%s'><required/></starttls>" % xmlstream.TLS)
        self.expect(r"<starttls\b[^>]*/>|<starttls\b[^>]*></starttls>")
        self.send("<proceed xmlns='%s'/>" % xmlstream.TLS)
        return self.start_tls(context, server_side=True)

    def accept_authenticated(self, domain, features=""):
        """As the accepting side: SASL EXTERNAL (believed), then the stream anew with these features."""
        self.accept_stream(
            domain, "<mechanisms xmlns='%s'><mechanism>EXTERNAL</mechanism></mechanisms>" % xmlstream.SASL)
        self.expect(r"<auth\b[^>]*(/>|>[^<]*</auth>)")
        self.send("<success xmlns='%s'/>" % xmlstream.SASL)
        return self.accept_stream(domain, features)


class Listener:
    def __init__(self, address, port=5269):
        self.sock = socket.create_server((address, port), backlog=64)
        self.name = "%s:%d" % (address, port)

    def start(self):
        return self

    def accept(self, timeout=20):
        self.sock.settimeout(timeout)
        try:
            sock, peer = self.sock.accept()
        except TimeoutError:
            raise Failed("nobody connected to %s within %g s" % (self.name, timeout)) from None
        return Wire(sock, "%s from %s:%d" % (self.name, *peer[:2]))

    def stop(self):
        self.sock.close()


def connect(target, *, source=None, timeout=20):
    """A connection from any of the rig's addresses."""
    sock = socket.create_connection(target, timeout, (source, 0) if source else None)
    return Wire(sock, "to %s:%d" % target[:2])


def half_open(target, sources, each=1):
    """Connections from many addresses that then say nothing."""
    return [connect(target, source=s) for s in sources for _ in range(each)]


def source_addresses(n):
    """n addresses of the rig that nobody else uses."""
    return ["10.99.%d.%d" % (100 + i // 200, 1 + i % 200) for i in range(n)]


def client_context(rig, domain=None, verify=True):
    """TLS as the connecting side. domain: whose certificate to show; None: none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if domain:
        cert = rig.cert(domain)
        context.load_cert_chain(cert.file, cert.key)
    if verify:
        context.load_verify_locations(rig.pki.trust_file)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def server_context(rig, domain, ask=True, minimum=None, maximum=None):
    """TLS as the accepting side, with the domain's certificate; ask: for the other's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert = rig.cert(domain)
    context.load_cert_chain(cert.file, cert.key)
    context.load_verify_locations(rig.pki.trust_file)
    context.verify_mode = ssl.CERT_OPTIONAL if ask else ssl.CERT_NONE
    if minimum:
        context.minimum_version = minimum
    if maximum:
        context.maximum_version = maximum
    return context
