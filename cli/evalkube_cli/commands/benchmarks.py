"""`evalkube benchmarks`: lists the benchmarks that an evaluation may name."""

import re
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from evalkube_benchmarks import collections
from evalkube_benchmarks.catalogue import Catalogue, Entry, catalogue, facts
from evalkube_cli.showing import output
from evalkube_cli.showing.output import Form
from evalkube_report.csv_file import Cell

__all__ = ["app"]

app = typer.Typer(add_completion=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help="Names to list; default: all.", metavar="NAME")] = None,
    form: Annotated[
        Form, typer.Option("--output", "-o", help="Formats other than table have all details.")
    ] = Form.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as -o json.")] = False,
) -> None:
    """List the benchmarks: category, languages, questions, metrics, licence; with names also sources, subsets, hubs."""
    for name in names or ():
        if (problem := collections.unknown(name)) is not None:
            raise typer.BadParameter(f"{problem} (`evalkube benchmarks` lists all)", param_hint="NAME")
    every = catalogue()
    groups = [group for group in every.collections if not names or group.name in names]
    wanted = {*(names or ()), *(member for group in groups if names for member in group.members)}
    found = [entry for entry in every.benchmarks if not names or entry.name in wanted]
    if as_json or form is not Form.TABLE:
        whole = Catalogue(benchmarks=found, collections=groups).model_dump(mode="json")
        output.document(Form.JSON if as_json else form, whole, _rows(found))
    elif names:
        for entry in found:
            typer.echo("\n  ".join([f"{entry.name}: {entry.description}", *facts(entry)]))
    else:
        Console().print(_table(found))
        typer.echo("\nCollections, which `datasets` also accepts:")
        for group in groups:
            typer.echo(f"{group.name}: {', '.join(group.members)}")
        typer.echo("\nMore of each: evalkube benchmarks NAME")


def _rows(entries: list[Entry]) -> Iterator[tuple[Cell, ...]]:
    yield ("name", "category", "languages", "questions", "metric", "licence")
    for entry in entries:
        languages = " ".join(entry.languages)
        yield (entry.name, entry.category, languages, entry.items, entry.metrics[0].name, entry.licence)


def _table(entries: list[Entry]) -> Table:
    """The benchmarks by category, in 80 columns. A name is never cut."""
    table = Table("benchmark", "lang.", "questions", "metric", "licence", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    table.columns[2].justify = "right"
    for column in table.columns[1:]:
        column.overflow = "fold"
    category = None
    for entry in entries:
        if entry.category != category:
            category = entry.category
            table.add_row()
            table.add_row(f"[bold]{category}[/]")
        questions = "" if entry.items is None else f"{entry.items:,}"
        first, *others = entry.languages
        languages = f"{first} +{len(others)}" if others else first
        licence = re.split(r" \(|;", entry.licence)[0]
        table.add_row(f"  {entry.name}", languages, questions, entry.metrics[0].name, licence)
    return table
