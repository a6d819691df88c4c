"""Direct TLS (XEP-0368) with a real Prosody, in both directions. Neither side offers anything else."""
import pytest

from rig import dns
from rig.peers import Prosody
from rig.xmppclient import XmppClient

PROSODY = "10.99.0.12"
OURS, THEIRS = "direct-ours.example", "direct-theirs.example"
ROMEO = "romeo@" + THEIRS


def _only_direct(rig, domain, address):
    label = domain.partition(".")[0]
    rig.dns.change("example", "set %s-host A %s" % (label, address),
                   "set _xmpp-server._tcp.%s SRV 0 0 0 ." % label,
                   "set _xmpps-server._tcp.%s SRV 5 0 5270 %s-host.example." % (label, label))


@pytest.fixture
def gateway(rig, stoxd, start):
    _only_direct(rig, OURS, dns.GATEWAY)
    _only_direct(rig, THEIRS, PROSODY)
    prosody = Prosody({THEIRS: rig.cert(THEIRS)}, [ROMEO], address=PROSODY, name="prosody-direct")
    # Its port for direct TLS does not look at the certificate that the virtual host names.
    prosody.extra = 's2s_direct_tls_ports = { 5270 }\ns2s_ports = { }\n' \
        's2s_direct_tls_ssl = { certificate = "%s/%s.crt"; key = "%s/%s.key" }' % (prosody.dir, THEIRS, prosody.dir, THEIRS)
    start(prosody)
    return stoxd(listen_xmpps=[dns.GATEWAY], sip_domains={OURS: {"route": "office"}},
                 partners={THEIRS: {"tls": "required", "sasl": "required", "dialback": False}})


def test_messages_by_direct_tls_with_prosody(rig, gateway, office, start):
    romeo = start(XmppClient(ROMEO, PROSODY, rig.pki.trust_file))
    txn = office.message(ROMEO, "hello, Romeo", sender="alice@" + OURS, target=(dns.GATEWAY, 5060))
    assert txn.wait() == 200
    romeo.wait_message("hello, Romeo")
    romeo.send("alice@" + OURS, "hello, Alice")
    office.wait_message("hello, Alice")
    out = gateway.wait_event("stream-authenticated", direction="out", remote=THEIRS, method="sasl-external")
    assert out["address"] == PROSODY + ":5270"
    gateway.wait_event("stream-authenticated", direction="in", remote=THEIRS, method="sasl-external")
