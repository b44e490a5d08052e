"""Offered and achieved load: what a schedule asked for, what the server did, and whether a backlog grew. Pure."""

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from evalkube_crds import steady
from evalkube_crds.figures import RPS
from evalkube_crds.names import SteadyAbsence
from evalkube_crds.perf_point import PerfPoint

__all__ = ["KEPT_UP", "Offered", "in_flight", "of"]

KEPT_UP: Final = 0.95
"""The share of the offered rate at which a server keeps up."""
_DEVIATIONS: Final = 3
_LEAST_INTERVALS: Final = 4
_GROWN: Final = 1.5


@dataclass(frozen=True, slots=True)
class Offered:
    """The offered and the achieved rate of a load, in requests per second.

    If `steady`, the achieved rate is that of the steady part, without the wait for the last answers. `early` and `late`
    are the mean number of requests in flight in the second and in the last quarter of the sending time; None where that
    was too short. `grew` says whether the backlog grew.
    """

    asked_rps: float
    achieved_rps: float
    steady: bool
    requests: int
    early: float | None = None
    late: float | None = None
    grew: bool = False

    @property
    def share(self) -> float:
        """The achieved rate divided by the offered rate."""
        return self.achieved_rps / self.asked_rps

    @property
    def kept_up(self) -> bool | None:
        """Whether the server kept up with the offered rate, within the chance of random arrivals.

        None where the run was too short to tell, because the achieved rate then includes the wait for the last answers.
        """
        if self.grew:
            return False
        if self.share >= min(KEPT_UP, 1 - _DEVIATIONS / math.sqrt(max(1, self.requests))):
            return True
        return False if self.steady else None


def of(point: PerfPoint) -> Offered | None:
    """The rates of a point in open loop whose load is of requests; None for other points."""
    if not point.open_loop or not point.rate or point.conversations is not None:
        return None
    within, whole = steady.rate(point, RPS), RPS.of(point)
    achieved = within if within is not None else whole
    if achieved is None:
        return None
    early, late = _quarters(point)
    unbalanced = point.steady is not None and SteadyAbsence.UNBALANCED in point.steady.absent
    higher = early is not None and late is not None and late > _GROWN * early and late - early > 1
    grew = higher and (unbalanced or achieved < KEPT_UP * point.rate)
    requests = point.steady.succeeded if within is not None and point.steady is not None else point.succeeded
    return Offered(point.rate, achieved, within is not None, requests, early, late, grew)


def in_flight(point: PerfPoint) -> list[int]:
    """The requests in flight at the end of each interval of the point's series."""
    series = point.series
    size = max(len(series.sent), len(series.succeeded), len(series.failed))
    padded = ([*column, *[0] * (size - len(column))] for column in (series.sent, series.succeeded, series.failed))
    changes = (sent - succeeded - failed for sent, succeeded, failed in zip(*padded, strict=True))
    return [max(0, count) for count in accumulate(changes)]


def _quarters(point: PerfPoint) -> tuple[float | None, float | None]:
    sending = max((at + 1 for at, sent in enumerate(point.series.sent) if sent), default=0)
    if sending < _LEAST_INTERVALS:
        return None, None
    flying = in_flight(point)[:sending]
    quarter = sending // 4
    second, last = flying[quarter : 2 * quarter], flying[-quarter:]
    return sum(second) / len(second), sum(last) / len(last)
