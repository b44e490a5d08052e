"""The least CPU that an event can cost here: `python bench/perf_floor.py [--rounds N] [--core N]`.

The load of `perf_cpu.py`'s kind `event` on a client that does nothing but wait, read and throw away: epoll in the
loop that workers have, recvmsg with the kernel's time of arrival, or recv without. The kernel's part of an event
(copy, acknowledgement, wake-up, packet filters of loopback) differs several times from machine to machine; a figure of
`perf_cpu.py` says little without this one of the same machine.
"""

import argparse
import asyncio
import json
import os
import select
import socket
import statistics
import struct
import time
from urllib.parse import urlsplit

import perf_run
import uvloop
from perf_cpu import KINDS

_KIND = KINDS["event"]
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@ll").unpack
_END = b"0\r\n\r\n"


def request() -> bytes:
    """A streamed chat, as the runner asks for it."""
    body = json.dumps(
        {
            "model": "mock-model",
            "messages": [{"role": "user", "content": "hello there"}],
            "stream": True,
            "max_tokens": _KIND.tokens,
        }
    ).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: mock\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Reader:
    """So many connections, of which one turn after the other is read."""

    def __init__(self, base: str, *, stamped: bool) -> None:
        parts = urlsplit(base)
        self._epoll = select.epoll()
        self._stamped = stamped
        self._sockets: dict[int, socket.socket] = {}
        self.reads = self._open = 0
        for _ in range(_KIND.parallel):
            sock = socket.create_connection((parts.hostname, parts.port))
            sock.setblocking(False)
            if stamped:
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._sockets[sock.fileno()] = sock
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    async def turn(self) -> float:
        """Ask on each connection and read all that is answered: CPU seconds."""
        loop = asyncio.get_running_loop()
        over = loop.create_future()
        loop.add_reader(self._epoll.fileno(), self._ready, over)
        self.reads, self._open = 0, len(self._sockets)
        began_s = time.process_time()
        for sock in self._sockets.values():
            sock.send(request())
        await over
        took_s = time.process_time() - began_s
        loop.remove_reader(self._epoll.fileno())
        return took_s

    def _ready(self, over: asyncio.Future[None]) -> None:
        for fd, _ in self._epoll.poll(0, 1024):
            if self._stamped:
                data, extra, _, _ = self._sockets[fd].recvmsg(1 << 16, 32)
                _TIMESPEC(extra[0][2])
            else:
                data = self._sockets[fd].recv(1 << 16)
            self.reads += 1
            self._open -= data.endswith(_END)
        if not self._open and not over.done():
            over.set_result(None)


async def measured(base: str, rounds: int, *, stamped: bool) -> str:
    """The cost of a read, median of the rounds, in words."""
    reader = Reader(base, stamped=stamped)
    events = _KIND.parallel * _KIND.tokens
    costs, sizes = [], []
    for _ in range(rounds):
        took_s = await reader.turn()
        costs.append(took_s / reader.reads * 1e6)
        sizes.append(events / reader.reads)
    return f"{statistics.median(costs):.2f} us a read, {statistics.median(sizes):.2f} events to a read"


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--core", type=int)
    given = parser.parse_args()
    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    with perf_run.mock("--tokens", str(_KIND.tokens), *_KIND.mock) as base:
        for name, stamped in (("recvmsg with the kernel's time", True), ("recv without", False)):
            print(f"{name}: {uvloop.run(measured(base, given.rounds, stamped=stamped))}", flush=True)


if __name__ == "__main__":
    main()
