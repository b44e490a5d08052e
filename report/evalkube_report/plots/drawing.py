"""Draws plots as inline SVG: values in, markup out. No library, no script.

Series differ by colour, dash and mark, so that no one needs the colour. Every mark has a <title>, which browsers show
as a tooltip. A plot's own title is not in its drawing: pages have it as the caption of the figure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from evalkube_crds.intervals import Interval
from evalkube_report.formats import amount, count, percent, tick
from evalkube_report.plots import axes, data
from evalkube_report.plots.axes import Ruler
from evalkube_report.plots.svg import Svg, framed, stroke, symbol, text
from evalkube_report.plots.values import Axis, Band, Columns, Entry, Figure, Grid, Intervals, Limit, Plot, Series
from evalkube_report.table import Table

__all__ = ["Shown", "drawn", "score_bar", "share_bar", "shown"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A plot on a page: the drawing with its caption, and the table behind it."""

    title: str
    note: str
    drawing: Svg
    table: Table


def shown(figure: Figure) -> Shown:
    """The drawing, caption and table of a plot."""
    return Shown(figure.title, figure.note, drawn(figure), data.table_of(figure))


def drawn(figure: Figure) -> Svg:
    """The drawing of a plot."""
    match figure:
        case Plot():
            return _Sheet(figure).svg()
        case Intervals():
            return _intervals(figure)
        case Grid():
            return _grid(figure)


_WIDTH, _HEIGHT = 400.0, 236.0
_LEFT, _RIGHT, _BOTTOM = 44.0, 12.0, 38.0
_LINE = 15.0
_LETTER = 6.1
"""The width of a letter, about: SVG breaks no lines by itself."""
_SERIES = 6
_TICK_ROOM = 30.0


