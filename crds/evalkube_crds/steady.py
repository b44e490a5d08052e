"""The figures of a point while its load was steady: computed from the counts of shards, and added up. Pure.

A run begins on an empty server, and at its end the last requests leave one by one: neither is the load that was asked
for. `perf_point.SteadyWindow` measures the part between, beside the whole. Each shard has its own steady part, because
each begins and ends by itself. So its rates are per second of its own part, and the rates of all shards are added.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from evalkube_crds.figure import STATISTICS, Figure, Quantity
from evalkube_crds.figures import (
    DOCUMENTS_PER_SECOND,
    INPUT_TPS,
    INPUTS_PER_SECOND,
    LATENCY,
    OUTPUT_TPS,
    RPS,
    SUCCESS_RATE,
    TPOT,
    TTFT,
)
from evalkube_crds.histogram import merged_by_name
from evalkube_crds.names import STEADY_ABSENCES, SteadyAbsence
from evalkube_crds.perf_point import PerfPoint, SteadyWindow
from evalkube_crds.result_parts import NANO

__all__ = ["RATES", "TIMES", "added", "begins_s", "document", "figures", "in_turn", "rate", "view", "why_none"]

RATES: Final[Mapping[Figure, str]] = {
    RPS: "requests",
    OUTPUT_TPS: "output_tokens",
    INPUTS_PER_SECOND: "inputs",
    DOCUMENTS_PER_SECOND: "inputs",
    INPUT_TPS: "input_tokens",
}
"""The rates of a steady part, with their names in `SteadyWindow.rates`."""
TIMES: Final = (LATENCY, TTFT, TPOT)
_IN_FLIGHT: Final = "in_flight"
_COUNTS: Final = ("windows", "length_ns", "run_ns", "succeeded", "failed")


def added(parts: Sequence[SteadyWindow]) -> SteadyWindow | None:
    """The steady parts of shards that worked at the same time, as one; None without any."""
    if not parts:
        return None
    total = _summed(parts)
    for part in parts:
        for name, amount in part.rates.items():
            total.rates[name] = total.rates.get(name, 0) + amount
    return total


def in_turn(parts: Sequence[SteadyWindow]) -> SteadyWindow | None:
    """The steady parts of runs that followed each other, as one; None without any.

    Their rates are weighted by their lengths.
    """
    if not parts:
        return None
    total = _summed(parts)
    total.windows = max(part.windows for part in parts)
    names = {name: None for part in parts for name in part.rates}
    weighed = {name: sum(part.rates.get(name, 0) * part.length_ns for part in parts) for name in names}
    total.rates = {name: amount // total.length_ns for name, amount in weighed.items()}
    return total


def _summed(parts: Sequence[SteadyWindow]) -> SteadyWindow:
    total = SteadyWindow(**{name: sum(getattr(part, name) for part in parts) for name in _COUNTS})
    absent: Counter[SteadyAbsence] = Counter()
    for part in parts:
        absent.update(part.absent)
    total.absent = dict(sorted(absent.items()))
    total.started_at_ns = min((part.started_at_ns for part in parts if part.windows), default=0)
    total.ended_at_ns = max(part.ended_at_ns for part in parts)
    total.histograms = merged_by_name(part.histograms for part in parts)
    return total


def view(point: PerfPoint) -> PerfPoint | None:
    """The point with only the requests of its steady part; None without a steady part.

    It is for statistics of requests (`Quantity`, SUCCESS_RATE). For rates see `rate`.
    """
    window = point.steady
    if window is None or window.absent or not window.length_ns:
        return None
    seen = {"succeeded": window.succeeded, "failed": window.failed, "histograms": window.histograms}
    return point.model_copy(update=seen)


def rate(point: PerfPoint, figure: Figure) -> float | None:
    """One of `RATES` in the steady part; None without a steady part, and where the whole point has none."""
    window = point.steady
    if view(point) is None or window is None or figure.of(point) is None:
        return None
    return window.rates.get(RATES[figure], 0) / NANO


def figures(point: PerfPoint) -> dict[str, float]:
    """The figures of the steady part by name (`steady_rps`, `steady_ttft_p99_s`); empty without such a part.

    `steady_in_flight` is the mean number of requests in flight. `steady_duration_s` is the length, the mean of the
    shards. `steady_share` is the share of the run. `steady_requests` is the number of requests whose times it has.
    """
    return {f"steady_{name}": value for name, value in _figures(point).items()}


def _figures(point: PerfPoint) -> dict[str, float]:
    window, seen = point.steady, view(point)
    if window is None or seen is None:
        return {}
    found = {
        "duration_s": window.length_ns / window.windows / NANO,
        "share": window.length_ns / window.run_ns if window.run_ns else None,
        "requests": float(window.succeeded + window.failed),
        SUCCESS_RATE.name: SUCCESS_RATE.of(seen),
        _IN_FLIGHT: window.rates.get(_IN_FLIGHT, 0) / NANO,
    }
    found |= {figure.name: rate(point, figure) for figure in RATES}
    for time in TIMES:
        found |= zip(_names(time), time.values(seen, STATISTICS), strict=True)
    return {name: value for name, value in found.items() if value is not None}


def _names(time: Quantity) -> list[str]:
    return [time.figure(statistic).name for statistic in STATISTICS]


def why_none(point: PerfPoint) -> str | None:
    """The reason in words why there is no steady part; None if there is one, or nothing is known of it."""
    window = point.steady
    if window is None or not window.absent:
        return None
    return "; ".join(STEADY_ABSENCES[reason] for reason in window.absent)


def document(point: PerfPoint) -> dict[str, Any] | None:
    """The steady part for a response; None if nothing is known of it.

    It has the figures by name, without `steady_`, and the begin in seconds after the first measured request. Without a
    steady part, `absent` has the reasons and `message` has them in words.
    """
    window = point.steady
    if window is None:
        return None
    if (why := why_none(point)) is not None:
        return {"absent": [str(reason) for reason in window.absent], "message": why}
    return {"begins_s": begins_s(point), **_figures(point)}


def begins_s(point: PerfPoint) -> float:
    """The time from the first measured request to the steady part, in seconds."""
    return max(point.steady.started_at_ns - point.started_at_ns, 0) / NANO if point.steady is not None else 0.0
