"""A result as HTML for a notebook: facts and tables without style or script. Pure; text is escaped."""

from collections.abc import Iterable
from html import escape

from evalkube_crds.wording import printable
from evalkube_report.table import Table

__all__ = ["page"]


def page(facts: Iterable[tuple[str, str]], tables: Iterable[Table]) -> str:
    """A list of facts, then the tables."""
    listed = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts)
    return f"<dl>{listed}</dl>" + "".join(map(_table, tables))


def _table(table: Table) -> str:
    heads = "".join(f"<th>{_text(column)}</th>" for column in table.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row.cells)}</tr>" for row in table.rows)
    caption = f"<caption>{_text(table.caption)}</caption>"
    return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _text(text: str) -> str:
    return escape(printable(text)).replace("\n", "<br>")
