"""Plots as inline SVG: numbers in, markup out. No library, no script, no colour of its own.

Colours come from the page's style sheet by class (``s0``, ``s1``, ... for series), so that one drawing serves light,
dark and paper. Every drawing has a title and a description for those who do not see it; every mark has a <title>,
which browsers show as a tooltip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from evalkube_crds.histogram import Histogram
from evalkube_report.formats import Unit, count, percent, significant, tick, time_unit
from evalkube_report.plots.axes import Axis, linear_axis, log_axis
from evalkube_report.plots.bins import bars

__all__ = ["Line", "Mark", "Svg", "distribution", "heat_map", "lines", "marks", "score_bar"]


class Svg(str):
    """Markup that is already safe: template engines leave a value with ``__html__`` as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class Line:
    """One series: a None in ``values`` is a gap; ``doubtful`` marks points whose numbers do not count."""

    name: str
    values: Sequence[float | None]
    doubtful: Sequence[bool] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """One share, 0 to 1, with its interval."""

    name: str
    mean: float
    interval: tuple[float, float] | None


_WIDTH, _HEIGHT = 430.0, 230.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 12.0, 44.0, 40.0
_SERIES = 6
_LONGEST_NAME = 24


def _svg(title: str, description: str, body: Sequence[str], *, height: float = _HEIGHT) -> Svg:
    return Svg(
        f'<svg class="plot" viewBox="0 0 {_WIDTH:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"{_text(2, 13, title, 'heading', 'start')}{''.join(body)}</svg>"
    )


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _stroke(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _grid(
    x_axis: Axis, y_axis: Axis, x_label: str, y_label: str, x_ticks: Sequence[tuple[float, str]] = ()
) -> list[str]:
    floor = _HEIGHT - _BOTTOM
    marks = x_ticks or [(value, tick(value)) for value in x_axis.ticks]
    parts = [
        _stroke("grid", _LEFT, y_axis.at(value), _WIDTH - _RIGHT, y_axis.at(value))
        + _text(_LEFT - 6, y_axis.at(value) + 3.5, tick(value), "tick", "end")
        for value in y_axis.ticks
    ]
    parts += [_text(x_axis.at(value), floor + 15, label, "tick") for value, label in marks]
    parts.append(_stroke("axis", _LEFT, floor, _WIDTH - _RIGHT, floor))
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, x_label, "label"))
    parts.append(_text(2, 31, y_label, "label", "start"))
    return parts


def score_bar(mean: float | None, interval: tuple[float, float] | None, title: str) -> Svg:
    """A bar from 0 to 1 with its confidence interval drawn over it. ``mean`` is a share; None draws the empty track."""
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


def marks(shown: Sequence[Mark], title: str) -> Svg:
    """A line for each share: its name, and a dot with its interval on an axis from 0 to 1."""
    line, left = 16.0, 150.0
    floor = _TOP + line * len(shown)
    axis = linear_axis([0.0, 1.0], left, _WIDTH - _RIGHT - 8)
    body = [
        _stroke("grid", axis.at(value), _TOP - 6, axis.at(value), floor)
        + _text(axis.at(value), floor + 15, tick(value), "tick")
        for value in axis.ticks
    ]
    for place, mark in enumerate(shown):
        y, x = _TOP + line * (place + 0.5), axis.at(mark.mean)
        told = f"{mark.name}: {percent(mark.mean)}"
        if mark.interval is not None:
            low, high = (axis.at(edge) for edge in mark.interval)
            ends = "".join(f"M{edge:.1f} {y - 3:.1f}v6" for edge in (low, high))
            body.append(f'<path class="whisker" d="M{low:.1f} {y:.1f}H{high:.1f}{ends}"/>')
            told += f", {percent(mark.interval[0])} to {percent(mark.interval[1])}"
        name = mark.name if len(mark.name) <= _LONGEST_NAME else mark.name[: _LONGEST_NAME - 1] + "…"
        body.append(_text(left - 8, y + 3.5, name, "tick", "end"))
        body.append(f'<circle class="s0 dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{escape(told)}</title></circle>')
    span = _span([mark.mean for mark in shown])
    return _svg(title, f"{count(len(shown))} scores, {span}", body, height=floor + 24)


