"""Split mode itself (rig/split.py): what the filter lets through, and that nothing else has a way."""
import contextlib
import json
import subprocess
import sys

import pytest

from rig import dns, split

ADDRESS = "10.99.0.77"  # of this gateway alone, so that all other tests find the world as it was
SIP, XMPP = (ADDRESS, 5060), (ADDRESS, 5269)
PORTS = (5060, 5222, 5269, 5270, 8443, split.LINK_PORT, 9999)

# Says its word and the port to everybody who comes to one of these ports.
LISTEN = """
import json, selectors, socket, sys
address, ports, word = json.loads(sys.argv[1])
ready = selectors.DefaultSelector()
for port in ports:
    ready.register(socket.create_server((address, port)), selectors.EVENT_READ, port)
print("ready", flush=True)
while True:
    for key, _ in ready.select():
        c, _ = key.fileobj.accept()
        c.sendall(("%s %d" % (word, key.data)).encode())
        c.close()
"""
# Prints what was heard at each of these places, null where there is no way.
CALL = """
import json, socket, sys
def heard(place):
    try:
        with socket.create_connection(tuple(place), 10) as s:
            return s.recv(100).decode()
    except OSError:
        return None
print(json.dumps([heard(place) for place in json.loads(sys.argv[1])]))
"""


@pytest.fixture(scope="module")
def pair(rig):
    it = split.Pair([XMPP], [SIP])
    yield it
    it.remove()


@contextlib.contextmanager
def listening(name, address, ports, word):
    """In this namespace, at all of these ports."""
    argv = [sys.executable, "-c", LISTEN, json.dumps([address, ports, word])]
    with subprocess.Popen(split.within(name) + argv, stdout=subprocess.PIPE) as one:
        try:
            assert one.stdout.readline() == b"ready\n"
            yield
        finally:
            one.kill()


def heard(name, address, ports):
    """Of these ports, those that answer a caller in this namespace: {port: word}."""
    argv = [sys.executable, "-c", CALL, json.dumps([[address, port] for port in ports])]
    said = json.loads(subprocess.run(split.within(name) + argv, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return {port: word.split()[0] for port, word in zip(ports, said) if word is not None}


def test_only_what_the_firewall_table_lists_has_a_way(rig, pair):
    perimeter, inside, inner = pair.perimeter_ns, pair.inside_ns, pair.inner_address
    outer, inward = split.inner(pair.k, 2), split.inner(pair.k, 10)
    with listening(perimeter, "0.0.0.0", PORTS, "proxy"), listening(inside, "0.0.0.0", PORTS, "gateway"), \
            listening(None, dns.SCRIPTED, PORTS, "partner"):
        # from the world: streams to the perimeter; SIP and administrators to the inside, by the same address
        assert heard(None, ADDRESS, PORTS) == {5269: "proxy", 5060: "gateway"}
        assert heard(None, outer, PORTS) == {5269: "proxy"}
        assert heard(None, inner, PORTS) == {}
        assert heard(None, inward, PORTS) == {port: "gateway" for port in (5060, 5222, 8443, 9999)}
        # the link: from the inside to the perimeter, on its port alone, and nothing back
        assert heard(inside, inner, PORTS) == {split.LINK_PORT: "proxy"}
        assert heard(inside, outer, PORTS) == {}
        assert heard(perimeter, inward, PORTS) == {}
        # to partners: the proxy, and not the gateway
        assert 5269 in heard(perimeter, dns.SCRIPTED, PORTS)
        assert {5269, 5270} & set(heard(inside, dns.SCRIPTED, PORTS)) == set()
        assert heard(inside, dns.SCRIPTED, [5060]) == {5060: "partner"}
