"""The search for the load at which a figure is best: what it tries next. Pure."""

import math
from collections.abc import Mapping

from evalkube_runner.perf.search_space import NUDGE, STEP, Found, Space, Try

__all__ = ["lowest_best", "peak"]

_MARGIN = 0.02
"""A figure must be better by so much to be better at all, or the top of a plateau would be sought in its noise."""


def peak(space: Space, scores: Mapping[float, float | None], knee: float | None = None) -> Try | Found:
    """The value with the largest score (>= 0 or all below 0; None: it does not count), given those tried, and where
    the server saturates.

    Assumes that scores rise to one peak, or plateau, and fall from there. Of values within `_MARGIN` of the best
    the lowest is the answer: no load should be higher than it needs to be.
    """
    best = lowest_best(scores)
    if best is None:
        lowest = min(scores, default=None)
        if lowest is None:
            return Try(space.start)
        if lowest <= space.lower:
            return Found(None, f"nothing counts, not even at the lower bound {lowest:g}")
        return Try(space.halved(lowest))
    below = max((value for value in scores if value < best), default=None)
    above = min((value for value in scores if value > best), default=None)
    overloaded = knee is not None and not space.whole and 2 * knee < best
    if above is None and best < space.upper and not overloaded:
        return Try(space.doubled(best) if space.whole or len(scores) == 1 else space.leapt(best))
    if below is None and best > space.lower:
        return Try(space.halved(best) if knee is None or knee * NUDGE > best else space.at(knee))
    gaps = [] if below is None or _is_linear(scores, below, best) else [(below, best)]
    gaps += [] if above is None else [(best, above)]
    for low, high in sorted(gaps, key=lambda gap: (not gap[0] < (knee or 0) < gap[1], gap[0] / gap[1])):
        middle = space.near(_towards(knee, low, high), low, high) if high > low * STEP else None
        if middle is not None:
            return Try(middle)
    edge = "lower" if best <= space.lower else "upper" if best >= space.upper else None
    return Found(best, f"it is the {edge} bound" if edge else "its neighbours are not better")


def _is_linear(scores: Mapping[float, float | None], low: float, high: float) -> bool:
    """Whether twice the load gave twice the figure, so that nothing in between gives more than at the end."""
    at_low, at_high = scores[low] or 0.0, scores[high] or 0.0
    return at_low > 0 and at_high / high >= at_low / low / STEP


def _towards(knee: float | None, low: float, high: float) -> float:
    """Where in a gap to look for a better value: at the knee, right beside it where it is known, else in the middle."""
    if knee is not None and low < knee * NUDGE and knee / NUDGE < high:
        return knee
    return math.sqrt(low * high)


def lowest_best(scores: Mapping[float, float | None]) -> float | None:
    """The lowest value within `_MARGIN` of the best score."""
    known = {value: score for value, score in scores.items() if score is not None}
    if not known:
        return None
    top = max(known.values())
    return min(value for value, score in known.items() if score >= top - _MARGIN * abs(top))
