"""Plots of a load over time: requests, tokens, times and errors of each interval. Pure.

Percentiles of each interval come from the index of all requests (`requests.series`). Without the index there are means.
"""

from collections.abc import Mapping, Sequence

from evalkube_crds import offered
from evalkube_crds.figure import Quantity
from evalkube_crds.figures import LATENCY, TTFT
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_report import formats
from evalkube_report.load_test import levels as wanted
from evalkube_report.load_test import steady_section
from evalkube_report.load_test.levels import Level
from evalkube_report.plots.values import Axis, Band, Plot, Series, Span
from evalkube_report.requests.series import Series as RequestSeries

__all__ = ["of"]

_LEAST = 3
_TIME = Axis("time", "s")


def of(point: PerfPoint, requests: RequestSeries | None = None, levels: Sequence[Level] = ()) -> list[Plot]:
    """The plots of a point over time. A point with a single interval has none."""
    series = point.series
    size = max(len(series.sent), len(series.succeeded), len(series.failed), len(series.output_tokens))
    if size < _LEAST:
        return []
    spans = _spans(point)
    drawn = [_requests(point, size, spans), _in_flight(point, spans), _tokens(point, size, spans)]
    if requests is None or len(requests.sent) < _LEAST:
        drawn += [_means(point, size, spans), _failed(point, size, spans)]
    else:
        drawn += [_percentiles(time, requests, spans, levels) for time in (TTFT, LATENCY)]
        drawn.append(_errors(requests, spans))
    return [plot for plot in drawn if plot is not None]


def _spans(point: PerfPoint) -> tuple[Span, ...]:
    span = steady_section.span_s(point)
    return () if span is None else (Span(*span, "steady part"),)


def _plot(
    title: str,
    axis: Axis,
    xs: Sequence[float],
    lines: Mapping[str, Sequence[float | None]],
    spans: tuple[Span, ...],
    *,
    steps: bool = False,
) -> Plot | None:
    series = tuple(
        Series(name, tuple(xs), tuple(ys), steps=steps)
        for name, ys in lines.items()
        if any(value is not None for value in ys)
    )
    note = "Shaded: the steady part." if spans else ""
    return Plot(title, _TIME, axis, series, spans=spans, note=note) if series else None


def _requests(point: PerfPoint, size: int, spans: tuple[Span, ...]) -> Plot | None:
    series = point.series
    columns = {"sent": series.sent, "completed": series.succeeded, "failed": series.failed}
    rates = {name: _rates(point, column, size) for name, column in columns.items() if name != "failed" or any(column)}
    return _plot("Requests over time", Axis("", "requests/s"), _starts(point, size), rates, spans)


def _in_flight(point: PerfPoint, spans: tuple[Span, ...]) -> Plot | None:
    flying = offered.in_flight(point)
    ends = [at + point.series.interval_ns / NANO for at in _starts(point, len(flying))]
    lines = {"in flight": [float(count) for count in flying]}
    return _plot("Requests in flight over time", Axis("in flight", whole=True), ends, lines, spans)


def _tokens(point: PerfPoint, size: int, spans: tuple[Span, ...]) -> Plot | None:
    if not any(point.series.output_tokens):
        return None
    rates = {"output tokens": _rates(point, point.series.output_tokens, size)}
    return _plot("Output tokens over time", Axis("output tokens/s"), _starts(point, size), rates, spans)


def _means(point: PerfPoint, size: int, spans: tuple[Span, ...]) -> Plot | None:
    """The means of the requests that ended in each interval."""
    ended = _padded(point.series.succeeded, size)
    sums = {"mean latency": point.series.latency_ns_sum, "mean TTFT": point.series.ttft_ns_sum}
    means = {
        name: [total / times if times else None for total, times in zip(_padded(column, size), ended, strict=True)]
        for name, column in sums.items()
        if any(column)
    }
    unit = formats.time_unit(value for values in means.values() for value in values)
    lines = {name: [None if one is None else one / unit.size for one in values] for name, values in means.items()}
    return _plot("Times over time", Axis("", unit.name), _starts(point, size), lines, spans)


def _failed(point: PerfPoint, size: int, spans: tuple[Span, ...]) -> Plot | None:
    if not any(point.series.failed):
        return None
    lines = {"failed": [float(count) for count in _padded(point.series.failed, size)]}
    axis = Axis("requests that failed", whole=True)
    return _plot("Errors over time", axis, _starts(point, size), lines, spans, steps=True)


def _percentiles(
    time: Quantity, requests: RequestSeries, spans: tuple[Span, ...], levels: Sequence[Level]
) -> Plot | None:
    """The median, p90 and p99 of the requests that were sent in each interval."""
    columns = [getattr(requests, f"{time.name}_p{percent}_s") for percent in (50, 90, 99)]
    if all(value is None for value in columns[2]):
        return None
    unit = formats.time_unit(None if value is None else value * NANO for value in columns[2])
    xs = tuple(at * requests.interval_s for at in range(len(requests.sent)))
    p50, p90, p99 = (
        tuple(None if value is None else value * NANO / unit.size for value in column) for column in columns
    )
    return Plot(
        title=f"{time.title} over time",
        x=_TIME,
        y=Axis(time.title, unit.name),
        series=(Series("p50", xs, p50), Series("p90", xs, p90)),
        bands=(Band("p50 to p99", xs, p50, p99),),
        limits=wanted.across(levels, time, unit),
        spans=spans,
        note="Of the requests that were sent in each interval." + (" Shaded: the steady part." if spans else ""),
    )


def _errors(requests: RequestSeries, spans: tuple[Span, ...]) -> Plot | None:
    xs = [at * requests.interval_s for at in range(len(requests.sent))]
    lines = {name: [float(count) for count in counts] for name, counts in requests.errors.items()}
    return _plot("Errors over time", Axis("requests that failed", whole=True), xs, lines, spans, steps=True)


def _starts(point: PerfPoint, size: int) -> list[float]:
    return [at * point.series.interval_ns / NANO for at in range(size)]


def _rates(point: PerfPoint, column: Sequence[int], size: int) -> list[float | None]:
    return [amount / length for amount, length in zip(_padded(column, size), _lengths_s(point, size), strict=True)]


def _lengths_s(point: PerfPoint, size: int) -> list[float]:
    """The length of each interval in seconds. The last interval ends with the test."""
    interval_s = point.series.interval_ns / NANO
    rest = (point.ended_at_ns - point.started_at_ns) / NANO - (size - 1) * interval_s
    # half an interval at least: a few requests in the last millisecond are not a throughput of thousands
    last = min(interval_s, max(rest, interval_s / 2))
    return [interval_s] * (size - 1) + [last]


def _padded(values: Sequence[int], size: int) -> list[int]:
    return [*values, *[0] * (size - len(values))]
