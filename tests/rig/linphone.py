"""
linphone-daemon: linphone's core without sound and screen. Commands go in as lines, and what happens comes out as lines. It
shows messages that come and sends text.
"""
import os
import re
import shutil
import subprocess

from . import ns
from .process import Process, eventually

_CONFIG = """[sip]
bind_address={address}
sip_port={port}
sip_tcp_port={port}
use_ipv6=0
default_proxy=0
register_only_when_network_is_up=0
[net]
firewall_policy=0

[misc]
lime_x3dh_server_url=
[proxy_0]
reg_proxy=<sip:{proxy};transport=udp>
reg_route=<sip:{proxy};transport=udp;lr>
reg_identity=sip:{user}
reg_expires=600
reg_sendregister=1
publish=0
"""


class Linphone:
    """user: bob@contoso.example, registered at proxy (an address)."""

    def __init__(self, user, proxy, *, address, port=5060):
        self.user, self.proxy, self.address, self.port = user, proxy, address, port
        self.dir = os.path.join(ns.work_dir(), "linphone-" + user)
        self.process = None

    def start(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir + "/.local/share/linphone")
        conf = os.path.join(self.dir, "linphonerc")
        with open(conf, "w") as f:
            f.write(_CONFIG.format(address=self.address, port=self.port, proxy=self.proxy, user=self.user))
        env = dict(os.environ, HOME=self.dir)
        self.process = Process("linphone-" + self.user, ["linphone-daemon", "--config", conf, "--log", self.dir + "/log"],
                               cwd=self.dir, env=env, stdin=subprocess.PIPE)
        eventually(self._registered, "linphone is registered")
        return self

    def _registered(self):
        at = self.mark()
        self._command("register-status ALL")
        return self.process.wait_line("State: (\\S+)|Status: Error", 5, at).group(1) == "LinphoneRegistrationOk"

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

    def wait_message(self, text, timeout=20, since=0):
        """Waits until linphone shows a message with this text; returns the whole line."""
        return self.process.wait_line('Content: ".*%s' % re.escape(text), timeout, since).string.strip()

    def stop(self):
        if self.process:
            self.process.stop()
