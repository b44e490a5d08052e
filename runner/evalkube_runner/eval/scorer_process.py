"""Scores replies in processes that can be stopped, one for each core, each started when it is first needed.

One is killed and started anew when it does not answer in time; the reply that it hung on fails, no other.
"""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import orjson

from evalkube_benchmarks.scoring import Scores, Task
from evalkube_runner import machine

__all__ = ["ScorerFailed", "Scorers"]

_START_S = 30.0
_LINE_BYTES = 64 * 1024 * 1024


class ScorerFailed(Exception):
    """An answer could not be scored: the sample is errored, not wrong."""


class Scorers:
    """Scoring processes, no more than there are cores. Use as an async context manager."""

    def __init__(self, processes: int | None = None) -> None:
        self._count = processes or machine.cores()
        self._room = asyncio.Semaphore(self._count)
        self._idle: list[_Process] = []

    async def __aenter__(self) -> "Scorers":
        # A process that is killed leaves in it what it was at.
        self._folder = tempfile.TemporaryDirectory(prefix="evalkube-scoring-", ignore_cleanup_errors=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._idle:
            await self._idle.pop().stop()
        with contextlib.suppress(RecursionError):
            self._folder.cleanup()

    async def start(self) -> None:
        """Start all processes now, where the first replies should not have to wait longer for one than later ones."""
        made = [_Process(self._folder.name) for _ in range(self._count)]
        await asyncio.gather(*(process.ready() for process in made))
        self._idle += made

    async def score(self, task: Task, reply: str, timeout_s: float) -> Scores:
        """The scores of a reply. Raises ScorerFailed when there are none, or not within `timeout_s`."""
        request = {"task": task.packed(), "reply": reply, "longest_s": timeout_s}
        line = orjson.dumps(request, option=orjson.OPT_APPEND_NEWLINE)
        async with self._free() as process:  # waiting for one is no part of the time
            try:
                said = await process.ask(line, timeout_s)
            except TimeoutError:
                raise ScorerFailed(f"scoring took more than {timeout_s:g} s") from None
            except (OSError, EOFError, ValueError) as problem:
                raise ScorerFailed(f"the scoring process ended: {problem}") from problem
        if "error" in said:
            raise ScorerFailed(str(said["error"]))
        return Scores(**{**said, "held": tuple(said["held"])})

    @contextlib.asynccontextmanager
    async def _free(self) -> "AsyncIterator[_Process]":
        async with self._room:
            process = self._idle.pop() if self._idle else _Process(self._folder.name)
            try:
                yield process
            finally:
                self._idle.append(process)


class _Process:
    """One scoring process, started when it is needed."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def ready(self) -> None:
        """Start the process, if possible; the next request reports why not."""
        try:
            async with asyncio.timeout(_START_S):
                await self._start()
        except (OSError, EOFError, ValueError):  # TimeoutError is an OSError
            await self.stop()

    async def ask(self, line: bytes, timeout_s: float) -> dict[str, Any]:
        """Send one line and read one. An interruption ends the process, so that no late answer meets a later
        question.
        """
        try:
            async with asyncio.timeout(_START_S):
                process = self._process or await self._start()
            assert process.stdin is not None
            async with asyncio.timeout(timeout_s):
                process.stdin.write(line)
                await process.stdin.drain()
                said = await self._line()
            while "state" in said:  # it loads algebra, or is done with that
                async with asyncio.timeout(_START_S if said["state"] == "loading" else timeout_s):
                    said = await self._line()
            return said
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "evalkube_runner.eval.scorer_worker",
            self._folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
        )
        await self._line()
        return self._process

    async def _line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError("no answer")
        return dict(orjson.loads(line))

    async def stop(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
