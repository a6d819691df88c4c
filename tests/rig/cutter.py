"""
A wire that breaks: a TCP relay that cuts each connection after a random number of bytes, by FIN, by RST, or by taking bytes
that never arrive, silently, until it closes. In a thread of its own.

    cutter = start(Cutter("10.99.0.31", (dns.RECORDER, 5269), chance, cuts=20))
    cutter.begin()
    ...
    cutter.wait_done()
"""
import asyncio
import socket
import threading

from .process import Failed

SILENCE_S = 0.3  # longest, before a silent wire is closed
KINDS = ("fin", "rst", "silent")


class _Side(asyncio.Protocol):
    def __init__(self, wire):
        self.wire, self.other, self.transport, self.waiting = wire, None, None, []

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if self.wire.broken:
            return
        left = self.wire.left
        passed = data if left is None else data[:left]
        self.wire.n += len(passed)
        if self.other and self.other.transport:
            self.other.transport.write(passed)
        else:
            self.waiting.append(passed)
        if left is not None:
            self.wire.left -= len(passed)
            if not self.wire.left:
                self.wire.cut()

    def eof_received(self):
        self.wire.end()

    def connection_lost(self, exc):
        self.wire.end()


class _Wire:
    def __init__(self, cutter):
        self.cutter, self.broken, self.left, self.n, self.kind = cutter, False, cutter.next_cut(), 0, None
        self.near, self.far = _Side(self), _Side(self)
        self.connecting = None

    async def connect(self):
        loop = self.cutter.loop
        try:
            await loop.create_connection(lambda: self.far, *self.cutter.target)
        except OSError:
            self.end()
            return
        self.near.other, self.far.other = self.far, self.near
        for data in self.near.waiting:
            self.far.transport.write(data)
        if self.broken:  # meanwhile
            self._close(False)

    def cut(self):
        self.broken, self.kind = True, self.cutter.chance.choice(KINDS)
        self.cutter.did_cut(self, self.kind)
        if self.kind == "silent":
            self.cutter.loop.call_later(self.cutter.chance.uniform(0, SILENCE_S), self._close, True)
        else:
            self._close(self.kind == "rst")

    def _close(self, reset):
        self.cutter.did_close(self)
        for side in self.near, self.far:
            if not side.transport:
                continue
            if reset:
                sock = side.transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                side.transport.abort()
            else:
                side.transport.close()

    def drop(self):
        """At once, whatever is on its way."""
        self.broken = True
        self.connecting.cancel()
        for side in self.near, self.far:
            if side.transport:
                side.transport.abort()

    def end(self):
        """One of the two has closed it."""
        if not self.broken:
            self.broken = True
            self.cutter.did_end(self, self.left is not None)
            self._close(False)


class Cutter:
    """cuts: so many; then the wire holds. bytes_max: each cut comes after 0 to so many bytes, both ways together."""

    def __init__(self, address, target, chance, *, cuts, bytes_max=40000, port=5269):
        self.address, self.port, self.target, self.chance = address, port, target, chance
        self.cuts, self.bytes_max = cuts, bytes_max
        self.kinds = dict.fromkeys(KINDS, 0)
        self._planned = self._done = 0
        self._begun, self._wires = False, set()  # those that may still be cut
        self._open = set()  # these, and those that are silent
        self._news = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True, name="cutter")

    def start(self):
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self.loop).result(10)
        return self

    async def _listen(self):
        def accepted():
            wire = _Wire(self)
            self._wires.add(wire)
            self._open.add(wire)
            wire.connecting = self.loop.create_task(wire.connect())
            return wire.near
        self._server = await self.loop.create_server(accepted, self.address, self.port, reuse_address=True)

    async def _shut(self):
        self._server.close()
        for wire in self._open:
            wire.drop()
        await asyncio.gather(*(wire.connecting for wire in self._open), return_exceptions=True)

    def stop(self):
        """No wire stays: both ends are told, or they would go on sending into it for minutes, after this test."""
        asyncio.run_coroutine_threadsafe(self._shut(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)

    def begin(self):
        """Until then the wire holds."""
        def plan():
            self._begun = True
            for wire in self._wires:
                wire.left = self.next_cut()
        self.loop.call_soon_threadsafe(plan)

    def hold(self):
        """No more cuts, though there were fewer than so many."""
        def forget():
            self._begun = False
            for wire in self._wires:
                wire.left = None
        self.loop.call_soon_threadsafe(forget)

    # Of a wire, in the loop.

    def next_cut(self):
        if not self._begun or self._planned == self.cuts:
            return None
        self._planned += 1
        return self.chance.randrange(1, self.bytes_max)

    def did_cut(self, wire, kind):
        self._wires.discard(wire)
        with self._news:
            self.kinds[kind] += 1
            self._done += 1
            self._news.notify_all()

    def did_close(self, wire):
        self._open.discard(wire)

    def did_end(self, wire, was_planned):
        self._wires.discard(wire)
        self._planned -= was_planned

    def wait_done(self, timeout):
        """Until it has cut as often as it should."""
        with self._news:
            if not self._news.wait_for(lambda: self._done == self.cuts, timeout):
                raise Failed("%d of %d cuts within %g s" % (self._done, self.cuts, timeout))