class _Sheet:
    """The drawing of one plot: its rulers, and everything that is placed by them."""

    def __init__(self, plot: Plot) -> None:
        self.plot = plot
        self.legend = list(_legend_lines([series.name for series in plot.series], [band.name for band in plot.bands]))
        self.floor = _HEIGHT - _BOTTOM
        xs = [x for series in plot.series for x in series.xs] + [x for band in plot.bands for x in band.xs]
        xs += plot.columns.edges if plot.columns is not None else []
        far = _FAR * max(xs, default=1.0)
        xs += [limit.value for limit in plot.limits if limit.axis == "x" and limit.value <= far]
        self.x = _ruler(plot.x, xs, _LEFT, _WIDTH - _RIGHT, tight=True)
        self.labels = list(_rows([limit for limit in plot.limits if limit.axis == "x"], self.x))
        self.top = (
            _LINE + 10 + _LINE * len(self.legend) + _LABEL * (1 + max((row for _, row in self.labels), default=-1))
        )
        self.y = _ruler(plot.y, _heights(plot), self.floor, self.top)

    def svg(self) -> Svg:
        plot = self.plot
        body = [*self._spans(), *self._frame()]
        body += [part for index, band in enumerate(plot.bands) for part in self._band(band, index)]
        body += self._columns(plot.columns) if plot.columns is not None else []
        for index, series in enumerate(plot.series):
            body.append(self._path(series, index % _SERIES))
        body += self._limits()
        for index, series in enumerate(plot.series):
            body += self._dots(series, index)
        return framed(plot.title, data.told(plot), [*body, *self._legend()], _WIDTH, _HEIGHT)

    def _frame(self) -> Iterator[str]:
        yield text(2, 11, self.plot.y.label, "label", "start")
        for value in self.y.ticks:
            at = self.y.at(value)
            yield stroke("grid", _LEFT, at, _WIDTH - _RIGHT, at) + text(_LEFT - 6, at + 3.5, tick(value), "tick", "end")
        yield stroke("axis", _LEFT, self.floor, _WIDTH - _RIGHT, self.floor)
        yield text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, self.plot.x.label, "label")
        names, last = self.plot.x.names, -_WIDTH
        for value in self.x.ticks:
            name = names[round(value)] if names else tick(value)
            at, half = self.x.at(value), max(_TICK_ROOM / 2, len(name) * _LETTER / 2)
            if at - half >= last:
                yield stroke("axis", at, self.floor, at, self.floor + 3) + text(at, self.floor + 15, name, "tick")
                last = at + half

    def _spans(self) -> Iterator[str]:
        for span in self.plot.spans:
            left, right = self.x.at(span.low), self.x.at(span.high)
            height = self.floor - self.top
            yield (
                f'<rect class="shade" x="{left:.1f}" y="{self.top:g}" width="{right - left:.1f}" height="{height:g}">'
                f"<title>{escape(span.label)}</title></rect>"
            )

    def _limits(self) -> Iterator[str]:
        """Lines across the plot with labels: for the x axis above the plot, for the y axis at its right."""
        for limit, row in self.labels:
            at = self.x.at(limit.value)
            label = limit.label if limit.value <= self.x.high else f"{limit.label} (further right)"
            right = at + _bold(label) > _WIDTH
            yield stroke(limit.kind, at, self.top - 3 - _LABEL * row, at, self.floor)
            y, side = self.top - 4 - _LABEL * row, -3 if right else 3
            yield text(at + side, y, label, "tick strong", "end" if right else "start")
        for limit in self.plot.limits:
            if limit.axis == "y":
                at = self.y.at(limit.value)
                label = limit.label if limit.value <= self.y.high else f"{limit.label} (higher up)"
                yield stroke(limit.kind, _LEFT, at, _WIDTH - _RIGHT, at)
                yield text(_LEFT + 4, at - 4 if at > self.top + 10 else at + 12, label, "tick strong", "start")

    def _columns(self, columns: Columns) -> Iterator[str]:
        unit = f" {self.plot.x.unit}" if self.plot.x.unit else ""
        for index, times in enumerate(columns.counts):
            if times:
                low, high = columns.edges[index], columns.edges[index + 1]
                left, right = self.x.at(low), self.x.at(high)
                top = min(self.y.at(times), self.floor - 1)  # a single value among many must still be seen
                span = f"{amount(low, 3)} to {amount(high, 3)}{unit}: {count(times)}"
                yield (
                    f'<rect class="s0 column" x="{left + 0.5:.1f}" y="{top:.1f}" '
                    f'width="{max(0.8, right - left - 1):.1f}" height="{self.floor - top:.1f}">'
                    f"<title>{escape(span)}</title></rect>"
                )

    def _band(self, band: Band, index: int) -> Iterator[str]:
        for part in _unbroken(band):
            forth = [f"{self.x.at(x):.1f} {self.y.at(high):.1f}" for x, _, high in part]
            back = [f"{self.x.at(x):.1f} {self.y.at(low):.1f}" for x, low, _ in reversed(part)]
            yield f'<path class="band s{index % _SERIES}" d="M{"L".join([*forth, *back])}Z"/>'

    def _path(self, series: Series, index: int) -> str:
        steps, pen, last = [], "M", 0.0
        for x, value in zip(series.xs, series.ys, strict=True):
            if value is None:
                pen = "M"
                continue
            at, high = self.x.at(x), self.y.at(value)
            corner = f"L{at:.1f} {last:.1f}" if series.steps and pen == "L" else ""
            steps.append(f"{corner}{pen}{at:.1f} {high:.1f}")
            pen, last = "L", high
        return f'<path class="s{index} line" d="{"".join(steps)}"/>'

    def _dots(self, series: Series, index: int) -> Iterator[str]:
        if not series.dots:
            return
        for place, (x, value) in enumerate(zip(series.xs, series.ys, strict=True)):
            if value is not None:
                note = series.notes[place] if series.notes else ""
                name = series.names[place] if series.names else tick(x)
                told = f"{name}: {series.name} {amount(value)}" + (f", {note}" if note else "")
                yield symbol(index, self.x.at(x), self.y.at(value), "doubtful" if note else "", told)

    def _legend(self) -> Iterator[str]:
        dots = [series.dots for series in self.plot.series]
        for row, line in enumerate(self.legend):
            x, y = _LEFT, 11 + _LINE * (row + 1)
            for index, name in line:
                if index < len(dots):
                    yield stroke(f"s{index % _SERIES} line", x, y - 4, x + 18, y - 4)
                    yield symbol(index, x + 9, y - 4) if dots[index] else ""
                else:
                    band = (index - len(dots)) % _SERIES
                    yield f'<rect class="band s{band}" x="{x:.1f}" y="{y - 9:.1f}" width="18" height="9"/>'
                yield text(x + 23, y, name, "tick", "start")
                x += _legend_width(name)


def _legend_width(name: str) -> float:
    return 36 + _LETTER * len(name)


def _legend_lines(series: Sequence[str], bands: Sequence[str]) -> Iterator[list[tuple[int, str]]]:
    """The names of the series in lines that fit; empty if the only name repeats the axis."""
    names = [*series, *bands]
    if len(names) < 2:
        return
    line: list[tuple[int, str]] = []
    room = _WIDTH - _LEFT
    for index, name in enumerate(names):
        if line and room < _legend_width(name):
            yield line
            line, room = [], _WIDTH - _LEFT
        line.append((index, name))
        room -= _legend_width(name)
    yield line


