"""One process that generates load: ``python -m evalkube_runner.perf.worker``, started and spoken to by ``perf.crew``.

Lines of JSON on stdin: a task (which holds the headers, and so the key: it never stands in arguments, environment or
files), then ``{"start_ns": ...}`` once all workers are ready; where tokens are to be counted, ``{"count": true}`` once
the load of all is over, so that no counting disturbs another's load; at any time ``{"stop": true}``. Lines on stdout:
ready, progress, reached (which block of bodies is needed now), over, the result of each task, and stopped, when the
rows of all that was sent are on disk. The end of stdin means that the parent is gone: exit at once.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import uvloop

from evalkube_crds.paths import Readable
from evalkube_crds.proxies import Proxy
from evalkube_runner import machine
from evalkube_runner.perf import drive, health, measure, payloads, recount, schedule, target
from evalkube_runner.perf import pool as pools
from evalkube_runner.perf import rows as row_files
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.trust import Trust
from evalkube_runner.wire.dialect import DIALECTS

__all__ = ["main"]

_PROGRESS_S = 0.5
_RAMP_NS = 100_000
"""Between the first requests of two slots. All at once they would queue at the server's socket behind each other, in
step for as long as answers take equally long, and the client's own burst would be measured as the server's TTFT.
"""
_LINE_BYTES = 1 << 22


def main() -> None:
    """Work until stdin ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they reach the whole group; the parent decides
    uvloop.run(_serve())


async def _serve() -> None:
    lines = asyncio.StreamReader(limit=_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    reading = loop.create_task(_read(lines, inbox))
    while True:
        task = await inbox.get()
        if "stop" in task:
            _say({"kind": "stopped"})  # it came too late for the task it meant
        else:
            await _work(task, inbox)
        assert not reading.done()


async def _read(lines: asyncio.StreamReader, inbox: asyncio.Queue[dict[str, Any]]) -> None:
    while line := await lines.readline():
        inbox.put_nowait(orjson.loads(line))
    os._exit(0)  # the parent is gone: nobody wants results, and no request may go on


def _say(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


def _reached(block: int) -> None:
    _say({"kind": "reached", "block": block})


async def _work(task: dict[str, Any], inbox: asyncio.Queue[dict[str, Any]]) -> None:
    """One point: open connections, say ready, wait for the start, run, report."""
    proxy = Proxy(**task["proxy"]) if task.get("proxy") else None
    where = target.target_of(task["url"], proxy)
    limits = pools.Limits(task["connect_s"], task["read_s"], task["total_s"])
    most = machine.connections()
    figures = measure.Measure(warmup=task["warmup"])
    watch = health.Watch(asyncio.get_running_loop())
    pool = pools.Pool(
        where,
        limits,
        task["addresses"],
        connected=figures.connected,
        pulse=watch.pulse,
        trust=Trust(**task.get("trust", {})),
        proxy=proxy,
    )
    layout = payloads.Layout(Path(task["bodies"]), task["items"], task["block"], task["offset"])
    head = target.request_head(where, task["headers"])
    bodies = payloads.Payloads(layout, head, task["first"], reached=_reached)
    await pool.warm(task["warm"])
    health.quiet_collector()
    _say({"kind": "ready", "connections": pool.opened})
    word = await inbox.get()
    doc = None if "stop" in word else await _measured(task | word, pool, bodies, inbox, figures, watch)
    if doc is not None:
        doc["health"] |= {"connections_peak": pool.peak, "connections_limit": most}
        doc["health"] |= {"clock_step_ns": pool.clock_stepped_ns}
        _say({"kind": "done", "point": doc})
    else:
        _say({"kind": "stopped"})
    await pool.close()
    bodies.close()


async def _measured(
    task: dict[str, Any],
    pool: pools.Pool,
    bodies: payloads.Payloads,
    inbox: asyncio.Queue[dict[str, Any]],
    figures: measure.Measure,
    watch: health.Watch,
) -> dict[str, Any] | None:
    """What the load adds up to; None when it was stopped. Its rows are on disk in either case."""
    loop = asyncio.get_running_loop()
    start_ns = task["start_ns"]
    rows = row_files.Rows(Path(task["rows"]), start_ns=start_ns, warmup=task["warmup"], run=task["run"])

    def record(exchange: Exchange) -> None:
        figures.add(exchange)
        rows.add(exchange)

    driver = _driver(task, pool, bodies, record, figures.begin)
    watch.start(start_ns)
    listening = loop.create_task(_obey(inbox, driver, pool))
    telling = loop.create_task(_tell(figures))
    await driver.run(start_ns)
    stopped = driver.stopped
    listening.cancel()
    telling.cancel()
    own = watch.stop()
    if task["tokenizer"] is not None and not stopped:
        _say({"kind": "over"})
        stopped = "stop" in await inbox.get() or not await _counted(task, rows, figures, bodies, inbox, start_ns)
    rows.close()
    doc = figures.to_doc(time.time_ns() - time.monotonic_ns())
    doc["health"] |= own | {
        "offered": driver.offered,
        "sent": driver.sent,
    }
    return None if stopped else doc


def _driver(
    task: dict[str, Any],
    pool: pools.Pool,
    bodies: payloads.Payloads,
    record: Callable[[Exchange], None],
    begin: Callable[[int], None],
) -> drive.Drive:
    lane = schedule.Lane(task["lane"], task["lanes"])
    limits = tuple(task["max_tokens"]) if task["max_tokens"] else None
    planned = schedule.plan(task["seed"], lane, task["count"], rate=task["rate"], max_tokens=limits)
    manner = drive.Manner(
        slots=task["slots"],
        ramp_from_ns=lane.lane * _RAMP_NS,
        ramp_step_ns=lane.lanes * _RAMP_NS,
        warmup=task["warmup"],
        duration_ns=task["duration_ns"],
        stream=task["stream"],
        choices=task["choices"],
        keep_text=task["tokenizer"] is not None,
    )
    return drive.Drive(pool, bodies, planned, manner, dialect=DIALECTS[task["dialect"]], record=record, begin=begin)


async def _counted(
    task: dict[str, Any],
    rows: row_files.Rows,
    figures: measure.Measure,
    bodies: payloads.Payloads,
    inbox: asyncio.Queue[dict[str, Any]],
    start_ns: int,
) -> bool:
    """Count the tokens that the server did not; False when told to stop. In a thread: stdin is still heard."""
    count: recount.Recount | None = None
    for batch in rows.waiting():
        if count is None:
            from evalkube_runner.data import tokens  # not before the load, and only where it is needed

            readable = Readable.of(map(Path, task["readable"]), map(Path, task["closed"]))
            counter = await asyncio.to_thread(tokens.load, task["tokenizer"], readable)
            count = recount.Recount(counter, bodies, DIALECTS[task["dialect"]])
        for row, (_, _, timing) in zip(await asyncio.to_thread(count.rows, batch), batch, strict=True):
            recount.add_row(figures, row, timing, start_ns)
            rows.write(row)
        if not inbox.empty():
            inbox.get_nowait()  # nothing but a stop is said now
            return False
    return True


async def _obey(inbox: asyncio.Queue[dict[str, Any]], driver: drive.Drive, pool: pools.Pool) -> None:
    """Wait for the word to stop; then nothing more is sent, and what is in flight ends as cancelled."""
    while "stop" not in await inbox.get():
        pass
    driver.stop()
    await pool.close()


async def _tell(figures: measure.Measure) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_S)
        _say({"kind": "progress", "warm": figures.warmup, "measured": figures.finished})


if __name__ == "__main__":
    main()
