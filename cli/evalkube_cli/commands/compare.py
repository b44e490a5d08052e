"""`evalkube compare`: two evaluations of the same questions, and whether their difference may be chance."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from evalkube_cli import credentials, errors, settings
from evalkube_cli.client import EvalkubeClient
from evalkube_cli.comparing import compare
from evalkube_cli.table_parts import safe
from evalkube_crds.wording import in_json, printable

__all__ = ["app"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")

_FILE_WIDTH = 160


@app.command(no_args_is_help=True)
def main(
    baseline: Annotated[str, typer.Argument(help="A folder that an evaluation left, or the id of a run.")],
    candidate: Annotated[str, typer.Argument(help="The same, of the evaluation to compare with it.")],
    server: Annotated[
        str | None, typer.Option(help="URL of the service that has the runs (or EVALKUBE_SERVER).")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with its token (or EVALKUBE_TOKEN_FILE; EVALKUBE_TOKEN is the token itself)."),
    ] = None,
    most_changed: Annotated[int, typer.Option(min=0, max=10_000, help="Most changed questions of a benchmark.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Compare two evaluations over the questions that both were asked.

    By McNemar's exact test where each question has one right or wrong answer of both, else by a bootstrap of pairs.

        evalkube compare outputs/base outputs/tuned
    """
    inherited = settings.from_environment()
    server = server or inherited.server
    complaints = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    try:
        chosen = token_file or inherited.token_file
        token = inherited.token if chosen is None else credentials.from_file(chosen)
        with nullcontext() if server is None else EvalkubeClient(server, token=token) as client:
            found = compare(baseline, candidate, client=client, most_changed=most_changed)
    except errors.BadRequest as refused:
        for problem in refused.problems:
            complaints.print(printable(str(problem)))
        raise typer.Exit(2) from None
    except (errors.EvalkubeError, TimeoutError) as problem:
        complaints.print(printable(f"evalkube compare: {problem}"))
        raise typer.Exit(1) from None
    if as_json:
        print(in_json(json.dumps(found, ensure_ascii=False, indent=2)))
        return
    out = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
    for part in _shown(found):
        out.print(part)


def _shown(found: Mapping[str, Any]) -> Iterator[Table | str]:
    names = [f"{safe(found[side]['run'])} ({safe(found[side]['model'])})" for side in ("baseline", "candidate")]
    yield f"Baseline: {names[0]}\nCandidate: {names[1]}"
    yield _scores(found["benchmarks"])
    yield _differences(found["benchmarks"])
    for name, one in found["benchmarks"].items():
        if one["changed"]:
            yield _changes(name, one)
    for side in ("baseline", "candidate"):
        if found[f"only_{side}"]:
            yield f"Only in the {side}: {safe(', '.join(found[f'only_{side}']))}"
    for one in found["differences"]:
        yield safe(f"Asked differently: {one['field']} {_word(one['baseline'])} and {_word(one['candidate'])}")
    for warning in found["warnings"]:
        yield safe(f"To note: {warning}")
    for name, one in found["benchmarks"].items():
        for warning in one["warnings"]:
            yield safe(f"To note: {name}: {warning}")


def _scores(benchmarks: Mapping[str, Mapping[str, Any]]) -> Table:
    table = _table("Scores", "Benchmark", "Metric", "Questions", "Baseline", "Candidate")
    for name, one in benchmarks.items():
        scores = (_score(one["baseline_score"]), _score(one["candidate_score"]))
        table.add_row(safe(name), safe(one["metric"]), f"{one['questions']:,}", *scores)
    table.columns[1].justify, table.columns[1].no_wrap = "left", False
    return table


def _differences(benchmarks: Mapping[str, Mapping[str, Any]]) -> Table:
    """Candidate less baseline; p corrected for several benchmarks only where there are several."""
    several = len(benchmarks) > 1
    table = _table("Differences", "Benchmark", "Difference", "95 % interval", "p", *(["p, Holm"] if several else []))
    for name, one in benchmarks.items():
        ends = "-" if one["interval"] is None else " to ".join(f"{end:+.4f}" for end in one["interval"])
        difference = "-" if one["difference"] is None else f"{one['difference']:+.4f}"
        chances = [_chance(one["p_value"]), *([_chance(one["p_value_holm"])] if several else [])]
        table.add_row(safe(name), difference, ends, *chances)
    return table


def _table(title: str, first: str, *numbers: str) -> Table:
    """Fits 80 columns: only names are folded."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True, overflow="fold")
    return table


def _changes(name: str, one: Mapping[str, Any]) -> Table:
    moved = f"{one['right_to_wrong']:,} from right to wrong, {one['wrong_to_right']:,} from wrong to right"
    title = f"{name}: {moved}; shown: {len(one['changed']):,} of {one['lower'] + one['higher']:,} changed"
    table = Table(title=safe(title), title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("Question", "Target", "Baseline", "Candidate"):
        table.add_column(column, overflow="fold")
    for change in one["changed"]:
        cells = [f"{change['subset']} #{change['baseline']['index']}: {' '.join(change['question'].split())}"]
        cells.append(change["target"])
        cells += [
            f"{change[side]['score']:g} ({change[side]['extracted'] or '-'})" for side in ("baseline", "candidate")
        ]
        table.add_row(*(safe(cell[:200]) for cell in cells))
    return table


def _word(value: Any) -> str:
    return "unset" if value is None else json.dumps(value, ensure_ascii=False)[:120]


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _chance(value: float | None) -> str:
    if value is None:
        return "-"
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
