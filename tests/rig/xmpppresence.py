"""
Presence of a person on XMPP: what he is told of others, what he decides, and what he says of himself. His server keeps his
roster; nothing is decided without the test.
"""
import asyncio
import itertools
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

from .process import Failed

_ROSTER = "<iq type='get' id='r0'><query xmlns='jabber:iq:roster'/></iq>"
_ITEM = "<iq type='set' id='r%d'><query xmlns='jabber:iq:roster'><item jid='%s'%s/></query></iq>"


class Presence:
    """Of an XmppClient that has begun: told has every presence stanza that came since it connected, of slixmpp. Only whose
    client has asked for his list of contacts is told of decisions."""

    def __init__(self, person):
        self.person, self.told, self._ids = person, person.presences, itertools.count(1)
        person.send_raw(_ROSTER)

    # What he says.

    def is_(self, show=None, note=None, priority=None):
        """There, as show says (None: simply there)."""
        inside = "<show>%s</show>" % show if show else ""
        inside += "<status>%s</status>" % escape(note) if note else ""
        inside += "<priority>%d</priority>" % priority if priority is not None else ""
        self.person.send_raw("<presence>%s</presence>" % inside)

    def leaves(self):
        """Unavailable; his connection stays."""
        self.person.send_raw("<presence type='unavailable'/>")

    def asks(self, whom):
        self._say("subscribe", whom)

    def allows(self, whom):
        self._say("subscribed", whom)

    def refuses(self, whom):
        """A question, or what he has allowed."""
        self._say("unsubscribed", whom)

    def refuses_and_is_heard(self, whom):
        """The gateway has read it. ejabberd says twice that what was allowed is so no more: the second time could meet the next question."""
        self.refuses(whom)
        self.settle(whom.partition("@")[2])

    def asks_no_more(self, whom):
        self._say("unsubscribe", whom)

    def removes(self, whom):
        """From his list of contacts: both directions end."""
        self.person.send_raw(_ITEM % (next(self._ids), whom, " subscription='remove'"))

    def settle(self, domain):
        """What he and his server have sent there until now has been read there when this returns: a ping behind it is answered."""
        async def ping():
            iq = self.person.xmpp.make_iq_get(ito=domain)
            iq.append(ElementTree.Element("{urn:xmpp:ping}ping"))
            await iq.send(timeout=20)
        asyncio.run_coroutine_threadsafe(ping(), self.person.loop).result(30)

    def _say(self, kind, whom):
        self.person.send_raw("<presence to='%s' type='%s'/>" % (whom, kind))

    # What he is told.

    def mark(self):
        return len(self.told.all)

    def wait(self, kind, sender, found=None, timeout=20, since=0):
        """The first stanza of this type (available, away, xa, dnd and chat are all of that of who is there: give show() as found)
        of sender, a bare address, any of whose clients counts, or a full one."""
        def like(p):
            of = str(p["from"]), p["from"].bare
            kinds = p.xml.get("type") or "available"
            return p if sender in of and kinds == kind and (found is None or found(p)) else None
        stanza, _ = self.told.wait(like, timeout, since)
        if stanza is None:
            raise Failed("%s was told no %s of %s within %g s; but: %s" % (
                self.person.jid, kind, sender, timeout, [str(p) for p in self.told.all[since:]][-6:]))
        return stanza

    def wait_is(self, sender, show=None, note=None, timeout=20, since=0):
        """Until sender is there, just so."""
        return self.wait("available", sender, lambda p: said(p) == (show, note), timeout, since)


def said(stanza):
    """(show, note) of a presence stanza."""
    ns = "{%s}" % stanza.namespace
    return stanza.xml.findtext(ns + "show"), stanza.xml.findtext(ns + "status")


def attach(person):
    """He has presence from now on."""
    person.presence = Presence(person)
    return person.presence
