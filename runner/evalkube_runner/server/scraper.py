"""Reads pages of metrics over HTTP while a load runs: through the gate and the run's proxies, within limits of bytes
and time, without following redirects. Whatever goes wrong becomes the fault of a scrape, never the run's.

In the process that sends no load; a page is read in a thread.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

import httpx

from evalkube_crds.wording import printable
from evalkube_runner.context import RunContext
from evalkube_runner.gate import TargetForbidden
from evalkube_runner.http.connections import Connections
from evalkube_runner.server import exposition, names
from evalkube_runner.server.exposition import NotRead, Reading
from evalkube_runner.server.pages import Page
from evalkube_runner.server.view import MOST_SCRAPES, Scrape, thinned
from evalkube_runner.trust import Trust

__all__ = ["Limits", "Scraper"]

_LOG = logging.getLogger("evalkube.runner.server")
_OF_LATE: Final = 5
_PASSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a scrape may take, and all of them of the time: the server makes a page beside its work."""

    seconds: float = 5.0
    size_bytes: int = 8 * 1024 * 1024
    share: float = 0.02


_USUAL: Final = Limits()


class _Failed(Exception):
    """Why a page was not read. `final`: it would fail the same way again."""

    def __init__(self, words: str, *, final: bool) -> None:
        super().__init__(words)
        self.final = final


@dataclass(slots=True)
class _Source:
    page: Page
    given_up: str
    connections: Connections | None = None
    told: bool = False


