"""One load test from spec to result: the data, the connection test, then the points of a sweep one after the other, or
those that the search for a service level asks for (``tune``).

No request is sent from here.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

from evalkube_crds import summary
from evalkube_crds.names import ErrorClass, Reason
from evalkube_crds.perfrun import PerfRunSpec, point_names
from evalkube_crds.results import PerfResult, Progress
from evalkube_runner import machine, urls
from evalkube_runner.context import RunContext
from evalkube_runner.errors import RunFailed, TargetFailed
from evalkube_runner.perf import crew, probe, tune
from evalkube_runner.perf.bodies import Bodies
from evalkube_runner.perf.point import Point, endpoint_of, warmup_of
from evalkube_runner.perf.trial import Trial
from evalkube_runner.wire.dialect import DIALECTS
from evalkube_runner.wire.refusals import says_no_model

__all__ = ["load_test", "points_of"]

_UNLIMITED = 1 << 62


async def load_test(spec: PerfRunSpec, context: RunContext) -> PerfResult:
    """Put the load of ``spec`` (this shard's part of it) on its endpoint.

    Raises RunFailed: AuthenticationFailed, TargetUnreachable, TargetRefused (the first request), ModelNotFound,
    TargetForbidden, DatasetUnavailable, InvalidSpec; TargetFailed, with the result: AllRequestsFailed,
    TargetUnreachable, ModelNotFound.
    """
    from evalkube_runner.data import prompts  # brings in data set readers, which a worker must not pay for

    _check_limits(spec, context)
    await context.gate.check([urls.encoded(spec.url)])
    dialect = DIALECTS[spec.api]
    await context.delivery.progress(Progress(stage="loading data"))
    source = await asyncio.to_thread(prompts.load, spec, context, chat=dialect.is_chat(endpoint_of(spec)))
    result = PerfResult(
        run_id=context.run_id,
        model=spec.model,
        title=spec.name,
        data=source.data,
        shards=[context.shard],
        of_shards=context.shards,
        started_at_ns=time.time_ns(),
    )
    total = sum(point.total for point in points_of(spec)) if not spec.sla_auto_tune else _UNLIMITED
    async with (
        Bodies(spec, dialect, source, context.scratch, total=total, secret=context.credentials.body) as bodies,
        crew.Crew(context.shard, context.start, reached=bodies.reached) as workers,
    ):
        if spec.sla_auto_tune:
            await tune.tune(spec, context, workers, bodies, most_parallel=most_parallel(context), result=result)
        else:
            await _sweep(spec, context, workers, bodies, result)
    result.ended_at_ns = time.time_ns()
    _check_target_was_there(result)
    return result


async def _sweep(
    spec: PerfRunSpec, context: RunContext, workers: crew.Crew, bodies: Bodies, result: PerfResult
) -> None:
    """Measure the points of the spec, in order."""
    points = list(points_of(spec))
    trial = Trial(spec, context, workers, bodies, points)
    if not spec.no_test_connection:
        await trial.connect()
    for at, point in enumerate(points):
        if at:
            await trial.pause(point)
        async with trial.rows(point.name) as rows:
            measured = await trial.measure(point, rows)
            await trial.deliver(measured)
        result.points.append(measured)


def _check_limits(spec: PerfRunSpec, context: RunContext) -> None:
    """Refuse what this process could never do, before any request. Raises RunFailed(InvalidSpec)."""
    key = context.api_key
    if key is not None and not (key.isascii() and key.isprintable()):
        raise RunFailed(Reason.INVALID_SPEC, "api_key: must be printable ASCII, as a header is")
    parallel = 1 if spec.open_loop else max(*spec.parallel, spec.sla_fixed_parallel or 1)
    most = most_parallel(context)
    if parallel > most:
        raise RunFailed(
            Reason.INVALID_SPEC,
            f"parallel: {parallel} needs as many connections, and no more than {most} can be held here "
            f"({machine.descriptors()} open files a process, {machine.ports()} local ports); raise the limits "
            "(ulimit -n, ip_local_port_range), or use shards",
        )


def most_parallel(context: RunContext) -> int:
    """The most requests in flight that a closed loop can have here."""
    descriptors = machine.descriptors() - machine.SPARE_DESCRIPTORS
    processes = crew.cores() if descriptors >= crew.PARALLEL_PER_WORKER else 1
    return max(1, min(descriptors * processes, machine.ports())) * context.shards


def points_of(spec: PerfRunSpec) -> Iterator[Point]:
    """The loads of a sweep, in order, each under a name of its own."""
    rates = [rate if rate > 0 else None for rate in spec.rate]
    if len(rates) == 1:
        rates *= len(spec.number)
    parallels: list[int | None] = [None] * len(spec.number) if spec.open_loop else [*spec.parallel]
    loads = list(zip(spec.number, parallels, rates, strict=True))
    first = 0
    for name, (number, parallel, rate) in zip(point_names(loads), loads, strict=True):
        warmup = warmup_of(spec.warmup_num, number)
        yield Point(name, number, parallel, rate, warmup, first)
        first += warmup + number


def _check_target_was_there(result: PerfResult) -> None:
    """A load that nobody took is no success, though all of it was sent.

    Raises TargetFailed: AllRequestsFailed, and TargetUnreachable where most requests found nobody to connect to.
    """
    sent = sum(point.succeeded + point.failed for point in result.points)
    counts: Counter[ErrorClass] = Counter()
    samples: dict[ErrorClass, str] = {}
    for point in result.points:
        counts.update(point.errors)
        samples = point.error_samples | samples
    unconnected = sum(counts[error] for error in probe.NO_CONNECTION)
    all_failed = sent > 0 and not any(point.succeeded for point in result.points)
    if not all_failed and (result.sla is not None or 2 * unconnected <= sent):
        return
    worst = counts.most_common(1)[0][0]
    text = samples.get(worst, "")
    reason = Reason.ALL_REQUESTS_FAILED if all_failed else Reason.TARGET_UNREACHABLE
    raise TargetFailed(
        Reason.MODEL_NOT_FOUND if all_failed and says_no_model(text) else reason,
        f"{summary.failures(result.points)}; the first of {worst}: {text}",
        result,
    )
