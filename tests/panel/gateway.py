"""A stoxd with a panel: on loopback, without TLS unless it is asked for."""
from rig.stoxd import Stoxd

from browser import button, label

PORT = 8080
PASSWORD = "correct horse battery"
PEOPLE = {"anna": "administrator", "helga": "helpdesk", "rita": "reader"}


class Gateway(Stoxd):
    def __init__(self, rig, address="127.0.0.1:%d" % PORT, scheme="http", **options):
        super().__init__(rig, listen_admin=[address], **options)
        self.url = "%s://%s" % (scheme, address)

    def make_people(self):
        for name, role in PEOPLE.items():
            self.ctl("user", "new", name, "--role", role, stdin=PASSWORD + "\n")

    def sign_in(self, page, name, password=PASSWORD):
        page.fill(label("Name"), name)
        page.fill(label("Password"), password)
        page.click(button("Sign in"))
        if password == PASSWORD:
            page.sees(button("Sign out"))
