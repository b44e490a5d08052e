"""A table as a value: what the HTML pages and the plain-text summaries both print, so that they never disagree."""

from dataclasses import dataclass

__all__ = ["Row", "Table"]


@dataclass(frozen=True, slots=True)
class Row:
    """Cells as text. `mark` is "", "total", "degraded" or "invalid": how the row is to be seen."""

    cells: tuple[str, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` over `rows`; the first `words` columns are text, the rest numbers (right-aligned). What follows a
    line feed in the cell of a number stands below it, smaller.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    words: int = 1
