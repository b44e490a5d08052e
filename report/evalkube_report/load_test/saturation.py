"""The saturation point of a sweep: the load from which on a server gives no more. Pure.

Throughput grows with the load until the server is full; more load only makes requests wait. The saturation point is the
first load whose throughput is within 5 % of the highest. Two careful runs of the same load differ by as much
(`verdict`).
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
"""The share of the highest throughput that counts as equal to it, because no run can tell them apart."""
_THROUGHPUTS: Final = (OUTPUT_TPS, INPUTS_PER_SECOND, DOCUMENTS_PER_SECOND)


@dataclass(frozen=True, slots=True)
class Saturation:
    """The saturation point of a sweep.

    `knee` is the lowest load with (nearly) the highest throughput. `beyond` is the next higher load; None if `knee` is
    the highest load, and then the server may be able to give more. `gain` and `slowdown` are the throughput and the
    median wait (TTFT, or latency without streaming) of `beyond` divided by those of `knee`. If `beyond` is None, they
    are those of `knee` divided by those of the load below it.
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
    """The saturation of a sweep; None for fewer than two valid loads, and for loads of different kinds."""
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
    """The points that count, one of each load (the one with the most requests), in ascending order.

    None if some loads are rates and others numbers of requests in flight, because these have no order.
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
    """The load as a number: requests per second in open loop, otherwise requests (or conversations) in flight."""
    return point.rate if point.open_loop else point.parallel


def throughput_of(points: Sequence[PerfPoint]) -> Figure:
    """The throughput that all points have: of output tokens, inputs or documents, otherwise of requests."""
    for figure in _THROUGHPUTS:
        if all(figure.of(point) is not None for point in points):
            return figure
    return RPS


def wait_of(points: Sequence[PerfPoint]) -> Figure:
    """The median time that all points have: TTFT, or latency."""
    streamed = all(TTFT.counted(point).count for point in points)
    return (TTFT if streamed else LATENCY).figure(50)
