"""
Hostile SIP sides: junk from many addresses at once, and crowds at the SIP port that say nothing or half a message. A good
peer goes on meanwhile, over the same ports, and loses nothing. STOX_PROOF=1 asks for the full size.
"""
import concurrent.futures
import time

from rig import dns, scripted
from rig.process import eventually
from test_hostile import (FLOOD_BYTES, HALF_REQUEST, KNOWN, MEMORY_IS_OURS, PROOF, SEED, SIP, STRANGER, Good, Steady,
                          flood, make_gateway, many_descriptors, percentile, recorder, seeds)  # noqa: F401

N_CROWD = 10000 if PROOF else 2000
STRANGERS_MAX = 875  # of them held at once: half of what others may open
SECONDS = 60 if PROOF else 1


def test_a_sip_flood_from_many_sources_does_no_harm(rig, start, office, recorder):  # noqa: F811
    """Two that a route lists and two that none does, each as fast as it can; who is good is heard, and memory stays."""
    gateway = start(make_gateway(rig))
    sources = [KNOWN, STRANGER, "10.99.203.1", "10.99.204.1"]
    with Good(office, recorder) as good, Steady(gateway, "many sources"), \
            concurrent.futures.ThreadPoolExecutor(len(sources)) as pool:
        began, messages = time.monotonic(), 0
        while not messages or time.monotonic() - began < SECONDS:
            runs = [pool.submit(flood, "udp", SIP, seeds("udp"), source=source, seed=SEED + i,
                                bytes=FLOOD_BYTES // 4) for i, source in enumerate(sources)]
            messages += sum(run.result()["messages"] for run in runs)
        rate = messages / (time.monotonic() - began)
    good.check("many sources")
    first = sum(1 for txn in good.txns if txn.sent == 1)
    print("many sources: %.0f datagrams/s, %d of %d good requests answered at the first try" % (
        rate, first, len(good.txns)))


def test_a_crowd_at_the_sip_port_shuts_nobody_out(rig, start, office, recorder):  # noqa: F811
    """Silent ones and ones with half a request: what is too many is refused at once, the good peer is served meanwhile."""
    gateway = start(make_gateway(rig))
    sources, crowd = scripted.source_addresses(200), []
    with Good(office, recorder, each_ms=5) as good, Steady(gateway, "crowd at SIP"):
        before, rss = gateway.n_fds(), gateway.resident_kib()
        for i in range(N_CROWD):
            wire = scripted.connect((dns.GATEWAY, 5060), source=sources[i % len(sources)])
            if i % 2:
                try:
                    wire.send(HALF_REQUEST)
                except OSError:
                    pass  # it was refused
            crowd.append(wire)
            assert i % 100 or gateway.n_fds() - before <= STRANGERS_MAX + 16
        enough = len(good.txns) + 100
        eventually(lambda: len(good.txns) >= enough, "good traffic", every=0.05)
        held, each = gateway.n_fds() - before, (gateway.resident_kib() - rss) / STRANGERS_MAX
        if PROOF:
            eventually(lambda: gateway.n_fds() <= before, "all are cut", 14)
        for wire in crowd:
            wire.close()
    good.check("crowd at SIP")
    print("crowd at SIP: %d came, %d held, %.1f KiB each" % (N_CROWD, held, each))
    assert held <= STRANGERS_MAX + 16
    assert each <= 24 or not MEMORY_IS_OURS
    assert percentile(good.latencies, 99) < 250 or not PROOF
