"""Runs as rows of the page that lists them: words and numbers for people, and the addresses that they lead to. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from evalkube_api.backend import WORDS, Line
from evalkube_api.ui import addresses
from evalkube_api.ui.addresses import Address
from evalkube_crds.names import Phase
from evalkube_report import formats

__all__ = ["KIND_NAMES", "TONES", "Figure", "Row", "ago", "figure", "row", "span_s", "stamp"]

KIND_NAMES: Final = {"eval": "Evaluation", "perf": "Load test"}
TONES: Final[Mapping[Phase, str]] = {
    **dict.fromkeys((Phase.PENDING, Phase.QUEUED, Phase.SUSPENDED), "waits"),
    **dict.fromkeys((Phase.STARTING, Phase.RUNNING, Phase.COLLECTING), "works"),
    Phase.SUCCEEDED: "good",
    Phase.FAILED: "bad",
    **dict.fromkeys((Phase.CANCELLED, Phase.INTERRUPTED), "warn"),
}
"""How a phase is to be seen; the word stands there too."""
_MOST_DATASETS: Final = 2
_MOST_FIGURES: Final = 3
_LONGEST_MESSAGE: Final = 160


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what it is called, and its value with its unit."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Row:
    """One run. `percent` is None where there is nothing to draw."""

    id: str
    url: str
    kind: str
    phase: str
    tone: str
    active: bool
    note: str
    model: str
    datasets: tuple[str, ...]
    more_datasets: int
    tags: tuple[tuple[str, str], ...]
    percent: float | None
    done: str
    figures: tuple[Figure, ...]
    verdict: str
    failed: int
    created: str
    created_ago: str
    duration: str


def row(line: Line, now: datetime) -> Row:
    """The row of a run, as it is to be seen `now`."""
    active = not line.phase.terminal
    progress = line.progress if active else None
    return Row(
        id=line.run_id,
        url=addresses.run(line.run_id),
        kind=WORDS[line.kind],
        phase=str(line.phase),
        tone=TONES[line.phase],
        active=active,
        note=_note(line),
        model=line.model,
        datasets=line.datasets[:_MOST_DATASETS],
        more_datasets=max(0, len(line.datasets) - _MOST_DATASETS),
        tags=tuple(_tag(name, value) for name, value in line.tags.items()),
        percent=None if progress is None or not progress.total else 100 * progress.done / progress.total,
        done="" if progress is None or not progress.total else f"{progress.done:,} of {progress.total:,}",
        figures=_figures(line),
        verdict="" if line.verdict is None else str(line.verdict),
        failed=line.failed,
        created=stamp(line.created),
        created_ago=ago(line.created, now),
        duration=formats.duration(span_s(line.started, line.completed, now)),
    )


def _tag(name: str, value: str) -> tuple[str, str]:
    """A tag in one word, and the list of the runs that have it."""
    text = f"{name}={value}" if value else name
    return text, str(Address("/ui", {"tag": text}))


def _note(line: Line) -> str:
    """What a run waits for, what it is doing, or why it ended as it did."""
    if line.queue is not None:
        place = "" if line.queue.position is None else f"number {line.queue.position} in line: "
        return (place + line.queue.waits_for)[:_LONGEST_MESSAGE]
    if not line.phase.terminal:
        return _doing(line)
    if line.phase is Phase.SUCCEEDED:
        return ""
    said = formats.clipped(" ".join(line.message.split()), _LONGEST_MESSAGE).replace("\n", " ")
    return f"{line.reason}: {said}" if line.reason is not None and said else said


def _doing(line: Line) -> str:
    progress = line.progress
    if progress is None:
        return line.message[:_LONGEST_MESSAGE]
    left = "" if progress.eta_seconds is None else f"{formats.duration(progress.eta_seconds)} left"
    return ", ".join(part for part in (progress.stage or "", left) if part)[:_LONGEST_MESSAGE]


_NAMES: Final[Mapping[str, str]] = {
    "score": "score",
    "rps": "req/s",
    "output_tps": "tok/s",
    "ttft_p99_s": "TTFT p99",
    "ttft_p50_s": "TTFT p50",
    "latency_p99_s": "latency p99",
    "latency_p50_s": "latency p50",
    "in_flight": "in flight",
    "sla/1/parallel": "SLO: in flight",
    "sla/1/rate": "SLO: req/s",
}
_FIRST: Final = ("sla/1/parallel", "sla/1/rate", "score", "rps", "output_tps", "ttft_p99_s", "latency_p99_s")


def _figures(line: Line) -> tuple[Figure, ...]:
    """Of the result, or of what is seen while the run works."""
    known = line.headline or ({} if line.progress is None else line.progress.figures)
    found = [figure(name, known) for name in _FIRST if name in known]
    return tuple(found[:_MOST_FIGURES])


def figure(name: str, known: Mapping[str, float]) -> Figure:
    """A figure by its name in `headline` or `progress`; a score with its interval."""
    value = known[name]
    if name == "score":
        low, high = known.get("score_low"), known.get("score_high")
        interval = "" if low is None or high is None else f" ({low:.3f} to {high:.3f})"
        return Figure("score", f"{value:.3f}{interval}")
    if name.endswith("_s"):
        return Figure(_NAMES[name], formats.timed(value * 1e9))
    return Figure(_NAMES[name], formats.significant(value, 3))


def span_s(started: datetime | None, completed: datetime | None, now: datetime) -> float | None:
    """How long a run has taken, in seconds."""
    return None if started is None else max(0.0, ((completed or now) - started).total_seconds())


def stamp(at: datetime) -> str:
    """A time to the second, UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def ago(at: datetime, now: datetime) -> str:
    """How long ago, in its largest unit; after a month the day itself."""
    seconds = (now - at).total_seconds()
    for size, name, most in ((1, "s", 60), (60, "min", 60), (3600, "h", 24), (86_400, "d", 30)):
        if seconds < size * most:
            return "now" if seconds < 1 else f"{int(seconds // size)} {name} ago"
    return at.astimezone(UTC).strftime("%Y-%m-%d")
