"""`evalkube reference`: writes the generated pages of the documents."""

from pathlib import Path
from typing import Annotated

import typer

from evalkube_benchmarks import catalogue
from evalkube_cli import written
from evalkube_cli.reference import exit_codes, failures, figures, parameters

__all__ = ["app", "pages"]

app = typer.Typer(add_completion=False)


def pages(folder: Path) -> dict[str, str]:
    """The text of each page in `folder` that is generated as a whole or in part, by file name."""
    command_line = folder / "command-line.md"
    written_by_hand = (
        {"command-line.md": exit_codes.in_page(command_line.read_text("utf-8"))} if command_line.is_file() else {}
    )
    return {
        **written_by_hand,
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
    written.write({output / name: text for name, text in pages(output).items()}, check=check)
