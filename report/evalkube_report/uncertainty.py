"""What a figure of one load is worth: its 95 % interval, and that of the difference of two. Pure.

Each figure of each run has an interval of its own; that of the difference follows from both (`difference`). By figure:

- means: the normal approximation, from the exact deviation that the histogram keeps;
- percentiles: order statistics with binomial ranks (`crds.intervals`);
- shares (success, goodput): Wilson's interval;
- rates: batch means, that is, how much the rate differs between parts of the same run (A. M. Law, "Simulation Modeling
  and Analysis", 2014, section 9.5). Each part is at least twice as long as a request takes, so that parts are nearly
  independent. Where the run is too short for eight of them: Poisson, that is, as if requests came independently, with
  the sizes that they had. That is wider than need be in closed loop;
- where a load was measured three times or more in both runs: Student's t over these repeats, whatever the figure.
  Only this has in it what differs from one run to the next (other tenants, caches, placement).

Requests under load wait for each other, so that means and percentiles of one run are less sure than these intervals
say. A difference within the interval is noise; one just outside of it should be measured again.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist, fmean, stdev
from typing import Final, TypeAlias

from evalkube_crds import score_intervals
from evalkube_crds.figure import Figure, Quantity
from evalkube_crds.figures import (
    DOCUMENTS_PER_SECOND,
    GOODPUT,
    GOODPUT_RPS,
    INPUT_TOKENS,
    INPUT_TPS,
    INPUTS,
    INPUTS_PER_SECOND,
    ITL,
    LATENCY,
    OUTPUT_TOKENS,
    OUTPUT_TPS,
    RPS,
    SUCCESS_RATE,
    TPOT,
    TTFT,
)
from evalkube_crds.histogram import Histogram
from evalkube_crds.intervals import CONFIDENCE, Interval, values_needed
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO

__all__ = ["MEASURED", "RATES", "REPEATS", "Known", "Measured", "difference", "of_repeats"]

REPEATS: Final = 3
_Z: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_LEAST_VALUES: Final = 30
_LEAST_EVENTS: Final = 20
_LEAST_PARTS: Final = 8
_MOST_PARTS: Final = 20
_LATENCIES: Final = 2


@dataclass(frozen=True, slots=True)
class Known:
    """A figure's value, its interval and the method of the interval, or the reason why there is no interval."""

    value: float | None
    interval: Interval | None = None
    method: str = ""
    reason: str = ""


