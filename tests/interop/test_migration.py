"""
docs/MIGRATION.md, its commands and its records as they stand there and in their order: an old gateway, played by a second Stox, a new
one, and a partner that goes from one to the other and back as DNS says. Then `stoxctl check --users`: each who would be left behind is named.
"""
import json
import os
import shutil

import pages

from rig import ns
from rig.process import eventually
from rig.sipua import SipUa
from rig.stoxd import Stoxd
from rig.xmppclient import XmppClient

PAGE = "MIGRATION.md"
EXPORTS = os.path.join(ns.REPO, "tests", "ctl", "lync")
OURS, PARTNER, ALICE, ROMEO = "contoso.example", "fabrikam.example", "alice@contoso.example", "romeo@fabrikam.example"
NEW, OLD, OFFICE, PARTNER_HOST = "192.0.2.1", "10.99.0.14", "192.0.2.10", "10.99.0.13"
TTL = 1  # instead of the page's five minutes


class Move:
    """Both gateways, and what the page's reader does besides typing commands."""

    def __init__(self, rig, start, zone, folder):
        self.rig, self.zone, self.n = rig, zone, 0
        self.office = start(SipUa(OFFICE, user=ALICE))
        self.romeo = start(XmppClient(ROMEO, PARTNER_HOST, rig.pki.trust_file))
        route = {"office": {"next_hop": OFFICE, "im": "pager"}}
        self.old = start(Stoxd(rig, name="stoxd-old", host_name="old.contoso.example", listen_sip_udp=[OLD + ":5060"],
                               listen_sip_tcp=[OLD + ":5060"], listen_xmpp=[OLD + ":5269"], routes=route,
                               partners={PARTNER: {}}))
        self.new = start(Stoxd(rig, name="stoxd-new", empty=True, listen_sip_udp=[NEW + ":5060"],
                               listen_sip_tcp=[NEW + ":5060"], listen_xmpp=[NEW + ":5269"]))
        self.new.ctl("gateway", "set", "--partner-networks", "10.0.0.0/8", "--stop-within", "3")
        self.shell = pages.Shell(self.new, folder)
        self.switches = 0

    def comes_by(self, gateway):
        """Romeo writes until one of his messages comes by this gateway."""
        def one():
            self.n += 1
            text = "from romeo, %d" % self.n
            since = self.office.mark()
            self.romeo.send(ALICE, text)
            got, _ = self.office.received.wait(lambda r: r if r.body == text else None, 2, since)
            return got is not None and got.peer[0] == gateway
        eventually(one, "a message of Romeo's comes by " + gateway, timeout=60)

    def publish(self, lines):
        """The switch, and its way back: who was told of the other gateway is let go by it."""
        self.zone.publish(lines, ttl=TTL)
        self.switches += 1
        if self.switches == 2:
            self.old.ctl("service", "drain")

    def records(self, printed):
        self.zone.publish("\n".join(line for line in printed.splitlines() if " IN A " in line and not line.startswith(";")), ttl=TTL)


def lines_of_page():
    """Commands, and whole sets of records."""
    for block in pages.blocks(PAGE):
        if block.startswith("_xmpp-server."):
            yield block
        else:
            yield from (line for line in block.splitlines() if line.startswith("stoxctl "))


def test_partners_go_from_the_old_gateway_to_stox_and_back_as_the_page_says(rig, start, tmp_path):
    for name in os.listdir(EXPORTS):
        shutil.copy(os.path.join(EXPORTS, name), tmp_path)
    (tmp_path / "users.txt").write_text("\ufeffsip:%s\r\nsip:bob@contoso.example\r\n" % ALICE, newline="")  # as PowerShell does
    with pages.network("192.0.2.1/24"), pages.Zone(rig, OURS) as zone, \
            pages.partner(rig, PARTNER, [ROMEO], PARTNER_HOST, "prosody-migration"):
        zone.publish("old.contoso.example. 1 IN A %s\n_xmpp-server._tcp.contoso.example. 1 IN SRV 5 0 5269 old.contoso.example." % OLD)
        move = Move(rig, start, zone, tmp_path)
        move.comes_by(OLD)
        side_by_side = None
        for line in lines_of_page():
            if line.startswith("_xmpp-server."):
                move.publish(line)
                side_by_side = side_by_side or line
                continue
            before = move.switches < 2
            # The partners of Lync's export have servers nowhere, so that a look at everything finds that.
            status = 1 if line == "stoxctl check --users users.txt" and before else None if line == "stoxctl check" else 0
            if line == "stoxctl service drain":
                move.old.ctl("service", "resume")
                move.publish(side_by_side)
            out = move.shell.run(line, status=status)
            if "--csr" in line:
                move.shell.signs(rig, "edge")
            if line.startswith("stoxctl dns records"):
                move.records(out)
            if line == "stoxctl check --users users.txt":
                assert (out.count("is not routed to Stox: ") == 2) == before and "not reached" not in out, out
                assert before or "All 2 users are routed to Stox." in out, out
            if line == "stoxctl dns check":
                assert ("go there first" in out) == before, out
            if line.startswith("stoxctl partner test"):
                move.comes_by(NEW)
            if line == "stoxctl service drain":
                move.comes_by(OLD)
        assert move.office.message(ROMEO, "after all", target=(NEW, 5060)).wait() == 200


def named(gateway, text):
    status, out, err = gateway.ctl("check", "--users", "-", "--json", ok=False, stdin=text, timeout=120)
    assert out, err
    found = json.loads(out)
    assert found["works"] == (status == 0)
    return {f["about"]: (f["mark"], f["check"]) for f in found["findings"]}, found


def test_each_user_who_is_not_routed_to_stox_is_named_with_the_reason(rig, prosody, office, romeo, stoxd):
    gateway = stoxd(sip_domains={OURS: {"route": "office"}, "tailspin.example": {"route": "closed"}},
                    routes={"office": {"next_hop": "10.99.0.5:5060"}, "closed": {"next_hop": "10.99.0.99", "transport": "tcp"}})
    for words in ("policy new Nobody --xmpp off", "policy grant Nobody --to dan@contoso.example"):
        gateway.ctl(*words.split())
    assert office.message(ROMEO, "so that it is known", target=("10.99.0.1", 5060)).wait() == 200
    users, found = named(gateway, "%s\nsip:bob@contoso.example\nCarol@CONTOSO.example\ndan@contoso.example\n"
                                  "eve@sales.contoso.example\nfred@tailspin.example\nnobody\n" % ALICE)
    assert users == {
        ALICE: ("ok", "user"), "bob@contoso.example": ("note", "user-silent"), "Carol@CONTOSO.example": ("note", "user-silent"),
        "dan@contoso.example": ("failed", "user-policy"), "eve@sales.contoso.example": ("failed", "user-domain"),
        "fred@tailspin.example": ("failed", "user-route"), "nobody": ("failed", "user-address")}
    assert found["verdict"] == "4 of 7 users are not routed to Stox."
    rig.dns.change(OURS, "unset _xmpp-server._tcp SRV", "set _xmpp-server._tcp SRV 5 0 5269 sip")
    try:
        assert named(gateway, ALICE + "\n")[0] == {ALICE: ("failed", "user-dns")}
    finally:
        rig.dns.change(OURS, "unset _xmpp-server._tcp SRV", "set _xmpp-server._tcp SRV 5 0 5269 gw", ttl=30)
    for words, said in ((["/nowhere"], "cannot be read"), (["-"], "there are no users")):
        status, _, err = gateway.ctl("check", "--users", *words, ok=False)
        assert status == 2 and said in err, err
