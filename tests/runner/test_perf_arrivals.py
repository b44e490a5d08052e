"""Times of arrival by the kernel's clock, and connections that are read with them."""

import asyncio
import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import uvloop

from evalkube_crds.names import Clock
from evalkube_runner.http.target import Target, request_head
from evalkube_runner.perf.arrivals import Arrivals
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.pool import Limits, Pool
from evalkube_runner.wire import openai

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel of this system tells no such times")

BLOCKED_S = 0.2
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
REST = b"data: [DONE]\n\n"
STREAM = HEAD + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (EVENT, REST)) + b"0\r\n\r\n"

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "uvloop": uvloop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}
ON_EITHER_LOOP = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)


@pytest.fixture(scope="module", autouse=True)
def _stamping() -> Iterator[None]:
    """The kernel begins to stamp a moment after the first socket asks for it, of the whole system."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind(("127.0.0.1", 0))
        asking.settimeout(5)
        asking.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
        for _ in range(1000):
            asking.sendto(b"x", asking.getsockname())
            if any(asking.recvmsg(1, 64)[1]):
                break
        yield


def run(loop: Callable[[], asyncio.AbstractEventLoop], work: Callable[[], Awaitable[Any]]) -> Any:
    with asyncio.Runner(loop_factory=loop) as runner:

        async def within() -> Any:
            async with asyncio.timeout(30):
                return await work()

        return runner.run(within())


class Server(threading.Thread):
    """Answers every request of one connection at once, in a thread of its own: also while the client stands still."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.answered = threading.Event()
        self.answered_ns = 0
        self.start()

    def run(self) -> None:
        connection, _ = self._listener.accept()
        with connection, self._listener:
            while connection.recv(65536):
                connection.sendall(STREAM)
                self.answered_ns = time.monotonic_ns()
                self.answered.set()


async def stalled(*, kernel_times: bool) -> tuple[Exchange, int, int]:
    """A request whose answer came while the loop was blocked; when the answer had left, and when the block ended."""
    server = Server()
    target = Target("127.0.0.1", server.port, False, "/")
    pool = Pool(target, Limits(), ["127.0.0.1"], connected=lambda _: None, kernel_times=kernel_times)
    for _ in range(2):  # the first one opens the connection
        over: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        payload = request_head(target, {}) + b"2\r\n\r\n{}"
        exchange = Exchange(0, payload, openai, stream=True, choices=1, ended=over.set_result)
        server.answered.clear()
        pool.send(exchange)
        if exchange.sent_ns:
            server.answered.wait(30)  # the loop stands still
            time.sleep(BLOCKED_S)  # noqa: ASYNC251  # and on
        unblocked_ns = time.monotonic_ns()
        await over
    await pool.close()
    return exchange, server.answered_ns, unblocked_ns


