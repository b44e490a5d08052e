"""Runs one point of a load test, from its load to its measurement and artifacts.

The numbers are made in the worker processes; here they are only added up, judged and delivered. Rows are delivered
even of a point that is cancelled.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from evalkube_crds import merge, verdict
from evalkube_crds.dialects import DIALECTS
from evalkube_crds.live import Live, idle, seen
from evalkube_crds.perf_point import PerfPoint, SteadyWindow
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.point_names import arrivals_words
from evalkube_runner import arrival, machine
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed
from evalkube_runner.packing import SUFFIX
from evalkube_runner.perf import endpoint_check, limits, marks, stages, steady, stopping
from evalkube_runner.perf.begun import begun_of
from evalkube_runner.perf.bodies import Bodies, Span
from evalkube_runner.perf.endpoint import addresses_of
from evalkube_runner.perf.live import PointLive
from evalkube_runner.perf.others import OtherShards
from evalkube_runner.perf.pace import Load, Pace
from evalkube_runner.perf.point import Point, documents
from evalkube_runner.perf.shares import busy_shards, shard_load, worker_shares
from evalkube_runner.perf.task import LoadOptions, PointLoad, WorkerReport
from evalkube_runner.perf.workers import WorkerPool
from evalkube_runner.server.watch import Watch

__all__ = ["MOST_PLAIN", "PointRunner"]

_LOG = logging.getLogger("evalkube.runner.perf")
MOST_PLAIN = 20_000
"""Requests whose rows are plain text, of some 7 MB: more of them are compressed."""
_PROGRESS_S = 0.5
_NANO = 1_000_000_000
_LOOK_S = 0.1
_DELIVERY_S = 4.0


class PointRunner:
    """Runs the points of one load test."""

    def __init__(
        self,
        spec: PerfRunSpec,
        context: RunContext,
        options: LoadOptions,
        workers: WorkerPool,
        bodies: Bodies,
        points: Sequence[Point] | None,
    ) -> None:
        """`points`: all of the test, in order; None where they are decided as it goes."""
        self._spec = spec
        self._context = context
        self._options = options
        self._workers = workers
        self._bodies = bodies
        self._server = Watch(spec, context, options.endpoint.trust)
        loads = [shard_load(point, context.shard, context.shards) for point in points] if points is not None else None
        self._runs = spec.sla_num_runs if points is None else None
        self._early: stopping.Early | None = None
        self._stopped_at_ns = 0
        self._others: OtherShards | None = None
        self.gone = ""
        """Why the target counts as gone, where it does: no further point is worth its requests."""
        self._pace = Pace(loads, pause_s=spec.sleep_interval, duration_s=spec.duration)

    async def connect(self) -> None:
        """Test the connection with the first request, while the endpoint may still come up. Raises RunFailed."""
        await self._tell("testing the connection", idle())
        await self._bodies.begin(Span(0, 1))
        grace_s = self._spec.target_grace
        until_s = time.monotonic() + grace_s
        tries = 0
        while True:
            try:
                return await self._check_endpoint()
            except endpoint_check.NotUpYet as failure:
                if time.monotonic() >= until_s:
                    waited = f" (waited for {grace_s:g} s: target_grace)" if grace_s else ""
                    raise RunFailed(failure.reason, f"{failure.message}{waited}") from None
                _LOG.info("the endpoint is not up yet: %s", failure.message)
                await self._tell("waiting for the endpoint", idle())
            tries += 1
            await asyncio.sleep(arrival.pause_s(tries))

    async def _check_endpoint(self) -> None:
        addresses = await addresses_of(self._options.endpoint, self._context)
        await endpoint_check.check_endpoint(self._options, self._bodies.layout, addresses)

    @contextlib.asynccontextmanager
    async def rows(self, name: str, requests: int) -> AsyncIterator[list[Path]]:
        """Files with rows, as `measure` adds them, delivered as those of the point `name` at the end; also when
        that is a cancellation or a fault. `requests`: how many all shards send, so that all of them name it alike.
        """
        path = f"{name}/requests.jsonl{SUFFIX if requests > MOST_PLAIN else ''}"
        files: list[Path] = []
        try:
            yield files
        except BaseException:
            with contextlib.suppress(OSError, RunFailed):  # what happened before is what counts
                await self._deliver_rows(path, files, hurry=True)
            raise
        await _nearly_done(self._deliver_rows(path, files))

    async def _deliver_rows(self, path: str, files: Sequence[Path], *, hurry: bool = False) -> None:
        """Deliver the rows. The next point waits for it, so that nothing disturbs its load."""
        deliver = self._context.delivery.put_lines
        if written := [path for path in files if path.is_file()]:
            await deliver(path, written, hurry=hurry)
        if scraped := sorted(self._context.scratch.glob("server-*.jsonl")):
            await deliver(f"{path.partition('/')[0]}/server_metrics.jsonl", scraped, hurry=hurry)

    async def measure(self, point: Point, rows: list[Path]) -> PerfPoint:
        """Put the load of a point on the endpoint: what was measured. Its rows are in the files added to `rows`,
        those of a cancelled point too.
        """
        context = self._context
        load = shard_load(point, context.shard, context.shards)
        await self._tell_of(point, "preparing", idle())
        self._pace.begin(load)
        if context.shard >= busy_shards(point, context.shards):
            return await self._sit_out(point)
        await self._bodies.begin(Span(point.first, point.total))
        rate = None if load.peak_rate is None else load.peak_rate * self._bodies.turns
        wanted = limits.workers_wanted(machine.cores(), slots=load.slots, rate=rate)
        files = [context.scratch / f"rows-{point.run or 0}-{at}.jsonl" for at in range(wanted)]
        rows += files
        _LOG.info("%s: %d worker processes", point.name, wanted)
        shares = worker_shares(point, context.shard, context.shards, files)
        given = await self._load(point)
        number = None if self._spec.converses else load.measured  # nobody knows how many turns there will be
        whole = None if self._spec.converses else point.number
        may = stopping.Limits(number, self._spec.max_error_rate, self._spec.target_grace, whole)
        share = context.share
        self._others = OtherShards(share, self._workers.turn, context.shards) if share is not None else None
        async with self._server.during(warmup=point.warmup > 0) as seen:
            reports = await self._reported(self._workers.run(self._options, given, shares), point, may)
        blank = self._blank(point)
        measured = merge.merge_points([blank.model_copy(update=_typed(report.fields)) for report in reports])
        measured.begun = begun_of(self._workers.instant, (report.begun_ns for report in reports))
        measured.server = seen.view(measured)
        measured.steady = await asyncio.to_thread(_steady, files, point, measured.started_at_ns)
        if scraped := seen.rows(int((self._workers.start_s or 0.0) * _NANO), point.run):
            await asyncio.to_thread((context.scratch / f"server-{point.run or 0}.jsonl").write_bytes, scraped)
        self._note_early(measured, load.measured)
        measured.verdict, measured.verdict_reasons = verdict.judge_point(measured)
        return measured

    def _note_early(self, point: PerfPoint, number: int) -> None:
        """Say in a point that it ended early, if it did, and did so before its last request."""
        if self._early is not None and stopping.over(point) < number:
            point.stopped = [stopping.words(self._early, point, number)]
            point.stopped_at_ns = self._stopped_at_ns

    async def leave_out(self, point: Point) -> PerfPoint:
        """The result of a point that is not measured, because the target is gone. Other shards may still measure it."""
        self._pace.begin(Load(0, 0, None, None))
        left_out = await self._sit_out(point)
        left_out.stopped = ["not measured: the target could not be reached any more"]
        left_out.verdict, left_out.verdict_reasons = verdict.judge_point(left_out)
        return left_out

    async def _sit_out(self, point: Point) -> PerfPoint:
        """The result of a point in which this shard has nothing to do: there are more shards than slots, or no target.
        It still takes part in the start.
        """
        await self._workers.sit_out()
        self._pace.end(0)
        return self._blank(point)

    async def _load(self, point: Point) -> PointLoad:
        return PointLoad(
            addresses=await addresses_of(self._options.endpoint, self._context),
            bodies=self._bodies.layout,
            first=point.first,
            count=point.total,
            warmup=point.warmup,
            rate=point.rate,
            arrivals=point.arrivals,
            slot_step_ns=point.slot_step_ns,
            run=point.run,
        )

    def _blank(self, point: Point) -> PerfPoint:
        proxy = self._options.endpoint.proxy
        return PerfPoint(
            name=point.name,
            number=point.number,
            parallel=point.parallel,
            rate=point.rate,
            arrivals=arrivals_words(self._spec, point.rate),
            open_loop=point.parallel is None,
            stream=self._options.stream,
            kind=DIALECTS[self._spec.api].kind,
            proxy=str(proxy) if proxy is not None else None,
        )

    async def _reported(
        self, running: Awaitable[list[WorkerReport]], point: Point, may: stopping.Limits
    ) -> list[WorkerReport]:
        """Wait for the workers, telling how far they are; end the load early where the target is not up to it."""
        task = asyncio.ensure_future(running)
        self._early, told_s, course = None, time.monotonic(), PointLive()
        try:
            while not (await asyncio.wait([task], timeout=_LOOK_S))[0]:
                await self._look_at_target(may)
                if time.monotonic() - told_s >= _PROGRESS_S:
                    told_s = time.monotonic()
                    await self._tell_pace(point, course)
                self._bodies.check()
        except BaseException:
            task.cancel()
            await asyncio.wait([task])  # two cannot hear one worker
            await self._workers.stop()
            raise
        reports = await task
        if self._others is not None:
            await self._others.leave(may, self._workers.told)
        unsuccessful = sum(report.unsuccessful for report in reports)
        self._pace.end(sum(report.finished for report in reports), failed=unsuccessful)
        course.heard(self._workers.told)
        await self._tell_of(point, "", course.after())
        return reports

    async def _look_at_target(self, may: stopping.Limits) -> None:
        if self._early is not None or self._workers.start_s is None:
            return
        told, now_ns = self._workers.told, time.monotonic_ns()
        if self._others is not None:
            self._early = self._others.early(may, told, now_ns)
        else:
            self._early = stopping.early(may, told, now_ns)
        if self._early is not None:
            _LOG.warning("ending the load early: %s", self._early.why)
            self._stopped_at_ns = time.time_ns()
            self.gone = self._early.why if self._early.gone else ""
            await self._workers.end_early()
            if self._others is not None:
                await self._others.leave(may, told)

    async def _tell_pace(self, point: Point, course: PointLive) -> None:
        told = self._workers.told
        if self._workers.start_s is not None:
            self._pace.start(self._workers.start_s)
            warm, measured = sum(one.warmup for one in told), sum(one.measured for one in told)
            self._pace.heard(warm, measured, time.monotonic(), failed=sum(one.unsuccessful for one in told))
        course.heard(told)
        await self._tell_of(point, self._doing(), course.now(time.monotonic_ns()))

    def _doing(self) -> str:
        """Set what is being done with the current point; empty: it is being measured."""
        if self._workers.counting:
            return "counting tokens of"
        if self._workers.start_s is None:
            return "preparing"
        return "warming up" if self._pace.is_warming else ""

    async def pause(self, point: Point) -> None:
        """Leave the endpoint alone before a point, as long as the spec says."""
        if self._spec.sleep_interval:
            await self._tell_of(point, "pause before", idle())
            await asyncio.sleep(self._spec.sleep_interval)

    async def _tell_of(self, point: Point, doing: str, live: Live) -> None:
        await self._tell(stages.stage_of(point, doing, runs=self._runs), live)

    async def _tell(self, stage: str, live: Live) -> None:
        """Report how far the test is, what it does now, and its live figures."""
        progress = self._pace.progress(time.monotonic(), stage)
        await self._context.delivery.progress(seen(progress, live, shards=self._context.shards))

    async def deliver(self, point: PerfPoint) -> None:
        """Deliver the artifacts of a measured point, but for its rows."""
        for path, data in documents(point, self._spec).items():
            await self._context.delivery.put(path, data)


def _steady(rows: Sequence[Path], point: Point, started_at_ns: int) -> SteadyWindow | None:
    """The steady part of a point, from what its workers left for it, which goes. A million requests take a second."""
    files = [marks.path_of(path) for path in rows]
    workers = [partial(marks.batches, path) for path in files]
    found = steady.window_of(workers, settled_ns=point.settled_ns, started_at_ns=started_at_ns)
    for path in files:
        path.unlink()
    return found


async def _nearly_done(work: Awaitable[None]) -> None:
    """Wait for `work`, which takes little longer: a cancellation comes after it, or after some seconds."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with contextlib.suppress(asyncio.CancelledError, OSError, RunFailed):  # a TimeoutError is an OSError
            await asyncio.wait_for(task, _DELIVERY_S)
        raise


def _typed(part: dict[str, Any]) -> dict[str, Any]:
    """The report of a worker with the contract's types."""
    found = PerfPoint.model_validate({"name": "", "number": 0} | part)
    return {name: getattr(found, name) for name in part}
