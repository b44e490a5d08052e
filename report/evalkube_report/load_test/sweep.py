"""Plots of a sweep: throughput and times of each load, on numeric axes. Pure."""

from collections.abc import Sequence
from typing import Final

from evalkube_crds.figure import Figure, Quantity
from evalkube_crds.figures import GOODPUT_RPS, INPUT_TPS, ITL, LATENCY, RPS, TPOT, TTFT, WORK, applying
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_report import formats
from evalkube_report.load_test import levels as wanted
from evalkube_report.load_test import saturation, tables
from evalkube_report.load_test.levels import Level
from evalkube_report.plots.distributions import cumulative
from evalkube_report.plots.values import Axis, Limit, Plot, Series

__all__ = ["by_load", "cumulatives", "prices"]

_LOG_FROM: Final = 8.0
"""From this ratio of the highest to the lowest load on, a linear axis would put the low ones on one spot."""
_TIMES_LOG_FROM: Final = 30.0
_MOST_LINES: Final = 6
_PERCENTS: Final = (50, 99)
_NOT_VALID: Final = "not valid"


def prices(points: Sequence[PerfPoint], levels: Sequence[Level] = ()) -> list[Plot]:
    """TTFT and latency against throughput at each load, with the service level as a line."""
    ordered = [point for point in _ordered(points) if point.succeeded]
    if len(ordered) < 2:
        return []
    figure = saturation.throughput_of(ordered)
    return [plot for time in (TTFT, LATENCY) if (plot := _price(ordered, figure, time, levels)) is not None]


def _price(points: Sequence[PerfPoint], figure: Figure, time: Quantity, levels: Sequence[Level]) -> Plot | None:
    xs = tuple(figure.of(point) or 0.0 for point in points)
    spread, unit = _spread(points, time)
    if unit is None:
        return None
    return Plot(
        title=f"{time.title} against throughput",
        x=Axis(figure.title, zero=True),
        y=_time_axis(time, unit, spread),
        series=tuple(_series(name, xs, ys, points) for name, ys in spread.items()),
        limits=wanted.across(levels, time, unit),
        note="Each mark is a load, the lowest first. Right and low is good.",
    )


def by_load(points: Sequence[PerfPoint], levels: Sequence[Level] = ()) -> list[Plot]:
    """Throughput and times against the load."""
    if len(points) < 2:
        return []
    ordered = _ordered(points)
    xs, axis = _load_axis(ordered)
    drawn = [_throughput(ordered, [figure], xs, axis) for figure in applying((*WORK, INPUT_TPS), ordered)]
    drawn.append(_throughput(ordered, applying((RPS, GOODPUT_RPS), ordered), xs, axis))
    drawn += [_times(ordered, time, xs, axis, levels) for time in (TTFT, TPOT, LATENCY)]
    return [plot for plot in drawn if plot is not None]


def _throughput(
    points: Sequence[PerfPoint], figures: Sequence[Figure], xs: tuple[float, ...], axis: Axis
) -> Plot | None:
    known = {figure.title: tuple(figure.of(point) for point in points) for figure in figures}
    if not any(value is not None for ys in known.values() for value in ys):
        return None
    found = saturation.of(points)
    knee = saturation.load_of(found.knee) if found is not None and found.reached and not axis.names else None
    title = figures[0].title
    return Plot(
        title=f"{title} by load",
        x=axis,
        y=Axis(title if len(known) == 1 else "", str(figures[0].unit) if len(known) > 1 else ""),
        series=tuple(_series(name, xs, ys, points) for name, ys in known.items()),
        limits=(Limit("x", knee, "saturated", "mark"),) if knee is not None else (),
    )


def _times(
    points: Sequence[PerfPoint], time: Quantity, xs: tuple[float, ...], axis: Axis, levels: Sequence[Level]
) -> Plot | None:
    spread, unit = _spread(points, time)
    if unit is None:
        return None
    return Plot(
        title=f"{time.title} by load",
        x=axis,
        y=_time_axis(time, unit, spread),
        series=tuple(_series(name, xs, ys, points) for name, ys in spread.items()),
        limits=wanted.across(levels, time, unit),
    )


