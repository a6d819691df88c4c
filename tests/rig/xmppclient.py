"""A person on XMPP: a slixmpp client in a thread of its own, driven and waited for from the test."""
import asyncio
import logging
import threading
import time

import slixmpp
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import StanzaPath

from .peers import PASSWORD
from .process import Failed, Lines

logging.getLogger("slixmpp").setLevel(logging.CRITICAL)


class XmppClient:
    """anew: what his server had kept for somebody of this name is another test's, and goes into stored instead of messages."""

    def __init__(self, jid, address, trust_file, *, port=5222, priority=0, anew=False):
        self.jid, self.address, self.port, self.trust_file, self.priority = jid, address, port, trust_file, priority
        self.anew = anew
        self.messages = Lines()  # of slixmpp stanzas, errors included; arrived_at is time.time()
        self.stored = Lines()  # likewise
        self.presences = Lines()  # likewise, our own among them
        self._ready = threading.Event()
        self._why = "no answer"
        self._thread = threading.Thread(target=self._run, daemon=True, name=jid)

    def start(self, timeout=20):
        self._thread.start()
        if not self._ready.wait(timeout):
            raise Failed("%s could not log in at %s within %d s (%s)" % (self.jid, self.address, timeout, self._why))
        return self

    def _run(self):
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.xmpp = slixmpp.ClientXMPP(self.jid, PASSWORD)
        self.xmpp.loop = self.loop
        self.xmpp.ca_certs = self.trust_file
        self.xmpp.use_message_ids = True
        self.xmpp.auto_reconnect = False
        self.xmpp.roster.auto_authorize, self.xmpp.roster.auto_subscribe = None, False  # who may watch him, the test decides
        self.xmpp.register_handler(Callback("all", StanzaPath("message"), self._arrived))
        self.xmpp.register_handler(Callback("there", StanzaPath("presence"), self._there))
        self.xmpp.add_event_handler("session_start", self._started)
        for event in "failed_auth", "connection_failed", "ssl_invalid_chain":
            self.xmpp.add_event_handler(event, lambda what, event=event: setattr(self, "_why", "%s %s" % (event, what)))
        self.xmpp.connect((self.address, self.port))
        self.loop.run_forever()

    def _arrived(self, message):
        message.arrived_at = time.time()
        (self.stored if self.anew and self._was_stored(message) else self.messages).add(message)

    def _was_stored(self, message):
        """By his own server, while he was away (XEP-0160 2): what reaches him through Stox bears no stamp of that server."""
        delay = message.xml.find("{urn:xmpp:delay}delay")
        return delay is not None and delay.get("from") == self.jid.partition("@")[2]

    def _started(self, _):
        self.xmpp.send_presence(ppriority=self.priority)

    def _there(self, presence):
        """Our own presence comes back when the server has taken it (RFC 6121 4.2.2): from then on messages are for us."""
        self.presences.add(presence)
        if presence["from"] == self.xmpp.boundjid:
            self._ready.set()

    def send(self, to, body, mtype="chat", **attributes):
        """Sends a message; returns its id."""
        message = self.xmpp.make_message(mto=to, mbody=body, mtype=mtype)
        for key, value in attributes.items():
            message[key] = value
        if not message["id"]:
            message["id"] = self.xmpp.new_id()
        self.loop.call_soon_threadsafe(message.send)
        return message["id"]

    def send_raw(self, text):
        self.loop.call_soon_threadsafe(self.xmpp.send_raw, text)

    def mark(self):
        return len(self.messages.all)

    def wait_message(self, body, timeout=20, since=0):
        """A message (not an error) whose body contains this."""
        return self._wait(lambda m: m if m["type"] != "error" and body in m["body"] else None,
                          "message %r" % body, timeout, since)

    def wait_error(self, stanza_id=None, timeout=40, since=0):
        """A message of type error, for this id."""
        return self._wait(lambda m: m if m["type"] == "error" and stanza_id in (None, m["id"]) else None,
                          "error for %s" % stanza_id, timeout, since)

    def _wait(self, found, what, timeout, since):
        message, _ = self.messages.wait(found, timeout, since)
        if message is None:
            raise Failed("%s got no %s within %g s; got: %s" % (
                self.jid, what, timeout, [str(m) for m in self.messages.all[since:]][-5:]))
        return message

    def bodies(self):
        return [m["body"] for m in self.messages.all if m["type"] != "error" and m["body"]]

    def stop(self):
        async def end():
            await self.xmpp.disconnect(wait=1.0)
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.loop.call_soon(self.loop.stop)
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(end(), self.loop)
            self._thread.join(20)
