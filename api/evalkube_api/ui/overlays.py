"""The curves of several load tests in the same plots, on numeric axes. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from evalkube_crds.figure import Figure, Unit
from evalkube_crds.figures import LATENCY, TTFT
from evalkube_crds.histogram import Histogram
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_crds.results import PerfResult
from evalkube_report import formats
from evalkube_report.load_test import saturation, tables
from evalkube_report.plots.distributions import cumulative
from evalkube_report.plots.values import Axis, Plot, Series

__all__ = ["curves", "spreads"]

_LOG_FROM: Final = 8.0
_TIMES: Final = (TTFT.figure(50), TTFT.figure(99), LATENCY.figure(99))

Named: TypeAlias = tuple[str, PerfResult]
"""A load test under the name that it has in the plots."""


def curves(tests: Sequence[Named]) -> list[Plot]:
    """Throughput and times by load, and TTFT p99 against throughput: a line for each test."""
    loads = {name: [point for point in saturation.by_load(result.points) if point.succeeded] for name, result in tests}
    points = [point for found in loads.values() for point in found]
    if not points or len({point.open_loop for point in points}) > 1:
        return []
    throughput = saturation.throughput_of(points)
    drawn = [_by_load(loads, throughput), *(_by_load(loads, figure) for figure in _TIMES)]
    return [plot for plot in (*drawn, _price(loads, throughput)) if plot is not None]


def _by_load(loads: dict[str, list[PerfPoint]], figure: Figure) -> Plot | None:
    lines = list(_lines(loads, figure))
    if not lines:
        return None
    xs = [x for line in lines for x in line.xs]
    wide = min(xs) > 0 and max(xs) / min(xs) >= _LOG_FROM
    ticks = tuple(sorted(set(xs))) if len(set(xs)) <= 12 else ()
    is_rate = any(point.open_loop for found in loads.values() for point in found)
    title = "requests/s offered" if is_rate else "requests in flight"
    x = Axis(title, scale="log" if wide else "linear", zero=not wide, ticks=ticks)
    return Plot(f"{figure.title} by load", x, _axis(figure, lines), tuple(_scaled(lines, figure)))


def _lines(loads: dict[str, list[PerfPoint]], figure: Figure) -> Iterator[Series]:
    for name, points in loads.items():
        known = [(load, figure.of(point), point) for point in points if (load := saturation.load_of(point)) is not None]
        if any(value is not None for _, value, _ in known):
            yield _series(name, [(load, value, point) for load, value, point in known])


def _series(name: str, known: Sequence[tuple[float, float | None, PerfPoint]]) -> Series:
    return Series(
        name,
        tuple(x for x, _, _ in known),
        tuple(y for _, y, _ in known),
        tuple("not valid" if point.verdict is Verdict.INVALID else "" for _, _, point in known),
        tuple(tables.load_text(point) for _, _, point in known),
        dots=True,
    )


def _unit(figure: Figure, lines: Sequence[Series]) -> formats.Unit:
    """The unit of an axis. Times are converted from seconds to the unit that fits."""
    if figure.unit is not Unit.SECONDS:
        return formats.Unit(str(figure.unit))
    unit = formats.time_unit(None if y is None else y * NANO for line in lines for y in line.ys)
    return formats.Unit(unit.name, unit.size / NANO)


def _axis(figure: Figure, lines: Sequence[Series]) -> Axis:
    is_time = figure.unit is Unit.SECONDS
    return Axis(figure.title, _unit(figure, lines).name if is_time else "")


def _scaled(lines: Sequence[Series], figure: Figure) -> Iterator[Series]:
    size = _unit(figure, lines).size
    for line in lines:
        ys = tuple(None if y is None else y / size for y in line.ys)
        yield Series(line.name, line.xs, ys, line.notes, line.names, dots=True)


def _price(loads: dict[str, list[PerfPoint]], throughput: Figure) -> Plot | None:
    time = TTFT if any(TTFT.counted(point).count for found in loads.values() for point in found) else LATENCY
    figure = time.figure(99)
    lines = [
        _series(name, [(throughput.of(point) or 0.0, figure.of(point), point) for point in points])
        for name, points in loads.items()
        if len(points) > 1
    ]
    if not lines:
        return None
    return Plot(
        f"{figure.title} against throughput",
        Axis(throughput.title),
        _axis(figure, lines),
        tuple(_scaled(lines, figure)),
        note="Each mark is a load, the lowest first. Right and low is good.",
    )


def spreads(tests: Sequence[Named], point: str) -> list[Plot]:
    """The share of requests up to each TTFT and latency at the load of that name, for the tests that have it."""
    found: dict[str, PerfPoint] = {}
    for name, result in tests:
        for one in result.points:
            if tables.load_text(one) == point and one.succeeded:
                found[name] = one
    drawn = [cumulative(_counted(found, time.histogram), time.title) for time in (TTFT, LATENCY)]
    return [plot for plot in drawn if plot is not None] if len(found) > 1 else []


def _counted(points: dict[str, PerfPoint], name: str) -> dict[str, Histogram]:
    return {title: point.histograms[name] for title, point in points.items() if name in point.histograms}