def distribution(histogram: Histogram, title: str, *, unit: Unit | None = None) -> Svg | None:
    """Bars of how often which value came, with p50, p90 and p99 marked. Values are ns unless ``unit`` says otherwise.

    The axis is logarithmic when the values span much. None when nothing was counted.
    """
    found = bars(histogram)
    if found is None:
        return None
    unit = unit or time_unit([histogram.percentile(99)])
    edges = [edge / unit.size for edge in found.edges]
    start, end = _LEFT, _WIDTH - _RIGHT
    x_axis = log_axis(edges[0], edges[-1], start, end) if found.log else linear_axis(edges, start, end, zero=False)
    y_axis = linear_axis(found.counts, _HEIGHT - _BOTTOM, _TOP + 8)
    scale = " (log)" if found.log else ""
    body = _grid(x_axis, y_axis, f"{unit.name}{scale}", "")
    for index, times in enumerate(found.counts):
        if times:
            left, right = x_axis.at(edges[index]), x_axis.at(edges[index + 1])
            top = min(y_axis.at(times), y_axis.start - 1)  # a single value among many must still be seen
            span = f"{significant(edges[index], 3)} to {significant(edges[index + 1], 3)} {escape(unit.name)}"
            body.append(
                f'<rect class="s0 column" x="{left + 0.5:.1f}" y="{top:.1f}" width="{max(0.8, right - left - 1):.1f}" '
                f'height="{y_axis.start - top:.1f}"><title>{span}: {count(times)}</title></rect>'
            )
    shown = [
        (name, value) for name, value in zip(("p50", "p90", "p99"), histogram.percentiles([50, 90, 99]), strict=True)
    ]
    body += _markers([(name, (value or 0.0) / unit.size) for name, value in shown], x_axis, y_axis)
    told = ", ".join(f"{name} {unit.show(value)} {unit.name}" for name, value in shown)
    return _svg(f"{title}, distribution", f"{count(histogram.count)} values; {told}", body)


def _markers(marks: Sequence[tuple[str, float]], x_axis: Axis, y_axis: Axis) -> list[str]:
    """Vertical lines with labels; a label that would touch its neighbour stands one line higher."""
    parts, last_x, row = [], -1e9, 0
    for name, value in marks:
        x = x_axis.at(value)
        row = row + 1 if x - last_x < 26 else 0
        last_x = x
        y = _TOP + 4 - 11 * min(row, 2)
        parts.append(_stroke("marker", x, y + 2, x, y_axis.start) + _text(x, y, name, "tick strong"))
    return parts


def lines(
    series: Sequence[Line],
    xs: Sequence[float],
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_names: Sequence[str] = (),
    dots: bool = True,
    shaded: tuple[float, float] | None = None,
) -> Svg | None:
    """Several series over common ``xs``; with ``x_names`` evenly spaced under these names. None without a value.
    ``shaded``: a part of the x axis to be told apart.
    """
    known = [value for line in series for value in line.values if value is not None]
    if not known:
        return None
    at = [float(index) for index in range(len(xs))] if x_names else list(xs)
    x_axis = linear_axis(at, _LEFT + 8 * bool(x_names), _WIDTH - _RIGHT - 8 * bool(x_names), zero=not x_names)
    if not x_names:  # time ends where the data ends, not at the next round number
        x_axis = Axis(
            x_axis.low, max(at) or 1.0, x_axis.start, x_axis.end, tuple(t for t in x_axis.ticks if t <= max(at))
        )
    y_axis = linear_axis(known, _HEIGHT - _BOTTOM, _TOP)
    body = [_shade(x_axis, *shaded)] if shaded is not None else []
    body += _grid(x_axis, y_axis, x_label, y_label, _named_ticks(x_names))
    for index, line in enumerate(series):
        body.append(_path(line, at, x_axis, y_axis, index % _SERIES))
        if dots:
            body += _dots(line, at, x_names or [tick(x) for x in xs], x_axis, y_axis, index % _SERIES)
    body += _legend([line.name for line in series]) if len(series) > 1 else []
    told = "; ".join(f"{line.name}: {_span(line.values)}" for line in series)
    return _svg(title, told, body)


def _shade(x_axis: Axis, begin: float, end: float) -> str:
    left, right = (x_axis.at(min(max(value, x_axis.low), x_axis.high)) for value in (begin, end))
    height = _HEIGHT - _BOTTOM - _TOP
    return f'<rect class="shade" x="{left:.1f}" y="{_TOP:g}" width="{right - left:.1f}" height="{height:g}"/>'


