"""
docs/DEPLOY.md from its first line to its last, as it stands there: an empty store, an authority that signs what it is sent, a DNS
server that has the printed records and no others, Prosody as the partner, a SIP server; at its end messages go both ways.
"""
import pages

from rig.sipua import SipUa
from rig.stoxd import Stoxd
from rig.xmppclient import XmppClient

PAGE = "DEPLOY.md"
PASSWORD = "correct horse battery\n"
OFFICE, PARTNER_HOST = "192.0.2.10", "10.99.0.13"
OURS, PARTNER, ALICE, ROMEO = "contoso.example", "fabrikam.example", "alice@contoso.example", "romeo@fabrikam.example"


class Deployed(Stoxd):
    """With the page's bootstrap file, but for the folder of its state: /var/lib/stox is the machine's."""

    def __init__(self, rig, **more):
        (text,) = [b for b in pages.blocks(PAGE) if b.startswith("state-dir = ")]
        self.page = pages.settings(text)
        assert self.page.pop("state_dir") == "/var/lib/stox"
        super().__init__(rig, **self.page, **more)

    def bootstrap(self):
        own = {name: self.settings[name] for name in ["state_dir", *self.page]}
        return self._boot_text(self.perimeter.gateway(own) if self.perimeter else own)


def test_the_first_steps_lead_from_an_empty_store_to_messages_both_ways(rig, start, tmp_path):
    with pages.network("192.0.2.1/24"), pages.Zone(rig, OURS) as zone, \
            pages.partner(rig, PARTNER, [ROMEO], PARTNER_HOST, "prosody-deploy"):
        office = start(SipUa(OFFICE, user=ALICE))
        romeo = start(XmppClient(ROMEO, PARTNER_HOST, rig.pki.trust_file))
        gateway = start(Deployed(rig, empty=True, name="stoxd-deploy"))
        shell = pages.Shell(gateway, tmp_path)
        for line in pages.commands(PAGE):
            # What it says is judged at the end: a message there and back is worth more than what is said about it.
            out = shell.run(line, stdin=PASSWORD * 2, status=None if line == "stoxctl check" else 0)
            if "--csr" in line:
                shell.signs(rig, "edge")
            if line == "stoxctl dns records":
                zone.publish(out)
        assert office.message(ROMEO, "by the page", target=("192.0.2.1", 5060)).wait() == 200
        romeo.wait_message("by the page")
        romeo.send(ALICE, "and back")
        office.wait_message("and back")
        assert "PRIVATE KEY" not in gateway.ctl("config", "export")
        out = shell.run("stoxctl check")
        assert "FAILED" not in out and "Nothing is wrong" in out, out
