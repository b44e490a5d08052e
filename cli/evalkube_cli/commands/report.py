"""`evalkube report`: what a run found, once more, from its id or from the folder that it left."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from evalkube import Artifact, Outcome, errors, folders
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
    run: Annotated[str, typer.Argument(help="A folder that a run left, or the id of a run.")],
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    outputs: OutputsOption = Path("outputs"),
    form: Annotated[Form, typer.Option("--output", "-o", help="How the result is printed.")] = Form.TABLE,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the HTML report to this file.")] = None,
    fail_on: Annotated[
        str, typer.Option(metavar="WORDS", help="Fail for: invalid, degraded, errors, errors>N, errors>N%, none.")
    ] = "none",
) -> None:
    """Show what a run found: sentences, tables, thresholds, and where its files are.

        evalkube report outputs/20261130_101500
    """

    def work() -> Exit:
        limits = gates.fail_on(fail_on)
        if isinstance(limits, Problem):
            raise errors.BadRequest([limits])
        with _found(run, server, token_file, outputs) as (outcome, files, where, page):
            if html is not None:
                html.write_bytes(page())
            if form is Form.TABLE:
                results.show(outcome, files, where)
            else:
                output.document(form, outcome.document(), outcome.rows())
        missed = gates.findings(outcome, limits) if fail_on != "none" else []
        for finding in missed:
            output.complain(finding.text)
        return missed[0].code if missed else Exit.DONE

    raise typer.Exit(endings.ended("report", work))
