"""The table of exit codes, between two marks in the page about the command line. Pure."""

from typing import Final

from evalkube_cli.exits import Exit
from evalkube_cli.reference.tables import table

__all__ = ["in_page"]

_MARKS: Final = ("<!-- exit codes -->", "<!-- end of exit codes -->")


def in_page(page: str) -> str:
    """The text `page` with the table between its marks. Raises `ValueError` if it has no marks."""
    rows = table(["Code", "Name", "When"], ([str(code.value), f"`{code.name.lower()}`", code.meaning] for code in Exit))
    begin, end = (page.index(mark) for mark in _MARKS)
    return f"{page[:begin]}{_MARKS[0]}\n{rows}{page[end:]}"
