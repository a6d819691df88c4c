"""
Markup wherever somebody who is not trusted can put a name or a text: each bears a mark of where it came from, so that a test can
tell which of them a page has shown.
"""
import contextlib
import json
import socket
import threading
from xml.sax.saxutils import escape, quoteattr

from gateway import PASSWORD, PORT
from rig import dns, scripted, xmlstream
from rig.process import Failed
from rig.scripted import Listener
from rig.xmppclient import XmppClient

SIP = (dns.GATEWAY, 5060)
ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
NICK = "http://jabber.org/protocol/nick"
FORBIDDING, CERTIFIED, NAMELESS = "wingtip.example", "recorder.example", "hostile.example"
PARTNERS = {"fabrikam.example": {}, FORBIDDING: {"proxy": "10.99.0.77"}, CERTIFIED: {"proxy": "10.99.0.78"}, NAMELESS: {}}


def short(mark):
    """Without spaces and quotes it would not run; without more it fits into 63 bytes."""
    return "<img src=x onerror=window.ran=/%s/>" % mark


def hostile(mark):
    return "\"'><script>window.ran=/%s/</script>%s<svg/onload=window.ran=1>{{7*7}}${7*7}" % (mark, short(mark))


class Partner:
    """A partner's server that ends each stream with an error of these words, or shows this certificate first."""

    def __init__(self, domain, address, context=None):
        self.domain, self.context = domain, context
        self.listener, self.ending = Listener(address), threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True, name=domain)

    def start(self):
        self.thread.start()
        return self

    def _serve(self):
        while not self.ending.is_set():
            with contextlib.suppress(Failed, OSError):  # nobody came for a while, or has had enough of it
                with contextlib.closing(self.listener.accept(60)) as wire:
                    self._answer(wire)

    def _answer(self, wire):
        if self.context:
            wire.accept_secure(self.domain, self.context)
        wire.expect(r"<stream:stream[^>]*>")
        wire.send(xmlstream.header(self.domain, "contoso.example", "1") + "<stream:error><policy-violation xmlns='%s'/><text xmlns='%s'>%s"
                  "</text></stream:error></stream:stream>" % (ERRORS, ERRORS, escape(hostile("stream-error"))))

    def stop(self):
        self.ending.set()
        self.listener.sock.shutdown(socket.SHUT_RDWR)  # closed alone it would listen until the thread's wait is over
        self.thread.join(20)
        self.listener.stop()


def partners_say(rig, start, office):
    """Failed set-ups, of which the pages of partners say why: an error's text, a certificate's names, a name in the DNS."""
    cert = rig.pki.issue("hostile-partner", [short("peer-name")], by=None)
    context = scripted.server_context(rig, "fabrikam.example", ask=False)
    context.load_cert_chain(cert.file, cert.key)
    start(Partner(FORBIDDING, "10.99.0.77"))
    start(Partner(CERTIFIED, "10.99.0.78", context))
    host = "".join(c if c.isalnum() or c == "." else "\\%03d" % ord(c) for c in short("dns"))
    rig.dns.change("example", "set _xmpp-server._tcp.hostile SRV 5 0 5269 %s" % host)
    asked = [office.message("someone@" + name, "Hello", target=SIP) for name in (FORBIDDING, CERTIFIED, NAMELESS)]
    assert all(message.wait() >= 400 for message in asked)


def people_say(rig, start, office, turn=1):
    """Messages both ways: resource, nickname and subject; display name; and a reason why not."""
    office.answer = (486, short("sip-reason"))
    iago = start(XmppClient("mercutio@fabrikam.example/" + short("resource"), dns.PROSODY, rig.pki.trust_file))
    iago.send_raw("<message to='alice@contoso.example' type='chat' id=%s><body>%s</body><subject>%s</subject><thread>%s</thread>"
                  "<nick xmlns='%s'>%s</nick></message>" % (quoteattr(short("id")), escape(hostile("body")), escape(hostile("subject")),
                                                          escape(hostile("thread")), NICK, escape(hostile("nick"))))
    assert iago.messages.wait(lambda m: m["type"] == "error", 20)[0]
    name = "<sip:alice@contoso.example>;tag=1"
    line = ["MESSAGE sip:%s SIP/2.0" % "mercutio@fabrikam.example",
            "Via: SIP/2.0/UDP %s:%d;branch=z9hG4bKhostile%d;rport" % (office.address, office.port, turn), "Max-Forwards: 70",
            'From: "%s" %s' % (short("display-name"), name), "To: <sip:mercutio@fabrikam.example>", "Call-ID: hostile%d@office" % turn,
            "CSeq: 1 MESSAGE", "User-Agent: " + short("user-agent"), "Content-Type: text/plain", "Content-Length: 2", "", "hi"]
    office.send_bytes("\r\n".join(line).encode(), SIP)
    assert iago.messages.wait(lambda m: "hi" in m["body"], 20)[0]


def certificates_say(rig, gateway):
    """One whose names are markup, brought from elsewhere."""
    cert = rig.pki.issue("hostile-own", [short("certificate")], by=None)
    with open(cert.both) as f:
        text = f.read()
    gateway.ctl("cert", "import", "hostile", cert.both, "--anyway")
    assert short("certificate") in json.dumps(gateway.ctl_json("cert", "show", "hostile")), text


def browsers_say():
    """What a browser calls itself stands in the list of sessions."""
    import http.client
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    c.request("POST", "/v1/session", json.dumps({"name": "anna", "password": PASSWORD}),
              {"Content-Type": "application/json", "User-Agent": short("agent")})
    assert c.getresponse().status == 200
    c.close()
