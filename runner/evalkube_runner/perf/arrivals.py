"""Plain TCP connections whose reads carry the kernel's time of arrival (SO_TIMESTAMPNS, Linux), however late the
program comes to read them. One epoll for all of them: the event loop is asked once for a whole batch of reads.

The kernel stamps each segment as it arrives. A read has the time of its last segment, also where it takes only some of
the bytes: TCP joins what waits unread, and keeps the later time (tcp_try_coalesce; tried with reads of 100 bytes). So
a read that waited may hold an event that is older than its time says; who reads must allow for it. The end of a
connection and errors have no stamp. Tried and left: SIOCGSTAMPNS (TCP does not set it), recvmsg by ctypes (no faster).

Stamps are of the wall clock, and are moved to the monotonic one. The difference of the two changes only when somebody
sets the clock (slewing moves both), so it is looked at every now and then, and a change is on record.
"""

import asyncio
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

__all__ = ["Arrivals", "Hearer"]

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; where another number is meant, reads have no stamp
_TIMESPEC = struct.Struct("@ll").unpack
_STAMP_BYTES = socket.CMSG_SPACE(struct.calcsize("@ll")) if hasattr(socket, "CMSG_SPACE") else 0
_READ_BYTES = 64 * 1024
_BATCH = 1024
_NANO = 1_000_000_000
_SAMPLES = 5
_STEP_NS = 100_000
"""A difference of the clocks is known to a microsecond, unless something came between all of its samples."""


class Hearer(Protocol):
    """A protocol that gets the time of bytes: `asyncio.Protocol` and one method more."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""

    def arrived(self, data: bytes, at_ns: int) -> None:
        """Take bytes that arrived at `at_ns` (monotonic), by the kernel's clock."""

    def data_received(self, data: bytes) -> None:
        """Take bytes without a time."""

    def connection_lost(self, problem: Exception | None) -> None:
        """See `asyncio.Protocol`."""


