"""
Names that partners and strangers choose lead nowhere inside. Somebody listens at every address that they point to.
"""
import contextlib
import select
import socket
import subprocess
import time

import pytest

import support
from rig import dns, scripted
from rig.process import Failed
from rig.stoxd import Stoxd
from support import DOMAIN, OTHER
from test_s2s_pairs_wire import answer_verify

GOOD = ["public", "public6", "half-trap", "flipping"]
LOOPS = ["cname-loop", "srv-loop", "srv-to-itself"]

# Where a careless connect would arrive: addresses of this namespace for the time of this module.
BAITS = ["127.0.0.1", "::1", dns.INSIDE4, dns.INSIDE6, "100.64.7.7", "169.254.169.254", "2002:c0a8:707::1",
         "64:ff9b::c0a8:707", "64:ff9b:1::c0a8:707", "2001:0:102:304::3f57:f8f8", "64:ff9b::a63:3", "64:ff9b::7f00:1"]
PORTS = [(dns.DECOY, port) for port in (25, 80, 5060, 6379)]

assert dns.OWN == OTHER

SAYS = {
    "trap-loopback": "127.0.0.1, a loopback address; list the network in partner-networks if that is right",
    "trap-loopback6": "::1, a loopback address; list",
    "trap-private": "192.168.7.7, a private address; list",
    "trap-private6": "fd00::7, a private address; list",
    "trap-shared": "100.64.7.7, a private address; list",
    "trap-link-local": "169.254.169.254, a link-local address; list",
    "trap-link-local6": "fe80::7, a link-local address; list",
    "trap-multicast": "a multicast address; nothing can be connected to there",
    "trap-multicast6": "a multicast address; nothing",
    "trap-broadcast": "the broadcast address; nothing",
    "trap-zero": "no address of a host; nothing",
    "trap-zero6": "no address of a host; nothing",
    "trap-mapped": "is at 192.168.7.7, a private address; list",
    "trap-mapped-loopback": "is at 127.0.0.1, a loopback address; list",
    "trap-6to4": "leads to 192.168.7.7, a private address; list",
    "trap-nat64": "leads to 192.168.7.7, a private address; list",
    "trap-nat64-local": "leads to 192.168.7.7, a private address; list",
    "trap-teredo": "leads to 192.168.7.7, a private address; list",
    "trap-all-of-them": "address; list",
    "trap-own-xmpp": "10.99.0.3:5269, where this gateway itself listens",
    "trap-own-xmpp-nat64": "leads to 10.99.0.3, where this gateway itself listens",
    "trap-own-sip": "10.99.0.3:5070, where this gateway itself listens",
    "trap-own-everywhere": "10.99.0.1:5299, where this gateway itself listens",
    "trap-smtp": "is on port 25: below 1024 only 443 is used for XMPP",
    "trap-http": "is on port 80: below 1024",
    "trap-sip": "is on port 5060, which belongs to SIP",
    "trap-redis": "is on port 6379, which belongs to Redis",
}


@pytest.fixture(scope="module")
def own_addresses():
    """The addresses that the names lead to are this namespace's own."""
    added = [a for a in BAITS + ["1.2.3.4", "2a00:7::7"] if a not in ("127.0.0.1", "::1")]
    for address in added:
        subprocess.run(["ip", "address", "add", address + ("/128" if ":" in address else "/32"), "dev", "lo"]
                       + (["nodad"] if ":" in address else []), check=True)
    yield
    for address in added:
        subprocess.run(["ip", "address", "del", address + ("/128" if ":" in address else "/32"), "dev", "lo"],
                       check=True)


def listen(address, port=5269):
    return socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)


@pytest.fixture(scope="module")
def baits(own_addresses):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(listen(*at)) for at in [(a, 5269) for a in BAITS] + PORTS]


@pytest.fixture
def untouched(baits):
    """That nobody has connected to any of them, when the test is over."""
    yield baits
    touched = [s.getsockname() for s in select.select(baits, [], [], 0)[0]]
    for sock in select.select(baits, [], [], 0)[0]:
        sock.accept()[0].close()
    assert not touched


@pytest.fixture(scope="module")
def reaching(rig, baits, start_for_module):
    """A gateway that finds its partners by DNS, and lists the rig's network."""
    how = {"tls": "required", "sasl": "optional", "dialback": True, "type": "federated"}
    names = GOOD + LOOPS + list(dns.TRAPS)
    return start_for_module(Stoxd(rig, name="stoxd-reaching", **support.settings(
        OTHER, partners={name + ".example": how for name in names}, gateway=support.PATIENT,
        listen_sip_tcp=[OTHER + ":5060", OTHER + ":5070"], listen_xmpp=[OTHER + ":5269", "0.0.0.0:5299"])))


