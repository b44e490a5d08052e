"""`evalkube compare`: compares evaluations by question, or load tests by load."""

from contextlib import nullcontext
from typing import Annotated

import typer

from evalkube import Comparison, LoadComparison, compare, settings
from evalkube_cli.asking.service import ServerOption, TokenFileOption, client_of
from evalkube_cli.exits import Exit
from evalkube_cli.showing import endings, output
from evalkube_cli.showing.output import Form

__all__ = ["app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command(no_args_is_help=True)
def main(
    runs: Annotated[
        list[str], typer.Argument(metavar="BASELINE CANDIDATE...", help="Folders of runs, or ids of runs.")
    ],
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    most_changed: Annotated[
        int,
        typer.Option(min=0, max=10_000, help="Highest number of changed questions that are listed for a benchmark."),
    ] = 20,
    form: Annotated[Form, typer.Option("--output", "-o", help="How the comparison is printed.")] = Form.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as -o json.")] = False,
) -> None:
    """Compare two evaluations over the questions that both were asked, or load tests over the loads that all have.

    Evaluations by McNemar's exact test where each question has one right or wrong answer of both, else by a bootstrap
    of pairs.

        evalkube compare outputs/base outputs/tuned
    """
    if len(runs) < 2:
        raise typer.BadParameter("needs a candidate, too: evalkube compare BASELINE CANDIDATE", param_hint="CANDIDATE")

    def work() -> Exit:
        inherited = settings.from_environment()
        url = server or inherited.server
        token = inherited.token(token_file)
        with nullcontext() if url is None else client_of(url, token) as client:
            found = compare(*runs, client=client, most_changed=most_changed)
        _show(found, Form.JSON if as_json else form)
        return Exit.DONE

    raise typer.Exit(endings.ended("compare", work))


def _show(found: Comparison | LoadComparison, form: Form) -> None:
    if form is not Form.TABLE:
        output.document(form, found.document, found.rows())
        return
    output.print_lines(f"{side}: {run}" for side, run in found.facts())
    output.print_tables(found.tables())
    output.print_lines(f"To note: {warning}" for warning in found.warnings)
