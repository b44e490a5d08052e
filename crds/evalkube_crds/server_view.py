"""The server's own metrics of a point: how parts add up, and its figures beside the client's. Pure.

The server counts all its requests, the client only the measured ones. `notes` says where the two are not of the same
requests. A percentile of the server is known only to within its bucket.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from evalkube_crds.perf_point import PerfPoint, ServerGauge, ServerHistogram, ServerView
from evalkube_crds.result_parts import NANO

__all__ = ["COMPARED", "PERCENTS", "added", "between", "document", "figures", "histograms_added", "hit_rate", "notes"]

COMPARED: Final = {"ttft": "ttft_ns", "itl": "itl_ns", "tpot": "tpot_ns", "latency": "latency_ns"}
"""Histograms of the server with those of the client that measure the same from outside."""

PERCENTS: Final = (50, 90, 99)
_SPREAD: Final = ("waiting", "running", "kv_cache")
_COUNTED: Final = ("prompt_tokens", "generation_tokens", "preemptions")
_TIMES: Final = ("ttft", "itl", "tpot", "latency", "queue")
_SAME: Final = 0.05
"""The difference at which two counts of requests are taken as equal.

A scrape is never exactly at the load's edge.
"""
_MOST_NOTES: Final = 20


def added(mine: ServerView | None, other: ServerView | None) -> ServerView | None:
    """The metrics of two parts of a point.

    Only the first shard of a run scrapes, so there is nothing to add for shards. For runs of one load that followed
    each other, counts add up, and the values over time are those of the first.
    """
    if mine is None or other is None:
        return mine or other
    total = mine.model_copy(deep=True)
    total.servers = list(dict.fromkeys([*mine.servers, *other.servers]))
    total.notes = list(dict.fromkeys([*mine.notes, *other.notes]))[:_MOST_NOTES]
    for name in ("scrapes", "scrape_ns", "span_ns"):
        setattr(total, name, getattr(mine, name) + getattr(other, name))
    _add_gauges(total.gauges, other.gauges)
    for gpu, gauges in other.gpus.items():
        _add_gauges(total.gpus.setdefault(gpu, {}), gauges)
    for name, amount in other.counters.items():
        total.counters[name] = total.counters.get(name, 0.0) + amount
    for name, histogram in other.histograms.items():
        total.histograms[name] = histograms_added(total.histograms.get(name, ServerHistogram()), histogram)
    return total


def _add_gauges(into: dict[str, ServerGauge], part: Mapping[str, ServerGauge]) -> None:
    for name, gauge in part.items():
        mine = into.get(name)
        into[name] = gauge if mine is None or not mine.samples else _spread(mine, gauge)


def _spread(mine: ServerGauge, other: ServerGauge) -> ServerGauge:
    if not other.samples:
        return mine
    return ServerGauge(
        samples=mine.samples + other.samples,
        low=min(mine.low, other.low),
        high=max(mine.high, other.high),
        total=mine.total + other.total,
    )


def histograms_added(mine: ServerHistogram, other: ServerHistogram) -> ServerHistogram:
    """The sum of two histograms; it has buckets only if both have the same ones."""
    if not mine.count:
        return other
    same = mine.bounds == other.bounds and len(mine.counts) == len(other.counts)
    return ServerHistogram(
        count=mine.count + other.count,
        total=mine.total + other.total,
        bounds=mine.bounds if same else [],
        counts=[one + two for one, two in zip(mine.counts, other.counts, strict=True)] if same else [],
    )


def between(histogram: ServerHistogram, percent: float) -> tuple[float, float | None] | None:
    """The bucket of a percentile, as its two ends; the last bucket has no upper end. None without buckets.

    Nothing more is known: a first bucket up to 0.3 s also holds 20 us.
    """
    total = sum(histogram.counts)
    if not histogram.bounds or total <= 0:
        return None
    upto, lower = 0.0, min(0.0, histogram.bounds[0])
    for upper, count in zip(histogram.bounds, histogram.counts, strict=False):
        upto += count
        if upto >= percent / 100 * total:
            return lower, upper
        lower = upper
    return histogram.bounds[-1], None


def hit_rate(view: ServerView) -> float | None:
    """The share of a prompt's tokens that the prefix cache had; None if it is not known."""
    queries = view.counters.get("prefix_cache_queries", 0.0)
    if queries > 0 and "prefix_cache_hits" in view.counters:
        return view.counters["prefix_cache_hits"] / queries
    gauge = view.gauges.get("prefix_cache_hit_rate")
    return gauge.mean if gauge is not None else None


