"""The worker processes of one runner: starts them, gives each its share of a point, starts all at one instant.

Secrets reach a worker through its stdin alone. When the runner dies its workers read the end of stdin and exit.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from evalkube_crds.names import Reason
from evalkube_runner.context import Start, StartInstant
from evalkube_runner.errors import RunFailed
from evalkube_runner.perf import task
from evalkube_runner.perf.processes import Processes

__all__ = ["WorkerPool"]

_STOP_S = 3.0
_NANO = 1_000_000_000
_START_DELAY_NS = 10_000_000  # in which all workers hear of it: a line through a pipe each
_SETTLING_NS = 150_000
"""For each connection: a server takes about as long to accept it, and what comes meanwhile waits. With 256 connections
and no such time, p99 of TTFT was 13 to 20 ms too long for a server of 200 ms.
"""


_Kind = TypeVar("_Kind", bound=task.Message)


@dataclass(slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    reached: Callable[[int], None]
    progress: task.Progress = field(default_factory=task.Progress)

    async def tell(self, message: task.Message) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(task.encode(message))
        await self.process.stdin.drain()

    async def hear(self, kind: type[_Kind]) -> _Kind:
        """The next message of `kind`; progress on the way is noted. Raises RunFailed when the worker is gone."""
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            message = task.decode(line)
            if isinstance(message, kind):
                return message
            if isinstance(message, task.Progress):
                self.progress = message
            elif isinstance(message, task.Reached):
                self.reached(message.block)
        code = await self.process.wait()
        raise RunFailed(
            Reason.INTERNAL_ERROR,
            f"a load generator process ended unexpectedly (exit code {code}); its stderr says why",
        )


class WorkerPool:
    """Worker processes, taken when first wanted and kept for all points of a sweep."""

    def __init__(
        self, processes: Processes, shard: int, start: Start | None = None, *, reached: Callable[[int, int], None]
    ) -> None:
        """`start` agrees with the other shards on when each point begins; None where this is the only one.
        `reached` is told which block of bodies a worker asks for.
        """
        self._processes = processes
        self._shard = shard
        self._reached = reached
        self._start = start
        self._turn = self._busy = 0
        self._workers: list[_Worker] = []
        self.instant: StartInstant | None = None
        """The current point's start as agreed with the other shards; None where there are none."""
        self.start_s: float | None = None
        """When the current point begins, on the monotonic clock; None while its connections are being opened."""
        self.counting = False
        """Whether the current point's load is over, and its tokens are being counted."""

    async def run(
        self, options: task.LoadOptions, point: task.PointLoad, shares: Sequence[task.Share]
    ) -> list[task.WorkerReport]:
        """Run one point, with one worker process for each of `shares`. Returns the report of each."""
        while len(self._workers) < len(shares):
            process = await self._processes.next()
            self._workers.append(_Worker(process, partial(self._reached, len(self._workers))))
        self.instant, self.start_s, self.counting = None, None, False
        for worker in self._workers:  # also those that have nothing to do now: what they told was of another point
            worker.progress = task.Progress()
        self._busy = len(shares)
        busy = self._workers[: len(shares)]
        for worker, share in zip(busy, shares, strict=True):
            await worker.tell(task.Task(options, point, share))
        ready = await _all_say(busy, task.Ready)
        start_ns = await self._start_ns(sum(each.connections for each in ready))
        self.start_s = start_ns / _NANO
        await _tell_all(busy, task.Begin(start_ns))
        if options.counting is not None:  # nobody counts tokens while another still measures
            await _all_say(busy, task.LoadOver)
            self.counting = True
            await _tell_all(busy, task.CountTokens())
        return [done.report for done in await _all_say(busy, task.Done)]

    @property
    def turn(self) -> int:
        """The number of the next common start."""
        return self._turn

    @property
    def told(self) -> list[task.Progress]:
        """The last report of each worker of the current point."""
        return [worker.progress for worker in self._workers[: self._busy]]

    async def end_early(self) -> None:
        """Let a `run` end before its last request; it reports what was measured."""
        with suppress(OSError):  # one that is gone is the affair of the run
            await _tell_all(self._workers[: self._busy], task.EndEarly())

    async def stop(self) -> None:
        """End a `run` that was cancelled: what is in flight ends as cancelled, and its rows are on disk on return,
        as far as the workers are still there and need no longer than some seconds.
        """
        with suppress(TimeoutError, OSError, RunFailed):
            async with asyncio.timeout(_STOP_S):
                await _tell_all(self._workers, task.Stop())
                await _all_say(self._workers, task.Stopped)

    async def sit_out(self) -> None:
        """Take part in the start of a point, and in nothing else of it."""
        await self._start_ns()

    async def _start_ns(self, connections: int = 0) -> int:
        """The time at which the workers begin, on the monotonic clock: all shards together, or where there is one, as
        soon as its server has taken the `connections`.
        """
        if self._start is None:
            return time.monotonic_ns() + _START_DELAY_NS + connections * _SETTLING_NS
        turn, self._turn = self._turn, self._turn + 1
        self.instant = await self._start(turn)
        return self.instant.monotonic_ns


async def _tell_all(workers: Iterable[_Worker], message: task.Message) -> None:
    for worker in workers:
        await worker.tell(message)


async def _all_say(workers: Iterable[_Worker], kind: type[_Kind]) -> list[_Kind]:
    return await asyncio.gather(*(worker.hear(kind) for worker in workers))
