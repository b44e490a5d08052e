"""`evalkube report`: shows the result of a run again, by its id or its folder."""

from pathlib import Path
from typing import Annotated

import typer

from evalkube import Outcome, errors, folders
from evalkube_cli.asking import gates
from evalkube_cli.asking.service import OutputsOption, ServerOption, TokenFileOption, reached
from evalkube_cli.exits import Exit
from evalkube_cli.showing import endings, output, results
from evalkube_cli.showing.output import Form
from evalkube_crds.problems import Problem

__all__ = ["app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command(no_args_is_help=True)
def main(
    run: Annotated[str, typer.Argument(help="The folder of a run, or its id.")],
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    outputs: OutputsOption = Path("outputs"),
    form: Annotated[Form, typer.Option("--output", "-o", help="How the result is printed.")] = Form.TABLE,
    fail_on: Annotated[
        str, typer.Option(metavar="WORDS", help="Fail for: invalid, degraded, errors, errors>N, errors>N%, none.")
    ] = "invalid",
) -> None:
    """Show what a run found: sentences, tables, thresholds, and where its files are. The exit code is the run's.

    evalkube report outputs/20261130_101500
    """

    def work() -> Exit:
        limits = gates.fail_on(fail_on)
        if isinstance(limits, Problem):
            raise errors.BadRequest([limits])
        outcome, places = _found(run, server, token_file, outputs)
        if form is Form.TABLE:
            results.show(outcome, places)
        else:
            output.document(form, outcome.document(), outcome.rows())
        return results.said(gates.findings(outcome, limits))

    raise typer.Exit(endings.ended("report", work))


def _found(run: str, server: str | None, token_file: Path | None, outputs: Path) -> tuple[Outcome, list[str]]:
    """The result of a run, and the paths or addresses of its HTML reports."""
    if (folder := Path(run)).is_dir():
        return folders.outcome_in(folder), [str(folder / path) for path in folders.files_in(folder)]
    with reached(server, token_file, outputs) as client:
        outcome = client.wait(run, timeout_s=0)
        return outcome, results.reports(client, outcome, by_address=server is not None)
