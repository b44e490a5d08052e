"""The table behind a plot, its description in words, and its JSON. Pure.

The JSON of a `Plot` has its values in columns (`data`), x first, then each series, then the low and the high edge of
each band: what uPlot takes. Where series have other x values, x has all of them and a column has nulls.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from evalkube_report import formats
from evalkube_report.plots.values import Axis, Columns, Entry, Figure, Grid, Intervals, Plot, Series
from evalkube_report.table import Row, Table

__all__ = ["document_of", "entry_words", "table_of", "told"]


def table_of(figure: Figure) -> Table:
    """All values of a plot as a table, for readers who cannot use the drawing."""
    match figure:
        case Plot(columns=Columns() as columns):
            return _columns_table(figure, columns)
        case Plot():
            return _plot_table(figure)
        case Intervals():
            return _intervals_table(figure)
        case Grid():
            rows = tuple(
                Row((name, *map(formats.percent, line))) for name, line in zip(figure.rows, figure.cells, strict=True)
            )
            caption = f"{figure.title}, by {figure.y_title} (rows) and {figure.x_title} (columns)"
            return Table(caption, (figure.y_title, *figure.columns), rows)


def _columns_table(plot: Plot, columns: Columns) -> Table:
    edges = [formats.amount(edge) for edge in columns.edges]
    rows = tuple(
        Row((f"{low} to {high}", formats.count(times)))
        for low, high, times in zip(edges, edges[1:], columns.counts, strict=False)
    )
    return Table(plot.title, (plot.x.heading, plot.y.heading), rows)


def _lines(plot: Plot) -> list[Series]:
    """The series, and the two edges of each band as further series."""
    found = list(plot.series)
    for band in plot.bands:
        found.append(Series(f"{band.name}, low", band.xs, band.lows))
        found.append(Series(f"{band.name}, high", band.xs, band.highs))
    return found


def _plot_table(plot: Plot) -> Table:
    lines = _lines(plot)
    if len({line.ys for line in lines}) == 1 < len(lines):  # distributions: the same shares of each
        columns = tuple(zip(*(line.xs for line in lines), strict=True))
        rows = tuple(
            Row((formats.amount(y), *map(formats.amount, xs))) for y, xs in zip(lines[0].ys, columns, strict=True)
        )
        return Table(plot.title, (plot.y.heading, *(f"{line.name}: {plot.x.heading}" for line in lines)), rows)
    if len({line.xs for line in lines}) == 1:
        return Table(plot.title, (plot.x.heading, *(_heading(plot, line) for line in lines)), _shared(plot.x, lines))
    rows = tuple(
        Row((line.name, _name(plot.x, line, at), _value(line, at))) for line in lines for at in range(len(line.xs))
    )
    return Table(plot.title, ("Series", plot.x.heading, plot.y.heading), rows, words=2)


def _heading(plot: Plot, line: Series) -> str:
    return line.name if line.name == plot.y.title else f"{line.name}: {plot.y.heading}"


def _shared(axis: Axis, lines: Sequence[Series]) -> tuple[Row, ...]:
    return tuple(
        Row((_name(axis, lines[0], at), *(_value(line, at) for line in lines))) for at in range(len(lines[0].xs))
    )


def _name(axis: Axis, line: Series, at: int) -> str:
    if axis.names:
        return axis.names[round(line.xs[at])]
    x = formats.amount(line.xs[at])
    return f"{x} ({line.names[at]})" if line.names and line.names[at] != x else x


def _value(line: Series, at: int) -> str:
    note = line.notes[at] if line.notes else ""
    return formats.amount(line.ys[at]) + (f"\n{note}" if note else "")


def _intervals_table(plot: Intervals) -> Table:
    rows = []
    for entry in plot.entries:
        shown = formats.percent if plot.percent else formats.significant
        ends = formats.DASH if entry.interval is None else " to ".join(map(shown, entry.interval))
        marks = (entry.mark,) if any(one.mark for one in plot.entries) else ()
        rows.append(Row((entry.name, *marks, shown(entry.value), ends), mark=entry.mark))
    marked = ("Outcome",) if any(entry.mark for entry in plot.entries) else ()
    unit = plot.axis.title if plot.percent else plot.axis.heading
    return Table(plot.title, ("Name", *marked, unit, "95 % interval"), tuple(rows), words=1 + len(marked))


def entry_words(entry: Entry, *, percent: bool) -> str:
    """An entry's value and interval in words: "50.0 %, 25.0 % to 75.0 %"."""
    shown = formats.percent if percent else formats.significant
    said = shown(entry.value)
    if entry.interval is not None:
        said += f", {shown(entry.interval.low)} to {shown(entry.interval.high)}"
    return f"{said}, {entry.mark}" if entry.mark else said


def told(figure: Figure) -> str:
    """A plot in a sentence, for readers who do not see it. Its table has every value."""
    match figure:
        case Plot(columns=Columns() as columns):
            marks = ", ".join(f"{limit.label} {formats.significant(limit.value)}" for limit in figure.limits)
            unit = f" {figure.x.unit}" if figure.x.unit else ""
            return f"{formats.count(sum(columns.counts))} values" + (f"; {marks}{unit}" if marks else "")
        case Plot():
            limits = [f"line at {limit.label}" for limit in figure.limits]
            return "; ".join([*(f"{line.name}: {_span(line.ys)}" for line in _lines(figure)), *limits])
        case Intervals():
            span = _span([entry.value for entry in figure.entries])
            return f"{formats.count(len(figure.entries))} values, {span}"
        case Grid():
            known = [share for line in figure.cells for share in line if share is not None]
            return f"{len(known)} of {len(figure.rows) * len(figure.columns)} places, {_span(known)}"


def _span(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{formats.amount(min(known))} to {formats.amount(max(known))}" if known else "no values"


def document_of(figure: Figure) -> dict[str, Any]:
    """The plot, ready for JSON."""
    if not isinstance(figure, Plot):
        return {"kind": type(figure).__name__.lower(), **asdict(figure)}
    lines, first_edge = _lines(figure), 1 + len(figure.series)
    xs = sorted({x for line in lines for x in line.xs})
    known = [dict(zip(line.xs, line.ys, strict=True)) for line in lines]
    return {
        "kind": "plot",
        "title": figure.title,
        "note": figure.note,
        "x": {**asdict(figure.x), "label": figure.x.label},
        "y": {**asdict(figure.y), "label": figure.y.label},
        "series": [
            {"name": one.name, "dots": one.dots, "steps": one.steps, "notes": list(one.notes), "names": list(one.names)}
            for one in figure.series
        ],
        "bands": [
            {"name": band.name, "low": first_edge + 2 * at, "high": first_edge + 2 * at + 1}
            for at, band in enumerate(figure.bands)
        ],
        "data": [xs, *([one.get(x) for x in xs] for one in known)],
        "columns": None if figure.columns is None else asdict(figure.columns),
        "limits": [asdict(limit) for limit in figure.limits],
        "spans": [asdict(span) for span in figure.spans],
    }