class Scraper:
    """The pages of one run, and which of them were given up."""

    def __init__(
        self,
        pages: Sequence[Page],
        model: str,
        *,
        interval_s: float,
        context: RunContext,
        trust: Trust,
        limits: Limits = _USUAL,
    ) -> None:
        self._model = model
        self._interval_s = interval_s
        self._limits = limits
        self._context = context
        self._trust = trust
        self._sources = [_Source(page, given_up=page.fault) for page in pages]

    @contextlib.asynccontextmanager
    async def during(self, *, buckets: bool) -> AsyncIterator[list[list[Scrape]]]:
        """Scrape once before the block, again and again during it, and once after it: the scrapes of each page.

        `buckets`: also those during the block have the histograms' buckets.
        """
        scrapes: list[list[Scrape]] = [[] for _ in self._sources]
        async with contextlib.AsyncExitStack() as stack:
            for source in self._sources:
                if not source.given_up:
                    await self._prepare(source, stack)
            await self._turn(scrapes, buckets=True)
            task = asyncio.create_task(self._again(scrapes, buckets))
            try:
                yield scrapes
            finally:
                task.cancel()
                await asyncio.wait([task])
            await self._turn(scrapes, buckets=True)

    async def _prepare(self, source: _Source, stack: contextlib.AsyncExitStack) -> None:
        page, timeout_s = source.page, self._limits.seconds
        proxy = self._context.proxies.for_url(page.url)
        try:
            connections = Connections(
                1, page.url, self._context.gate, timeout_s=timeout_s, trust=self._trust, proxy=proxy
            )
        except OSError as problem:  # the certificates to trust cannot be read
            source.given_up = f"no connection can be made: {problem.strerror or problem}"
        else:
            source.connections = await stack.enter_async_context(connections)

    async def _again(self, scrapes: list[list[Scrape]], buckets: bool) -> None:
        interval_s = self._interval_s
        while not all(source.given_up for source in self._sources):
            await asyncio.sleep(max(interval_s, _usual_s(scrapes) * (1 / self._limits.share - 1)))
            await self._turn(scrapes, buckets=buckets)
            if max(map(len, scrapes)) >= MOST_SCRAPES:
                scrapes[:] = map(thinned, scrapes)
                interval_s *= 2

    async def _turn(self, scrapes: list[list[Scrape]], *, buckets: bool) -> None:
        """Ask all pages at once. A page that was given up is in the first turn alone."""
        found = await asyncio.gather(*(self._scrape(source, buckets) for source in self._sources))
        for source, known, scrape in zip(self._sources, scrapes, found, strict=True):
            if not known or not source.given_up:
                known.append(scrape)

    async def _scrape(self, source: _Source, buckets: bool) -> Scrape:
        sent_ns = time.monotonic_ns()
        reading, fault = None, source.given_up
        if not fault:
            try:
                page, kind = await self._fetched(source)
                got_ns = time.monotonic_ns()
                reading = await asyncio.to_thread(self._read, page, kind, buckets)
            except _Failed as problem:
                fault = str(problem)
                source.given_up = fault if problem.final and not source.told else ""
            except Exception as problem:  # whatever it is, it is not worth a load test
                _LOG.exception("%s cannot be scraped", source.page.name)
                fault = source.given_up = f"{type(problem).__name__}: {printable(str(problem))[:200]}"
        if reading is None:
            got_ns = time.monotonic_ns()
        self._tell(source, reading, fault)
        return Scrape(source.page.name, sent_ns, got_ns, reading, fault)

    def _read(self, page: bytes, kind: str, buckets: bool) -> Reading:
        try:
            return exposition.read(page, self._model, buckets=buckets)
        except NotRead as problem:
            raise _Failed(f"{problem} ({len(page)} bytes of {kind})", final=False) from None

    def _tell(self, source: _Source, reading: Reading | None, fault: str) -> None:
        """Log once what is found, or why nothing is."""
        if source.told:
            return
        source.told = True
        if reading is not None:
            _LOG.info("server metrics of %s at %s", ", ".join(reading.servers), source.page.name)
        else:
            _LOG.warning("no server metrics: %s: %s", source.page.name, fault)

    async def _fetched(self, source: _Source) -> tuple[bytes, str]:
        """The page, and what it says it is."""
        assert source.connections is not None
        try:
            async with (
                asyncio.timeout(self._limits.seconds),
                source.connections.one() as client,
                client.stream("GET", source.page.url, headers=source.page.headers) as response,
            ):
                _check(response)
                return await _body(response, self._limits.size_bytes), printable(
                    response.headers.get("content-type", "no type")
                )[:80]
        except (TimeoutError, httpx.TimeoutException):
            raise _Failed(f"no whole answer within {self._limits.seconds:g} s", final=False) from None
        except TargetForbidden as problem:
            raise _Failed(problem.message, final=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as problem:
            words = printable(str(problem))[:200] or type(problem).__name__
            raise _Failed(f"no answer: {words}", final=False) from None


def _usual_s(scrapes: Sequence[Sequence[Scrape]]) -> float:
    """How long the slowest page takes where nothing else is in the way: the shortest that it took of late."""
    return max(min(scrape.got_ns - scrape.sent_ns for scrape in each[-_OF_LATE:]) for each in scrapes) / 1e9


def _check(response: httpx.Response) -> None:
    """Raises _Failed for what is no page to be read."""
    status = response.status_code
    if response.is_redirect:
        where = printable(response.headers.get("location", ""))[:200]
        raise _Failed(f"HTTP {status}, to {where}: redirects are not followed, name that URL", final=True)
    if status in (401, 403):
        raise _Failed(
            f"HTTP {status}: the key is sent to the endpoint's own scheme, host and port only, and was not enough",
            final=True,
        )
    if status != 200:
        raise _Failed(f"HTTP {status}; {names.HOW}", final=status not in _PASSES)
    if response.headers.get("content-encoding", "identity") != "identity":
        raise _Failed("a compressed page, which was not asked for", final=True)


async def _body(response: httpx.Response, most_bytes: int) -> bytes:
    found = bytearray()
    async for part in response.aiter_raw():
        found += part
        if len(found) > most_bytes:
            raise _Failed(f"more than {most_bytes / (1 << 20):.3g} MiB", final=True)
    return bytes(found)
