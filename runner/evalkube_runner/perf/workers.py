"""The worker processes of one runner: starts them, gives each its lane, starts all at one instant, adds up what they
report.

Secrets reach a worker through its stdin alone. When the runner dies its workers read the end of stdin and exit.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from evalkube_crds.names import Reason
from evalkube_runner.context import Start
from evalkube_runner.errors import RunFailed
from evalkube_runner.perf import schedule

__all__ = ["WorkerPool"]

_STOP_S = 3.0
_LINE_BYTES = 1 << 28  # a report of many histograms; the worker is our own
_NANO = 1_000_000_000
_START_DELAY_NS = 30_000_000


@dataclass(slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    warm: int = 0
    measured: int = 0
    reached: Callable[[int], None] = lambda _: None

    async def tell(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(orjson.dumps(message) + b"\n")
        await self.process.stdin.drain()

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message of ``kind``; progress on the way is noted. Raises RunFailed when the worker is gone."""
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            message: dict[str, Any] = orjson.loads(line)
            if message["kind"] == kind:
                return message
            if message["kind"] == "progress":
                self.warm, self.measured = message["warm"], message["measured"]
            elif message["kind"] == "reached":
                self.reached(message["block"])
        code = await self.process.wait()
        raise RunFailed(
            Reason.INTERNAL_ERROR,
            f"a load generator process ended unexpectedly (exit code {code}); its stderr says why",
        )


class WorkerPool:
    """Worker processes, started when first wanted and kept for all points of a sweep. An async context manager: none
    outlives it.
    """

    def __init__(self, shard: int, start: Start | None = None, *, reached: Callable[[int, int], None]) -> None:
        """``start`` agrees with the other shards on when each point begins; None where this is the only one.
        ``reached`` is told which block of bodies a worker asks for.
        """
        self._shard = shard
        self._reached = reached
        self._start = start
        self._turn = 0
        self._workers: list[_Worker] = []
        self.start_s: float | None = None
        """When the current point begins, on the monotonic clock; None while its connections are being opened."""
        self.counting = False
        """Whether the current point's load is over, and its tokens are being counted."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            if worker.process.returncode is None:
                with suppress(ProcessLookupError):
                    worker.process.kill()
        for worker in self._workers:
            await worker.process.wait()

    @property
    def finished(self) -> tuple[int, int]:
        """Requests of the warm-up and measured ones of the current point that are over, as far as told."""
        return sum(worker.warm for worker in self._workers), sum(worker.measured for worker in self._workers)

    async def run(
        self,
        task: dict[str, Any],
        *,
        shards: int,
        workers: int,
        slots: int | None,
        rows: Callable[[int], Path],
    ) -> list[dict[str, Any]]:
        """Run one point, which ``shards`` shards share, on ``workers`` processes: what each reports.

        ``slots`` (None: open loop) is this shard's share. An index belongs to a shard by its remainder, whatever the
        number of workers that each shard has.
        """
        while len(self._workers) < workers:
            self._workers.append(await _started(partial(self._reached, len(self._workers))))
        self.start_s, self.counting = None, False
        for worker in self._workers:  # also those that have nothing to do now: what they told was of another point
            worker.warm = worker.measured = 0
        busy = self._workers[:workers]
        for at, worker in enumerate(busy):
            own = None if slots is None else schedule.lane_slots(schedule.Lane(at, workers), slots)
            lane: dict[str, Any] = {
                "lane": self._shard + shards * at,
                "lanes": shards * workers,
                "slots": own,
                "rows": str(rows(at)),
            }
            share = schedule.lane_total(schedule.Lane(lane["lane"], lane["lanes"]), task["count"])
            warm = min(own if own is not None else -(-task["warm"] // workers), share)
            await worker.tell(task | lane | {"warm": warm})
        await asyncio.gather(*(worker.hear("ready") for worker in busy))
        start_ns = await self._start_ns()
        self.start_s = start_ns / _NANO
        for worker in busy:
            await worker.tell({"start_ns": start_ns})
        if task["tokenizer"] is not None:  # nobody counts tokens while another still measures
            await asyncio.gather(*(worker.hear("over") for worker in busy))
            self.counting = True
            for worker in busy:
                await worker.tell({"count": True})
        done = await asyncio.gather(*(worker.hear("done") for worker in busy))
        return [message["point"] for message in done]

    async def stop(self) -> None:
        """End a ``run`` that was cancelled: what is in flight ends as cancelled, and its rows are on disk on return,
        as far as the workers are still there and need no longer than some seconds.
        """
        with suppress(TimeoutError, OSError, RunFailed):
            async with asyncio.timeout(_STOP_S):
                for worker in self._workers:
                    await worker.tell({"stop": True})
                await asyncio.gather(*(worker.hear("stopped") for worker in self._workers))

    async def sit_out(self) -> None:
        """Take part in the start of a point, and in nothing else of it."""
        await self._start_ns()

    async def _start_ns(self) -> int:
        """When the workers begin, on the monotonic clock: all shards together, or at once where there is one."""
        if self._start is None:
            return time.monotonic_ns() + _START_DELAY_NS
        turn, self._turn = self._turn, self._turn + 1
        return await self._start(turn)


async def _started(reached: Callable[[int], None]) -> _Worker:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "evalkube_runner.perf.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
    )
    return _Worker(process, reached=reached)
