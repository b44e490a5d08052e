"""Runs a load test from spec to result: the data, the connection test, then the points of a sweep one after the other,
or those that the search for a service level asks for (`tune`).

No request is sent from here.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.point_names import point_names
from evalkube_crds.results import PerfResult, Progress
from evalkube_crds.target_failure import failure_of
from evalkube_runner import urls
from evalkube_runner.context import RunContext
from evalkube_runner.errors import TargetFailed
from evalkube_runner.perf import limits, replay, tune
from evalkube_runner.perf.bodies import Bodies
from evalkube_runner.perf.endpoint import options_of
from evalkube_runner.perf.point import Point, arrivals_of
from evalkube_runner.perf.point_runner import PointRunner
from evalkube_runner.perf.processes import Processes
from evalkube_runner.perf.rates import mean_rate
from evalkube_runner.perf.workers import WorkerPool
from evalkube_runner.wire.refusals import says_no_model

__all__ = ["load_test", "points_of"]

_UNLIMITED = 1 << 62


async def load_test(spec: PerfRunSpec, context: RunContext, processes: Processes | None = None) -> PerfResult:
    """Put the load of `spec` (this shard's part of it) on its endpoint. `processes`: where some may have been
    started already.

    Raises RunFailed: AuthenticationFailed, TargetUnreachable, TargetRefused (the first request), ModelNotFound,
    TargetForbidden, DatasetUnavailable, InvalidSpec; where there is one shard TargetFailed, with the result:
    AllRequestsFailed, TargetUnreachable, ModelNotFound.
    """
    from evalkube_runner.data import groups  # brings in data set readers, which a worker must not pay for

    limits.check_limits(spec, context)
    await context.gate.check([urls.encoded(spec.url)])
    options = options_of(spec, context)
    endpoint = options.endpoint
    await context.delivery.progress(Progress(stage="loading data"))
    source = await asyncio.to_thread(groups.load, spec, context, chat=endpoint.dialect.takes_messages(endpoint.url))
    result = PerfResult(
        run_id=context.run_id,
        model=spec.model,
        title=spec.name,
        data=source.data,
        shards=[context.shard],
        of_shards=context.shards,
        started_at_ns=time.time_ns(),
    )
    points = await asyncio.to_thread(_points, spec, source.arrivals_ns(spec.trace_speed), context.scratch)
    total = sum(point.total for point in points) if points is not None else _UNLIMITED
    async with (
        Processes() if processes is None else nullcontext(processes) as started,
        Bodies(spec, endpoint.dialect, source, context.scratch, total=total, secret=context.credentials.body) as bodies,
    ):
        workers = WorkerPool(started, context.shard, context.start, reached=bodies.reached)
        runner = PointRunner(spec, context, options, workers, bodies, points)
        if not spec.no_test_connection:
            await runner.connect()
        if points is None:
            await tune.tune(spec, context, runner, result)
        else:
            await _sweep(points, runner, result)
    result.ended_at_ns = time.time_ns()
    result.gone = runner.gone
    if context.shards == 1:  # of several, what the target did to all of them together decides, and the operator says so
        _check_target_was_there(result)
    return result


async def _sweep(points: Sequence[Point], runner: PointRunner, result: PerfResult) -> None:
    """Measure the points, in order. One that ended early by its error rate does not end the sweep, as another load may
    be none too many; a target that is gone does.
    """
    for at, point in enumerate(points):
        if runner.gone:
            result.points.append(await runner.leave_out(point))
            continue
        if at:
            await runner.pause(point)
        async with runner.rows(point.name, point.total) as rows:
            measured = await runner.measure(point, rows)
            await runner.deliver(measured)
        result.points.append(measured)


def _points(spec: PerfRunSpec, times_ns: replay.Times | None, scratch: Path) -> list[Point] | None:
    """The loads of a test; None where a search decides them. `times_ns`: of its trace. Raises RunFailed."""
    if spec.sla_auto_tune:
        return None
    if times_ns is None:
        return list(points_of(spec))
    times_ns = times_ns[spec.dataset_offset :]
    times_ns = times_ns - times_ns[:1]
    return list(replay.replayed(spec, times_ns, replay.written(times_ns, scratch)))


def points_of(spec: PerfRunSpec) -> Iterator[Point]:
    """The loads of a sweep, in order, each under a name of its own."""
    rates = [rate if rate > 0 else None for rate in spec.rate]
    if len(rates) == 1:
        rates *= len(spec.numbers)
    arrivals = arrivals_of(spec)
    parallels: list[int | None] = [None] * len(spec.numbers) if spec.open_loop else [*spec.parallel]
    loads = list(zip(spec.numbers, parallels, rates, strict=True))
    first = 0
    for name, (number, parallel, rate) in zip(point_names(loads), loads, strict=True):
        warmup = spec.warmup_of(number)
        mean = mean_rate(arrivals.stages, warmup + number) if arrivals.stages else rate
        yield Point(name, number, parallel, mean, warmup, first, arrivals=arrivals, ramp_up_s=spec.ramp_up)
        first += warmup + number


def _check_target_was_there(result: PerfResult) -> None:
    """Raises TargetFailed as `target_failure.failure_of` says."""
    failure = failure_of(result, says_no_model)
    if failure is not None:
        raise TargetFailed(*failure, result)
