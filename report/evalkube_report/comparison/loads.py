"""Compares load tests, figure by figure, at the loads that they have in common. Pure.

`uncertainty` tells how sure each difference is. If the figures of a load are not valid in one of the runs, the
difference at this load is unknown.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from evalkube_crds.figure import Better, Figure
from evalkube_crds.figures import OUTPUT_TOKENS
from evalkube_crds.intervals import Interval
from evalkube_crds.names import TokenBasis, Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import PerfResult
from evalkube_crds.verdict import worst_of
from evalkube_report import formats, uncertainty
from evalkube_report.comparison.values import Delta, LoadComparison, LoadSide, Outcome, PointComparison, Versus
from evalkube_report.load_test import tables
from evalkube_report.uncertainty import Known, Measured

__all__ = ["Incomparable", "load_tests"]

_LENGTHS_DIFFER: Final = 0.05
_MOST_WARNINGS: Final = 10

Load: TypeAlias = tuple[object, ...]
Run: TypeAlias = tuple[str, PerfResult]


class Incomparable(Exception):
    """The runs have no load in common. The message says what to do."""


def load_tests(runs: Sequence[Run]) -> LoadComparison:
    """Compares the first run with each of the others; each run comes with its id.

    Raises Incomparable, and ValueError for fewer than two runs.
    """
    if len(runs) < 2:
        raise ValueError("a comparison needs two runs")
    baseline = runs[0]
    return LoadComparison(_side(baseline), tuple(_versus(baseline, candidate) for candidate in runs[1:]))


def _side(run: Run) -> LoadSide:
    name, result = run
    return LoadSide(name, result.model, worst_of(point.verdict for point in result.points) or Verdict.VALID)


def _versus(baseline: Run, candidate: Run) -> Versus:
    mine, theirs = _by_load(baseline[1]), _by_load(candidate[1])
    common = [load for load in mine if load in theirs]
    if not common:
        raise Incomparable(
            f"{baseline[0]} and {candidate[0]} have no load in common: measured were {_loads(mine)} and "
            f"{_loads(theirs)}; run both with the same parallel or rate"
        )
    points = [point for load in common for point in _points(mine[load], theirs[load])]
    return Versus(
        candidate=_side(candidate),
        points=tuple(points),
        only_baseline=_names(mine, common),
        only_candidate=_names(theirs, common),
        warnings=tuple(_warnings(baseline, candidate, [(mine[load][0], theirs[load][0]) for load in common])),
    )


def _by_load(result: PerfResult) -> dict[Load, list[PerfPoint]]:
    """The points of each load: several if the load was measured repeatedly."""
    found: dict[Load, list[PerfPoint]] = {}
    for point in result.points:
        conversations = point.conversations is not None
        load = (point.kind, point.open_loop, point.parallel, point.rate, point.arrivals, conversations)
        found.setdefault(load, []).append(point)
    return found


def _loads(points: dict[Load, list[PerfPoint]]) -> str:
    return ", ".join(tables.load_text(each[0]) for each in points.values()) or "none"


def _names(points: dict[Load, list[PerfPoint]], common: Sequence[Load]) -> tuple[str, ...]:
    return tuple(point.name for load, each in points.items() if load not in common for point in each)


def _points(mine: Sequence[PerfPoint], theirs: Sequence[PerfPoint]) -> Iterator[PointComparison]:
    """One comparison of a load. If it has too few repeats for an interval, one comparison for each repeat."""
    if min(len(mine), len(theirs)) >= uncertainty.REPEATS:
        yield _compared(mine, theirs)
    else:
        for one, other in zip(mine, theirs, strict=False):
            yield _compared([one], [other])


def _compared(mine: Sequence[PerfPoint], theirs: Sequence[PerfPoint]) -> PointComparison:
    doubt = _not_valid("baseline", mine) or _not_valid("candidate", theirs)
    deltas = (_delta(measured, mine, theirs, doubt) for measured in uncertainty.MEASURED)
    return PointComparison(
        load=tables.load_text(mine[0]),
        baseline=mine[0].name,
        candidate=theirs[0].name,
        baseline_verdict=worst_of(point.verdict for point in mine) or Verdict.VALID,
        candidate_verdict=worst_of(point.verdict for point in theirs) or Verdict.VALID,
        deltas=tuple(delta for delta in deltas if delta is not None),
    )


def _not_valid(side: str, points: Sequence[PerfPoint]) -> str:
    for point in points:
        if point.verdict is Verdict.INVALID:
            why = point.verdict_reasons[0].removeprefix("invalid: ") if point.verdict_reasons else "no reason given"
            return f"the {side} is not valid: {why}"
    return ""


def _delta(measured: Measured, mine: Sequence[PerfPoint], theirs: Sequence[PerfPoint], doubt: str) -> Delta | None:
    """The difference of one figure; None if neither run has the figure."""
    one, other = _known(measured, mine), _known(measured, theirs)
    if one.value is None and other.value is None:
        return None
    if one.value is None or other.value is None:
        side = "baseline" if one.value is None else "candidate"
        return Delta(measured.figure, one.value, other.value, reason=f"the {side} has none")
    value = other.value - one.value
    interval = None if doubt else uncertainty.difference(one, other)
    outcome = _outcome(measured.figure, interval)
    return Delta(
        figure=measured.figure,
        baseline=one.value,
        candidate=other.value,
        difference=value,
        ratio=other.value / one.value if one.value else None,
        interval=interval,
        method=" and ".join(dict.fromkeys((one.method, other.method))) if interval is not None else "",
        outcome=outcome,
        reason=(doubt or one.reason or other.reason) if outcome == "unknown" else "",
    )


def _known(measured: Measured, points: Sequence[PerfPoint]) -> Known:
    if len(points) == 1:
        return measured.of(points[0])
    values = [value for point in points if (value := measured.figure.of(point)) is not None]
    return uncertainty.of_repeats(values) if len(values) == len(points) else Known(None)


def _outcome(figure: Figure, interval: Interval | None) -> Outcome:
    if interval is None:
        return "unknown"
    if interval.low <= 0 <= interval.high:
        return "noise"
    return "better" if (interval.low > 0) is (figure.better is Better.HIGHER) else "worse"


def _warnings(baseline: Run, candidate: Run, common: Sequence[tuple[PerfPoint, PerfPoint]]) -> Iterator[str]:
    for name, result in (baseline, candidate):
        yield from _doubts(name, result)
    for one, other in common:
        lengths = [OUTPUT_TOKENS.value(point, None) for point in (one, other)]
        if lengths[0] and lengths[1] and abs(lengths[1] / lengths[0] - 1) > _LENGTHS_DIFFER:
            shown = " and ".join(formats.significant(length, 3) for length in lengths)
            yield f"{tables.load_text(one)}: answers have {shown} tokens on average: the runs did different work"
        if _bases(one) != _bases(other):
            yield f"{tables.load_text(one)}: tokens are counted in different ways"


def _doubts(name: str, result: PerfResult) -> Iterator[str]:
    if result.of_shards > len(result.shards):
        yield f"{name}: {result.of_shards - len(result.shards)} of its {result.of_shards} shards are missing"
    doubted = [point for point in result.points if point.verdict is not Verdict.VALID]
    for point in doubted[:_MOST_WARNINGS]:
        word = "is not valid" if point.verdict is Verdict.INVALID else "is degraded"
        why = f": {point.verdict_reasons[0].partition(': ')[2]}" if point.verdict_reasons else ""
        yield f"{name}: {point.name} {word}{why}"
    if len(doubted) > _MOST_WARNINGS:
        yield f"{name}: {len(doubted) - _MOST_WARNINGS} more loads are not valid or degraded"


def _bases(point: PerfPoint) -> set[TokenBasis]:
    return {basis for basis, times in point.token_basis.items() if times}