class Arrivals:
    """The connections of one event loop, and the difference of the clocks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clocks_apart_ns: Callable[[], int] | None = None) -> None:
        """`clocks_apart_ns`: reads both clocks; the wall clock minus the monotonic one."""
        self._loop = loop
        self._clocks_apart_ns = clocks_apart_ns or _offset_ns
        self._epoll = select.epoll()
        self._lines: dict[int, _Line] = {}
        self.offset_ns = self._clocks_apart_ns()
        self.stepped_ns = 0
        self._first = _asking(socket.AF_INET)  # kernels begin to stamp a moment after the first socket has asked
        loop.add_reader(self._epoll.fileno(), self._ready)

    @staticmethod
    def known() -> bool:
        """Whether this system gives times of arrival."""
        return sys.platform == "linux"

    def look_at_clock(self) -> None:
        """Check whether somebody has set the wall clock: then the stamps before are wrong by as much."""
        offset_ns = self._clocks_apart_ns()
        step_ns = abs(offset_ns - self.offset_ns)
        if step_ns > _STEP_NS:
            self.offset_ns = offset_ns
            self.stepped_ns = max(self.stepped_ns, step_ns)

    async def connect(self, address: str, port: int, hearer: Hearer) -> None:
        """Connect `hearer` to a numeric address. Raises OSError."""
        (family, _, _, _, where), *_ = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
        sock = _asking(family)
        try:
            await self._loop.sock_connect(sock, where)
        except BaseException:
            sock.close()
            raise
        line = self._lines[sock.fileno()] = _Line(self, sock, hearer)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        hearer.connection_made(line)

    def close(self) -> None:
        """Stop reading; all connections are closed."""
        if not self._epoll.closed:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._first.close()

    def watch(self, fd: int, *, reads: bool, writes: bool) -> None:
        """Set the events to wait for on a connection."""
        self._epoll.modify(fd, (select.EPOLLIN if reads else 0) | (select.EPOLLOUT if writes else 0))

    def forget(self, fd: int) -> None:
        """Stop waiting for events on a connection."""
        if self._lines.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def _ready(self) -> None:
        lines = self._lines
        for fd, events in self._epoll.poll(0, _BATCH):
            line = lines.get(fd)
            if line is None:  # an earlier one of the batch has ended it
                continue
            try:
                if events == select.EPOLLIN:
                    line.read()
                else:
                    line.turn(events)
            except Exception as problem:  # as loops do: what one connection's owner cannot bear ends that one
                self._loop.call_exception_handler({"message": "a connection's owner failed", "exception": problem})
                line.end(problem)


class _Line(asyncio.Transport):
    """A connection whose reads carry the kernel's times."""

    __slots__ = ("_arrivals", "_closing", "_fd", "_heard_end", "_hearer", "_receive", "_sock", "_unsent")

    def __init__(self, arrivals: Arrivals, sock: socket.socket, hearer: Hearer) -> None:
        super().__init__({"socket": sock})
        self._arrivals = arrivals
        self._sock = sock
        self._fd = sock.fileno()
        self._receive = sock.recvmsg
        self._hearer = hearer
        self._unsent = bytearray()
        self._closing = self._heard_end = False

    def read(self) -> None:
        """Read once what has arrived."""
        try:
            data, extra, _, _ = self._receive(_READ_BYTES, _STAMP_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as problem:
            self.end(problem)
            return
        if not data:
            self._end_heard()
        elif extra:
            seconds, nanos = _TIMESPEC(extra[0][2])
            self._hearer.arrived(data, seconds * _NANO + nanos - self._arrivals.offset_ns)
        else:
            self._hearer.data_received(data)

    def turn(self, events: int) -> None:
        """Read and write as `events` say; an error or a hang-up is found by doing so."""
        if not self._heard_end:
            self.read()
        if not self._closing and (self._heard_end or events & select.EPOLLOUT):
            self._write_on()

    def _end_heard(self) -> None:
        """Note that the server has ended its side. What is still to be sent is sent, as asyncio's transports do."""
        if not self._unsent:
            self.end(None)
            return
        self._heard_end = True
        self._arrivals.watch(self._fd, reads=False, writes=True)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send now, and the rest when there is room."""
        if self._closing:
            return
        if not self._unsent:
            self._arrivals.watch(self._fd, reads=not self._heard_end, writes=True)
        self._unsent += data

    def _write_on(self) -> None:
        try:
            del self._unsent[: self._sock.send(self._unsent)]
        except (BlockingIOError, InterruptedError):
            return
        except OSError as problem:
            self.end(problem)
            return
        if self._unsent:
            return
        if self._heard_end:
            self.end(None)
        else:
            self._arrivals.watch(self._fd, reads=True, writes=False)

    def get_write_buffer_size(self) -> int:
        """The number of bytes that have not left."""
        return len(self._unsent)

    def is_closing(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self._closing or self._heard_end

    def abort(self) -> None:
        """Close at once; the hearer is told in the loop's next turn."""
        self.end(None)

    def close(self) -> None:
        """Close at once, as `abort` does: no caller leaves with something unsent."""
        self.end(None)

    def end(self, problem: Exception | None) -> None:
        """Close the connection, for `problem` if there is one."""
        if self._closing:
            return
        self._closing = True
        self._arrivals.forget(self._fd)
        asyncio.get_running_loop().call_soon(self._lost, problem)

    def _lost(self, problem: Exception | None) -> None:
        self._sock.close()
        self._hearer.connection_lost(problem)


def _asking(family: int) -> socket.socket:
    """A TCP socket that never blocks and wants stamps; a system that has none leaves it without."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return sock


def _offset_ns() -> int:
    """The wall clock minus the monotonic one, of the sample that took least."""
    best_ns, offset_ns = 1 << 62, 0
    for _ in range(_SAMPLES):
        before_ns = time.monotonic_ns()
        wall_ns = time.time_ns()
        took_ns = time.monotonic_ns() - before_ns
        if took_ns < best_ns:
            best_ns, offset_ns = took_ns, wall_ns - before_ns - took_ns // 2
    return offset_ns
