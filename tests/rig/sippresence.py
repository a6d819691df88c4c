"""
Presence of the scripted SIP user agent (RFC 6665, RFC 3856): it watches people (subscribe, notices), is watched itself (what
SUBSCRIBE gets, notify), and publishes. Everything is recorded, repeats too, as all else that the agent gets.
"""
import re
import time

from .process import Failed, Lines
from .sipsession import tag_of, uri_of

PIDF = "application/pidf+xml"


def pidf(entity, *tuples, notes=""):
    """A document about sip:entity. tuples: (id, "open" or "closed"[, what stands in status besides[, what follows it]])."""
    made = []
    for t in tuples:
        ident, basic, inside, after = (tuple(t) + ("", ""))[:4]
        made.append("<tuple id='%s'><status><basic>%s</basic>%s</status>%s</tuple>" % (ident, basic, inside, after))
    return ("<?xml version='1.0' encoding='UTF-8'?><presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:%s'>"
            "%s%s</presence>" % (entity, "".join(made), notes))


def state_of(message):
    """(word, {parameter: value}) of Subscription-State."""
    word, *params = [p.strip() for p in message.get("subscription-state", "").split(";")]
    return word, dict(p.split("=", 1) if "=" in p else (p, "") for p in params)


class Dialog:
    """What both roles have in common. target: (address, port) of who is spoken to."""

    def __init__(self, ua, target, transport, call_id, local, local_tag, remote):
        self.ua, self.target, self.transport, self.call_id = ua, target, transport, call_id
        self.local, self.local_tag, self.remote = local, local_tag, remote
        self.remote_tag = self.remote_target = None
        self.cseq, self.ended = 0, False

    def contact(self):
        return "Contact: <sip:%s@%s:%d;transport=%s>" % (self.local.partition("@")[0], self.ua.address, self.ua.port,
                                                        self.transport)

    def request(self, method, headers=(), body=b"", **how):
        self.cseq += 1
        how.setdefault("cseq", self.cseq)
        return self.ua.request(self.remote, body, target=self.target, sender=self.local, method=method,
                               content_type=how.pop("content_type", PIDF), uri=self.remote_target, call_id=self.call_id,
                               transport=self.transport, from_tag=self.local_tag, to_tag=self.remote_tag,
                               headers=[self.contact(), *headers], **how)


class Watch(Dialog):
    """
    We watch somebody. subscribed: the transactions of our SUBSCRIBEs. notices: the NOTIFYs (Received), each once. answer: what
    they get: a status, (status, reason, headers), or None for nothing (yet).
    """

    def __init__(self, *how):
        super().__init__(*how)
        self.subscribed, self.notices, self.answer, self.event = [], Lines(), 200, "presence"

    def subscribe(self, expires=3600, headers=(), accept=PIDF, **how):
        lines = ["Event: " + self.event] if self.event else []
        lines += ["Expires: %d" % expires] if expires is not None else []
        lines += ["Accept: " + accept] if accept else []
        txn = self.request("SUBSCRIBE", [*lines, *headers], **how)
        self.subscribed.append(txn)
        return txn

    def routes(self):
        """Route lines for requests in the dialog, when proxies on the way have recorded themselves (RFC 3261 12.1.2). A NOTIFY may come
        before the answer from which they are."""
        self.subscribed[0].wait()
        return ["Route: " + r for r in reversed(self.subscribed[0].response.all("record-route"))]

    def unsubscribe(self, **how):
        return self.subscribe(0, **how)

    def wait_notice(self, state=None, found=None, timeout=20, since=0):
        """The first NOTIFY from number since on with this state (a word) that found() likes; its message."""
        def like(got):
            word, _ = state_of(got.message)
            return got.message if (state in (None, word) and (not found or found(got.message))) else None
        got, _ = self.notices.wait(like, timeout, since)
        if got is None:
            seen = [n.message for n in self.notices.all[since:]]
            raise Failed("SIP: no NOTIFY %s for %s within %g s; got %s, the last one with: %s" % (
                state or "", self.remote, timeout, [m.get("subscription-state") for m in seen], [seen[-1].text] if seen else ""))
        return got

    def mark(self):
        return len(self.notices.all)


class Watched(Dialog):
    """Somebody watches us. asked: the SUBSCRIBEs (Received). notified: the transactions of our NOTIFYs."""

    def __init__(self, *how):
        super().__init__(*how)
        self.asked, self.notified, self.expires, self.granted_at = Lines(), [], 3600, time.monotonic()
        self.event = "presence"

    def notify(self, body=b"", state="active", expires=None, reason=None, retry_after=None, params="", headers=(),
               event=None, content_type=PIDF, **how):
        value = state
        if state != "terminated" or expires is not None:
            left = max(0, int(self.expires - (time.monotonic() - self.granted_at)))
            value += ";expires=%d" % (left if expires is None else expires)
        value += ";reason=" + reason if reason else ""
        value += ";retry-after=%d" % retry_after if retry_after is not None else ""
        txn = self.request("NOTIFY", ["Event: " + (event or self.event), "Subscription-State: " + value + params, *headers],
                           body, content_type=content_type, **how)
        self.notified.append(txn)
        return txn


