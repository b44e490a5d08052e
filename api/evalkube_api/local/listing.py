"""Lists of the runs on this machine, and the stream of their changes. In memory, no I/O."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime

from evalkube_api import errors, selecting
from evalkube_api.backend import Line, Queue, RunEvent, RunPage, RunQuery
from evalkube_api.feed import Feed
from evalkube_api.local.index import Index
from evalkube_api.local.paths import NEEDS_CLUSTER

__all__ = ["Listing"]


class Listing:
    """Lists the runs of `index`, whose changes `feed` reports.

    `queue` returns what a run waits for; None for a run that has started.
    """

    def __init__(self, index: Index, feed: Feed[str], queue: Callable[[str], Queue | None]) -> None:
        self._index = index
        self._feed = feed
        self._queue = queue

    def page(self, query: RunQuery, now: datetime) -> RunPage:
        """See backend.Backend.list."""
        _check(query)
        found = selecting.page(self._index.lines(), query, now)
        return RunPage([self._placed(line) for line in found.lines], found.total, found.next, self._feed.position)

    def events(self, query: RunQuery, after: str | None) -> AsyncIterator[RunEvent | None]:
        """See backend.Backend.events."""
        _check(query)

        def line(run_id: str) -> Line | None:
            found = self._index.entry(run_id).line if run_id in self._index else None
            return self._placed(found) if found is not None and selecting.matches(found, query) else None

        return self._feed.events(after, line=line, run_id=str, keys=self._index.ids)

    def _placed(self, line: Line) -> Line:
        """The line of a run, with its place in the queue if it waits."""
        queue = self._queue(line.run_id)
        return line if queue is None else replace(line, queue=queue)


def _check(query: RunQuery) -> None:
    if query.namespace is not None:
        raise errors.InvalidRequest.because(NEEDS_CLUSTER, "namespace")
