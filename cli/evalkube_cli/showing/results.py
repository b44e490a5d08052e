"""Prints a result for people: sentences, tables, thresholds with ticks, and the paths of files."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from evalkube import Client, Gate, LoadTest, Outcome
from evalkube.models import Word
from evalkube.partial import Partial
from evalkube.progress import figures_text
from evalkube_cli.asking.gates import Finding
from evalkube_cli.exits import Exit
from evalkube_cli.showing import output
from evalkube_cli.showing.output import Form
from evalkube_crds import server_view, steady
from evalkube_crds.names import ANSWER_NOTES, SteadyAbsence
from evalkube_report import formats
from evalkube_report.load_test.tables import conversations_text
from evalkube_report.table import Row, Table

__all__ = ["reports", "said", "show", "show_partial", "thresholds_table"]

_TICK, _CROSS = "✓", "✗"


def show(outcome: Outcome, places: Iterable[str]) -> None:
    """Prints a result, with the paths or addresses of its HTML reports."""
    output.print_statements(outcome.statements())
    output.print_tables(outcome.tables())
    notes = list(_notes(outcome))
    if notes:
        output.print_tables([Table("To note", ("Point", "Note"), tuple(Row(note) for note in notes), words=2)])
    if gates := outcome.thresholds:
        output.print_tables([thresholds_table(gates)])
    folder = [f"Output: {outcome.output_dir}"] if outcome.output_dir else []
    output.print_lines(["", *folder, *(f"Report: {place}" for place in places)])


def said(found: Sequence[Finding]) -> Exit:
    """Prints the checks that a result did not pass. Returns their exit code."""
    for finding in found:
        output.complain(finding.text)
    return found[0].code if found else Exit.DONE


def _notes(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Notes on the figures of a load test, point by point."""
    for point in outcome.points.values() if isinstance(outcome, LoadTest) else ():
        yield from ((point.name, reason) for reason in point.verdict_reasons)
        if point.conversations is not None:
            yield point.name, f"conversations: {conversations_text(point.conversations)}"
        yield from ((point.name, f"{times:,} {ANSWER_NOTES[note]}") for note, times in point.answer_notes.items())
        is_short = point.steady is not None and set(point.steady.absent) <= {SteadyAbsence.TOO_SHORT}
        if not is_short and (why := steady.why_none(point)) is not None:  # a short test is one by intent
            yield point.name, f"no steady part: {why}"
        if point.proxy is not None:
            yield point.name, f"through the proxy {point.proxy}, whose delay is in all times"
        if point.server is not None:
            yield from ((point.name, note) for note in server_view.notes(point))


def thresholds_table(found: Iterable[Gate]) -> Table:
    """Each threshold with the measured value and a tick or a cross."""
    rows = [
        Row(
            (
                one.metric,
                f"{_TICK} met" if one.met else f"{_CROSS} missed",
                f"{one.op} {one.wanted:g}",
                formats.DASH if one.value is None else f"{one.value:.6g}",
            ),
            mark="met" if one.met else "missed",
        )
        for one in found
    ]
    return Table("Thresholds", ("Figure", "Outcome", "Wanted", "Measured"), tuple(rows), words=2)


def reports(client: Client, outcome: Outcome, *, by_address: bool) -> list[str]:
    """The HTML reports of a run: paths on this machine, addresses if the service is on another one."""
    folder = None if by_address else outcome.output_dir
    found = [file for file in client.artifacts(outcome.id) if file.path.endswith("report.html")]
    return [client.url + file.href if folder is None else str(Path(folder) / file.path) for file in found]


_NOUNS: Final[dict[Word, str]] = {"eval": "samples", "perf": "requests"}


def show_partial(form: Form, partial: Partial, again: str) -> None:
    """Prints the partial result of an interrupted run, marked as partial, and the command that continues it."""
    run = partial.run
    done = f"{partial.done:,} of {partial.total:,}" if partial.total else f"{partial.done:,}"
    output.complain(f"interrupted: {run.id} was {str(run.phase).lower()} after {done} {_NOUNS[run.kind]}")
    told = [
        f"{one.dataset} {one.metric} {formats.score(one.score)} of {one.samples:,} samples" for one in partial.scores
    ]
    if said := told or [figures_text(partial.seen)]:
        output.complain(f"partial, not a result: {'; '.join(said)}" if any(said) else "partial, not a result")
    if run.output_dir:
        output.complain(f"what it left, partial: {run.output_dir}")
    if run.kind == "eval":
        output.complain(f"go on where it stopped:\n  {again}")
    else:
        output.complain(f"a load test cannot go on where it stopped; this starts it anew:\n  {again}")
    if form is not Form.TABLE:
        rows = [(one.dataset, one.metric, one.samples, one.score) for one in partial.scores]
        output.document(form, partial.document(again), [("dataset", "metric", "samples", "partial_score"), *rows])
