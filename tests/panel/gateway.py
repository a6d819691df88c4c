"""A stoxd with a panel: on loopback, without TLS unless it is asked for."""
import http.client
import json
import os
import socket

from rig.stoxd import Stoxd

from browser import button, label

PORT = 8080
PASSWORD = "correct horse battery"
PEOPLE = {"anna": "administrator", "helga": "helpdesk", "rita": "reader"}


class Local(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path):
        super().__init__("stox", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Gateway(Stoxd):
    def __init__(self, rig, address="127.0.0.1:%d" % PORT, scheme="http", **options):
        super().__init__(rig, listen_admin=[address], **options)
        self.url = "%s://%s" % (scheme, address)

    def make_people(self):
        for name, role in PEOPLE.items():
            self.make(name, role)

    def make(self, name, role):
        self.ctl("user", "new", name, "--role", role, stdin=PASSWORD + "\n")

    def reset(self, partners=None):
        """These partners, and all else as at the beginning."""
        self.partners = {"fabrikam.example": {}, "wingtip.example": {}} if partners is None else partners
        self.apply()
        stored = [c["name"] for c in self.ctl_json("cert", "list")["items"]]
        if stored:
            self.ctl("cert", "remove", "--force", *stored)

    def ask(self, method, path, body=None, headers=None):
        """As root on the unix socket: (status, bytes)."""
        c = Local(os.path.join(self.settings["state_dir"], "admin.sock"))
        data = None if body is None else json.dumps(body)
        c.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
        answer = c.getresponse()
        raw = answer.read()
        c.close()
        return answer.status, raw

    def sign_in(self, page, name, password=PASSWORD):
        page.fill(label("Name"), name)
        page.fill(label("Password"), password)
        page.click(button("Sign in"))
        if password == PASSWORD:
            page.sees(button("Sign out"))
