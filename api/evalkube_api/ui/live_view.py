"""The values on the page of a run without a result: state, conditions, figures and curves. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from evalkube_api.backend import WORDS, Line
from evalkube_api.ui import run_rows
from evalkube_api.ui.course import Course
from evalkube_api.ui.run_rows import KIND_NAMES, Row
from evalkube_crds import live
from evalkube_crds.figure import Unit
from evalkube_crds.names import Kind
from evalkube_crds.status import Run
from evalkube_report import formats
from evalkube_report.table import Row as Line_
from evalkube_report.table import Table

__all__ = ["Plot", "Tile", "curves", "page_of"]


@dataclass(frozen=True, slots=True)
class Tile:
    """One live figure."""

    title: str
    value: str
    note: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Curves of one unit: figures by name, with their labels. The values of seconds have their own units."""

    title: str
    unit: str
    curves: tuple[tuple[str, str], ...]


_PLOTS: Final[Mapping[Kind, tuple[Plot, ...]]] = {
    Kind.PERF_RUN: (
        Plot("Requests per second", "req/s", (("rps", "answered"),)),
        Plot("Output tokens per second", "tok/s", (("output_tps", "output tokens"),)),
        Plot("Time to first token", "s", (("ttft_p50_s", "p50"), ("ttft_p99_s", "p99"))),
        Plot("Latency", "s", (("latency_p50_s", "p50"), ("latency_p99_s", "p99"))),
        Plot("Requests in flight", "requests", (("in_flight", "in flight"),)),
    ),
    Kind.EVAL_RUN: (
        Plot(
            "Score so far, with its 95 % interval",
            "",
            (("score", "score"), ("score_low", "low end"), ("score_high", "high end")),
        ),
        Plot("Answers per second", "req/s", (("rps", "answers"),)),
        Plot("Latency", "s", (("latency_p50_s", "p50"), ("latency_p99_s", "p99"))),
    ),
}


def page_of(run: Run, line: Line, now: datetime) -> dict[str, Any]:
    """Everything that the page shows of a run's state."""
    row = run_rows.row(line, now)
    return {
        "row": row,
        "kind_name": KIND_NAMES[WORDS[line.kind]],
        "facts": _facts(run, line, row),
        "tiles": _tiles(line),
        "progress_words": _progress_words(line),
        "failure": "" if row.active or not line.message else line.message,
        "reason": "" if line.reason is None else str(line.reason),
        "conditions": _conditions(run),
        "attempts": _attempts(run),
    }


def _facts(run: Run, line: Line, row: Row) -> list[tuple[str, str]]:
    found = [
        ("Run", line.run_id),
        ("Namespace", line.namespace or ""),
        ("Data", ", ".join(line.datasets)),
        ("Created", f"{row.created} ({row.created_ago})"),
        ("Started", "" if line.started is None else run_rows.stamp(line.started)),
        ("Ended", "" if line.completed is None else run_rows.stamp(line.completed)),
        ("Duration", row.duration),
        ("Folder", run.status.output_dir or ""),
    ]
    return [(name, value) for name, value in found if value and value != formats.DASH]


def _progress_words(line: Line) -> str:
    progress = line.progress
    if progress is None or line.phase.terminal:
        return ""
    done = f"{progress.done:,} of {progress.total:,}" if progress.total else f"{progress.done:,}"
    parts = [
        f"{done} {'samples' if line.kind is Kind.EVAL_RUN else 'requests'}",
        f"{progress.failed:,} failed" if progress.failed else "",
        progress.stage or "",
        "" if progress.eta_seconds is None else f"about {formats.duration(progress.eta_seconds)} left",
    ]
    return ", ".join(part for part in parts if part)


def _tiles(line: Line) -> list[Tile]:
    """The live figures. A score is shown with its interval."""
    known = {} if line.progress is None or line.phase.terminal else line.progress.figures
    return [
        Tile(one.title, _value(known[one.name], one.unit), _interval(known) if one.name == "score" else "", one.meaning)
        for one in live.FIGURES
        if one.name in known and one.name not in ("score_low", "score_high")
    ]


def _value(value: float, unit: Unit | None) -> str:
    if unit is None:
        return f"{value:.3f}"
    if unit is Unit.SECONDS:
        return formats.timed(value * 1e9)
    return formats.count(round(value)) if unit is Unit.REQUESTS else formats.significant(value, 3)


def _interval(known: Mapping[str, float]) -> str:
    low, high = known.get("score_low"), known.get("score_high")
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def _conditions(run: Run) -> Table:
    rows = [
        Line_((str(one.type), one.status, str(one.reason), one.message, run_rows.stamp(one.last_transition_time)))
        for one in sorted(run.status.conditions, key=lambda one: one.last_transition_time)
    ]
    return Table("Conditions of the run", ("Condition", "Status", "Reason", "Message", "Since"), tuple(rows), words=5)


def _attempts(run: Run) -> Table | None:
    """The attempts of a run; None if there was only one."""
    attempts: Sequence[Any] = run.status.attempts
    if len(attempts) < 2:
        return None
    rows = [
        Line_(
            (
                str(one.number),
                "" if one.start_time is None else run_rows.stamp(one.start_time),
                "" if one.completion_time is None else run_rows.stamp(one.completion_time),
                "" if one.reason is None else str(one.reason),
                one.message,
            )
        )
        for one in attempts
    ]
    return Table("Attempts", ("Attempt", "Started", "Ended", "Reason", "Message"), tuple(rows), words=5)


def curves(kind: Kind, course: Course) -> tuple[list[Plot], dict[str, Any]]:
    """The plots for a kind of run.

    For their script: the figures so far, as times and values by name.
    """
    plots = list(_PLOTS[kind])
    names = [name for plot in plots for name, _ in plot.curves]
    return plots, {"at": course.at_s, "values": course.columns(names), "apart": course.apart_s}
