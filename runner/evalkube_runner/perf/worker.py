"""One process that generates load: ``python -m evalkube_runner.perf.worker``, started and spoken to by ``perf.crew``.

Lines of JSON on stdin: a task (which holds the headers, and so the key: it never stands in arguments, environment or
files), then ``{"start_ns": ...}`` once all workers are ready, or ``{"stop": true}``. Lines on stdout: ready,
progress, and the result of each task. The end of stdin means that the parent is gone: exit at once.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import IO, Any

import orjson
import uvloop

from evalkube_runner.perf import drive, health, measure, payloads, schedule, target
from evalkube_runner.perf import pool as pools
from evalkube_runner.perf.exchange import Exchange
from evalkube_runner.wire.dialect import DIALECTS

__all__ = ["main"]

_ROWS_PER_WRITE = 256
_PROGRESS_S = 0.5
_RAMP_NS = 100_000
"""Between the first requests of two slots. All at once they would queue at the server's socket behind each other, in
step for as long as answers take equally long, and the client's own burst would be measured as the server's TTFT.
"""
_LINE_BYTES = 1 << 22


def main() -> None:
    """Work until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
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
            continue  # it came too late for the task it meant
        await _work(task, inbox)
        assert not reading.done()


async def _read(lines: asyncio.StreamReader, inbox: asyncio.Queue[dict[str, Any]]) -> None:
    while line := await lines.readline():
        inbox.put_nowait(orjson.loads(line))
    os._exit(0)  # the parent is gone: nobody wants results, and no request may go on


def _say(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


class _Rows:
    """One line of JSON per request, written in batches."""

    def __init__(self, file: IO[bytes], start_ns: int, warmup: int) -> None:
        self._file = file
        self._start_ns = start_ns
        self._warmup = warmup
        self._lines: list[bytes] = []

    def add(self, exchange: Exchange) -> None:
        row = measure.row_of(exchange, self._start_ns, warmup=exchange.index < self._warmup)
        self._lines.append(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        if len(self._lines) >= _ROWS_PER_WRITE:
            self.flush()

    def flush(self) -> None:
        self._file.write(b"".join(self._lines))
        self._lines.clear()


async def _work(task: dict[str, Any], inbox: asyncio.Queue[dict[str, Any]]) -> None:
    """One point: open connections, say ready, wait for the start, run, report."""
    where = target.target_of(task["url"])
    limits = pools.Limits(task["connect_s"], task["read_s"], task["total_s"])
    most = health.connections_limit()
    connects: list[int] = []
    addresses = await target.resolve(where)
    pool = pools.Pool(where, limits, addresses, connected=connects.append)
    bodies = payloads.Payloads(Path(task["payloads"]), target.request_head(where, task["headers"]), task["offset"])
    await pool.warm(task["warm"])
    health.quiet_collector()
    _say({"kind": "ready", "connections": pool.opened})
    word = await inbox.get()
    if "stop" not in word:
        with open(task["rows"], "wb", buffering=0) as rows:  # noqa: ASYNC230, PTH123  # a local file: no wait worth a thread
            doc = await _measured(task, word["start_ns"], pool, bodies, rows, inbox, connects)
        doc["health"] |= {"connections_peak": pool.peak, "connections_limit": most}
        _say({"kind": "done", "point": doc})
    await pool.close()
    bodies.close()


async def _measured(
    task: dict[str, Any],
    start_ns: int,
    pool: pools.Pool,
    bodies: payloads.Payloads,
    rows_file: IO[bytes],
    inbox: asyncio.Queue[dict[str, Any]],
    connects: list[int],
) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    figures = measure.Measure(warmup=task["warmup"])
    rows = _Rows(rows_file, start_ns, task["warmup"])

    def record(exchange: Exchange) -> None:
        while connects:
            figures.connected(connects.pop())
        figures.add(exchange)
        rows.add(exchange)

    lane = schedule.Lane(task["lane"], task["lanes"])
    limits = tuple(task["max_tokens"]) if task["max_tokens"] else None
    planned = schedule.plan(task["seed"], lane, task["count"], rate=task["rate"], max_tokens=limits)
    ramp = (lane.lane * _RAMP_NS, lane.lanes * _RAMP_NS)
    manner = drive.Manner(task["slots"], *ramp, task["warmup"], task["duration_ns"], task["stream"], task["choices"])
    driver = drive.Drive(
        pool, bodies, planned, manner, dialect=DIALECTS[task["dialect"]], record=record, begin=figures.begin
    )
    watch = health.Watch(loop)
    watch.start(start_ns)
    listening = loop.create_task(_obey(inbox, driver))
    telling = loop.create_task(_tell(figures))
    await driver.run(start_ns)
    listening.cancel()
    telling.cancel()
    rows.flush()
    own = watch.stop()
    doc = figures.to_doc(time.time_ns() - time.monotonic_ns())
    doc["health"] |= own | {
        "offered": driver.offered,
        "sent": driver.sent,
    }
    return doc


async def _obey(inbox: asyncio.Queue[dict[str, Any]], driver: drive.Drive) -> None:
    while "stop" not in await inbox.get():
        pass
    driver.stop()


async def _tell(figures: measure.Measure) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_S)
        _say({"kind": "progress", "finished": figures.finished})


if __name__ == "__main__":
    main()
