"""Plots on pages: a drawing and a table, which need no script, and values for a script with zoom and tooltips. Pure.

All three are made of the same values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import orjson
from markupsafe import Markup

from evalkube_report.plots import data, drawing
from evalkube_report.plots.drawing import Shown
from evalkube_report.plots.values import Figure, Plot
from evalkube_report.table import Table

__all__ = ["Chart", "charts", "live_charts"]

_LEAST: Final = 20
"""A script is of no help with fewer values of x."""
_ESCAPED: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_DIGITS: Final = 5


@dataclass(frozen=True, slots=True)
class Chart:
    """One plot of a page. `values`: JSON for the script, safe in a script element; None for a static drawing."""

    shown: Shown
    values: Markup | None = None

    @property
    def table(self) -> Table:
        """All values of the plot as a table."""
        return self.shown.table


def charts(figures: Iterable[Figure]) -> tuple[Chart, ...]:
    """Static plots."""
    return tuple(Chart(drawing.shown(figure)) for figure in figures)


def live_charts(figures: Iterable[Figure]) -> tuple[Chart, ...]:
    """Plots of many values. If scripts run, a script draws them again."""
    return tuple(Chart(drawing.shown(figure), _values(figure)) for figure in figures)


def _values(figure: Figure) -> Markup | None:
    if not isinstance(figure, Plot) or figure.columns is not None or not all(_rises(one.xs) for one in figure.series):
        return None
    document = data.document_of(figure)
    if len(document["data"][0]) < _LEAST:
        return None
    every = {x for one in figure.series for x in one.xs}
    for one, described in zip(figure.series, document["series"], strict=True):
        described["joined"] = len(one.xs) < len(every)  # its own values lie apart: a gap between them is none
    document["data"] = [[_short(value) for value in column] for column in document["data"]]
    text = orjson.dumps(document).decode()
    for character, escaped in _ESCAPED.items():
        text = text.replace(character, escaped)
    return Markup(text)  # noqa: S704 - nothing in it can end a script element


def _rises(xs: Sequence[float]) -> bool:
    return all(low <= high for low, high in pairwise(xs))


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")
