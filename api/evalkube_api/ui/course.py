"""The live figures of active runs since their start, so that a page that is opened later has complete curves.

In memory, of bounded size. It is dropped at the run's end: the result has its own curves.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from evalkube_api.backend import Backend, RunQuery

__all__ = ["Course", "Courses"]

_LOG: Final = logging.getLogger("evalkube.service")
_MOST_RUNS: Final = 200
_MOST_POINTS: Final = 300


@dataclass
class Course:
    """Figures over time. When it is full, every second point is removed and the interval doubles."""

    apart_s: float = 1.0
    at_s: list[float] = field(default_factory=list)
    figures: list[Mapping[str, float]] = field(default_factory=list)

    def add(self, at_s: float, figures: Mapping[str, float]) -> None:
        """Adds the figures at a time, which is later than all before."""
        if self.at_s and at_s - self.at_s[-1] < self.apart_s:
            return
        self.at_s.append(at_s)
        self.figures.append(figures)
        if len(self.at_s) > _MOST_POINTS:
            del self.at_s[1::2], self.figures[1::2]
            self.apart_s *= 2

    def columns(self, names: Sequence[str]) -> dict[str, list[float | None]]:
        """The values of each name over the times; None where a value is missing."""
        return {name: [figures.get(name) for figures in self.figures] for name in names}


class Courses:
    """The figures over time of all active runs."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._by_run: dict[str, Course] = {}

    def of(self, run_id: str) -> Course:
        """The figures of a run over time; empty if nothing is known."""
        return self._by_run.get(run_id) or Course()

    async def follow(self) -> None:
        """Follows the progress of all runs until the service stops."""
        async for event in await self._backend.events(RunQuery()):
            if event is None or event.run_id is None:
                continue
            if event.line is None or event.line.phase.terminal:
                self._by_run.pop(event.run_id, None)
            elif event.line.progress is not None and event.line.progress.figures:
                self._course(event.run_id).add(datetime.now(UTC).timestamp(), event.line.progress.figures)

    def _course(self, run_id: str) -> Course:
        if run_id not in self._by_run and len(self._by_run) >= _MOST_RUNS:
            del self._by_run[next(iter(self._by_run))]
        return self._by_run.setdefault(run_id, Course())

    def begin(self) -> "asyncio.Task[None]":
        """Starts to follow in the background."""
        task = asyncio.create_task(self.follow())
        task.add_done_callback(_noted)
        return task


def _noted(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _LOG.error("live curves are no longer kept: %s", type(task.exception()).__name__)
