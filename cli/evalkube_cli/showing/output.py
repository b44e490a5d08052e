"""What a command prints: a document for programs on standard output, sentences for people on standard error."""

import io
import json
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from rich.console import Console

from evalkube_cli.showing import tables
from evalkube_crds.wording import in_json, printable
from evalkube_report import csv_file
from evalkube_report.csv_file import Cell
from evalkube_report.sentences import Statement
from evalkube_report.table import Table

__all__ = ["Form", "complain", "console", "document", "print_lines", "print_statements", "print_tables"]

_FILE_WIDTH: Final = 200
"""Of what goes to a file or a pipe, which have no width of their own."""

_TONES: Final = {"good": "green", "warn": "yellow", "bad": "red"}


class Form(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


def console() -> Console:
    """Standard output, as wide as the terminal; wide where there is none."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _width())


def _width() -> int:
    """COLUMNS is heeded off a terminal, too: rich reads it."""
    asked = Console(file=io.StringIO()).width
    return asked if asked != 80 else _FILE_WIDTH


def complain(text: str) -> None:
    """Say a sentence on standard error."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(printable(text))


def print_tables(found: Iterable[Table]) -> None:
    """Tables for people."""
    out = console()
    for table in found:
        out.print(tables.drawn(table, out))


def print_statements(found: Iterable[Statement]) -> None:
    """Sentences, each under its topic."""
    out = console()
    for one in found:
        out.print(f"{one.topic}: ", style="bold", end="", markup=False)
        out.print(printable(one.text), style=_TONES.get(one.tone, ""), markup=False)
        if one.detail:
            out.print(f"  {printable(one.detail)}", style="dim", markup=False)


def print_lines(lines: Iterable[str]) -> None:
    """Lines as they are: a path is not broken."""
    out = console()
    for line in lines:
        out.print(printable(line), markup=False, soft_wrap=True)


def document(form: Form, whole: Any, rows: Iterable[Iterable[Cell]]) -> None:
    """The whole as JSON or YAML, or the rows (the head first) as CSV."""
    match form:
        case Form.JSON:
            print(in_json(json.dumps(whole, ensure_ascii=False, indent=2, default=str)))
        case Form.YAML:
            import yaml  # for this form alone

            plain = json.loads(json.dumps(whole, default=str))
            print(printable(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)), end="")
        case _:
            for line in csv_file.encoded(rows):
                sys.stdout.write(line.decode())
