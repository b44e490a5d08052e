"""One point of a load test: from its load to what was measured, with its artifacts.

The numbers are made in the worker processes; here they are only added up, judged and delivered. Rows are delivered
even of a point that is cancelled.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalkube_crds import merge, verdict
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.proxies import Proxy
from evalkube_crds.results import PerfPoint
from evalkube_runner import arrival, urls
from evalkube_runner import gate as gates
from evalkube_runner import trust as trusting
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed
from evalkube_runner.perf import crew, pool, probe, schedule
from evalkube_runner.perf import target as targets
from evalkube_runner.perf.bodies import Bodies, Span
from evalkube_runner.perf.pace import Load, Pace
from evalkube_runner.perf.point import Point, documents, endpoint_of, joined
from evalkube_runner.server.watch import Watch
from evalkube_runner.wire import heads
from evalkube_runner.wire.dialect import DIALECTS

__all__ = ["Trial"]

_LOG = logging.getLogger("evalkube.runner.perf")
_NANO = 1_000_000_000
_PROGRESS_S = 0.5
_OPEN_LOOP_WARM = 64  # connections opened ahead where nobody knows how many it takes


class Trial:
    """What is the same for all points of one load test."""

    def __init__(
        self,
        spec: PerfRunSpec,
        context: RunContext,
        workers: crew.Crew,
        bodies: Bodies,
        points: Sequence[Point] | None,
    ) -> None:
        """``points``: all of the test, in order; None where they are decided as it goes."""
        self._spec = spec
        self._context = context
        self._workers = workers
        self._bodies = bodies
        loads = [self._load(point) for point in points] if points is not None else None
        self._pace = Pace(loads, pause_s=spec.sleep_interval, duration_s=spec.duration)
        self._dialect = DIALECTS[spec.api]
        self._url = heads.with_query(urls.encoded(endpoint_of(spec)), context.credentials.query)
        self._proxy = context.proxies.for_url(self._url)
        if self._proxy is not None:
            _LOG.info("through the proxy %s: its delay is in all times", self._proxy)
        self._trust = trusting.trust_of(spec, context.readable)
        self._server = Watch(spec, context, self._trust)
        self._headers = self._all_headers()
        self._max_tokens = spec.max_tokens if len(spec.max_tokens) == 2 else None

    def _all_headers(self) -> dict[str, str]:
        spec, proxy = self._spec, self._proxy
        key = self._dialect.headers(self._context.api_key, self._url, spec.api_key_header)
        ours = {}
        if proxy is not None and proxy.basic and proxy.forwards(tls=self._url.startswith("https:")):
            ours["Proxy-Authorization"] = proxy.basic
        return heads.joined(spec.headers, self._context.credentials.headers, key, ours)

    async def connect(self) -> None:
        """Test the connection with the first request, while the endpoint may still come up. Raises RunFailed."""
        await self.tell("testing the connection")
        await self._bodies.begin(Span(0, 1))
        grace_s = self._spec.target_grace
        until_s = time.monotonic() + grace_s
        tries = 0
        while True:
            try:
                return await self._test_connection()
            except probe.NotUpYet as failure:
                if time.monotonic() >= until_s:
                    waited = f" (waited for {grace_s:g} s: target_grace)" if grace_s else ""
                    raise RunFailed(failure.reason, f"{failure.message}{waited}") from None
                _LOG.info("not there yet: %s", failure.message)
                await self.tell("waiting for the endpoint")
            tries += 1
            await asyncio.sleep(arrival.pause_s(tries))

    async def _addresses(self) -> list[str]:
        """What connections go to: looked up and judged once for all workers, so that no request waits for DNS; none
        where the name has none, which the requests report. With a proxy they are the proxy's, and it is the target that
        is judged. Raises TargetForbidden.
        """
        where = targets.target_of(self._url)
        try:
            if self._proxy is not None:
                await self._context.gate.check_passed_on(where.host, where.port)
                return await gates.resolve(self._proxy.host, self._proxy.port)
            return await self._context.gate.addresses(where.host, where.port)
        except OSError:
            return []

    async def _test_connection(self) -> None:
        spec = self._spec
        await probe.test_connection(
            self._url,
            self._headers,
            self._bodies.layout,
            addresses=await self._addresses(),
            dialect=self._dialect,
            limits=pool.Limits(spec.connect_timeout, spec.read_timeout, spec.total_timeout),
            trust=self._trust,
            proxy=self._proxy,
            stream=spec.stream,
            max_tokens=self._max_tokens[0] if self._max_tokens else None,
        )

    @contextlib.asynccontextmanager
    async def rows(self, name: str) -> AsyncIterator[list[Path]]:
        """Files with rows, as ``measure`` adds them, delivered as those of the point ``name`` at the end; also when
        that is a cancellation or a fault.
        """
        files: list[Path] = []
        try:
            yield files
        except BaseException:
            with contextlib.suppress(OSError, RunFailed):  # what happened before is what counts
                await self._deliver_rows(name, files)
            raise
        await self._deliver_rows(name, files)

    async def _deliver_rows(self, name: str, files: Sequence[Path]) -> None:
        written = [path for path in files if path.is_file()]
        if written:
            await asyncio.to_thread(joined, written)
            await self._context.delivery.put_file(f"{name}/requests.jsonl", written[0])
        if scraped := sorted(self._context.scratch.glob("server-*.jsonl")):
            await asyncio.to_thread(joined, scraped)
            await self._context.delivery.put_file(f"{name}/server_metrics.jsonl", scraped[0])

    async def measure(self, point: Point, rows: list[Path]) -> PerfPoint:
        """Put the load of a point on the endpoint: what was measured. Its rows are in the files added to ``rows``,
        those of a cancelled point too.
        """
        context = self._context
        shards, load = self._shards(point), self._load(point)
        wanted = crew.workers_wanted(crew.cores(), slots=load.slots, rate=load.rate)
        await self.tell(f"preparing {point.name}")
        blank = _blank(point, self._spec, self._proxy)
        self._pace.begin(load)
        if context.shard >= shards:  # more shards than slots: this one has nothing to do, but others wait for it
            await self._workers.sit_out()
            self._pace.end(0)
            return blank
        files = [context.scratch / f"rows-{point.run or 0}-{at}.jsonl" for at in range(wanted)]
        rows += files
        _LOG.info("%s: %d worker processes", point.name, wanted)
        await self._bodies.begin(Span(point.first, point.total))
        task = self._task(point) | {"addresses": await self._addresses()}
        async with self._server.during(warmup=point.warmup > 0) as seen:
            running = self._workers.run(
                task, shards=shards, workers=wanted, slots=load.slots, rows=lambda at: files[at]
            )
            parts = await self._reported(running, point)
        measured = merge.merge_points([blank.model_copy(update=_typed(part)) for part in parts])
        measured.server = seen.view(measured)
        if rows_seen := seen.rows(int((self._workers.start_s or 0.0) * _NANO), point.run):
            await asyncio.to_thread((context.scratch / f"server-{point.run or 0}.jsonl").write_bytes, rows_seen)
        measured.verdict, measured.verdict_reasons = verdict.judge_point(measured)
        return measured

    def _shards(self, point: Point) -> int:
        """The shards that a point has work for: each has a slot at least."""
        return min(self._context.shards, point.parallel) if point.parallel is not None else self._context.shards

    def _load(self, point: Point) -> Load:
        """What is this shard's of a point."""
        lane = schedule.Lane(self._context.shard, self._shards(point))
        if lane.lane >= lane.lanes:
            return Load(0, 0, 0, None)
        warmup = schedule.lane_total(lane, point.warmup)
        return Load(
            measured=schedule.lane_total(lane, point.total) - warmup,
            warmup=warmup,
            slots=None if point.parallel is None else schedule.lane_slots(lane, point.parallel),
            rate=None if point.rate is None else point.rate / lane.lanes,
        )

    def _task(self, point: Point) -> dict[str, Any]:
        spec, bodies = self._spec, self._bodies.layout
        return {
            "kind": "task",
            "dialect": spec.api,
            "url": self._url,
            "headers": self._headers,
            "trust": asdict(self._trust),
            "proxy": asdict(self._proxy) if self._proxy is not None else None,
            "bodies": str(bodies.folder),
            "items": bodies.items,
            "block": bodies.block,
            "offset": bodies.offset,
            "first": point.first,
            "tokenizer": spec.tokenizer_path,
            "readable": [str(folder) for folder in self._context.readable.folders],
            "closed": [str(folder) for folder in self._context.readable.closed],
            "seed": spec.seed,
            "run": point.run,
            "count": point.total,
            "warmup": point.warmup,
            "rate": point.rate,
            "max_tokens": self._max_tokens,
            "duration_ns": None if spec.duration is None else int(spec.duration * _NANO),
            "stream": spec.stream,
            "choices": spec.n_choices or 1,
            "connect_s": spec.connect_timeout,
            "read_s": spec.read_timeout,
            "total_s": spec.total_timeout,
            "warm": min(_OPEN_LOOP_WARM, int(point.rate or 1) + 1),
        }

    async def _reported(self, running: Awaitable[list[dict[str, Any]]], point: Point) -> list[dict[str, Any]]:
        """Wait for the workers, telling how far they are."""
        task = asyncio.ensure_future(running)
        try:
            while not (await asyncio.wait([task], timeout=_PROGRESS_S))[0]:
                if self._workers.start_s is not None:
                    self._pace.start(self._workers.start_s)
                    self._pace.heard(*self._workers.finished, time.monotonic())
                await self.tell(self._stage(point))
                self._bodies.check()
        except BaseException:
            task.cancel()
            await asyncio.wait([task])  # two cannot hear one worker
            await self._workers.stop()
            raise
        parts = await task
        self._pace.end(sum(part["succeeded"] + part["failed"] for part in parts))
        await self.tell(point.name)
        return parts

    def _stage(self, point: Point) -> str:
        if self._workers.counting:
            return f"{point.name}: counting tokens"
        if self._workers.start_s is None:
            return f"preparing {point.name}"
        return f"{point.name}: warm-up" if self._pace.is_warming else point.name

    async def pause(self, point: Point) -> None:
        """Leave the endpoint alone before a point, as long as the spec says."""
        if self._spec.sleep_interval:
            await self.tell(f"pause of {self._spec.sleep_interval:g} s before {point.name}")
            await asyncio.sleep(self._spec.sleep_interval)

    async def tell(self, stage: str) -> None:
        """Tell how far the test is, and what it does now."""
        await self._context.delivery.progress(self._pace.progress(time.monotonic(), stage))

    async def deliver(self, point: PerfPoint) -> None:
        """The artifacts of a measured point, but for its rows."""
        for path, data in documents(point, self._spec).items():
            await self._context.delivery.put(path, data)


def _blank(point: Point, spec: PerfRunSpec, proxy: Proxy | None) -> PerfPoint:
    return PerfPoint(
        name=point.name,
        number=point.number,
        parallel=point.parallel,
        rate=point.rate,
        open_loop=point.parallel is None,
        stream=spec.stream,
        proxy=str(proxy) if proxy is not None else None,
    )


def _typed(part: dict[str, Any]) -> dict[str, Any]:
    """A worker's report with the contract's types."""
    found = PerfPoint.model_validate({"name": "", "number": 0} | part)
    return {name: getattr(found, name) for name in part}
