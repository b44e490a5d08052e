"""Keeps the last state of runs whose documents could not be written, and writes them as soon as that is possible.

A full disk must neither keep anyone waiting nor make a run look as if it were still at work. What is kept here is what
the service answers; a service that is killed meanwhile finds the runs unfinished and says so of them.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from evalkube_crds import storage
from evalkube_crds.status import Run

__all__ = ["Keeper"]

_LOG = logging.getLogger("evalkube.service")
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 15.0


class Keeper:
    """`write` is blocking and raises OSError; `on_room` is called when all that was kept has been written."""

    def __init__(self, write: Callable[[Run], None], *, on_room: Callable[[], None] = lambda: None) -> None:
        self._write = write
        self._on_room = on_room
        self._kept: dict[str, Run] = {}
        self._problem = ""
        self._writing = asyncio.Lock()
        self._again = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def problem(self) -> str:
        """Why documents cannot be written now; empty where they can."""
        return self._problem if self._kept else ""

    def get(self, run_id: str) -> Run | None:
        """The last state of a run whose document is older; None where the document is right."""
        return self._kept.get(run_id)

    async def keep(self, run: Run) -> None:
        """Writes the document, now or later. Never raises OSError."""
        async with self._writing:
            try:
                await asyncio.to_thread(self._write, run)
            except OSError as problem:
                self.owe(run, problem)
            else:
                self._kept.pop(run.metadata.name, None)

    def owe(self, run: Run, problem: OSError) -> None:
        """Takes a run whose document could not be written for that reason."""
        self._problem = storage.words_of(problem)
        self._kept[run.metadata.name] = run
        _LOG.error("%s: its document cannot be written: %s; it is tried again", run.metadata.name, self._problem)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_later())

    def drop(self, run_id: str) -> None:
        """Forgets a run that was deleted."""
        self._kept.pop(run_id, None)

    def look_again(self) -> None:
        """There may be room now."""
        self._again.set()

    async def close(self) -> None:
        """Tries once more; what is still not written is not known to the next service."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._write_all()
        for run_id, run in self._kept.items():
            _LOG.error("%s: its last state, %s, was not written: %s", run_id, run.status.phase, self._problem)

    async def _write_later(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while self._kept:
            self._again.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._again.wait()
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            await self._write_all()
        _LOG.info("documents can be written again")
        self._on_room()

    async def _write_all(self) -> None:
        async with self._writing:
            for run_id, run in list(self._kept.items()):
                try:
                    await asyncio.to_thread(self._write, run)
                except OSError as problem:
                    self._problem = storage.words_of(problem)
                    return
                if self._kept.get(run_id) is run:
                    del self._kept[run_id]