@ON_EITHER_LOOP
def test_a_blocked_program_reads_the_time_of_arrival(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """The answer came before the loop could look, and its times say so."""
    found, answered_ns, unblocked_ns = run(loop, lambda: stalled(kernel_times=True))
    assert found.clock is Clock.KERNEL
    assert found.sent_ns <= found.first_byte_ns <= found.first_token_ns <= found.end_ns <= answered_ns
    assert unblocked_ns - found.end_ns >= BLOCKED_S * 1e9


@ON_EITHER_LOOP
def test_without_them_it_reads_its_own_time(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """What the switch is for: the same answer, as late as it was read."""
    found, answered_ns, unblocked_ns = run(loop, lambda: stalled(kernel_times=False))
    assert found.clock is Clock.PROGRAM
    assert found.first_token_ns >= unblocked_ns > answered_ns


class Hearer:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.heard = b""
        self.times_ns: list[int] = []
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.transport: Any = None
        self.refuse = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def arrived(self, data: bytes, at_ns: int) -> None:
        self.times_ns.append(at_ns)
        self.data_received(data)

    def data_received(self, data: bytes) -> None:
        if self.refuse:
            raise ValueError("not that")
        self.heard += data

    def connection_lost(self, problem: Exception | None) -> None:
        self.lost.set_result(problem)


@contextlib.contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


async def connected(listener: socket.socket) -> tuple[Arrivals, Hearer, socket.socket]:
    arrivals, hearer = Arrivals(asyncio.get_running_loop()), Hearer()
    await arrivals.connect("127.0.0.1", listener.getsockname()[1], hearer)
    peer, _ = listener.accept()
    return arrivals, hearer, peer


@ON_EITHER_LOOP
def test_an_end_after_bytes(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Everything is heard before the end is."""

    async def work() -> tuple[int, Exception | None, bool]:
        with listening() as listener:
            arrivals, hearer, peer = await connected(listener)
            await asyncio.to_thread(peer.sendall, b"x" * 3_000_000)
            peer.close()
            problem = await hearer.lost
            arrivals.close()
            return len(hearer.heard), problem, hearer.transport.is_closing()

    assert run(loop, work) == (3_000_000, None, True)


@ON_EITHER_LOOP
def test_a_reset_after_bytes(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """The bytes are heard, and the reset is told as what it is."""

    async def work() -> tuple[bytes, Exception | None]:
        with listening() as listener:
            arrivals, hearer, peer = await connected(listener)
            peer.sendall(b"half of it")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()
            problem = await hearer.lost
            arrivals.close()
            return hearer.heard, problem

    heard, problem = run(loop, work)
    assert heard == b"half of it"
    assert isinstance(problem, ConnectionResetError)


@ON_EITHER_LOOP
def test_a_half_closed_connection_sends_on(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """A server that says no more still gets all of a request that is on its way."""

    async def work() -> tuple[int, int, Exception | None]:
        with listening() as listener:
            arrivals, hearer, peer = await connected(listener)
            hearer.transport.write(b"y" * 20_000_000)
            peer.shutdown(socket.SHUT_WR)
            waiting = hearer.transport.get_write_buffer_size()

            def drain() -> int:
                total = 0
                while data := peer.recv(1 << 20):
                    total += len(data)
                return total

            total = await asyncio.to_thread(drain)
            problem = await hearer.lost
            peer.close()
            arrivals.close()
            return total, waiting, problem

    assert run(loop, work) == (20_000_000, 20_000_000, None)


@ON_EITHER_LOOP
def test_an_owner_that_fails_loses_its_connection_alone(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """What one cannot bear is told, and the others are read on."""

    async def work() -> tuple[Exception | None, bytes, int]:
        told: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context["exception"]))
        with listening() as listener:
            arrivals, bad, its_peer = await connected(listener)
            good = Hearer()
            await arrivals.connect("127.0.0.1", listener.getsockname()[1], good)
            peer, _ = listener.accept()
            bad.refuse = True
            for one in (its_peer, peer):
                one.sendall(b"x")
                one.close()
            problem = await bad.lost
            await good.lost
            arrivals.close()
            return problem, good.heard, len(told)

    problem, heard, told = run(loop, work)
    assert isinstance(problem, ValueError)
    assert (heard, told) == (b"x", 1)


def test_the_clocks_agree() -> None:
    """Nobody sets the clock in a test: looking again finds no step."""

    async def work() -> int:
        arrivals = Arrivals(asyncio.get_running_loop())
        arrivals.look_at_clock()
        arrivals.close()
        return arrivals.stepped_ns

    assert run(uvloop.new_event_loop, work) == 0


# name: by how much the wall clock is set, in ms; what is told of it
STEPS: dict[str, tuple[int, int]] = {
    "forward": (20, 20),
    "back": (-20, 20),
    "back by an hour": (-3_600_000, 3_600_000),
    "as little as slewing leaves": (0, 0),
}


@pytest.mark.parametrize(("step_ms", "told_ms"), STEPS.values(), ids=STEPS)
def test_a_clock_that_is_set_spoils_what_comes_until_it_is_looked_at(step_ms: int, told_ms: int) -> None:
    """What is read from then on has the right time, and by how much the clock was set is on record."""

    async def work() -> tuple[list[tuple[int, int]], list[int], int]:
        with listening() as listener:
            apart_ns = time.time_ns() - time.monotonic_ns()
            clocks_apart_ns = [apart_ns - step_ms * 1_000_000, apart_ns]  # as it was before, and as it is
            arrivals = Arrivals(asyncio.get_running_loop(), lambda: clocks_apart_ns.pop(0))
            hearer = Hearer()
            await arrivals.connect("127.0.0.1", listener.getsockname()[1], hearer)
            peer, _ = listener.accept()
            sent_ns: list[tuple[int, int]] = []
            for said in (b"1", b"12"):
                before_ns = time.monotonic_ns()
                peer.sendall(b"1")
                sent_ns.append((before_ns, time.monotonic_ns()))
                while hearer.heard != b"1" * len(said):
                    await asyncio.sleep(0)
                if len(said) == 1:
                    arrivals.look_at_clock()
            peer.close()
            await hearer.lost
            arrivals.close()
            return sent_ns, hearer.times_ns, arrivals.stepped_ns

    sent_ns, heard_ns, told_ns = run(uvloop.new_event_loop, work)
    assert told_ns == told_ms * 1_000_000
    for (before_ns, after_ns), at_ns, off_ms in zip(sent_ns, heard_ns, (step_ms, 0), strict=True):
        true_ns = at_ns - off_ms * 1_000_000
        assert before_ns - 1_000_000 < true_ns < after_ns + 1_000_000  # loopback stamps as it sends
