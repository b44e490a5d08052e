"""The server's view of each point of a load test, where the run asks for it: the one door to this room.

Of several shards the first alone scrapes: what the server says is of the whole load.
"""

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from evalkube_crds.perf_point import PerfPoint, ServerView
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.context import RunContext
from evalkube_runner.server import view
from evalkube_runner.server.pages import pages
from evalkube_runner.server.view import Scrape, Window
from evalkube_runner.trust import Trust

if TYPE_CHECKING:
    from evalkube_runner.server.scraper import Scraper

__all__ = ["Seen", "Watch"]

_FOREVER_NS = 1 << 62


@dataclass(slots=True)
class Seen:
    """The scrapes during one load; none where the run asks for none."""

    pages: list[list[Scrape]] = field(default_factory=list)

    def view(self, point: PerfPoint) -> ServerView | None:
        """The view of the measured `point`; None where nothing was asked for."""
        if not self.pages:
            return None
        unix_ns = time.time_ns() - time.monotonic_ns()
        window = Window(point.started_at_ns - unix_ns, point.ended_at_ns - unix_ns)
        return view.view(self.pages, window if point.started_at_ns else Window(0, _FOREVER_NS))

    def rows(self, start_ns: int, run: int | None) -> bytes:
        """A line of JSON for each scrape, in the order of time; their clock begins at `start_ns`, monotonic."""
        ordered = sorted((scrape for scrapes in self.pages for scrape in scrapes), key=lambda scrape: scrape.at_ns)
        return b"".join(
            orjson.dumps(view.row(scrape, start_ns, run), option=orjson.OPT_APPEND_NEWLINE) for scrape in ordered
        )


class Watch:
    """Scrapes the server's metrics while a load test runs, where it has some."""

    def __init__(self, spec: PerfRunSpec, context: RunContext, trust: Trust) -> None:
        self._scraper: Scraper | None = None
        wanted = pages(spec, context) if context.shard == 0 else []
        if wanted and spec.server_metrics is not None:
            from evalkube_runner.server import scraper  # and with it an HTTP client, which others do not pay for

            self._scraper = scraper.Scraper(
                wanted, spec.model, interval_s=spec.server_metrics.interval, context=context, trust=trust
            )

    @contextlib.asynccontextmanager
    async def during(self, *, warmup: bool) -> AsyncIterator[Seen]:
        """Scrape before, during and after the block, which puts a load on the server. With a `warmup` any scrape may
        be the one that counting begins with.
        """
        seen = Seen()
        if self._scraper is None:
            yield seen
            return
        async with self._scraper.during(buckets=warmup) as scrapes:
            yield seen
        seen.pages = scrapes
