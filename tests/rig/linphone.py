"""
linphone-daemon: linphone's core without sound and screen. Commands go in as lines, and what happens comes out as lines. It
shows messages that come and sends text.
"""
import json
import os
import re
import shutil
import subprocess
import sys

from . import ns
from .process import Failed, Process, eventually

ACTIVITIES = {"away": 1, "busy": 3, "vacation": 25}  # LinphonePresenceActivityType

# auto_net_state_mon: it would look for networks every 5 s, take the rig's, all on lo, for none, and drop its registration, dialogs
# and all that waits for an answer.
_CONFIG = """[sip]
bind_address={address}
sip_port={port}
sip_tcp_port={port}
sip_tls_port={tls_port}
root_ca={trust}
use_ipv6=0
default_proxy=0
register_only_when_network_is_up=0
auto_net_state_mon=0
subscribe_expires={subscribe_expires}
[net]
firewall_policy=0

[misc]
lime_x3dh_server_url=
[proxy_0]
reg_proxy=<sip:{proxy};transport={transport}>
reg_route=<sip:{proxy};transport={transport};lr>
reg_identity=sip:{user}
reg_expires=600
reg_sendregister=1
publish={publish}
"""


class Linphone:
    """user: bob@contoso.example, registered at proxy (an address or name, with port if it is not 5060) over transport."""

    def __init__(self, user, proxy, *, address, port=5060, transport="udp", trust="", presence=False, subscribe_expires=600):
        self.user, self.proxy, self.address, self.port = user, proxy, address, port
        self.transport, self.trust, self.presence, self.subscribe_expires = transport, trust, presence, subscribe_expires
        self.dir = os.path.join(ns.work_dir(), "linphone-" + user)
        self.process = None

    def start(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir + "/.local/share/linphone")
        conf = os.path.join(self.dir, "linphonerc")
        with open(conf, "w") as f:
            f.write(_CONFIG.format(address=self.address, port=self.port, tls_port=self.port + 1, proxy=self.proxy,
                                   user=self.user, transport=self.transport, trust=self.trust, publish=int(self.presence),
                                   subscribe_expires=self.subscribe_expires))
        env = dict(os.environ, HOME=self.dir)
        self.process = Process("linphone-" + self.user, self._argv(conf), cwd=self.dir, env=env, stdin=subprocess.PIPE)
        self._wait_registered()
        return self

    def _argv(self, conf):
        return ["linphone-daemon", "--config", conf, "--log", self.dir + "/log"]

    def _wait_registered(self):
        eventually(self._registered, "linphone is registered")

    def _registered(self):
        at = self.mark()
        self._command("register-status ALL")
        return self.process.wait_line("State: (\\S+)|Status: Error", 20, at).group(1) == "LinphoneRegistrationOk"

    def _command(self, line):
        self.process.popen.stdin.write((line + "\n").encode())
        self.process.popen.stdin.flush()

    def mark(self):
        return self.process.mark()

    def say(self, text, to):
        """Waits until linphone has its answer: the state it shows then."""
        at = self.mark()
        self._command("message sip:%s %s" % (to, text))
        return self.process.wait_line("State: LinphoneChatMessageState(Delivered|NotDelivered)", 40, at).group(1)

    def wait_message(self, text, timeout=60, since=0):
        """Waits until linphone shows a message with this text; returns the whole line."""
        return self.process.wait_line('Content: ".*%s' % re.escape(text), timeout, since).string.strip()

    def stop(self):
        if self.process:
            self.process.stop()


class LinphoneApp(Linphone):
    """The same library with all that its daemon has no commands for: who is typing, and IMDN (linphone_app.py)."""

    def _argv(self, conf):
        return [sys.executable, os.path.join(os.path.dirname(__file__), "linphone_app.py"), conf]

    def _wait_registered(self):
        self.process.wait_line("^registered$", 20)

    def say(self, text, to):
        """Waits for nothing: see wait_state."""
        self._command("message sip:%s %s" % (to, text))

    def wait_state(self, text, state, since=0):
        """Delivered: 200. DeliveredToUser, Displayed: by IMDN. NotDelivered: refused, or by IMDN."""
        self.process.wait_line("^state %s LinphoneChatMessageState%s$" % (re.escape(json.dumps(text)), state), 20, since)

    def wait_message(self, text, timeout=60, since=0):
        """Who wrote it, as the library says it."""
        return self.process.wait_line("^received sip:(\\S+) .*%s" % re.escape(json.dumps(text)[1:-1]), timeout, since).group(1)

    def compose(self, to):
        """It types; after 15 s without another word from us the library says that it does not."""
        self._command("compose sip:" + to)

    def wait_composing(self, who, typing, since=0):
        self.process.wait_line("^composing sip:%s(;\\S+)? %d$" % (re.escape(who), typing), 20, since)

    def read(self, who):
        """It has shown all that came from there."""
        self._command("read sip:" + who)

    def publishes(self, activity, note):
        """With presence."""
        self._command("publish %d %s" % (ACTIVITIES[activity], note))

    def goes_offline(self):
        """Its user closes it: publication and registration end; it can do nothing more."""
        self._command("offline")

    def watches(self, who):
        """Adds somebody, and subscribes to him."""
        self._command("watch sip:" + who)

    def forgets(self, who):
        """Removes him: its subscription ends."""
        self._command("unwatch sip:" + who)

    def registers_anew(self):
        """As it does from time to time; it subscribes anew then to whom it has lost."""
        self._command("register")

    def wait_shows(self, who, since=0, timeout=20, **wanted):
        """Until it was told this of somebody it watches: state, basic, activity (a word of ACTIVITIES or a number), note."""
        wanted["uri"] = "sip:" + who
        if wanted.get("activity") in ACTIVITIES:
            wanted["activity"] = ACTIVITIES[wanted["activity"]]

        def found(line):
            shown = json.loads(line[6:]) if line.startswith("shows {") else {}
            return shown if all(key in shown and shown[key] == value for key, value in wanted.items()) else None
        shown, _ = self.process.out.wait(found, timeout, since)
        if shown is None:
            raise Failed("linphone did not show %s within %g s:\n%s" % (wanted, timeout, self.process.tail()))
        return shown
