"""
Pairs of a SIP user and a partner's user who watch each other or not, as both of their servers have it: a SIP presence
server (the agent, sippresence) and an XMPP server with rosters (the recorder). It can be said at any moment what each side
believes, and whether somebody was shown what he may not see.

One lock is around all of it; the agent's thread, the recorder's news and the test come in by it.
"""
import itertools
import json
import re
import socket
import threading
import xml.etree.ElementTree as ET

from .dns import OFFICE
from .process import Failed, Lines, eventually
from .sippresence import Presence, pidf, state_of
from .sipsession import uri_of
from .sipua import SipUa

HOME = "/home"  # the one client of each partner's user
STRAY = "stray#"  # in what nobody may ever be shown
_TOKEN = re.compile(r"[a-z]+\d*#\d+")


def token_of(text):
    found = _TOKEN.search(text)
    return found.group() if found else None


class Pair:
    """
    sip watches xmpp: wants, watch (his client); shown: (state, token) of the last NOTIFY; granted, prompted (xmpp's roster);
                      refused: he has said no at some time, and a kill may let her hear of it when he has changed his mind
                      strays: how many the gateway has not acknowledged; resent: such a one may come again now that she may see him
                      closed: a refusal has reached the gateway, and all that it had sent before has been looked at
    xmpp watches sip: policy of sip's server ("allow", "wait", "refuse"), dialogs there; to, asked (xmpp's roster);
                      view: {resource: token} as his client has it; ended: he heard that he may not, and it is still so
    """

    def __init__(self, sip, xmpp, policy, mood):
        self.sip, self.xmpp = sip, xmpp
        self.wants, self.watch, self.shown = False, None, (None, None)
        self.granted = self.prompted = self.closed = self.refused = self.resent = False
        self.strays = 0
        self.mood, self.version = mood, 0  # what he says when asked: "yes", "no", "later"; version counts his decisions
        self.policy, self.dialogs = policy, []
        self.to = self.asked = self.ended = False
        self.removing = set()  # what he waits for before he asks again: "answer" and "ack" of his unsubscribe
        self.view = {}

    name = property(lambda self: (self.sip, self.xmpp))

    def __str__(self):
        return "%s %s: wants=%s shown=%s granted=%s prompted=%s mood=%s; policy=%s to=%s asked=%s view=%s" % (
            self.sip, self.xmpp, self.wants, self.shown, self.granted, self.prompted, self.mood, self.policy, self.to,
            self.asked, self.view)


class PresenceServer(Presence):
    """The agent's presence, that says what comes as it comes."""

    def __init__(self, ua, pairs):
        super().__init__(ua)
        self.pairs = pairs

    def _on_notify(self, got):
        super()._on_notify(got)
        self.pairs.on_notice(got.message)


class Office(SipUa):
    """reached(then): then() is called when all that was sent to it until now has been looked at."""

    def __init__(self):
        super().__init__(OFFICE)
        self._barriers, self._numbers = {}, itertools.count(1)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def reached(self, then):
        name = "barrier-%d" % next(self._numbers)
        self._barriers[name] = then
        self._socket.sendto(("OPTIONS sip:barrier SIP/2.0\r\nCall-ID: %s\r\n\r\n" % name).encode(), (OFFICE, 5060))

    def on_message(self, message, peer, send):
        then = self._barriers.pop(message.get("call-id"), None)
        if then:
            then()
        else:
            super().on_message(message, peer, send)

    def stop(self):
        super().stop()
        self._socket.close()


