"""Lines of CSV that spreadsheets show unchanged: text is never read as a formula, and numbers stay numbers."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

__all__ = ["Cell", "encoded", "safe"]

Cell: TypeAlias = str | int | float | bool | None

_FORMULA: Final = re.compile(
    "^\\s*[=+\\-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]|^[\t\r\n]"
)
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?%?")
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def safe(cell: Cell) -> Cell:
    """A cell as it is written.

    Text that a spreadsheet could read as a formula gets an apostrophe before it. A number as text ("-5") stays as it
    is. Line breaks become line feeds.
    """
    if not isinstance(cell, str):
        return cell
    text = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", cell.replace("\r\n", "\n").replace("\r", "\n"))
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def encoded(rows: Iterable[Iterable[Cell]]) -> Iterator[bytes]:
    """Each row as CSV in UTF-8. Cells with line breaks are quoted, so a row may take several lines. No row is empty."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
        yield buffer.getvalue().encode("utf-8", "replace")
        buffer.seek(0)
        buffer.truncate()
