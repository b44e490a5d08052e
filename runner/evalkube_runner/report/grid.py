"""A table as a value: what the HTML pages and the plain-text summaries both print, so that they never disagree."""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Row", "Table", "to_markdown"]


@dataclass(frozen=True, slots=True)
class Row:
    """Cells as text. ``mark`` is "", "total", "degraded" or "invalid": how the row is to be seen."""

    cells: tuple[str, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """``columns`` over ``rows``; the first ``words`` columns are text, the rest numbers (right-aligned). What follows a
    line feed in the cell of a number stands below it, smaller.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    words: int = 1


def to_markdown(table: Table) -> str:
    """The table as aligned Markdown, readable in a terminal too. Marked rows say so in their first cell."""
    body = [[_cell(cell) for cell in _marked(row)] for row in table.rows]
    head = [_cell(column) for column in table.columns]
    widths = [max([3, *(_width(line[index]) for line in [head, *body])]) for index in range(len(head))]
    rule = ["-" * width if index < table.words else "-" * (width - 1) + ":" for index, width in enumerate(widths)]
    lines = [_line(head, widths, table.words), _line(rule, widths, table.words)]
    lines += [_line(cells, widths, table.words) for cells in body]
    return "\n".join(lines)


def _marked(row: Row) -> Sequence[str]:
    return (f"{row.cells[0]} ({row.mark})", *row.cells[1:]) if row.mark in ("degraded", "invalid") else row.cells


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _width(text: str) -> int:
    """Columns in a terminal: East Asian wide characters take two."""
    return sum(2 if "\u1100" <= letter <= "\u115f" or "\u2e80" <= letter <= "\uffe6" else 1 for letter in text)


def _line(cells: Sequence[str], widths: Sequence[int], words: int) -> str:
    padded = [
        cell + " " * (width - _width(cell)) if index < words else " " * (width - _width(cell)) + cell
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"
