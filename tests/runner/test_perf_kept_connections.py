"""The connections that stay open between the runs of a search."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from evalkube_crds.names import ErrorClass
from evalkube_runner.http.target import request_head
from evalkube_runner.perf import task
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.kept_connections import KeptConnections
from evalkube_runner.perf.payloads import Layout
from evalkube_runner.perf.pool import Limits, Pool
from evalkube_runner.perf.schedule import Arrivals, Lane
from evalkube_runner.perf.self_watch import Pulse
from evalkube_runner.trust import Trust
from evalkube_runner.wire import openai
from fakes.raw_server import Close, RawServer, Step, http_answer, raw_server

T = TypeVar("T")
ANSWER = http_answer(b'{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}')


def given(port: int, *, run: int | None = 0, headers: dict[str, str] | None = None, address: str = "127.0.0.1") -> Any:
    """A task of a search, or (`run` None) of another load test."""
    endpoint = task.Endpoint("openai", f"http://127.0.0.1:{port}/v1/chat/completions", headers or {}, Trust(), None)
    options = task.LoadOptions(endpoint, Limits(total_s=60.0), False, 1, 1, None, None, None)
    bodies = Layout(Path("/nowhere"), 1, 1)
    point = task.PointLoad((address,), bodies, 0, 1, 0, None, Arrivals(), 0, run)
    return task.Task(options, point, task.Share(Lane(0, 1), 1, 1, Path("/nowhere")))


async def sent(pool: Pool, wanted: task.Task) -> Exchange:
    """One request."""
    over: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
    head = request_head(wanted.options.endpoint.target, {})
    pool.send(Exchange(0, head + b"2\r\n\r\n{}", openai, stream=False, choices=1, ended=over.set_result))
    return await over


def with_server(
    work: Callable[[RawServer], Coroutine[Any, Any, T]], script: Callable[[int, int], list[Step]] | None = None
) -> T:
    async def serve() -> T:
        async with raw_server(script or (lambda _connection, _request: [ANSWER])) as server:
            return await work(server)

    return uvloop.run(serve())


@pytest.mark.parametrize(
    ("counts", "opened", "told"),
    [([3, 3], 3, [3, 0]), ([1, 3], 3, [1, 2]), ([3, 1, 2], 4, [3, 0, 1]), ([2, 0, 1], 3, [2, 0, 1])],
    ids=["as many", "more", "fewer, then more", "none, then one"],
)
def test_what_is_open_stays_open(counts: list[int], opened: int, told: list[int]) -> None:
    """What a run needs more is opened, what it needs no more is closed, and each run is told of its own alone."""

    async def work(server: RawServer) -> tuple[int, list[int], list[int]]:
        connections, wanted = KeptConnections(Pulse()), given(server.port)
        times: list[list[int]] = []
        ready = []
        for count in counts:
            times.append([])
            pool = await connections.pool(wanted, times[-1].append)
            await pool.warm(count)
            ready.append(pool.ready)
            assert pool.peak == count
            if count:
                assert (await sent(pool, wanted)).error is None
            await connections.give_back(pool, wanted)
        await pool.close()
        return server.connections, [len(one) for one in times], ready

    assert with_server(work) == (opened, told, counts)


CHANGES: dict[str, dict[str, Any]] = {
    "another load test's point": {"run": None},
    "another key": {"headers": {"Authorization": "Bearer x"}},
    "another address": {"address": "127.0.0.2"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_leads_elsewhere_is_closed(change: dict[str, Any]) -> None:
    """And points that are no runs of a search begin with new ones."""

    async def work(server: RawServer) -> bool:
        connections, first = KeptConnections(Pulse()), given(server.port)
        pool = await connections.pool(first, lambda _: None)
        await pool.warm(1)
        await connections.give_back(pool, first)
        second = given(server.port, **change)
        other = await connections.pool(second, lambda _: None)
        await connections.give_back(other, second)
        closed = pool.closed
        await other.close()
        return closed and other is not pool

    assert with_server(work)


def test_a_pool_that_was_closed_is_not_kept() -> None:
    """A run that was ended early has ended its connections."""

    async def work(server: RawServer) -> ErrorClass | None:
        connections, wanted = KeptConnections(Pulse()), given(server.port)
        pool = await connections.pool(wanted, lambda _: None)
        await pool.close()
        await connections.give_back(pool, wanted)
        other = await connections.pool(wanted, lambda _: None)
        found = await sent(other, wanted)
        await other.close()
        return found.error

    assert with_server(work) is None


def test_connections_that_the_server_left_meanwhile() -> None:
    """They are opened anew before the load, and no request finds out."""

    def script(connection: int, _request: int) -> list[Step]:
        return [ANSWER] if connection else [ANSWER, Close()]

    async def work(server: RawServer) -> tuple[ErrorClass | None, bool, int]:
        connections, wanted = KeptConnections(Pulse()), given(server.port)
        pool = await connections.pool(wanted, lambda _: None)
        await sent(pool, wanted)
        await connections.give_back(pool, wanted)
        while pool.ready:  # until it hears of the end
            await asyncio.sleep(0.01)
        again = await connections.pool(wanted, lambda _: None)
        await again.warm(1)
        found = await sent(again, wanted)
        await again.close()
        return found.error, found.resent, server.connections

    assert with_server(work, script) == (None, False, 2)


def test_one_that_was_never_used_may_be_left_too() -> None:
    """A request on a kept connection that the server ends at that moment is sent again: that is no failure."""

    def script(connection: int, _request: int) -> list[Step]:
        return [ANSWER] if connection else [Close()]

    async def work(server: RawServer) -> tuple[ErrorClass | None, bool]:
        connections, wanted = KeptConnections(Pulse()), given(server.port)
        pool = await connections.pool(wanted, lambda _: None)
        await pool.warm(1)
        await connections.give_back(pool, wanted)
        again = await connections.pool(wanted, lambda _: None)
        await again.warm(1)
        found = await sent(again, wanted)
        await again.close()
        return found.error, found.resent

    assert with_server(work, script) == (None, True)