def _spread(
    points: Sequence[PerfPoint], time: Quantity
) -> tuple[dict[str, tuple[float | None, ...]], formats.Unit | None]:
    """Median and p99 of each point, in a unit that fits; no unit if nothing was measured."""
    rows = [time.counted(point).percentiles(_PERCENTS) for point in points]
    if not any(value is not None for row in rows for value in row):
        return {}, None
    unit = formats.time_unit(value for row in rows for value in row)
    columns = zip(*rows, strict=True)
    shown = (tuple(None if value is None else value / unit.size for value in column) for column in columns)
    return dict(zip((f"p{percent}" for percent in _PERCENTS), shown, strict=True)), unit


def _time_axis(time: Quantity, unit: formats.Unit, spread: dict[str, tuple[float | None, ...]]) -> Axis:
    values = [value for ys in spread.values() for value in ys if value]
    wide = bool(values) and max(values) / min(values) >= _TIMES_LOG_FROM
    return Axis(time.title, unit.name, "log" if wide else "linear")


def _series(name: str, xs: tuple[float, ...], ys: tuple[float | None, ...], points: Sequence[PerfPoint]) -> Series:
    notes = tuple(_NOT_VALID if point.verdict is Verdict.INVALID else "" for point in points)
    return Series(name, xs, ys, notes, tuple(tables.load_text(point) for point in points), dots=True)


def _ordered(points: Sequence[PerfPoint]) -> list[PerfPoint]:
    """The points from the lowest load to the highest, if the loads have an order."""
    loads = {id(point): saturation.load_of(point) for point in points}
    if None in loads.values() or len({point.open_loop for point in points}) > 1:
        return list(points)
    return sorted(points, key=lambda point: loads[id(point)] or 0.0)


def _load_axis(points: Sequence[PerfPoint]) -> tuple[tuple[float, ...], Axis]:
    """A numeric axis if the loads have distinct numbers; else an axis of the points' names."""
    loads = [load for point in points if (load := saturation.load_of(point)) is not None]
    if len(set(loads)) < len(points) or len({point.open_loop for point in points}) > 1:
        places = tuple(float(place) for place in range(len(points)))
        return places, Axis("point", scale="named", names=tuple(point.name for point in points))
    conversations = any(point.conversations is not None for point in points)
    if points[0].open_loop:
        title = "conversations/s" if conversations else "requests/s offered"
    else:
        title = "conversations at once" if conversations else "requests in flight"
    wide = min(loads) > 0 and max(loads) / min(loads) >= _LOG_FROM
    return tuple(loads), Axis(title, scale="log" if wide else "linear", zero=not wide, ticks=tuple(loads))


def cumulatives(points: Sequence[PerfPoint], levels: Sequence[Level] = ()) -> list[Plot]:
    """The share of requests up to each latency, TTFT, TPOT and ITL, for several loads in one plot."""
    chosen = _chosen([point for point in _ordered(points) if point.succeeded])
    names = [tables.load_text(point) for point in chosen]
    if len(set(names)) < len(names):
        names = [point.name for point in chosen]
    drawn = [
        cumulative(
            {name: time.counted(point) for name, point in zip(names, chosen, strict=True)},
            time.title,
            limits=wanted.along(levels, time),
        )
        for time in (TTFT, TPOT, ITL, LATENCY)
    ]
    return [plot for plot in drawn if plot is not None]


def _chosen(points: Sequence[PerfPoint]) -> list[PerfPoint]:
    """An even selection of loads, few enough to tell apart, with the lowest and the highest."""
    if len(points) <= _MOST_LINES:
        return list(points)
    return [points[round(at * (len(points) - 1) / (_MOST_LINES - 1))] for at in range(_MOST_LINES)]
