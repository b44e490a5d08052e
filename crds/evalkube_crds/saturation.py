"""From which load on a server gives no more: the loads of a sweep in order, and what each gives. Pure.

Throughput grows with the load until the server has all it can hold; from there on more load only makes requests wait.
The first load that is within one part in twenty of the most that any load gives is where a server is saturated: two
careful runs of the same load differ by as much anyway (`verdict`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from evalkube_crds.figure import Figure
from evalkube_crds.figures import DOCUMENTS_PER_SECOND, INPUTS_PER_SECOND, LATENCY, OUTPUT_TPS, RPS, TTFT
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint

__all__ = ["ENOUGH", "Saturation", "by_load", "load_of", "of", "throughput_of", "wait_of"]

ENOUGH: Final = 0.95
"""Of the highest throughput: a load that gives so much gives, for all that a run can tell, the same."""
_THROUGHPUTS: Final = (OUTPUT_TPS, INPUTS_PER_SECOND, DOCUMENTS_PER_SECOND)


@dataclass(frozen=True, slots=True)
class Saturation:
    """Where a sweep stops to give more. `knee`: the lowest load with (nearly) the highest throughput; `beyond`: the
    next higher load, None where `knee` is the highest one: the server may give more still.

    `gain` and `slowdown`: throughput and median wait (TTFT, or latency where nothing was streamed) of `beyond` by those
    of `knee`. Where `beyond` is None they are of `knee` by the load below it.
    """

    knee: PerfPoint
    beyond: PerfPoint | None
    below: PerfPoint | None
    figure: Figure
    wait: Figure
    gain: float
    slowdown: float | None

    @property
    def reached(self) -> bool:
        """Whether some load was more than the server could use."""
        return self.beyond is not None


def of(points: Iterable[PerfPoint]) -> Saturation | None:
    """The saturation of a sweep; None of fewer than two loads that count, and of loads that are not of one kind."""
    loads = by_load(points)
    if len(loads) < 2:
        return None
    figure, wait = throughput_of(loads), wait_of(loads)
    given = [figure.of(point) or 0.0 for point in loads]
    if max(given) <= 0:
        return None
    at = next(place for place, value in enumerate(given) if value >= ENOUGH * max(given))
    last = at == len(loads) - 1
    one, other = (at - 1, at) if last else (at, at + 1)
    before, after = wait.of(loads[one]), wait.of(loads[other])
    return Saturation(
        knee=loads[at],
        beyond=None if last else loads[at + 1],
        below=loads[at - 1] if at else None,
        figure=figure,
        wait=wait,
        gain=given[other] / given[one] if given[one] else float("inf"),
        slowdown=after / before if before and after else None,
    )


def by_load(points: Iterable[PerfPoint]) -> list[PerfPoint]:
    """The points that count, from the lowest load on: one of each load, the one with the most requests. None where some
    loads are by rate and others by requests in flight, for these have no order.
    """
    counted = [point for point in points if point.verdict is not Verdict.INVALID and point.succeeded > point.failed]
    if len({point.open_loop for point in counted}) > 1 or any(load_of(point) is None for point in counted):
        return []
    found: dict[float, PerfPoint] = {}
    for point in counted:
        load = load_of(point) or 0.0
        if load not in found or found[load].succeeded < point.succeeded:
            found[load] = point
    return [found[load] for load in sorted(found)]


def load_of(point: PerfPoint) -> float | None:
    """Its load as a number: requests a second in open loop, else requests (or conversations) in flight."""
    return point.rate if point.open_loop else point.parallel


def throughput_of(points: Sequence[PerfPoint]) -> Figure:
    """The throughput that all of them have: of output tokens, inputs or documents; else of requests."""
    for figure in _THROUGHPUTS:
        if all(figure.of(point) is not None for point in points):
            return figure
    return RPS


def wait_of(points: Sequence[PerfPoint]) -> Figure:
    """The median time that all of them have: TTFT, or latency."""
    streamed = all(TTFT.counted(point).count for point in points)
    return (TTFT if streamed else LATENCY).figure(50)
