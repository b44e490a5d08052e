"""A table as a value. HTML pages and text output print the same tables, so they never disagree."""

from dataclasses import dataclass

__all__ = ["Row", "Table"]


@dataclass(frozen=True, slots=True)
class Row:
    """Cells as text. `mark` is "", "total", "degraded" or "invalid": how the row is shown."""

    cells: tuple[str, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title: `columns` over `rows`. The first `words` columns are text, the others numbers
    (right-aligned).

    In the cell of a number, text after a line feed is shown below it, smaller.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    words: int = 1
