"""Keeps the last state of runs whose documents could not be written, and writes them when this is possible.

A full disk must not block anyone, and an ended run must not look active. The service answers with the state that is
kept here. If the service is killed in the meantime, its successor finds the runs unfinished and reports that.
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
    """Keeps documents until they are written. `write` is blocking and raises OSError; `on_room` is called when all kept
    documents have been written.
    """

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
        """The reason why documents cannot be written now; empty if they can."""
        return self._problem if self._kept else ""

    def get(self, run_id: str) -> Run | None:
        """The last state of a run whose document on the disk is older; None if that is up to date."""
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
        """Takes a run whose document could not be written, with the reason."""
        self._problem = storage.words_of(problem)
        self._kept[run.metadata.name] = run
        _LOG.error("%s: its document cannot be written: %s; it is tried again", run.metadata.name, self._problem)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_later())

    def drop(self, run_id: str) -> None:
        """Forgets a deleted run."""
        self._kept.pop(run_id, None)

    def look_again(self) -> None:
        """Tries again soon, because there may be room now."""
        self._again.set()

    async def close(self) -> None:
        """Tries once more. The next service does not know what is still not written."""
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
        _LOG.info("the documents can be written again")
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
