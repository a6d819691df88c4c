"""Certificates from an ACME authority (pebble) whose nonces are refused at random: asked for, renewed, refused."""
import os

import pytest

from rig import dns, scripted
from rig.pebble import Pebble
from talk import Talk, streams

OURS, SCRIPTED = "contoso.example", "scripted.example"


@pytest.fixture
def pebble(rig, start):
    return start(Pebble(rig, rig.pki.issue("pebble", ["localhost"]), reject=30))


@pytest.fixture
def gateway(rig, stoxd, pebble):
    return made(rig, stoxd, pebble)


def made(rig, stoxd, pebble):
    return stoxd(listen_acme_http=[dns.GATEWAY + ":80"], trust_file=pebble.trust_file,
                 partners={"fabrikam.example": {}, SCRIPTED: {}},
                 gateway={"acme_directory": pebble.directory, "acme_terms": True, "acme_trust_file": rig.pki.trust_file})


def shown(rig, pebble):
    context = scripted.client_context(rig)
    context.load_verify_locations(cadata=pebble.root)
    wire = scripted.connect((dns.GATEWAY, 5269), source=dns.SCRIPTED)
    wire.secure(SCRIPTED, OURS, context)
    number = wire.sock.getpeercert()["serialNumber"]
    wire.close()
    return number


def request(gateway, name, ok=True):
    return gateway.ctl("cert", "request", name, "--acme", "yes", "--names", OURS, ok=ok, timeout=120)


def test_a_certificate_is_issued_and_renewed_and_no_stream_ends(rig, pebble, gateway, office, romeo):
    with Talk(office, romeo, "acme") as talk:
        talk.wait(5)
        kept = streams(gateway, "fabrikam.example")
        request(gateway, "edge")
        gateway.ctl("cert", "assign", "edge", "--domain", OURS)
        first = shown(rig, pebble)
        gateway.ctl("cert", "renew", "edge", timeout=120)
        second = shown(rig, pebble)
        assert first != second
        talk.wait(10)
        assert streams(gateway, "fabrikam.example") == kept
        talk.check_undisturbed()


def said(done):
    return done[1] + done[2]


def test_a_name_that_does_not_lead_here_is_refused_with_what_to_do(gateway):
    done = gateway.ctl("cert", "request", "else", "--acme", "yes", "--names", "sip.contoso.example", ok=False, timeout=120)
    assert "proving that sip.contoso.example is ours" in said(done)
    assert "on port 80" in said(done)


def test_an_authority_that_is_away_is_named(gateway, pebble):
    pebble.stop()
    done = request(gateway, "away", ok=False)
    assert "cannot be asked" in said(done) and pebble.directory in said(done)
    gateway.wait_event("certificate-not-got", certificate="away")


@pytest.mark.skipif(os.environ.get("STOX_PROOF") != "1", reason="waits for a certificate to grow old: STOX_PROOF=1")
def test_a_certificate_is_renewed_by_itself_when_a_third_of_its_life_is_left(rig, stoxd, start):
    pebble = start(Pebble(rig, rig.pki.issue("pebble", ["localhost"]), seconds=60))
    gateway = made(rig, stoxd, pebble)
    request(gateway, "edge")
    gateway.ctl("cert", "assign", "edge", "--domain", OURS)
    first, at = shown(rig, pebble), gateway.mark()
    gateway.wait_event("certificate-came", timeout=180, since=at, certificate="edge")
    assert shown(rig, pebble) != first
