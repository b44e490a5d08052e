"""Starts worker processes before their work is known: a process needs as long to load its modules as its parent needs
to read data and to test the connection. Nothing else is imported here, so that it can be first.
"""

import asyncio
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

__all__ = ["LINE_BYTES", "Processes"]

LINE_BYTES = 1 << 28  # a report of many histograms; the worker is our own


class Processes:
    """The worker processes (`worker`) of a load test. An async context manager: none outlives it."""

    def __init__(self) -> None:
        self._all: list[asyncio.subprocess.Process] = []
        self._waiting: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._all:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
        for process in self._all:
            await process.wait()

    async def ahead(self, count: int) -> None:
        """Start processes until so many wait for work."""
        while len(self._waiting) < count:
            self._waiting.append(await self._started())

    async def next(self) -> asyncio.subprocess.Process:
        """A worker process that has been started ahead, or a new one."""
        return self._waiting.pop(0) if self._waiting else await self._started()

    async def _started(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "evalkube_runner.perf.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_BYTES,
        )
        self._all.append(process)
        return process