class Publication:
    """What an agent publishes of its user (RFC 3903) at a server, target: (address, port). etag: of what is there; None: nothing."""

    def __init__(self, ua, target):
        self.ua, self.target, self.etag = ua, target, None

    def begin(self, body=b"", expires=600):
        """Sends it, to be in place of what was; its transaction, for took."""
        headers = ["Event: presence", "Expires: %d" % expires] + ["SIP-If-Match: " + e for e in [self.etag] if e]
        return self.ua.request(self.ua.user, body, target=self.target, method="PUBLISH", content_type=PIDF, headers=headers)

    def took(self, txn):
        """Waits for the answer; what is there now."""
        if txn.wait() != 200:
            raise Failed("SIP: PUBLISH got %d %s" % (txn.status, txn.reason))
        self.etag = txn.response.get("sip-etag") if txn.response.get("expires") != "0" else None

    def publish(self, body=b"", expires=600):
        self.took(self.begin(body, expires))

    def remove(self):
        self.publish(expires=0)


class Presence:
    """
    Presence of an agent: ua.presence = Presence(ua), or what attach gives.

    answer: what a SUBSCRIBE that begins something gets, a status, (status, reason, headers), None for nothing, or a function of
    Received that returns one of these; expires_max bounds what a 2xx grants. again: the same for SUBSCRIBEs in a dialog. first:
    a function of Watched, called after every 2xx; None: no NOTIFY follows. watched: those who watch us, in order.
    published: a status, (status, reason, headers) or a function, for PUBLISH; bodies stand in ua.others.
    """

    def __init__(self, ua):
        self.ua, self.answer, self.again, self.published = ua, 200, 200, 200
        self.expires_max = 3600
        self.first = lambda w: w.notify(state="pending") if w.expires else w.notify(state="terminated", reason="timeout")
        self.watches, self.by_dialog, self.watched = {}, {}, Lines()

    def subscribe(self, to, *, target, sender=None, transport=None, expires=3600, call_id=None, local_tag=None, event="presence",
                  **how):
        """Begins to watch somebody: a Watch, whose subscribed[0] is the transaction."""
        branch = self.ua.new_branch()
        watch = Watch(self.ua, target, transport or self.ua.transport, call_id or "watch-%s@%s" % (branch[7:], self.ua.address),
                      sender or self.ua.user, local_tag or "w" + branch[7:], to)
        watch.event = event
        self.watches[(watch.call_id, watch.local_tag)] = watch
        watch.subscribe(expires, **how)
        return watch

    def wait_watched(self, by=None, timeout=20, since=0):
        """The first from number since on whom somebody (a bare address) watches: a Watched."""
        got, _ = self.watched.wait(lambda w: w if by is None or w.remote.split(";")[0] == by else None, timeout, since)
        if got is None:
            raise Failed("SIP: no SUBSCRIBE of %s within %g s; got %s" % (by or "anybody", timeout,
                                                                         [w.remote for w in self.watched.all[since:]]))
        return got

    def mark(self):
        return len(self.watched.all)

    # What comes in; on the agent's thread.

    def on_request(self, got):
        getattr(self, "_on_" + got.message.method.lower())(got)
        self.ua.others.add(got.message)

    def _say(self, got, answer, headers=()):
        answer = answer(got) if callable(answer) else answer
        if answer is None:
            return 0
        status, reason, more = (tuple(answer) + ("", ()))[:3] if isinstance(answer, tuple) else (answer, "", ())
        self.ua._reply(got, status, reason, [*more, *(headers if 200 <= status < 300 else ())], b"")
        return status

    def _on_notify(self, got):
        message = got.message
        watch = self.watches.get((message.get("call-id"), tag_of(message.get("to"))))
        if not watch or (watch.remote_tag and watch.remote_tag != tag_of(message.get("from"))):
            self._say(got, 481)
            return
        watch.remote_tag = tag_of(message.get("from"))
        watch.remote_target = uri_of(message.get("contact")) or watch.remote_target
        watch.ended = watch.ended or state_of(message)[0] == "terminated"
        self._say(got, watch.answer)
        watch.notices.add(got)

    def _on_subscribe(self, got):
        message = got.message
        asked = int(message.get("expires", "3600"))
        key = message.get("call-id"), tag_of(message.get("from"))
        watched = self.by_dialog.get(key)
        if tag_of(message.get("to")) and not watched:
            self._say(got, 481)
            return
        fresh = watched is None
        if fresh:
            watched = self._new_watched(got)
            self.by_dialog[key] = watched
        granted = min(asked, self.expires_max)
        headers = ["Expires: %d" % granted, watched.contact()]
        status = self._say(got, self.answer if fresh else self.again, headers)
        if 200 <= status < 300:
            watched.expires, watched.granted_at, watched.ended = granted, time.monotonic(), not granted
            if self.first:
                self.first(watched)
        watched.asked.add(got)  # behind that NOTIFY: who waits for it goes on with the next one
        if fresh:
            self.watched.add(watched)

    def _new_watched(self, got):
        message = got.message
        contact = message.get("contact", "")
        where = re.fullmatch(r"(?:sips?:)?(?:[^@]*@)?([^:;]*)(?::(\d+))?.*", uri_of(contact))
        host = where.group(1) if where and re.fullmatch(r"[0-9.]+", where.group(1)) else got.peer[0]
        transport = "tcp" if "transport=tcp" in contact else "tls" if "transport=tls" in contact else "udp"
        watched = Watched(self.ua, (host, int((where and where.group(2)) or 5060)), transport, message.get("call-id"),
                          uri_of(message.get("to"))[4:], self.ua._salt, uri_of(message.get("from"))[4:])
        watched.remote_tag, watched.remote_target = tag_of(message.get("from")), uri_of(contact)
        watched.event = message.get("event", "presence")
        return watched

    def _on_publish(self, got):
        self._say(got, self.published, ["SIP-ETag: e%d" % len(self.ua.others.all), "Expires: 3600"])


def attach(ua):
    """The agent has presence from now on."""
    ua.presence = Presence(ua)
    return ua.presence
