"""One load test from spec to result: the connection test, the points of the sweep one after the other, their
artifacts.

The numbers are made in the worker processes; here they are only added up, judged and delivered. No request is sent
from here but the test of the connection.
"""

import asyncio
import logging
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from evalkube_crds import merge
from evalkube_crds.names import ErrorClass, Reason
from evalkube_crds.perfrun import PerfRunSpec, point_name
from evalkube_crds.results import PerfPoint, PerfResult, Progress
from evalkube_crds.seed import load_test as load_test_figures
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed
from evalkube_runner.perf import bodies, crew, health, payloads, pool, probe, schedule, verdict
from evalkube_runner.wire.dialect import DIALECTS, Dialect

__all__ = ["Point", "load_test", "points_of"]

_LOG = logging.getLogger("evalkube.runner.perf")
_NANO = 1_000_000_000
_PROGRESS_S = 0.5
_SPARE_DESCRIPTORS = 64
_OPEN_LOOP_WARM = 64  # connections opened ahead where nobody knows how many it takes


@dataclass(frozen=True, slots=True)
class Point:
    """One load of the sweep. ``first`` counts the requests of the points before it: prompts go on where they ended."""

    name: str
    number: int
    parallel: int | None
    rate: float | None
    warmup: int
    first: int

    @property
    def total(self) -> int:
        """Requests in all."""
        return self.warmup + self.number


async def load_test(spec: PerfRunSpec, context: RunContext) -> PerfResult:
    """Put the load of ``spec`` (this shard's part of it) on its endpoint.

    Raises RunFailed: AuthenticationFailed, TargetUnreachable, TargetRefused (the first request), DatasetUnavailable,
    InvalidSpec, AllRequestsFailed (after everything was delivered).
    """
    from evalkube_runner.data import prompts  # brings in data set readers, which a worker must not pay for

    _check_limits(spec, context)
    dialect = DIALECTS[spec.api]
    points = list(points_of(spec))
    needed = points[-1].first + points[-1].total
    source = await asyncio.to_thread(prompts.load, spec, context, chat=dialect.is_chat(_url(spec, dialect)))
    file = context.scratch / "payloads.bin"
    await asyncio.to_thread(payloads.write, file, bodies.render_all(spec, dialect, source, needed))
    test = _Test(spec, context, dialect, file)
    if not spec.no_test_connection:
        await test.connect()
    result = PerfResult(
        run_id=context.run_id,
        model=spec.model,
        title=spec.name,
        shards=[context.shard],
        of_shards=context.shards,
        started_at_ns=time.time_ns(),
    )
    async with crew.Crew(context.shard, context.start) as workers:
        for at, point in enumerate(points):
            if at:
                await asyncio.sleep(spec.sleep_interval)
            result.points.append(await test.measure(point, workers, points))
    result.ended_at_ns = time.time_ns()
    await _check_some_succeeded(result, context)
    return result


def _url(spec: PerfRunSpec, dialect: Dialect) -> str:
    return dialect.endpoint(spec.url, plain=spec.tokenize_prompt or spec.apply_chat_template is False)


