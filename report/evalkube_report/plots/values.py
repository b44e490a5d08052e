"""Plots as values: titles, axes, series and marks. Nothing is drawn here.

`plots.drawing` makes SVG of them, `plots.data` the table behind it and the JSON that a dashboard draws from: what is
seen, read aloud and fetched is the same.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from evalkube_crds.intervals import Interval

__all__ = [
    "Axis",
    "Band",
    "Columns",
    "Entry",
    "Figure",
    "Grid",
    "Intervals",
    "Limit",
    "Plot",
    "Scale",
    "Series",
    "Span",
]

Scale: TypeAlias = Literal["linear", "log", "named"]


@dataclass(frozen=True, slots=True)
class Axis:
    """What lies along an edge of a plot. `names`: of a `named` scale, whose values are the places 0, 1, 2, ...

    `zero`: a linear axis begins at 0; else where its values do. `whole`: of counts, where no fraction is marked.
    `ticks`: the values to mark, where those are known (the loads of a sweep).
    """

    title: str
    unit: str = ""
    scale: Scale = "linear"
    names: tuple[str, ...] = ()
    zero: bool = True
    whole: bool = False
    ticks: tuple[float, ...] = ()

    @property
    def heading(self) -> str:
        """Title and unit, for a table: "TTFT, ms"."""
        return f"{self.title}, {self.unit}" if self.unit and self.title else self.title or self.unit

    @property
    def label(self) -> str:
        """The same with the scale, for a drawing: "TTFT, ms (log)"."""
        return self.heading + (" (log)" if self.scale == "log" else "")


@dataclass(frozen=True, slots=True)
class Series:
    """A line. A None in `ys` is a gap. `notes` say of single values what is special ("not valid"), "" of others;
    `names` what a value is of ("8 in flight"). `dots`: each value has a mark of its own. `steps`: the line holds a
    value until the next one.
    """

    name: str
    xs: tuple[float, ...]
    ys: tuple[float | None, ...]
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    dots: bool = False
    steps: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """The room between two lines: from p50 to p99, over time. A None is a gap."""

    name: str
    xs: tuple[float, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """How many values (`counts[i]`) lie from `edges[i]` to `edges[i + 1]`."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A line across the plot with a label. `kind`: a service level that somebody wants, or a value to find, such as a
    percentile.
    """

    axis: Literal["x", "y"]
    value: float
    label: str
    kind: Literal["level", "mark"] = "level"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the x axis that is told apart: the steady part."""

    low: float
    high: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines, bands or columns over two axes. `note` says in words what to see."""

    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...] = ()
    bands: tuple[Band, ...] = ()
    columns: Columns | None = None
    limits: tuple[Limit, ...] = ()
    spans: tuple[Span, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One value with its interval. `mark`: "", "better", "worse", "noise" or "unknown"."""

    name: str
    value: float
    interval: Interval | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Values below each other on one axis, each with its interval. `middle`: a line to compare them with, as 0 is of
    differences. `percent`: shares from 0 to 1, written in per cent.
    """

    title: str
    axis: Axis
    entries: tuple[Entry, ...]
    middle: float | None = None
    percent: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """Shares from 0 to 1 by row and column: a heat map. None where nothing was measured."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]
    x_title: str
    y_title: str
    note: str = ""


Figure: TypeAlias = Plot | Intervals | Grid