def _named_ticks(names: Sequence[str]) -> list[tuple[float, str]]:
    room = max(1, -(-len(names) * max((len(name) for name in names), default=0) * 6 // 370))
    return [(float(index), name) for index, name in enumerate(names) if index % room == 0]


def _path(line: Line, xs: Sequence[float], x_axis: Axis, y_axis: Axis, index: int) -> str:
    steps, pen = [], "M"
    for x, value in zip(xs, line.values, strict=False):
        if value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{x_axis.at(x):.1f} {y_axis.at(value):.1f}")
        pen = "L"
    return f'<path class="s{index} line" d="{"".join(steps)}"/>'


def _dots(line: Line, xs: Sequence[float], names: Sequence[str], x_axis: Axis, y_axis: Axis, index: int) -> list[str]:
    parts = []
    for place, (x, value) in enumerate(zip(xs, line.values, strict=False)):
        if value is None:
            continue
        doubtful = place < len(line.doubtful) and line.doubtful[place]
        kind, note = (" doubtful", ", not valid") if doubtful else ("", "")
        told = escape(f"{names[place]}: {line.name} {significant(value)}{note}")
        spot = f'cx="{x_axis.at(x):.1f}" cy="{y_axis.at(value):.1f}" r="3.5"'
        parts.append(f'<circle class="s{index} dot{kind}" {spot}><title>{told}</title></circle>')
    return parts


_ROW = 18.0
_WIDE_ENOUGH = 26.0


def heat_map(
    grid: Sequence[Sequence[float | None]],
    columns: Sequence[str],
    rows: Sequence[str],
    *,
    title: str,
    x_label: str,
    y_label: str,
) -> Svg:
    """Shares from 0 to 1 by row and column: the higher the fuller, in per cent where there is room; None is hollow."""
    width = (_WIDTH - _LEFT - _RIGHT) / max(1, len(columns))
    floor = _TOP + _ROW * len(rows)
    body = [_text(2, 31, y_label, "label", "start")]
    for at, (name, line) in enumerate(zip(rows, grid, strict=True)):
        y = _TOP + _ROW * at
        body.append(_text(_LEFT - 6, y + 12.5, name, "tick", "end"))
        for place, (column, share) in enumerate(zip(columns, line, strict=True)):
            told = f"{x_label} {column}, {y_label} {name}: {percent(share)}"
            body.append(_heat_cell(_LEFT + width * place, y, width, share, told))
    room = max(1, round(max(map(len, columns), default=0) * 6.5 / width + 0.5))
    body += [
        _text(_LEFT + width * (at + 0.5), floor + 15, column, "tick")
        for at, column in enumerate(columns)
        if at % room == 0
    ]
    body.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, floor + 32, x_label, "label"))
    known = [share for line in grid for share in line if share is not None]
    told = f"{len(known)} of {len(rows) * len(columns)} places, {_span(known)}; the table after it has every one"
    return _svg(title, told, body, height=floor + 40)


def _heat_cell(x: float, y: float, width: float, share: float | None, told: str) -> str:
    kind = "heat none" if share is None else "heat"
    fill = "" if share is None else f' fill-opacity="{0.05 + 0.7 * max(0.0, min(1.0, share)):.2f}"'
    spot = f'x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" width="{width - 1:.1f}" height="{_ROW - 1:g}"'
    cell = f'<rect class="{kind}" {spot}{fill}><title>{escape(told)}</title></rect>'
    if share is None or width < _WIDE_ENOUGH:
        return cell
    return cell + _text(x + width / 2, y + 12.5, f"{100 * share:.0f}", "tick on")


def _legend(names: Sequence[str]) -> list[str]:
    parts, x = [], _WIDTH - _RIGHT
    for index in range(len(names) - 1, -1, -1):
        x -= 6.2 * len(names[index])
        parts.append(_text(x, 31, names[index], "tick", "start"))
        x -= 20
        parts.append(_stroke(f"s{index % _SERIES} line", x, 27.5, x + 15, 27.5))
        x -= 10
    return parts


def _span(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{significant(min(known))} to {significant(max(known))}" if known else "no values"
