"""What the tables of a terminal have in common. Pure."""

from typing import Final

from rich import box
from rich.markup import escape
from rich.table import Table

from evalkube_crds.wording import printable

__all__ = ["POINT_WIDTH", "columns", "number", "safe"]

POINT_WIDTH: Final = 22
"""Holds parallel_10_number_100: a name cut to pieces is worse than a number on two lines."""


def columns(title: str, first: str, *names: str) -> Table:
    """A table whose first column has names, and the others numbers."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column(first, overflow="fold", min_width=POINT_WIDTH)
    for name in names:
        table.add_column(name, justify="right")
    return table


def safe(text: str) -> str:
    """Words that others wrote, without what rich or a terminal would obey."""
    return escape(printable(text))


def number(value: float | None, decimals: int | None = None) -> str:
    """A figure in few digits; a dash where it is not known."""
    if value is None:
        return "-"
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
