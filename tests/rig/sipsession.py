"""
INVITE sessions of the scripted SIP user agent, with MESSAGE inside, as Lync and Cisco hold conversations. Either side may have
begun them. What comes in them is recorded as all else the agent gets: texts in ua.received, the rest in ua.others.
"""
import re

TYPES = "text/plain"
LYNC = ("text/plain text/html multipart/alternative application/im-iscomposing+xml application/ms-imdn+xml "
        "text/x-msmsgsinvite")
TYPING = '<?xml version="1.0"?><KeyboardActivity><status status="type" /></KeyboardActivity>'


def sdp(types=LYNC, lines=None, address="10.99.0.1"):
    """A description of a conversation; lines: other media lines than the usual one."""
    media = lines if lines is not None else ["m=message 5060 sip null", "a=accept-types:" + types]
    return "\r\n".join(["v=0", "o=- 0 0 IN IP4 " + address, "s=session", "c=IN IP4 " + address, "t=0 0", *media, ""])


def tag_of(value):
    found = re.search(r";tag=([^;\s]+)", value or "")
    return found.group(1) if found else None


def uri_of(value):
    found = re.search(r"<([^>]*)>", value or "")
    return found.group(1) if found else (value or "").split(";")[0]


class Session:
    """
    One end of a session. invite: the transaction of our INVITE, or the Received of theirs. up: it was accepted. acks: how many
    we have sent. ended: a BYE came.
    """

    def __init__(self, ua, peer, target, transport, call_id, local_tag, local, sender):
        self.ua, self.peer, self.target, self.transport = ua, peer, target, transport
        self.call_id, self.local_tag, self.local, self.sender = call_id, local_tag, local, sender
        self.remote_tag = self.remote_target = self.invite = None
        self.cseq, self.acks, self.ended, self.up, self.holds = 1, 0, False, False, False

    def accepted(self, response):
        """A 2xx to our INVITE, the first or a later one."""
        self.remote_tag = self.remote_tag or tag_of(response.get("to"))
        self.remote_target = self.remote_target or uri_of(response.get("contact"))
        self.up = True
        if not self.holds:
            self.ack(tag_of(response.get("to")))

    def ack(self, remote_tag=None, cseq=None):
        self.acks += 1
        lines = self._lines("ACK", remote_tag or self.remote_tag, cseq or self.invite_cseq, self.ua.new_branch())
        self.ua._emit("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode(), self.target, self.transport)

    def _lines(self, method, remote_tag, cseq, branch):
        return ["%s %s SIP/2.0" % (method, self.remote_target),
                "Via: SIP/2.0/%s %s:%d;branch=%s" % (self.transport.upper(), self.ua.address, self.ua.port, branch),
                "Max-Forwards: 70", "From: <sip:%s>;tag=%s" % (self.sender, self.local_tag),
                "To: <sip:%s>;tag=%s" % (self.peer, remote_tag), "Call-ID: " + self.call_id,
                "CSeq: %d %s" % (cseq, method)]

    def request(self, method, body=b"", content_type="text/plain", **how):
        self.cseq += 1
        how.setdefault("from_tag", self.local_tag)
        how.setdefault("to_tag", self.remote_tag)
        how.setdefault("cseq", self.cseq)
        return self.ua.request(self.peer, body, target=self.target, sender=self.sender, method=method,
                               content_type=content_type, uri=self.remote_target, call_id=self.call_id,
                               transport=self.transport, **how)

    def message(self, text, **how):
        return self.request("MESSAGE", text, **how)

    def typing(self, document=TYPING):
        return self.request("INFO", document, "application/xml")

    def bye(self):
        return self.request("BYE")


def begin(ua, to, *, target, offer=None, sender=None, call_id=None, transport=None, headers=(), holds=False,
          wait=40):
    """Sends an INVITE and waits for its end. The session; its invite.status says what became of it. holds: no ACK."""
    transport = transport or ua.transport
    branch = ua.new_branch()
    call_id = call_id or "call-%s@%s" % (branch[7:], ua.address)
    session = Session(ua, to, target, transport, call_id, "t" + branch[7:], to, sender or ua.user)
    session.invite_cseq, session.holds = 1, holds
    ua.sessions[(call_id, session.local_tag)] = session
    offer = sdp(address=ua.address) if offer is None else offer
    contact = "Contact: <sip:%s@%s:%d;transport=%s>" % ((sender or ua.user).partition("@")[0], ua.address, ua.port,
                                                        transport)
    session.invite = ua.request(to, offer, target=target, sender=sender, method="INVITE",
                                content_type="application/sdp", call_id=call_id, cseq=1, branch=branch,
                                transport=transport, from_tag=session.local_tag, session=session,
                                headers=[contact, "Allow: INVITE, ACK, CANCEL, BYE, MESSAGE, INFO, UPDATE", *headers])
    if wait:
        session.invite.wait(wait)
    return session


def accepting(types=LYNC, status=200, reason="", headers=(), body=None):
    """What ua.on_invite may be: all INVITEs get this."""
    def answer(got):
        return status, reason, headers, sdp(types, address=got.ua.address) if body is None else body
    return answer