class Pairs:
    """
    pairs: {(sip, xmpp): Pair}. news: a line for each thing that came from the gateway. leaks: what nobody was to be shown.
    errors: what else must not have been. asked_again: questions whose answer was yes already; his server answers them.
    """

    def __init__(self, office, recorder, gateway):
        self.office, self.recorder, self.gateway = office, recorder, gateway
        self.lock, self.news, self.leaks, self.errors = threading.RLock(), Lines(), [], []
        self.pairs, self.number = {}, itertools.count(1)
        self.state = {}  # user: token while he is there, None while he is not
        self.asked_again, self.outs = 0, {}
        office.presence = self.server = PresenceServer(office, self)
        self.server.answer, self.server.first = self._on_subscribe, self._on_watched
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True, name="rosters")
        self._thread.start()

    def add(self, pair):
        self.pairs[pair.name] = pair
        for user in pair.name:
            self.state.setdefault(user, self._token(user))

    def _token(self, user):
        return "%s#%d" % (user.split("@")[0], next(self.number))

    def of(self, user):
        return [p for p in self.pairs.values() if user in p.name]

    def stop(self):
        self._stop.set()
        self._thread.join(10)
        self.office.presence = None

    # ---- SIP users watch ----

    def watch(self, pair):
        """sip adds xmpp, or his client has lost its subscription."""
        with self.lock:
            pair.wants = True
            pair.watch = self.server.subscribe(pair.xmpp, target=self.gateway, sender=pair.sip,
                                               on_done=lambda txn: self._on_subscribed(pair, txn))

    def leave(self, pair):
        with self.lock:
            pair.wants = False
            if pair.watch and pair.watch.remote_tag:
                pair.watch.unsubscribe()

    def refresh_all(self):
        """As clients do; after a new start they learn by it that their subscription is no more. No NOTIFY came: RFC 6665 4.1.2.4."""
        with self.lock:
            for pair in self.pairs.values():
                watch = pair.watch
                if pair.removing == {"answer"}:
                    pair.removing = set()  # it died with the process
                if not pair.wants or not watch.subscribed[-1].done:
                    continue
                if watch.remote_tag and not watch.ended:
                    watch.subscribe(on_done=lambda txn, p=pair: self._on_subscribed(p, txn))
                else:
                    self.watch(pair)

    def wait_answered(self, timeout):
        """Until no SUBSCRIBE of theirs waits for its answer."""
        eventually(lambda: all(p.watch.subscribed[-1].done for p in self.pairs.values() if p.wants), "answers", timeout)

    def _on_subscribed(self, pair, txn):
        with self.lock:
            self.news.add("answer")
            if not pair.wants or pair.watch is None or txn not in pair.watch.subscribed[-1:]:
                return
            if txn.status == 403:
                self._refused(pair)
            elif not 200 <= txn.status < 300:
                self.watch(pair)

    def _refused(self, pair):
        pair.wants, pair.shown = False, ("terminated", None)
        if pair.granted and not pair.refused:
            self.errors.append("nobody has said no: %s" % pair)

    def on_notice(self, message):
        sip, xmpp = (uri_of(message.get(h))[4:].split(";")[0] for h in ("to", "from"))
        with self.lock:
            pair = self.pairs[(sip, xmpp)]
            word, params = state_of(message)
            token = token_of(message.text) if b"<basic>open" in message.body else None
            of_him = token and (pair.resent if STRAY in message.text else token.startswith(xmpp.split("@")[0]))
            if token and (pair.closed or not pair.version or not of_him):
                self.leaks.append("NOTIFY %s: %s" % (message.text, pair))
            self.news.add("notice")
            if not pair.watch or message.get("call-id") != pair.watch.call_id:
                return
            pair.shown = word, token
            if word == "terminated" and pair.wants:
                self._refused(pair) if params.get("reason") == "rejected" else self.watch(pair)

    # ---- SIP users are watched; on the agent's thread ----

    def _on_subscribe(self, got):
        to, sender = (uri_of(got.message.get(h))[4:].split(";")[0] for h in ("to", "from"))
        with self.lock:
            return 403 if self.pairs[(to, sender)].policy == "refuse" else 200

    def _on_watched(self, dialog):
        with self.lock:
            pair = self.pairs[(dialog.local.split(";")[0], dialog.remote.split(";")[0])]
            self.news.add("watched")
            if not dialog.expires:
                self._forget(pair, dialog)
                dialog.notify(state="terminated", reason="timeout")
                return
            if dialog not in pair.dialogs:
                pair.dialogs.append(dialog)
            self._tell(pair, dialog)

    def _forget(self, pair, dialog):
        if dialog in pair.dialogs:
            pair.dialogs.remove(dialog)

    def _tell(self, pair, dialog):
        def on_done(txn):
            if not 200 <= txn.status < 300:
                with self.lock:
                    self._forget(pair, dialog)
        if pair.policy == "allow":
            dialog.notify(self.document(pair.sip), on_done=on_done)
        elif pair.policy == "wait":
            stray = pidf(pair.sip, ("phone", "open", "", "<note>%s1</note>" % STRAY))
            dialog.notify(stray, state="pending", on_done=on_done)
        else:
            self._forget(pair, dialog)
            dialog.notify(state="terminated", reason="rejected")

    def document(self, sip):
        token = self.state[sip]
        return pidf(sip, ("phone", "open", "", "<note>%s</note>" % token) if token else ("phone", "closed"))

    def decide(self, pair, policy):
        """sip lets xmpp watch, or not any more."""
        def do():
            with self.lock:
                pair.policy = policy
                pair.ended = pair.ended and policy == "refuse"
                for dialog in list(pair.dialogs):
                    self._tell(pair, dialog)
        self.office.loop.call_soon_threadsafe(do)

    def sip_changes(self, sip, there):
        def do():
            with self.lock:
                self.state[sip] = self._token(sip) if there else None
                for pair in self.of(sip):
                    for dialog in list(pair.dialogs) if pair.policy == "allow" else ():
                        self._tell(pair, dialog)
        self.office.loop.call_soon_threadsafe(do)

    # ---- XMPP users ----

    def _say(self, pair, kind=None, inside="", resource="", name=None):
        """name: of what is to be known when it is acknowledged."""
        ident, name = "p%d" % next(self.number), kind if kind in ("unsubscribed", "unsubscribe") else name
        if name:
            self.outs[ident] = pair, name, pair.version
        pair.refused = pair.refused or kind == "unsubscribed"
        self.recorder.send_stanza("<presence from='%s%s' to='%s' id='%s'%s>%s</presence>" % (
            pair.xmpp, resource, pair.sip, ident, " type='%s'" % kind if kind else "", inside), "contoso.example")

    def _show(self, pair):
        token = self.state[pair.xmpp]
        self._say(pair, None if token else "unavailable", "<status>%s</status>" % token if token else "", HOME)

    def xmpp_changes(self, xmpp, there):
        """He comes, changes or goes. Who comes has a client that knows nothing, and a server that asks (RFC 6121 3.1.2, 4.2)."""
        with self.lock:
            comes = there and not self.state[xmpp]
            self.state[xmpp] = self._token(xmpp) if there else None
            for pair in self.of(xmpp):
                if not there or comes:
                    pair.view = {}
                if pair.granted:
                    self._show(pair)
                if comes and pair.asked:
                    self._say(pair, "subscribe")
                if comes and pair.to:
                    self._say(pair, "probe", resource=HOME)

    def stray(self, pair):
        """Presence that nobody is entitled to: his server is broken."""
        with self.lock:
            if not pair.version:
                pair.strays += 1
                self._say(pair, inside="<status>%s1</status>" % STRAY, resource=HOME, name="stray")

    def approve(self, pair):
        with self.lock:
            pair.version, pair.closed = pair.version + 1, False
            pair.granted, pair.prompted, pair.resent = True, False, pair.resent or pair.strays > 0
            self._say(pair, "subscribed")
            self._show(pair)

    def refuse(self, pair):
        """He refuses, or takes it back."""
        with self.lock:
            if pair.granted:
                self._say(pair, "unavailable", resource=HOME)
            pair.version += 1 if pair.version else 0
            pair.granted = pair.prompted = False
            self._say(pair, "unsubscribed")

    def ask(self, pair):
        with self.lock:
            pair.asked = True
            self._say(pair, "subscribe")

    def forget(self, pair):
        with self.lock:
            pair.asked, pair.to, pair.view, pair.removing = False, False, {}, {"answer", "ack"}
            self._say(pair, "unsubscribe")

    # ---- what XMPP gets; on the thread of the news ----

    def _listen(self):
        at = 0
        while not self._stop.is_set():
            line, at = self.recorder.process.out.wait(lambda line: line, 0.2, at)
            if not line or not line.startswith("{"):
                continue
            entry = json.loads(line)
            with self.lock:
                if "out" in entry:
                    ident = ET.fromstring(entry["stanza"]).get("id")
                    if ident in self.outs:
                        self.outs[entry["out"]] = self.outs.pop(ident)
                elif "acked" in entry:
                    self._on_acked(entry["acked"])
                elif entry.get("kind") == "presence":
                    self._on_presence(entry)

    def _on_acked(self, number):
        self.news.add("acked")
        if number in self.outs:
            pair, kind, version = self.outs.pop(number)
            if kind == "unsubscribe":
                pair.removing.discard("ack")
            if kind == "stray":
                pair.strays -= 1
            if kind != "unsubscribed":
                return

            def closed():
                with self.lock:
                    pair.closed = pair.closed or pair.version == version
            self.office.reached(closed)

    def _on_presence(self, entry):
        sip, _, resource = entry["from"].partition("/")
        pair, kind = self.pairs[(sip, entry["to"].split("/")[0])], entry["type"]
        self.news.add("stanza")
        if kind == "error":
            self.errors.append(entry["xml"])
        elif kind in ("subscribe", "unsubscribe", "subscribed", "unsubscribed", "probe"):
            getattr(self, "_xmpp_" + kind)(pair)
        else:
            self._on_seen(pair, resource, None if kind else token_of(entry["xml"]), entry)

    def _on_seen(self, pair, resource, token, entry):
        if not entry["type"] and (pair.ended or STRAY in entry["xml"]
                                  or token and not token.startswith(pair.sip.split("@")[0])):
            self.leaks.append("%s: %s" % (entry["xml"], pair))
        if not pair.to or not self.state[pair.xmpp]:
            return  # his server drops it, or nobody is there
        if token:
            pair.view[resource] = token
        elif resource:
            pair.view.pop(resource, None)
        else:
            pair.view = {}

    def _xmpp_subscribe(self, pair):
        if pair.granted:
            self.asked_again += 1
            self._say(pair, "subscribed")
        elif pair.mood == "yes":
            self.approve(pair)
        elif pair.mood == "no":
            self.refuse(pair)
        else:
            pair.prompted = True

    def _xmpp_unsubscribe(self, pair):
        pair.granted = pair.prompted = False

    def _xmpp_subscribed(self, pair):
        pair.to, pair.asked = pair.to or pair.asked, False

    def _xmpp_unsubscribed(self, pair):
        pair.to, pair.asked, pair.view = False, False, {}
        pair.removing.discard("answer")
        pair.ended = pair.policy == "refuse"

    def _xmpp_probe(self, pair):
        if pair.granted:
            self._show(pair)
        else:
            self._say(pair, "unsubscribed")

    # ---- what both believe, and the store ----

    def disagreements(self, store):
        """Sentences: where one of the three contradicts another. store: {(sip, xmpp): (sip-watches, xmpp-watches)}"""
        with self.lock:
            found = ["%s is stored and nobody's" % (name,) for name in set(store) - set(self.pairs)]
            for pair in self.pairs.values():
                to_xmpp, to_sip = store.get(pair.name, ("no", "no"))
                wrong = [*self._about_sip(pair, to_xmpp), *self._about_xmpp(pair, to_sip)]
                found += ["%s; stored %s, %s; %s" % (", ".join(wrong), to_xmpp, to_sip, pair)] if wrong else []
            return found

    def _about_sip(self, pair, stored):
        believed = "granted" if pair.granted else "asked" if pair.prompted else "no"
        if believed != ("no" if stored == "denied" else stored):
            yield "sip-watches: the roster says %s" % believed
        wanted = ("active", self.state[pair.xmpp]) if pair.granted else ("pending", None)
        if pair.wants and pair.shown != wanted:
            yield "sip should be shown %s" % (wanted,)

    def _about_xmpp(self, pair, stored):
        believed = "granted" if pair.to else "asked" if pair.asked else "no"
        if believed != stored:
            yield "xmpp-watches: the roster says %s" % believed
        if stored != "no" and stored != {"allow": "granted", "wait": "asked"}.get(pair.policy):
            yield "xmpp-watches: the SIP server says %s" % pair.policy
        seen, there = set(pair.view.values()), self.state[pair.sip]
        if self.state[pair.xmpp] and seen != ({there} if pair.to and there else set()):
            yield "xmpp should see %s" % there

    def wait_news(self, n, timeout=1):
        """Until n more things have come from the gateway, or there are none."""
        at, left = len(self.news.all), [n]

        def count(_):
            left[0] -= 1
            return left[0] <= 0
        if n:
            self.news.wait(count, timeout, at)

    def wait_agreed(self, stored, timeout):
        """Until nothing disagrees. stored(): the store as it is now."""
        try:
            eventually(lambda: not self.disagreements(stored()), "both sides agree with the store", timeout, 0.3)
        except Failed as e:
            raise Failed("%s:\n    %s" % (e, "\n    ".join(self.disagreements(stored()))))