def fails(gateway, sip, name, timeout=20):
    """Why the stream to this domain failed."""
    mark = gateway.mark()
    txn = sip.message("romeo@%s.example" % name, "x", target=(OTHER, 5060))
    event = gateway.wait_event("stream-failed", timeout, since=mark, remote=name + ".example")
    assert txn.wait() in (404, 480, 504)
    return event["why"]


def takes(gateway, sip, listener, name):
    """That the stream to this domain comes to this listener."""
    txn = sip.message("romeo@%s.example" % name, "x", target=(OTHER, 5060))
    wire = listener.accept()
    wire.expect(r"<stream:stream\b[^>]*to=['\"]%s.example" % name)
    wire.close()
    assert txn.wait() >= 400


@pytest.mark.parametrize("name", list(dns.TRAPS))
def test_STOX_SEC_28_names_that_lead_inside(reaching, untouched, sip, name):
    """The sentence says where it leads and what to do; nobody is connected to."""
    why = fails(reaching, sip, name)
    assert SAYS[name] in why, why
    assert why.startswith("%s.example: its server %s-host.example is " % (name, name)), why


@pytest.mark.parametrize("name, address", [("public", "1.2.3.4"), ("public6", "2a00:7::7")])
def test_I11_public_addresses_are_reached(reaching, untouched, start, sip, name, address):
    with listen(address) as sock:
        listener = scripted.Listener.__new__(scripted.Listener)
        listener.sock, listener.name = sock, address
        takes(reaching, sip, listener, name)


def test_I11_the_good_among_the_bad_is_reached(reaching, untouched, start, sip):
    takes(reaching, sip, start(scripted.Listener(dns.DECOY)), "half-trap")


def test_STOX_SEC_28_a_network_counts_as_soon_as_it_is_listed(rig, reaching, untouched, start, sip, stoxd):
    """And no longer than that."""
    name = "trap-private"
    bait = next(s for s in untouched if s.getsockname() == (dns.INSIDE4, 5269))
    gateway = stoxd(name="stoxd-listing", **support.settings("10.99.0.4", partners={name + ".example": {}}))
    gateway.ctl("gateway", "set", "--partner-networks", "10.99.0.0/16", "--partner-networks", "192.168.0.0/16")
    sip.message("romeo@%s.example" % name, "x", target=("10.99.0.4", 5060))
    bait.settimeout(20)
    wire = scripted.Wire(bait.accept()[0], "the one that is listed")
    wire.expect(r"<stream:stream\b[^>]*to=['\"]%s.example" % name)
    mark = gateway.mark()
    gateway.ctl("gateway", "set", "--partner-networks", "10.99.0.0/16")
    assert "policy-violation" in wire.expect_end()
    gateway.wait_event("stream-failed", 20, since=mark, remote=name + ".example")


def verdict(p, untouched):
    """Dialback from p's domain to the gateway: "valid" when the look-up led to p, or the error that it told."""
    with contextlib.ExitStack() as stack:
        wire = p.secured(cert=False)
        stack.callback(wire.close)
        wire.open_stream(p.domain, DOMAIN)
        wire.send("<db:result from='%s' to='%s'>k</db:result>" % (p.domain, DOMAIN))
        ready = select.select([p.listener.sock, wire.sock, *untouched], [], [], 40)[0]
        if ready == [p.listener.sock]:
            stack.callback(answer_verify(p)[0].close)
            return wire.expect(r"<db:result\b[^>]*type=['\"](valid)['\"]").group(1)
        assert ready == [wire.sock]
        return wire.expect(r"<db:result\b[^>]*type=['\"]error['\"].*?</db:result>").group()


def flip(rig, p, untouched, address, wanted):
    """Changes the address, and asks until DNS answers with it: its TTL is 0, which is the rest of a second."""
    rig.dns.change("example", "unset flipping-host A", "set flipping-host A " + address, ttl=0)
    deadline = time.monotonic() + 20
    got = verdict(p, untouched)
    while wanted not in got:
        if time.monotonic() > deadline:
            raise Failed("for 20 s still: " + got)
        got = verdict(p, untouched)


def test_STOX_SEC_28_a_name_that_flips_between_two_look_ups(rig, reaching, untouched, start):
    """Strangers cause look-ups by dialback: each is judged by its own answer."""
    p = start(support.Partner(rig, "dialback", "flipping.example", "10.99.0.46", at=OTHER))
    mark = reaching.mark()
    for _ in range(3):
        flip(rig, p, untouched, "10.99.0.46", "valid")
        flip(rig, p, untouched, "127.0.0.1", "remote-server-timeout")
    why = reaching.wait_event("stream-failed", 20, since=mark, remote=p.domain, direction="out")["why"]
    assert "flipping-host.example is at 127.0.0.1, a loopback address" in why


@pytest.mark.parametrize("name", LOOPS)
def test_STOX_SEC_28_loops_in_dns_end(reaching, untouched, sip, name):
    """A CNAME that leads to itself by another, the same for SRV, and an SRV record that names itself."""
    assert "DNS " in fails(reaching, sip, name)
