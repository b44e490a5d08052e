"""`evalkube runs`: list, show, watch, cancel and delete the runs of a service, and read their logs."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer

from evalkube import Client, Run, errors
from evalkube.progress import display, eta_text, figures_text
from evalkube_cli.asking.service import OutputsOption, ServerOption, TokenFileOption, reached, served
from evalkube_cli.exits import Exit
from evalkube_cli.showing import endings, output, results
from evalkube_cli.showing.output import Form
from evalkube_crds.names import Phase
from evalkube_report import formats
from evalkube_report.csv_file import Cell
from evalkube_report.table import Row, Table

__all__ = ["app"]

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    no_args_is_help=True,
    help="List, show, watch, cancel and delete runs; read their logs.",
)

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")]
RunsArgument = Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids of runs.")]
FormOption = Annotated[Form, typer.Option("--output", "-o", help="How it is printed.")]
_HERE: Final = Path("outputs")


def _reached(command: str, where: tuple[str | None, Path | None, Path], work: Callable[[Client], Exit]) -> None:
    """Calls `work` with a client of the service or of the folder. Ends with its exit code."""

    def connected() -> Exit:
        with reached(*where) as client:
            return work(client)

    raise typer.Exit(endings.ended(f"runs {command}", connected))


def _served(command: str, where: tuple[str | None, Path | None], work: Callable[[Client], Exit]) -> None:
    """The same with a client of a service alone."""

    def connected() -> Exit:
        with served(*where) as client:
            return work(client)

    raise typer.Exit(endings.ended(f"runs {command}", connected))


# ----------------------------------------------------------------------------------------------------------------- list


@app.command("list")
def list_runs(
    kind: Annotated[str | None, typer.Option(metavar="eval|perf", help="Only evaluations, or load tests.")] = None,
    phase: Annotated[str | None, typer.Option(help="Only of these phases, with commas: Running,Queued.")] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag: NAME or NAME=VALUE.")] = None,
    verdict: Annotated[str | None, typer.Option(help="Only load tests of these verdicts, with commas.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only with this benchmark or data set.")] = None,
    search: Annotated[str | None, typer.Option(help="Only with this text in id, model or tags.")] = None,
    sort: Annotated[str | None, typer.Option(help="created, model, score, rps, failed, duration or phase.")] = None,
    ascending: Annotated[bool, typer.Option("--ascending", help="Smallest or oldest first.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    outputs: OutputsOption = _HERE,
    form: FormOption = Form.TABLE,
) -> None:
    """List runs, newest first."""
    tags = ",".join(tag or ()) or None
    query = {"kind": kind, "phase": phase, "model": model, "tag": tags, "verdict": verdict, "dataset": dataset}
    query |= {"q": search, "sort": sort, "order": "asc" if ascending else None}
    flags = {"q": "--search", "order": "--ascending"}

    def work(client: Client) -> Exit:
        found = list(islice(client.runs(**query, limit=min(limit, 500)), limit))
        if form is Form.TABLE:
            output.print_tables([_table(found, datetime.now(UTC))])
        else:
            output.document(form, [run.model_dump(mode="json", exclude=_LONG) for run in found], _rows(found))
        return Exit.DONE

    def connected() -> Exit:
        with reached(server, token_file, outputs) as client:
            return work(client)

    named = endings.by_flags(flags, query)
    raise typer.Exit(endings.ended("runs list", connected, named))


_LONG: Final = {"spec", "conditions", "attempts"}


def _table(runs: Iterable[Run], now: datetime) -> Table:
    columns = ("Run", "Phase", "Model", "Of what", "Done", "Failed", "Result", "Age")
    return Table("Runs", columns, tuple(_line(run, now) for run in runs), words=4)


def _line(run: Run, now: datetime) -> Row:
    done = "" if run.progress is None else formats.count(run.progress.done)
    if run.progress is not None and run.progress.total:
        done += f" of {formats.count(run.progress.total)}"
    age = formats.duration((now - run.created_at).total_seconds())
    cells = (
        run.id,
        _phase(run),
        run.model,
        ", ".join(run.datasets),
        done,
        formats.count(run.failed),
        _headline(run),
        age,
    )
    return Row(cells, mark=_MARKS.get(run.phase, ""))


_MARKS: Final = {Phase.FAILED: "bad", Phase.CANCELLED: "warn", Phase.INTERRUPTED: "warn"}


def _phase(run: Run) -> str:
    """The phase of a run, with its place in the queue or the reason of its failure."""
    if run.queue is not None:
        place = "" if run.queue.position is None else f" {run.queue.position}"
        return f"{run.phase}{place}"
    return f"{run.phase} ({run.reason})" if run.phase is Phase.FAILED and run.reason else str(run.phase)


def _headline(run: Run) -> str:
    verdict = f", {run.verdict}" if run.verdict not in (None, "valid") else ""
    figures = run.headline or {name: run.summary[name] for name in ("score", "rps") if name in run.summary}
    if "score" in figures:
        return f"score {formats.score(figures['score'])}{verdict}"
    if "rps" in figures:
        return f"{formats.significant(figures['rps'])} requests/s{verdict}"
    return verdict.removeprefix(", ") or formats.DASH


def _rows(runs: Iterable[Run]) -> Iterator[tuple[Cell, ...]]:
    yield (
        "id",
        "kind",
        "phase",
        "reason",
        "model",
        "datasets",
        "created_at",
        "done",
        "total",
        "failed",
        "verdict",
        "score",
        "rps",
    )
    for run in runs:
        progress = (None, None) if run.progress is None else (run.progress.done, run.progress.total)
        figures = {**run.summary, **run.headline}
        yield (
            *(run.id, run.kind, str(run.phase), run.reason, run.model, " ".join(run.datasets)),
            *(run.created_at.isoformat(), *progress, run.failed, run.verdict, figures.get("score"), figures.get("rps")),
        )


# ------------------------------------------------------------------------------------------------------------------ one


@app.command()
def show(
    run: RunArgument,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    outputs: OutputsOption = _HERE,
    form: FormOption = Form.TABLE,
) -> None:
    """Show one run: what was asked, where it stands, and what it found."""

    def work(client: Client) -> Exit:
        found = client.run(run)
        if form is not Form.TABLE:
            output.document(form, found.model_dump(mode="json"), _rows([found]))
            return Exit.DONE
        output.print_facts(_facts(found))
        if found.phase is Phase.SUCCEEDED:
            outcome = client.wait(run, timeout_s=0)
            results.show(outcome, results.reports(client, outcome, by_address=server is not None))
        return Exit.DONE

    _reached("show", (server, token_file, outputs), work)


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    yield "Run", run.id
    yield "Kind", "evaluation" if run.kind == "eval" else "load test"
    yield "Phase", f"{run.phase}" + (f" ({run.reason})" if run.reason else "")
    if run.message and run.phase is not Phase.SUCCEEDED:
        yield "Message", run.message
    if run.queue is not None:
        yield "Waits for", run.queue.waits_for
    yield "Model", run.model
    yield "Endpoint", str(run.spec.get("api_url") or run.spec.get("url") or formats.DASH)
    if run.datasets:
        yield "Of what", ", ".join(run.datasets)
    if run.tags:
        yield "Tags", ", ".join(f"{name}={value}" if value else name for name, value in run.tags.items())
    yield "Created", run.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if run.started_at is not None:
        end = run.completed_at or datetime.now(UTC)
        yield "Duration", formats.duration((end - run.started_at).total_seconds())
    if run.progress is not None:
        seen = [f"{run.progress.done:,} of {run.progress.total:,}", figures_text(run.progress)]
        yield (
            "Done",
            ", ".join(part for part in (*seen, eta_text(run.progress.eta_seconds if not run.ended else None)) if part),
        )
    if run.output_dir:
        yield "Output", run.output_dir


@app.command()
def watch(
    run: RunArgument,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    outputs: OutputsOption = _HERE,
) -> None:
    """Watch a run until it has ended. Ctrl-C ends the watching, never the run."""

    def work(client: Client) -> Exit:
        with display(True) as shown:
            for moment in client.progress(run):
                shown.show(moment)
        found = client.run(run)
        if found.phase is Phase.SUCCEEDED:
            outcome = client.wait(run, timeout_s=0)
            results.show(outcome, results.reports(client, outcome, by_address=server is not None))
            return Exit.DONE
        output.complain(f"{found.id} is {found.phase}: {found.message or found.reason or ''}")
        return Exit.FAILED

    _reached("watch", (server, token_file, outputs), work)


@app.command()
def logs(
    run: RunArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow the log until the run has ended.")] = False,
    tail: Annotated[int | None, typer.Option(min=0, help="Only this number of last lines.")] = None,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
    outputs: OutputsOption = _HERE,
) -> None:
    """Print a run's log."""

    def work(client: Client) -> Exit:
        lines = client.follow_logs(run, tail=tail) if follow else client.logs(run, tail=tail).splitlines()
        for line in lines:
            output.print_lines([line])
        return Exit.DONE

    _reached("logs", (server, token_file, outputs), work)


@app.command()
def cancel(
    runs: RunsArgument,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
) -> None:
    """End runs, waiting or at work. What they did so far stays."""

    def end(client: Client, run: str) -> str:
        client.cancel(run)
        return "cancelled"

    _served("cancel", (server, token_file), lambda client: _each(client, runs, end))


@app.command()
def rm(
    runs: RunsArgument,
    force: Annotated[bool, typer.Option("--force", help="Cancel those that are active first.")] = False,
    server: ServerOption = None,
    token_file: TokenFileOption = None,
) -> None:
    """Delete runs and their files."""

    def delete(client: Client, run: str) -> str:
        return f"deleted; {client.delete(run, force=force)}"

    _served("rm", (server, token_file), lambda client: _each(client, runs, delete))


def _each(client: Client, runs: Iterable[str], act: Callable[[Client, str], str]) -> Exit:
    """Applies an action to each run. An error for one run does not stop the others."""
    worst = Exit.DONE
    for run in runs:
        try:
            output.print_lines([f"{run}: {act(client, run)}"])
        except errors.NotFound as problem:
            output.complain(str(problem))
            worst = Exit.REFUSED
        except errors.ServiceFailed as problem:
            output.complain(f"{run}: {problem}")
            worst = Exit.FAILED
    return worst