Knowing: TypeAlias = Callable[[PerfPoint], Known]


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure that is compared, with the function that gives its interval at one point."""

    figure: Figure
    of: Knowing


def difference(baseline: Known, candidate: Known) -> Interval | None:
    """The interval of candidate - baseline, for two independent runs (MOVER); None without both intervals.

    G. Y. Zou and A. Donner, "Construction of confidence limits about effect measures: a general approach", Statistics
    in Medicine 27 (2008). For symmetric intervals it is the usual one, from the sum of the squared standard errors; of
    two shares it is Newcombe's.
    """
    one, other = baseline.interval, candidate.interval
    if one is None or other is None or baseline.value is None or candidate.value is None:
        return None
    value = candidate.value - baseline.value
    below = math.hypot(candidate.value - other.low, one.high - baseline.value)
    above = math.hypot(other.high - candidate.value, baseline.value - one.low)
    return Interval(value - below, value + above)


def of_repeats(values: Sequence[float]) -> Known:
    """The mean of several runs of one load, from the value of each run."""
    mean = fmean(values)
    half = score_intervals.student((1 + CONFIDENCE) / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Known(mean, Interval(mean - half, mean + half), f"{len(values)} repeats")


def _mean(point: PerfPoint, quantity: Quantity) -> Known:
    counted, value = quantity.counted(point), quantity.value(point, None)
    if value is None:
        return Known(None, reason="not measured")
    if (why := _dependent(quantity, counted, point)) is not None:
        return Known(value, reason=why)
    if counted.count < _LEAST_VALUES or counted.deviation is None:
        return Known(value, reason=f"a mean needs {_LEAST_VALUES} requests, there are {counted.count}")
    half = _Z * counted.deviation / math.sqrt(counted.count - 1) / quantity.scale
    return Known(value, Interval(value - half, value + half), "normal")


def _percentile(point: PerfPoint, quantity: Quantity, percent: float) -> Known:
    counted, value = quantity.counted(point), quantity.value(point, percent)
    if value is None:
        return Known(None, reason="not measured")
    if (why := _dependent(quantity, counted, point)) is not None:
        return Known(value, reason=why)
    found = quantity.intervals(point, [percent])[0]
    if found is None:
        return Known(value, reason=f"p{percent:g} needs {values_needed(percent)} requests, there are {counted.count}")
    return Known(value, found, "order statistics")


def _dependent(quantity: Quantity, counted: Histogram, point: PerfPoint) -> str | None:
    if quantity.clustered or counted.count > point.succeeded:
        return "a request has many values of it, which are not independent"
    return None


def _share(point: PerfPoint, figure: Figure) -> Known:
    value, requests = figure.of(point), point.succeeded + point.failed
    if value is None:
        return Known(None, reason="not measured")
    return Known(value, score_intervals.wilson(value, requests), "Wilson")


@dataclass(frozen=True, slots=True)
class _Flow:
    """The events that a rate counts: their column in the series, and their sizes."""

    figure: Figure
    column: str = ""
    sizes: Quantity | None = None

    def known(self, point: PerfPoint) -> Known:
        value = self.figure.of(point)
        if value is None:
            return Known(None, reason="not measured")
        if (parts := _parts(point, self.column)) is not None and (mean := fmean(parts)) > 0:
            quantile = score_intervals.student((1 + CONFIDENCE) / 2, len(parts) - 1)
            half = value * quantile * stdev(parts) / mean / math.sqrt(len(parts))
            return Known(value, Interval(max(0.0, value - half), value + half), f"{len(parts)} parts of the run")
        events = point.good if self.figure is GOODPUT_RPS else point.succeeded
        if events is None or events < _LEAST_EVENTS:
            return Known(value, reason=f"a rate needs {_LEAST_EVENTS} requests, there are {events or 0}")
        half = _Z * value * self._relative_error(point, events)
        return Known(value, Interval(max(0.0, value - half), value + half), "Poisson")

    def _relative_error(self, point: PerfPoint, events: int) -> float:
        """The relative error of a sum of independent sizes that arrive at random: sqrt(sum of squares) / sum. For equal
        sizes it is 1 / sqrt(n).
        """
        sizes = None if self.sizes is None else self.sizes.counted(point)
        if sizes is not None and sizes.total and sizes.total_squared:
            return math.sqrt(sizes.total_squared) / sizes.total
        return 1 / math.sqrt(events)


def _parts(point: PerfPoint, column: str) -> list[float] | None:
    """The amounts in equally long parts of a run, without its begin and end; None if there are too few parts."""
    series, latency = point.series, LATENCY.value(point, None)
    amounts = getattr(series, column) if column else []
    first, last = _inner(point, len(amounts))
    inner = amounts[first:last]
    if latency is None or not inner:
        return None
    least = max(1, math.ceil(_LATENCIES * latency * NANO / series.interval_ns))
    size = max(least, len(inner) // _MOST_PARTS)
    count = len(inner) // size
    if count < _LEAST_PARTS:
        return None
    inner = inner[len(inner) - count * size :]
    return [float(sum(inner[at : at + size])) for at in range(0, count * size, size)]


def _inner(point: PerfPoint, size: int) -> tuple[int, int]:
    """The whole intervals of the steady part. If it is not known: all but the first and the last intervals with
    requests.
    """
    window, wide = point.steady, point.series.interval_ns
    if window is not None and window.length_ns and not window.absent:
        begin, end = (at - point.started_at_ns for at in (window.started_at_ns, window.ended_at_ns))
        return max(0, math.ceil(begin / wide)), min(size, end // wide)
    sending = max((at for at, sent in enumerate(point.series.sent) if sent), default=0)
    return 1, min(size, sending)


_FLOWS: Final = (
    _Flow(RPS, "succeeded"),
    _Flow(GOODPUT_RPS),
    _Flow(OUTPUT_TPS, "output_tokens", OUTPUT_TOKENS),
    _Flow(INPUTS_PER_SECOND, sizes=INPUTS),
    _Flow(DOCUMENTS_PER_SECOND, sizes=INPUTS),
    _Flow(INPUT_TPS, sizes=INPUT_TOKENS),
)
RATES: Final = {flow.figure: flow.known for flow in _FLOWS}
"""The functions that give the intervals of rates."""
_TIMES: Final = (TTFT, TPOT, ITL, LATENCY)
_PERCENTS: Final = (50, 90, 99)


def _of_time(time: Quantity) -> list[Measured]:
    percentiles = [
        Measured(time.figure(percent), partial(_percentile, quantity=time, percent=percent)) for percent in _PERCENTS
    ]
    return [Measured(time.figure(None), partial(_mean, quantity=time)), *percentiles]


MEASURED: Final = (
    *(Measured(figure, partial(_share, figure=figure)) for figure in (SUCCESS_RATE, GOODPUT)),
    *(Measured(figure, known) for figure, known in RATES.items()),
    *(one for time in _TIMES for one in _of_time(time)),
)
"""What is compared, in the order of tables."""
