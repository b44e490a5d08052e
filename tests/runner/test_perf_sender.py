"""Requests whose bodies are rendered while others are sent."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import uvloop

from evalkube_runner.http.target import Target, request_head
from evalkube_runner.perf import payloads as files
from evalkube_runner.perf import schedule
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.perf.pool import Limits, Pool
from evalkube_runner.perf.sender import Sender, SendOptions
from evalkube_runner.wire import openai
from fakes.raw_server import ANSWER, raw_server

MS = 1_000_000


async def driven(
    folder: Path, during: Callable[[Sender, files.Layout], Awaitable[None]], **manner: Any
) -> tuple[list[Exchange], Sender, list[bytes]]:
    """Eight requests of blocks of two bodies, the first block of which is there; `during` runs beside them."""
    layout = files.Layout(folder, 8, 2)
    write(layout, 0)
    async with raw_server(lambda _connection, _request: [ANSWER]) as server:
        target = Target("127.0.0.1", server.port, False, "/v1")
        pool = Pool(target, Limits(), ["127.0.0.1"], connected=lambda _: None)
        bodies = files.Payloads(layout, request_head(target, {}), 0, reached=lambda _: None)
        planned = schedule.plan(1, schedule.Lane(0, 1), 8, rate=manner.pop("rate", None), max_tokens=None)
        defaults = {
            "ramp_from_ns": 0,
            "ramp_step_ns": 0,
            "warmup": 0,
            "duration_ns": None,
            "stream": True,
            "choices": 1,
        }
        ended: list[Exchange] = []
        sender = Sender(
            pool,
            bodies,
            planned,
            SendOptions(**(defaults | {"slots": 1} | manner)),
            dialect=openai,
            record=ended.append,
            begin=lambda _: None,
        )
        beside = asyncio.ensure_future(during(sender, layout))
        await asyncio.wait_for(sender.run(time.monotonic_ns()), 60)
        await beside
        await pool.close()
        bodies.close()
        return ended, sender, server.requests


def write(layout: files.Layout, block: int) -> None:
    files.write(layout.path(block), [(b'{"item":%d}' % item, None) for item in layout.items_of(block)])


@pytest.mark.parametrize("manner", [{"slots": 1}, {"slots": 3}, {"slots": None, "rate": 5_000.0}], ids=str)
def test_requests_wait_for_their_bodies(tmp_path: Path, manner: dict[str, Any]) -> None:
    """All are sent, each with its own; the wait is on record as the client's."""

    async def later(_: Sender, layout: files.Layout) -> None:
        for block in (1, 2, 3):
            await asyncio.sleep(0.05)
            write(layout, block)

    ended, sender, sent = uvloop.run(driven(tmp_path, later, **manner))
    assert sorted(request.split(b"\r\n\r\n")[1] for request in sent) == [b'{"item":%d}' % item for item in range(8)]
    assert [one.error for one in ended] == [None] * 8
    assert max(one.dispatched_ns - one.ready_ns for one in ended) > 40 * MS
    assert (sender.sent, sender.offered) == (8, 8)


async def nothing(_: Sender, layout: files.Layout) -> None:
    """All bodies are there."""
    for block in (1, 2, 3):
        write(layout, block)


def test_slots_go_on_while_others_have_yet_to_begin(tmp_path: Path) -> None:
    """The first one sends all there is, before a second one begins; none of it is late."""
    ended, _, _ = uvloop.run(driven(tmp_path, nothing, slots=2, ramp_step_ns=3600 * 1_000 * MS))
    assert [one.index for one in ended] == list(range(8))
    assert all(late.sent_ns >= early.end_ns for early, late in pairwise(ended))


def test_a_duration_that_ends_before_all_slots_have_begun(tmp_path: Path) -> None:
    """Those that have begun go on until it ends."""

    async def late(sender: Sender, layout: files.Layout) -> None:
        while not sender.sent:
            await asyncio.sleep(0.001)
        await nothing(sender, layout)

    begun = time.monotonic()
    manner = {"slots": 2, "ramp_step_ns": 3600 * 1_000 * MS, "duration_ns": 30_000 * MS}
    ended, sender, _ = uvloop.run(driven(tmp_path, late, **manner))
    assert (len(ended), sender.sent) == (8, 8)
    assert time.monotonic() - begun < 30


def test_a_load_that_waits_for_bodies_can_be_stopped(tmp_path: Path) -> None:
    """It ends with what was sent."""

    async def stop(sender: Sender, _: files.Layout) -> None:
        while sender.sent < 2 or sender.in_flight:
            await asyncio.sleep(0.005)
        sender.stop()

    ended, sender, _ = uvloop.run(driven(tmp_path, stop))
    assert (len(ended), sender.sent) == (2, 2)


def test_what_was_due_and_had_no_body_was_offered(tmp_path: Path) -> None:
    """The time is up while an open loop waits: the requests that were due by then count as not sent."""

    async def late(_: Sender, layout: files.Layout) -> None:
        await asyncio.sleep(0.3)
        write(layout, 1)

    ended, sender, _ = uvloop.run(driven(tmp_path, late, slots=None, rate=1_000.0, duration_ns=100 * MS))
    assert (len(ended), sender.sent, sender.offered) == (2, 2, 8)
