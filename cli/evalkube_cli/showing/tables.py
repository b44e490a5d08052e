"""Tables on a terminal. A table that is too wide is transposed or stacked, so that no number is cut. Pure.

Without a terminal, a table is as wide as it needs.
"""

import re
from collections.abc import Iterator
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table as Drawn
from rich.text import Text

from evalkube_crds.wording import printable
from evalkube_report.table import Row, Table

__all__ = ["drawn", "plain"]

_STYLES: Final = {
    "total": "bold",
    **dict.fromkeys(("good", "better", "met"), "green"),
    **dict.fromkeys(("degraded", "warn"), "yellow"),
    **dict.fromkeys(("invalid", "bad", "worse", "missed"), "red"),
}
_LONGEST_WORD: Final = 40
"""A name up to this long is never folded: it is there to be copied."""

_NARROWEST_TEXT: Final = 10
_FEW_ROWS: Final = 6
_LONGEST_HEAD: Final = 32
"""Of what may head a column where rows become columns: a name, no text."""

_BREAKS: Final = re.compile(r"(?<=[/_-])")
"""Where a long name may be broken that heads a column of numbers."""


def drawn(table: Table, console: Console) -> RenderableType:
    """A table that fits the console: unchanged, transposed, or each row as a list."""
    lying = _lying(table)
    if _fits(lying, console):
        return lying
    is_short = all(cell_len(row.cells[0]) <= _LONGEST_HEAD for row in table.rows)
    if is_short and len(table.rows) <= _FEW_ROWS and _fits(standing := _lying(_turned(table), in_parts=False), console):
        return standing
    return _stacked(table)


def plain(table: Table, width: int) -> str:
    """A table as text of at most `width` columns, without colours."""
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(drawn(table, console))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _fits(table: Drawn, console: Console) -> bool:
    return Measurement.get(console, console.options.update(max_width=10_000), table).minimum <= console.width


def _lying(table: Table, *, in_parts: bool = True) -> Drawn:
    made = Drawn(title=Text(printable(table.caption), style="italic"), title_justify="left", box=box.SIMPLE_HEAD)
    for at, column in enumerate(table.columns):
        cells = [row.cells[at] for row in table.rows]
        if at < table.words:
            longest = max((cell_len(word) for cell in (column, *cells) for word in cell.split()), default=1)
            made.add_column(_text(column), overflow="fold", min_width=min(_LONGEST_WORD, longest))
        else:
            width = max((cell_len(line) for cell in cells for line in cell.split("\n")), default=1)
            head = _broken(column, width) if in_parts else [column]
            width = max(width, *(cell_len(line) for line in head))
            made.add_column(_text("\n".join(head)), justify="right", no_wrap=True, min_width=width)
    for row in table.rows:
        made.add_row(*map(_text, row.cells), style=_STYLES.get(row.mark, ""))
    return made


def _broken(title: str, width: int) -> list[str]:
    """The title of a numeric column, broken into lines of about the width of its numbers: at spaces, and in paths."""
    width = max(width, _NARROWEST_TEXT)
    lines: list[str] = []
    for word in title.split():
        parts = [word] if cell_len(word) <= width else _BREAKS.split(word)
        for at, part in enumerate(parts):
            glue = " " if at == 0 else ""
            if lines and cell_len(lines[-1] + glue + part) <= width:
                lines[-1] += glue + part
            else:
                lines.append(part)
    return lines or [""]


def _turned(table: Table) -> Table:
    """The transposed table: rows become columns, and the first column becomes the head."""
    heads = (table.columns[0], *(row.cells[0] for row in table.rows))
    rows = tuple(
        Row((column, *(row.cells[at] for row in table.rows))) for at, column in enumerate(table.columns) if at > 0
    )
    return Table(table.caption, heads, rows)


def _stacked(table: Table) -> Group:
    """Each row as a list of names and values under its title."""
    return Group(Text(""), Text(printable(table.caption), style="italic"), *_items(table))


def _items(table: Table) -> Iterator[RenderableType]:
    for row in table.rows:
        style = _STYLES.get(row.mark, "")
        yield Text(printable(row.cells[0]), style=f"bold {style}".strip(), overflow="fold")
        grid = Drawn.grid(padding=(0, 1))
        grid.add_column(min_width=_NARROWEST_TEXT, overflow="fold")
        grid.add_column(overflow="fold")
        for column, cell in zip(table.columns[1:], row.cells[1:], strict=True):
            if cell:
                grid.add_row(Text(f"  {printable(column)}"), Text(printable(cell.replace("\n", " ")), style=style))
        yield grid


def _text(cell: str) -> Text:
    """Untrusted text without rich markup or terminal control characters."""
    return Text(printable(cell))