def figures(point: PerfPoint) -> dict[str, float]:
    """The server's figures by name: `server_waiting_max`, `server_ttft_mean_s`, `server_ttft_difference_s`.

    A difference is the client's mean minus the server's.
    """
    view = point.server
    return {} if view is None else {f"server_{name}": value for name, value in _figures(point, view)}


def _figures(point: PerfPoint, view: ServerView) -> Iterator[tuple[str, float]]:
    for name in _SPREAD:
        gauge = view.gauges.get(name)
        if gauge is not None and gauge.mean is not None:
            yield from ((f"{name}_min", gauge.low), (f"{name}_mean", gauge.mean), (f"{name}_max", gauge.high))
    yield from ((name, view.counters[name]) for name in _COUNTED if name in view.counters)
    if (rate := hit_rate(view)) is not None:
        yield "prefix_cache_hit_rate", rate
    for name in _TIMES:
        mean = view.histograms.get(name, ServerHistogram()).mean
        if mean is None:
            continue
        yield f"{name}_mean_s", mean
        ours = _ours(point, name)
        if ours is not None:
            yield f"{name}_difference_s", ours - mean
    yield from _gpu_figures(view)


def _ours(point: PerfPoint, name: str) -> float | None:
    """The client's mean of the same quantity, in seconds."""
    histogram = point.histograms.get(COMPARED.get(name, ""))
    return None if histogram is None or histogram.mean is None else histogram.mean / NANO


def _gpu_figures(view: ServerView) -> Iterator[tuple[str, float]]:
    """The figures of all GPUs together: mean utilization, memory of the fullest one, total power."""
    utilization = _means(view, "utilization")
    if utilization:
        yield "gpu_utilization_mean", sum(utilization) / len(utilization)
    memory = [gpu["memory_used_bytes"].high for gpu in view.gpus.values() if "memory_used_bytes" in gpu]
    if memory:
        yield "gpu_memory_used_max_bytes", max(memory)
    power = _means(view, "power_w")
    if power:
        yield "gpu_power_mean_w", sum(power)


def _means(view: ServerView, name: str) -> list[float]:
    found = [gpu[name].mean for gpu in view.gpus.values() if name in gpu]
    return [mean for mean in found if mean is not None]


def notes(point: PerfPoint) -> list[str]:
    """The notes that a reader needs before comparing the server's figures with the client's."""
    view = point.server
    if view is None:
        return []
    theirs = view.histograms.get("ttft", ServerHistogram()).count or view.counters.get("requests", 0.0)
    ours = point.succeeded
    if theirs and ours and abs(theirs - ours) > _SAME * ours:
        counts = f"the server counted {theirs:.0f} requests, but {ours} requests that the client measured succeeded"
        warmup = f" {point.warmup} of the warm-up," if point.warmup else ""
        more = f"its figures may hold{warmup} failed ones, other clients', each choice of an answer"
        return [*view.notes, f"{counts}: {more}, or a part of the replicas'"]
    return list(view.notes)


def document(point: PerfPoint) -> dict[str, Any] | None:
    """The server's metrics for a response: figures, ends of percentiles, means of each GPU, and notes.

    The upper end of a percentile is null if it has none. None if the test did not ask for the metrics. Ready for JSON.
    """
    view = point.server
    if view is None:
        return None
    return {
        "servers": view.servers,
        "figures": figures(point),
        "percentiles_between": {name: _ends(each) for name, each in view.histograms.items() if each.bounds},
        "gpus": {gpu: {name: one.mean for name, one in gauges.items()} for gpu, gauges in view.gpus.items()},
        "scrapes": view.scrapes,
        "scrape_mean_s": view.scrape_ns / view.scrapes / NANO if view.scrapes else None,
        "notes": notes(point),
    }


def _ends(histogram: ServerHistogram) -> dict[str, tuple[float, float | None] | None]:
    return {f"{percent}%": between(histogram, percent) for percent in PERCENTS}
