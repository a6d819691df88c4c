"""
baresip, a real SIP phone, for text messages: what it prints when one arrives, and its /message command to its contact.
Commands go in over ctrl_tcp (JSON in netstrings), messages are read from its output.
"""
import json
import os
import re
import shutil
import socket
import subprocess

from . import ns
from .process import Failed, Process, eventually

COMMAND_MAX = 1000  # what ctrl_tcp takes, without a word about the rest; its terminal takes more, but not 40,000

_CONFIG = """
module_path /usr/lib/baresip/modules
sip_listen {address}:5060
ctrl_tcp_listen {address}:4444
module_app account.so
module_app contact.so
module_app menu.so
module stdio.so
module ctrl_tcp.so
"""


class _Answers:
    """
    What baresip traces, line by line: the final response (status, reason) to what it has sent of this method with these words in it; status:
    only such a one. What it repeats, or asked before that, is answered under another Call-ID.
    """

    def __init__(self, phone, method, words="", status=None):
        self.server, self.method, self.words, self.status = phone.at, method, words, status
        self.head, self.call_id, self.ours, self.asked = None, None, False, set()  # of the message that this line is of

    def __call__(self, line):
        if re.match("(UDP|TCP|TLS) .*->", line):  # before each message, who sends to whom
            self.ours, self.head, self.call_id = line.split("->")[1].strip() == self.server, "", None
            return None
        self.head = line if self.head == "" else self.head
        self.call_id = line[9:] if line.startswith("Call-ID: ") else self.call_id
        if self.ours and self.call_id and self.head.startswith(self.method + " ") and self.words in line:
            self.asked.add(self.call_id)
        final = None if self.ours else re.match(r"SIP/2.0 ([2-6]\d\d) (.*)", self.head or "")
        if final and self.call_id in self.asked and self.status in (None, int(final[1])):
            return int(final[1]), final[2]
        return None


class Phone:
    """user: alice@contoso.example. proxy: where requests go, address[:port]. contacts: whom she can write to. registers: at the proxy. server: its address.
    published_for: with presence, seconds; after nine tenths of them it publishes again."""

    def __init__(self, user, proxy, contacts, *, address="10.99.0.6", transport="udp",
                 registers=False, trust=None, server=None, presence=False, published_for=600):
        self.user, self.proxy, self.contacts = user, proxy, list(contacts)
        self.address, self.transport = address, transport
        self.registers, self.trust, self.presence, self.published_for = registers, trust, presence, published_for
        self.server, _, port = proxy.partition(":")
        self.server = server or self.server
        self.at = "%s:%s" % (self.server, port or (5061 if transport == "tls" else 5060))  # where its requests go
        self.dir = os.path.join(ns.work_dir(), "phone-" + user)
        self.process = None
        self.control = None
        self._online = False  # what it has published
        self._current = 0  # baresip begins with the first of its contacts

    def start(self):
        shutil.rmtree(self.dir, ignore_errors=True)  # it remembers its current contact
        os.makedirs(self.dir)
        with open(os.path.join(self.dir, "config"), "w") as f:
            f.write(_CONFIG.format(address=self.address) + ("sip_cafile %s\n" % self.trust if self.trust else "") +
                    ("module_app presence.so\n" if self.presence else ""))
        with open(os.path.join(self.dir, "accounts"), "w") as f:
            f.write('<sip:%s;transport=%s>;regint=%d;auth_pass=none;outbound="sip:%s;transport=%s"%s\n' % (
                self.user, self.transport, 600 if self.registers else 0, self.proxy, self.transport,
                ";pubint=%d" % self.published_for if self.presence else ""))
        with open(os.path.join(self.dir, "contacts"), "w") as f:
            how = ";presence=p2p" if self.presence else ""
            f.write("".join('"contact" <sip:%s>;access=allow%s\n' % (contact, how) for contact in self.contacts))
        argv = ["baresip", "-f", self.dir, "-s"]  # -s: it traces SIP
        self.process = Process("phone-" + self.user, argv, cwd=self.dir, stdin=subprocess.PIPE)
        self.process.wait_line(r"baresip is ready", 20)
        self.control = socket.create_connection((self.address, 4444), 20)
        if self.registers:
            self.process.wait_line(r"200 OK.*\[1 binding|registered successfully", 20)
        if self.presence:
            self.process.wait_line("^SIP-ETag:", 20)  # it publishes by itself: unknown, or that he is there, when it has registered
            self._online = self.registers
        return self

    def starts_again(self, contacts):
        """As its user does who has edited his contacts."""
        self.stop()
        self.contacts, self._current = list(contacts), 0
        return self.start()

    def command(self, command, params=""):
        """Runs one of baresip's commands; returns what it says to it."""
        body = json.dumps({"command": command, "params": params}).encode()
        self.control.sendall(b"%d:%s," % (len(body), body))
        while True:
            answer = json.loads(self._netstring())
            if "response" in answer:  # else an event
                return answer["data"]

    def _netstring(self):
        size = b""
        while not size.endswith(b":"):
            size += self._read(1)
        data = b""
        while len(data) <= int(size[:-1]):
            data += self._read(int(size[:-1]) + 1 - len(data))
        return data[:-1]

    def _read(self, n):
        data = self.control.recv(n)
        if not data:
            raise Failed("the phone closed its control connection:\n%s" % self.process.tail())
        return data

    def say(self, text, to=None):
        """Sends a message to one of the contacts (the first, unless said)."""
        wanted = self.contacts.index(to) if to else 0
        while self._current != wanted:
            self.command("contact_next" if self._current < wanted else "contact_prev")
            self._current += 1 if self._current < wanted else -1
        if len(text.encode()) < COMMAND_MAX:
            self.command("message", text)
        else:
            self.process.popen.stdin.write(("/message %s\n" % text).encode())
            self.process.popen.stdin.flush()

    def publishes(self, online):
        """With presence: all it can say of its user is that he is there, or not. Waits for the answer: without its SIP-ETag baresip
        would not replace what it has published, but add to it."""
        if online == self._online:  # it says nothing twice
            return
        mark, self._online = self.process.mark(), online
        self.command("presence_online" if online else "presence_offline")
        self._wait_answer(_Answers(self, "PUBLISH", "<basic>%s</basic>" % ("open" if online else "closed"), 200), 40, mark)

    def wait_presence(self, status):
        """With presence, and one contact: until it shows it as Online, Offline, Busy or Unknown."""
        shown = None

        def shows():
            nonlocal shown
            shown = self.command("contacts")
            return status in shown

        try:
            eventually(shows, "baresip shows its contact as " + status)
        except Failed as e:
            raise Failed("%s, but: %s\n%s" % (e, shown, self.process.tail(80))) from None

    def mark(self):
        """A place in the output, for since."""
        return self.process.mark()

    def wait_message(self, text, timeout=60, since=0):
        """Waits until the phone shows a message with this text. Returns the line it shows."""
        return self.process.wait_line(r'sip:\S+: ".*%s' % re.escape(text), timeout, since).string.strip()

    def wait_response(self, timeout=40, since=0):
        """The final response to a message that the phone sent since: (status, reason)."""
        return self._wait_answer(_Answers(self, "MESSAGE"), timeout, since)

    def _wait_answer(self, answers, timeout, since):
        answer, _ = self.process.out.wait(answers, timeout, since)
        if answer is None:
            raise Failed("the phone got no answer within %g s:\n%s" % (timeout, self.process.tail()))
        return answer

    def stop(self):
        if self.control:
            self.control.close()
        if self.process:
            self.process.stop()