_LABEL = 12.0


def _bold(label: str) -> float:
    """The width of a line's label in pixels."""
    return 1.15 * _LETTER * len(label) + 8


def _rows(limits: Sequence[Limit], x: Ruler) -> Iterator[tuple[Limit, int]]:
    """Lines across the x axis from the left, each with the row of its label, so that labels do not overlap."""
    ends: list[float] = []
    for limit in sorted(limits, key=lambda one: one.value):
        at, width = x.at(limit.value), _bold(limit.label)
        start = at - width if at + width > _WIDTH else at
        row = next((row for row, end in enumerate(ends) if end <= start), len(ends))
        ends[row:] = [start + width, *ends[row + 1 :]]
        yield limit, row


_FAR = 1.6
"""A level so many times higher than all values stands at the edge: the values are what is to be seen."""


def _heights(plot: Plot) -> list[float]:
    values = [y for series in plot.series for y in series.ys if y is not None]
    values += [y for band in plot.bands for edge in (band.lows, band.highs) for y in edge if y is not None]
    values += [float(times) for times in plot.columns.counts] if plot.columns is not None else []
    far = _FAR * max(values, default=1.0)
    return values + [limit.value for limit in plot.limits if limit.axis == "y" and limit.value <= far]


def _ruler(axis: Axis, values: Sequence[float], start: float, end: float, *, tight: bool = False) -> Ruler:
    match axis.scale:
        case "named":
            last = max(len(axis.names) - 1, 0)
            inset = 14.0 if last else (end - start) / 2
            places = tuple(float(place) for place in range(last + 1))
            return Ruler(0.0, float(last) or 1.0, start + inset, end - inset, places)
        case "log":
            found = axes.logarithmic(values, start, end, tight=tight)
        case _:
            zero, whole = axis.zero, axis.whole
            found = axes.linear(values, start, end, zero=zero, tight=tight, whole=whole)
    if not axis.ticks:
        return found
    return Ruler(found.low, found.high, start, end, tuple(sorted(axis.ticks)), found.log)


def _unbroken(band: Band) -> Iterator[list[tuple[float, float, float]]]:
    part: list[tuple[float, float, float]] = []
    for x, low, high in zip(band.xs, band.lows, band.highs, strict=True):
        if low is not None and high is not None:
            part.append((x, low, high))
        elif part:
            yield part
            part = []
    if part:
        yield part


_NAMES = 134.0
_ROW = 20.0
_LONGEST_NAME = 21
_MARKS = {"better": "\N{BLACK UP-POINTING TRIANGLE}", "worse": "\N{BLACK DOWN-POINTING TRIANGLE}", "unknown": "?"}


def _intervals(plot: Intervals) -> Svg:
    """A line for each entry: its name, a dot, and its interval. A mark is a sign beside the name, and a colour."""
    ends = [edge for entry in plot.entries for edge in entry.interval or (entry.value,)]
    ends += [0.0, 1.0] if plot.percent else [plot.middle] if plot.middle is not None else []
    floor, top = 10 + _ROW * len(plot.entries), 8.0
    ruler = _ruler(plot.axis, [*ends, *(entry.value for entry in plot.entries)], _NAMES, _WIDTH - _RIGHT - 6)
    body = [
        stroke("grid", ruler.at(value), top, ruler.at(value), floor)
        + text(ruler.at(value), floor + 14, tick(100 * value) if plot.percent else tick(value))
        for value in ruler.ticks
    ]
    if plot.middle is not None:
        body.append(stroke("axis", ruler.at(plot.middle), top, ruler.at(plot.middle), floor))
    for place, entry in enumerate(plot.entries):
        body += _entry(entry, ruler, top + _ROW * (place + 0.5), percent=plot.percent)
    unit = f"{plot.axis.title}, %" if plot.percent else plot.axis.label
    body.append(text((_NAMES + _WIDTH - _RIGHT) / 2, floor + 30, unit, "label"))
    return framed(plot.title, data.told(plot), body, _WIDTH, floor + 36)