def _check_limits(spec: PerfRunSpec, context: RunContext) -> None:
    """Refuse what this process could never do, before any request. Raises RunFailed(InvalidSpec)."""
    key = context.api_key
    if key is not None and not (key.isascii() and key.isprintable()):
        raise RunFailed(Reason.INVALID_SPEC, "api_key: must be printable ASCII, as a header is")
    descriptors, ports = health.descriptors_limit() - _SPARE_DESCRIPTORS, health.ports_limit()
    for parallel in [] if spec.open_loop else spec.parallel:
        slots = -(-parallel // context.shards)
        each = -(-slots // crew.workers_wanted(crew.cores(), slots=slots, rate=None))
        if each > descriptors or slots > ports:
            raise RunFailed(
                Reason.INVALID_SPEC,
                f"parallel: {parallel} connections are more than can be held here ({descriptors} open files a process, "
                f"{ports} local ports); raise the limits (ulimit -n, ip_local_port_range), or use more shards",
            )


def points_of(spec: PerfRunSpec) -> Iterator[Point]:
    """The loads of a sweep, in order."""
    first = 0
    for at, number in enumerate(spec.number):
        rate: float | None = spec.rate[at] if len(spec.rate) > 1 else spec.rate[0]
        rate = rate if rate is not None and rate > 0 else None
        parallel = None if spec.open_loop else spec.parallel[at]
        name = point_name(number=number, rate=rate) if spec.open_loop else point_name(number=number, parallel=parallel)
        warmup = _warmup(spec.warmup_num, number)
        yield Point(name, number, parallel, rate, warmup, first)
        first += warmup + number


def _warmup(asked: float, number: int) -> int:
    """A count from 1 on, below it a share of ``number`` (at least one request), 0 for none."""
    if asked <= 0:
        return 0
    return int(asked) if asked >= 1 else max(1, int(asked * number))


class _Test:
    """What is the same for all points of one load test."""

    def __init__(self, spec: PerfRunSpec, context: RunContext, dialect: Dialect, file: Path) -> None:
        self._spec = spec
        self._context = context
        self._dialect = dialect
        self._file = file
        self._url = _url(spec, dialect)
        self._headers = dict(spec.headers) | dialect.headers(context.api_key)
        self._max_tokens = spec.max_tokens if len(spec.max_tokens) == 2 else None

    async def connect(self) -> None:
        """Test the connection."""
        spec = self._spec
        limits = pool.Limits(spec.connect_timeout, spec.read_timeout, spec.total_timeout)
        drawn = self._max_tokens[0] if self._max_tokens else None
        await probe.test_connection(
            self._url,
            self._headers,
            self._file,
            dialect=self._dialect,
            limits=limits,
            stream=spec.stream,
            max_tokens=drawn,
        )

    async def measure(self, point: Point, workers: crew.Crew, points: list[Point]) -> PerfPoint:
        """Run one point and deliver its artifacts."""
        context = self._context
        shards = min(context.shards, point.parallel) if point.parallel is not None else context.shards
        slots = (
            None
            if point.parallel is None
            else schedule.lane_slots(schedule.Lane(context.shard, shards), point.parallel)
        )
        wanted = crew.workers_wanted(
            crew.cores(), slots=slots, rate=None if point.rate is None else point.rate / shards
        )
        blank = _blank(point, self._spec)
        if context.shard >= shards:  # more shards than slots: this one has nothing to do, but others wait for it
            await workers.sit_out()
            return blank
        rows = [context.scratch / f"rows-{at}.jsonl" for at in range(wanted)]
        _LOG.info("%s: %d worker processes", point.name, wanted)
        running = workers.run(self._task(point), shards=shards, workers=wanted, slots=slots, rows=lambda at: rows[at])
        parts = await self._reported(running, workers, point, points)
        measured = merge.merge_points([blank.model_copy(update=_typed(part)) for part in parts])
        measured.verdict, measured.verdict_reasons = verdict.judge_point(measured)
        await self._deliver(measured, rows)
        return measured

    def _task(self, point: Point) -> dict[str, Any]:
        spec = self._spec
        return {
            "kind": "task",
            "dialect": spec.api,
            "url": self._url,
            "headers": self._headers,
            "payloads": str(self._file),
            "offset": point.first,
            "seed": spec.seed,
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

    async def _reported(
        self, running: Awaitable[list[dict[str, Any]]], workers: crew.Crew, point: Point, points: list[Point]
    ) -> list[dict[str, Any]]:
        """Wait for the workers, telling how far they are."""
        task = asyncio.ensure_future(running)
        before = sum(self._share(other) for other in points if other.first < point.first)
        total = sum(map(self._share, points))
        began = time.monotonic()
        try:
            while not task.done():
                done = workers.finished
                took = time.monotonic() - began
                left = took / done * (total - before - done) if done else None
                await self._context.delivery.progress(
                    Progress(done=before + done, total=total, eta_seconds=left, stage=point.name)
                )
                await asyncio.wait([task], timeout=_PROGRESS_S)
        finally:
            task.cancel()
        parts = await task
        finished = before + sum(part["succeeded"] + part["failed"] for part in parts)
        await self._context.delivery.progress(
            Progress(done=finished, total=total, stage=point.name), final=point is points[-1]
        )
        return parts

    def _share(self, point: Point) -> int:
        """The measured requests of a point that are this shard's."""
        lane = schedule.Lane(self._context.shard, min(self._context.shards, point.parallel or self._context.shards))
        if lane.lane >= lane.lanes:  # more shards than slots
            return 0
        return schedule.lane_total(lane, point.total) - schedule.lane_total(lane, point.warmup)

    async def _deliver(self, point: PerfPoint, rows: list[Path]) -> None:
        deliver = self._context.delivery
        arguments = self._spec.model_dump(mode="json") | {
            "url": self._url,
            "number": point.number,
            "parallel": point.parallel,
            "rate": point.rate,
        }
        await deliver.put(f"{point.name}/benchmark_args.json", _json(arguments))
        await deliver.put(f"{point.name}/benchmark_summary.json", _json(load_test_figures.metrics(point)))
        await deliver.put(f"{point.name}/benchmark_percentile.json", _json(load_test_figures.percentiles(point)))
        await asyncio.to_thread(_joined, rows)
        await deliver.put_file(f"{point.name}/requests.jsonl", rows[0])


def _blank(point: Point, spec: PerfRunSpec) -> PerfPoint:
    return PerfPoint(
        name=point.name,
        number=point.number,
        parallel=point.parallel,
        rate=point.rate,
        open_loop=spec.open_loop,
        stream=spec.stream,
    )


def _typed(part: dict[str, Any]) -> dict[str, Any]:
    """A worker's report with the contract's types."""
    found = PerfPoint.model_validate({"name": "", "number": 0} | part)
    return {name: getattr(found, name) for name in part}


def _joined(rows: list[Path]) -> None:
    """All rows in the first file."""
    with rows[0].open("ab") as target:
        for path in rows[1:]:
            with path.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
            path.unlink()


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)


async def _check_some_succeeded(result: PerfResult, context: RunContext) -> None:
    sent = sum(point.succeeded + point.failed for point in result.points)
    if not sent or any(point.succeeded for point in result.points):
        return
    counts: Counter[ErrorClass] = Counter()
    samples: dict[ErrorClass, str] = {}
    for point in result.points:
        counts.update(point.errors)
        samples |= point.error_samples
    worst = counts.most_common(1)[0][0]
    await context.delivery.result(result)
    raise RunFailed(
        Reason.ALL_REQUESTS_FAILED, f"all {sent} requests failed, most of them with {worst}: {samples.get(worst, '')}"
    )
