"""One load test from spec to result: the data, the connection test, then the points of a sweep one after the other, or
those that the search for a service level asks for (``tune``).

No request is sent from here.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

from evalkube_crds.names import ErrorClass, Reason
from evalkube_crds.perfrun import PerfRunSpec, point_name
from evalkube_crds.results import PerfResult
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed
from evalkube_runner.perf import bodies, crew, health, payloads, schedule, tune
from evalkube_runner.perf.trial import Point, Trial, endpoint_of, warmup_of
from evalkube_runner.wire.dialect import DIALECTS
from evalkube_runner.wire.refusals import says_no_model

__all__ = ["load_test", "points_of"]

_SPARE_DESCRIPTORS = 64


async def load_test(spec: PerfRunSpec, context: RunContext) -> PerfResult:
    """Put the load of ``spec`` (this shard's part of it) on its endpoint.

    Raises RunFailed: AuthenticationFailed, TargetUnreachable, TargetRefused (the first request), ModelNotFound,
    TargetForbidden, DatasetUnavailable, InvalidSpec, AllRequestsFailed (after everything was delivered).
    """
    from evalkube_runner.data import prompts  # brings in data set readers, which a worker must not pay for

    _check_limits(spec, context)
    await context.gate.check([spec.url])
    dialect = DIALECTS[spec.api]
    source = await asyncio.to_thread(prompts.load, spec, context, chat=dialect.is_chat(endpoint_of(spec)))
    result = PerfResult(
        run_id=context.run_id,
        model=spec.model,
        title=spec.name,
        shards=[context.shard],
        of_shards=context.shards,
        started_at_ns=time.time_ns(),
    )
    async with crew.Crew(context.shard, context.start) as workers:
        if spec.sla_auto_tune:
            await tune.tune(spec, context, source, workers, most_parallel=most_parallel(context), result=result)
        else:
            await _sweep(spec, context, source, workers, result)
    result.ended_at_ns = time.time_ns()
    await _check_some_succeeded(result, context)
    return result


async def _sweep(
    spec: PerfRunSpec, context: RunContext, source: bodies.Prompts, workers: crew.Crew, result: PerfResult
) -> None:
    """Measure the points of the spec, in order."""
    points = list(points_of(spec))
    file = context.scratch / "payloads.bin"
    needed = points[-1].first + points[-1].total
    await asyncio.to_thread(payloads.write, file, bodies.render_all(spec, DIALECTS[spec.api], source, needed))
    trial = Trial(spec, context, workers, total=sum(share(point, context) for point in points))
    if not spec.no_test_connection:
        await trial.connect(file)
    for at, point in enumerate(points):
        if at:
            await asyncio.sleep(spec.sleep_interval)
        async with trial.rows(point.name) as rows:
            measured = await trial.measure(point, file, rows)
            await trial.deliver(measured)
        result.points.append(measured)
        await trial.tell(point.name, final=point is points[-1])


def share(point: Point, context: RunContext) -> int:
    """The measured requests of a point that are this shard's."""
    lane = schedule.Lane(context.shard, min(context.shards, point.parallel or context.shards))
    if lane.lane >= lane.lanes:  # more shards than slots
        return 0
    return schedule.lane_total(lane, point.total) - schedule.lane_total(lane, point.warmup)


def _check_limits(spec: PerfRunSpec, context: RunContext) -> None:
    """Refuse what this process could never do, before any request. Raises RunFailed(InvalidSpec)."""
    key = context.api_key
    if key is not None and not (key.isascii() and key.isprintable()):
        raise RunFailed(Reason.INVALID_SPEC, "api_key: must be printable ASCII, as a header is")
    parallel = 1 if spec.open_loop else max(*spec.parallel, spec.sla_fixed_parallel or 1)
    if parallel > most_parallel(context):
        raise RunFailed(
            Reason.INVALID_SPEC,
            f"parallel: {parallel} connections are more than can be held here ({health.descriptors_limit()} open "
            f"files a process, {health.ports_limit()} local ports); raise the limits (ulimit -n, "
            "ip_local_port_range), or use more shards",
        )


def most_parallel(context: RunContext) -> int:
    """The most requests in flight that a closed loop can have here."""
    ports = health.ports_limit()
    descriptors = health.descriptors_limit() - _SPARE_DESCRIPTORS
    processes = crew.cores() if descriptors >= crew.PARALLEL_PER_WORKER else 1
    return min(descriptors * processes, ports) * context.shards


def points_of(spec: PerfRunSpec) -> Iterator[Point]:
    """The loads of a sweep, in order."""
    first = 0
    for at, number in enumerate(spec.number):
        rate: float | None = spec.rate[at] if len(spec.rate) > 1 else spec.rate[0]
        rate = rate if rate is not None and rate > 0 else None
        parallel = None if spec.open_loop else spec.parallel[at]
        name = point_name(number=number, rate=rate) if spec.open_loop else point_name(number=number, parallel=parallel)
        warmup = warmup_of(spec.warmup_num, number)
        yield Point(name, number, parallel, rate, warmup, first)
        first += warmup + number


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
    no_model = says_no_model(samples.get(worst, ""))
    raise RunFailed(
        Reason.MODEL_NOT_FOUND if no_model else Reason.ALL_REQUESTS_FAILED,
        f"all {sent} requests failed, most of them with {worst}: {samples.get(worst, '')}",
    )
