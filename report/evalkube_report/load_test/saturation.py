"""The saturation point of a sweep: the load from which on a server gives no more. Pure.

Throughput grows with the load until the server is full; more load only makes requests wait. The saturation point is the
first load whose throughput is within 5 % of the highest. Two careful runs of the same load differ by as much
(`crds.verdict`). Throughput is that of the steady part, where there is one: a whole run has its begin and its end in
it, which lower the throughput of a short run.

Two measurements that are alike may be so by chance. So a saturation point needs a higher load whose gain is, beyond
chance, less than half of what the load grew by. Growth at the highest load needs a gain beyond chance.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from evalkube_crds import steady
from evalkube_crds.figure import Figure
from evalkube_crds.figures import LATENCY, RPS, TTFT, WORK
from evalkube_crds.intervals import Interval
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_report import uncertainty
from evalkube_report.uncertainty import Known

__all__ = ["ENOUGH", "Gain", "Saturation", "by_load", "counts", "load_of", "of", "throughput_of", "wait_of"]

ENOUGH: Final = 0.95
"""The share of the highest throughput that counts as equal to it, because no run can tell them apart."""
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Gain:
    """The throughput of the load `high` divided by that of the lower load `low`.

    `interval`: what chance makes of it (95 %); None for too few requests.
    """

    low: PerfPoint
    high: PerfPoint
    ratio: float
    interval: Interval | None

    @property
    def is_growth(self) -> bool:
        """Whether the higher load gives more, beyond chance."""
        return self.interval is not None and self.interval.low > 1

    @property
    def is_slight(self) -> bool:
        """Whether the higher load gives, beyond chance, less than half of what it is higher by."""
        growth = (load_of(self.high) or 0.0) / (load_of(self.low) or 1.0)
        return self.interval is not None and self.interval.high < 1 + _HALF * (growth - 1)


@dataclass(frozen=True, slots=True)
class Saturation:
    """The saturation point of a sweep.

    `knee` is the lowest load with (nearly) the highest throughput. `step` is from `knee` to the next higher load; if
    `knee` is the highest load, it is from the load below to `knee`, and the server may be able to give more. `slowdown`
    is the median wait (TTFT, or latency without streaming) of the step's higher load divided by that of the lower one.
    `short` is a load that was too short to tell its throughput. `known`: chance does not explain what was found.
    """

    knee: PerfPoint
    step: Gain
    figure: Figure
    wait: Figure
    slowdown: float | None
    short: PerfPoint | None
    known: bool

    @property
    def at_highest(self) -> bool:
        """Whether the highest load has the highest throughput."""
        return self.step.high is self.knee

    @property
    def reached(self) -> bool:
        """Whether some load was more than the server could use."""
        return self.known and not self.at_highest


def of(points: Iterable[PerfPoint]) -> Saturation | None:
    """The saturation of a sweep; None for fewer than two valid loads, and for loads of different kinds."""
    loads = by_load(points)
    if len(loads) < 2:
        return None
    figure, wait = throughput_of(loads), wait_of(loads)
    given = [_given(point, figure) for point in loads]
    values = [known.value or 0.0 for known in given]
    if max(values) <= 0:
        return None
    at = next(place for place, value in enumerate(values) if value >= ENOUGH * max(values))
    last = at == len(loads) - 1
    low, high = (at - 1, at) if last else (at, at + 1)
    step = _gain(loads, given, low, high)
    compared = loads[max(0, at - 1) : high + 1]
    short = next((point for point in compared if _is_short(point)), None)
    higher = (_gain(loads, given, at, place) for place in range(at + 1, len(loads)) if not _is_short(loads[place]))
    told = step.is_growth if last else any(gain.is_slight for gain in higher)
    before, after = wait.of(step.low), wait.of(step.high)
    slowdown = after / before if before and after else None
    return Saturation(loads[at], step, figure, wait, slowdown, short, known=told and short is None)


def _given(point: PerfPoint, figure: Figure) -> Known:
    """The throughput of the steady part, without one of the whole run; with the relative interval of the run's."""
    known, within = uncertainty.RATES[figure](point), steady.rate(point, figure)
    if not within or not known.value:
        return known
    ends = known.interval and Interval(*(end * within / known.value for end in known.interval))
    return replace(known, value=within, interval=ends)


def _gain(loads: Sequence[PerfPoint], given: Sequence[Known], low: int, high: int) -> Gain:
    one, other = given[low], given[high]
    if not one.value:
        return Gain(loads[low], loads[high], float("inf"), None)
    change = uncertainty.difference(one, other)
    ends = change and Interval(*(1 + end / one.value for end in change))
    return Gain(loads[low], loads[high], (other.value or 0.0) / one.value, ends)


def _is_short(point: PerfPoint) -> bool:
    """Whether a closed loop was over before its load was steady. A load by rate that a server cannot serve never is."""
    return not point.open_loop and steady.why_none(point) is not None


def by_load(points: Iterable[PerfPoint]) -> list[PerfPoint]:
    """The points that count, one of each load (the one with the most requests), in ascending order.

    None if some loads are rates and others numbers of requests in flight, because these have no order.
    """
    counted = [point for point in points if counts(point)]
    if len({point.open_loop for point in counted}) > 1 or any(load_of(point) is None for point in counted):
        return []
    found: dict[float, PerfPoint] = {}
    for point in counted:
        load = load_of(point) or 0.0
        if load not in found or found[load].succeeded < point.succeeded:
            found[load] = point
    return [found[load] for load in sorted(found)]


def counts(point: PerfPoint) -> bool:
    """Whether the figures of a load count: it is not invalid, and more requests succeeded than failed."""
    return point.verdict is not Verdict.INVALID and point.succeeded > point.failed


def load_of(point: PerfPoint) -> float | None:
    """The load as a number: requests per second in open loop, otherwise requests (or conversations) in flight."""
    return point.rate if point.open_loop else point.parallel


def throughput_of(points: Sequence[PerfPoint]) -> Figure:
    """The throughput that all points have: of output tokens, inputs or documents, otherwise of requests."""
    for figure in WORK:
        if all(figure.of(point) is not None for point in points):
            return figure
    return RPS


def wait_of(points: Sequence[PerfPoint]) -> Figure:
    """The median time that all points have: TTFT, or latency."""
    streamed = all(TTFT.counted(point).count for point in points)
    return (TTFT if streamed else LATENCY).figure(50)
