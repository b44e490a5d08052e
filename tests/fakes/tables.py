"""Tables as plain text, for tests that look for words in them."""

from evalkube_report.table import Table

__all__ = ["text_of"]


def text_of(*tables: Table | None) -> str:
    """The captions, columns and cells of the tables, a row a line, its mark at the end."""
    lines = []
    for table in tables:
        if table is not None:
            lines += [table.caption, " | ".join(table.columns)]
            lines += [" | ".join([*row.cells, row.mark]).rstrip(" |") for row in table.rows]
    return "\n".join(lines)
