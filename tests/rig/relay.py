#!/usr/bin/python3
"""
A bad line for UDP: a relay between two ends that loses, doubles, delays and so reorders datagrams, each way by a sequence
of chances of its own that the seed decides. What comes from one end goes to the other; each end speaks to a socket of the relay,
so that answers find their way back. Held datagrams are bounded; one too many is lost, and counted.

The process: python3 -m rig.relay OPTIONS. Its end prints what it did as a JSON line. The test's end: class Relay below.
"""
import argparse
import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys

MAX_HELD = 100000


class _Way(asyncio.DatagramProtocol):
    """One direction: what arrives at this socket leaves from the other one."""

    def __init__(self, chances, options, to):
        self.chances, self.options, self.to = chances, options, to
        self.out = None
        self.counts = dict.fromkeys(("came", "lost", "doubled", "late", "went", "over"), 0)
        self.held = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, _peer):
        self.counts["came"] += 1
        lost, doubled, late = (self.chances.random() * 100 < self.options[name] for name in ("loss", "double", "late"))
        if lost:
            self.counts["lost"] += 1
            return
        self.counts["doubled"] += doubled
        self.counts["late"] += late
        for _ in range(1 + doubled):
            self._hold(data, self.chances.random() * self.options["jitter_ms"] + late * self.options["jitter_ms"])

    def _hold(self, data, ms):
        if self.held >= MAX_HELD:
            self.counts["over"] += 1
            return
        self.held += 1
        asyncio.get_running_loop().call_later(ms / 1000, self._send, data)

    def _send(self, data):
        self.held -= 1
        self.counts["went"] += 1
        self.out.transport.sendto(data, self.to)


def _bound(address):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 << 20)
    sock.bind(address)
    return sock


def _at(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


async def _run(o):
    loop = asyncio.get_running_loop()
    options = json.loads(o.options)
    ends = [(_at(o.near), _at(o.left)), (_at(o.far), _at(o.right))]
    ways = [_Way(random.Random("%d %d" % (o.seed, i)), options, ends[1 - i][1]) for i in range(2)]
    ways[0].out, ways[1].out = ways[1], ways[0]
    for way, (own, _) in zip(ways, ends):
        await loop.create_datagram_endpoint(lambda way=way: way, sock=_bound(own))
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    print("listening", flush=True)
    await over.wait()
    print(json.dumps([way.counts for way in ways]), flush=True)


class Relay:
    """left sends to near, right sends to far; all are (address, port). loss, double, late: percent of the datagrams."""

    def __init__(self, near, left, far, right, *, seed=1, loss=5, double=5, late=5, jitter_ms=20):
        self.ends, self.seed = {"near": near, "left": left, "far": far, "right": right}, seed
        self.options = {"loss": loss, "double": double, "late": late, "jitter_ms": jitter_ms}
        self.process = None
        self.counts = None  # of each way, after stop(): from the left, from the right

    def start(self):
        from . import ns
        from .process import Process
        argv = [sys.executable, "-m", "rig.relay", "--seed", str(self.seed), "--options", json.dumps(self.options)]
        for name, at in self.ends.items():
            argv += ["--" + name, "%s:%d" % at]
        self.process = Process("relay", argv, cwd=os.path.join(ns.REPO, "tests"), stdin=subprocess.DEVNULL)
        self.process.wait_line("listening", 10)
        return self

    def stop(self):
        if self.process:
            self.process.stop()
            self.counts = json.loads(self.process.out.all[-1])


def main():
    options = argparse.ArgumentParser()
    for name in "near", "left", "far", "right", "options":
        options.add_argument("--" + name, required=True)
    options.add_argument("--seed", type=int, default=1)
    asyncio.run(_run(options.parse_args()))


if __name__ == "__main__":
    main()
