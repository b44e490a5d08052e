"""Plots as values: titles, axes, series and marks. Nothing is drawn here.

`plots.drawing` makes SVG of them. `plots.data` makes the table behind the drawing and the JSON for the dashboard. So
all three show the same values.
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
    """An axis of a plot.

    `names`: the names of a `named` scale, whose values are the places 0, 1, 2, ... `zero`: a linear axis starts at 0,
    else at its lowest value. `whole`: an axis of counts, where no fraction is marked. `ticks`: the values to mark, if
    they are known (the loads of a sweep).
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
        """The title and unit for a table: "TTFT, ms"."""
        return f"{self.title}, {self.unit}" if self.unit and self.title else self.title or self.unit

    @property
    def label(self) -> str:
        """The title, unit and scale for a drawing: "TTFT, ms (log)"."""
        return self.heading + (" (log)" if self.scale == "log" else "")


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a plot. A None in `ys` is a gap.

    `notes`: remarks on single values ("not valid"), "" for the others. `names`: the name of each value ("8 in flight").
    `dots`: each value has a mark. `steps`: the line keeps a value until the next one.
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
    """The area between two lines over time, for example from p50 to p99. A None is a gap."""

    name: str
    xs: tuple[float, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """A histogram: `counts[i]` values between `edges[i]` and `edges[i + 1]`."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A line across the plot with a label.

    `kind`: a wanted service level, or a value to find, such as a percentile.
    """

    axis: Literal["x", "y"]
    value: float
    label: str
    kind: Literal["level", "mark"] = "level"


@dataclass(frozen=True, slots=True)
class Span:
    """A marked part of the x axis: the steady part."""

    low: float
    high: float
    label: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines, bands or columns over two axes. `note`: what the plot shows, in words."""

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
    """Values with their intervals, one below the other, on one axis.

    `middle`: a line to compare them with, for example 0 for differences. `percent`: shares from 0 to 1, written in per
    cent.
    """

    title: str
    axis: Axis
    entries: tuple[Entry, ...]
    middle: float | None = None
    percent: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A heat map: shares from 0 to 1 by row and column. None: nothing was measured."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]
    x_title: str
    y_title: str
    note: str = ""


Figure: TypeAlias = Plot | Intervals | Grid
