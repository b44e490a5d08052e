"""`evalkube reference`: writes the pages of the documents that are made of the code."""

from pathlib import Path
from typing import Annotated

import typer

from evalkube_benchmarks import catalogue
from evalkube_cli import written
from evalkube_cli.reference import failures, figures, parameters

__all__ = ["app", "pages"]

app = typer.Typer(add_completion=False)


def pages() -> dict[str, str]:
    """The text of each generated page by its file's name."""
    return {
        "parameters.md": parameters.markdown(),
        "benchmarks.md": catalogue.markdown(),
        "metrics.md": figures.markdown(),
        "failure-reasons.md": failures.markdown(),
    }


@app.command()
def main(
    output: Annotated[Path, typer.Option(help="Folder to write the pages to.")] = Path("docs"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 where files differ.")] = False,
) -> None:
    """Write the reference pages: parameters, benchmarks, metric names, failure reasons."""
    written.write({output / name: text for name, text in pages().items()}, check=check)