def _entry(entry: Entry, ruler: Ruler, y: float, *, percent: bool) -> Iterator[str]:
    sign = f"{_MARKS[entry.mark]} " if entry.mark in _MARKS else ""
    name = entry.name if len(entry.name) <= _LONGEST_NAME else entry.name[: _LONGEST_NAME - 1] + "…"
    kind = f"m-{entry.mark}" if entry.mark else "s0"
    if entry.interval is not None:
        low, high = (ruler.at(edge) for edge in entry.interval)
        caps = "".join(f"M{edge:.1f} {y - 3:.1f}v6" for edge in (low, high))
        yield f'<path class="whisker {kind}" d="M{low:.1f} {y:.1f}H{high:.1f}{caps}"/>'
    yield text(_NAMES - 10, y + 3.5, f"{sign}{name}", "tick", "end")
    told = f"{entry.name}: {data.entry_words(entry, percent=percent)}"
    at = f'cx="{ruler.at(entry.value):.1f}" cy="{y:.1f}" r="3.8"'
    yield f'<circle class="{kind} dot" {at}><title>{escape(told)}</title></circle>'


_CELL = 18.0
_WIDE_ENOUGH = 26.0


def _grid(grid: Grid) -> Svg:
    """A heat map. A higher value is darker and, if there is room, written in per cent. None is an empty cell."""
    width = (_WIDTH - _LEFT - _RIGHT) / max(1, len(grid.columns))
    top = 20.0
    floor = top + _CELL * len(grid.rows)
    body = [text(2, 11, grid.y_title, "label", "start")]
    for at, (name, line) in enumerate(zip(grid.rows, grid.cells, strict=True)):
        y = top + _CELL * at
        body.append(text(_LEFT - 6, y + 12.5, name, "tick", "end"))
        for place, (column, share) in enumerate(zip(grid.columns, line, strict=True)):
            told = f"{grid.x_title} {column}, {grid.y_title} {name}: {percent(share)}"
            body.append(_cell(_LEFT + width * place, y, width, share, told))
    room = max(1, round(max(map(len, grid.columns), default=0) * 6.5 / width + 0.5))
    body += [
        text(_LEFT + width * (at + 0.5), floor + 14, column) for at, column in enumerate(grid.columns) if at % room == 0
    ]
    body.append(text((_LEFT + _WIDTH - _RIGHT) / 2, floor + 30, grid.x_title, "label"))
    return framed(grid.title, data.told(grid), body, _WIDTH, floor + 36)


def _cell(x: float, y: float, width: float, share: float | None, told: str) -> str:
    kind = "heat none" if share is None else "heat"
    fill = "" if share is None else f' fill-opacity="{0.05 + 0.5 * max(0.0, min(1.0, share)):.2f}"'
    spot = f'x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" width="{width - 1:.1f}" height="{_CELL - 1:g}"'
    cell = f'<rect class="{kind}" {spot}{fill}><title>{escape(told)}</title></rect>'
    if share is None or width < _WIDE_ENOUGH:
        return cell
    return cell + text(x + width / 2, y + 12.5, f"{100 * share:.0f}", "tick on")


def score_bar(mean: float | None, interval: Interval | None, title: str) -> Svg:
    """A bar from 0 to 1 with a confidence interval drawn over it. `mean` is a share; None draws an empty bar."""
    width, height = 300.0, 18.0
    body = [f'<rect class="track" x="0" y="4" width="{width:g}" height="10" rx="5"/>']
    if mean is not None:
        body.append(
            f'<rect class="fill" x="0" y="4" width="{max(0.0, min(1.0, mean)) * width:.1f}" height="10" rx="5"/>'
        )
    if interval is not None:
        low, high = (edge * width for edge in interval)
        body.append(f'<path class="whisker" d="M{low:.1f} 9H{high:.1f}M{low:.1f} 4v10M{high:.1f} 4v10"/>')
    told = percent(mean) + (f", 95 % interval {percent(interval[0])} to {percent(interval[1])}" if interval else "")
    return Svg(
        f'<svg class="bar" viewBox="-2 0 {width + 4:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc>{''.join(body)}</svg>"
    )


def share_bar(parts: Sequence[tuple[str, str, float]], title: str) -> Svg:
    """A bar of shares of a whole, each given as CSS class, name and share."""
    width, height, x = 300.0, 12.0, 0.0
    body = []
    for kind, name, share in parts:
        wide = share * width
        told = escape(f"{name}: {percent(share)}")
        spot = f'x="{x:.1f}" y="0" width="{max(1.0, wide - 1.5):.1f}" height="{height:g}"'
        body.append(f'<rect class="{kind}" {spot}><title>{told}</title></rect>')
        x += wide
    told = ", ".join(f"{name} {percent(share)}" for _, name, share in parts)
    return Svg(
        f'<svg class="bar" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(told)}</desc>{''.join(body)}</svg>"
    )
