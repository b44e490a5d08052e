"""Prints documents for programs to standard output, and sentences for people to standard error."""

import json
import shutil
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from evalkube_cli.showing import tables
from evalkube_crds.wording import in_json, printable
from evalkube_report import csv_file
from evalkube_report.csv_file import Cell
from evalkube_report.sentences import Statement
from evalkube_report.table import Table

__all__ = ["Form", "complain", "console", "document", "print_facts", "print_lines", "print_statements", "print_tables"]

_FILE_WIDTH: Final = 200
"""Of what goes to a file or a pipe, which have no width of their own."""

_TONES: Final = {"good": "green", "warn": "yellow", "bad": "red"}


class Form(StrEnum):
    """The format of a printed result."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


def console() -> Console:
    """Standard output, as wide as the terminal (or COLUMNS). Without a terminal it is 200 columns wide."""
    return Console(highlight=False, width=shutil.get_terminal_size((_FILE_WIDTH, 24)).columns)


def complain(text: str) -> None:
    """Prints a sentence to standard error."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(printable(text))


def print_tables(found: Iterable[Table]) -> None:
    """Prints tables for people."""
    out = console()
    for table in found:
        out.print(tables.drawn(table, out))


def print_statements(found: Iterable[Statement]) -> None:
    """Prints sentences, each after its topic."""
    out = console()
    for one in found:
        said = Text() if one.text.startswith(f"{one.topic}: ") else Text(f"{one.topic}: ", style="bold")
        out.print(said.append(printable(one.text), style=_TONES.get(one.tone, "")))
        if one.detail:
            out.print(Padding(Text(printable(one.detail), style="dim"), (0, 0, 0, 2)))


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Prints names and values, one pair a line."""
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(name, Text(printable(value)))
    console().print(grid)


def print_lines(lines: Iterable[str]) -> None:
    """Prints lines unchanged: a path is not wrapped."""
    out = console()
    for line in lines:
        out.print(printable(line), markup=False, soft_wrap=True)


def document(form: Form, whole: Any, rows: Iterable[Iterable[Cell]]) -> None:
    """Prints the whole result as JSON or YAML, or its rows as CSV with a head."""
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
