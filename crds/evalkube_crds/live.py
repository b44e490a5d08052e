"""What a run sees while it works: requests per second, times, the score so far. Pure.

Each shard tells it in a form that adds up (`Live`), so that the figures of a run of several shards are those of all its
requests: rates are summed, percentiles are computed of merged sketches, scores are weighted by their answers. People
see the figures alone (`figures`, in `Progress.figures`). They are of now: they may fall, and go at the run's end.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import Field

from evalkube_crds import score_intervals
from evalkube_crds.figure import Unit
from evalkube_crds.intervals import Interval
from evalkube_crds.result_parts import NANO, Report
from evalkube_crds.results import Progress
from evalkube_crds.sketch import Sketch

__all__ = ["FIGURES", "Live", "LiveFigure", "LiveScore", "ShardProgress", "figures", "idle", "merged", "seen"]

_MOST = 16
_MOST_DATASETS = 500
_DIGITS = 4
_PERCENTS = (50, 99)


@dataclass(frozen=True, slots=True)
class LiveFigure:
    """A figure of a run at work: its name in `Progress.figures`, its title in tables, and what it means.

    `unit` None: a score.
    """

    name: str
    title: str
    unit: Unit | None
    meaning: str


FIGURES: Final = (
    LiveFigure(
        "rps",
        "Requests/s",
        Unit.REQUESTS_PER_SECOND,
        "Requests that succeeded, per second, in the last five seconds. The warm-up does not count.",
    ),
    LiveFigure(
        "output_tps",
        "Output tok/s",
        Unit.TOKENS_PER_SECOND,
        "Output tokens of these answers, per second. Absent while no tokens are counted.",
    ),
    LiveFigure("in_flight", "In flight", Unit.REQUESTS, "Requests that were sent and are not answered yet."),
    LiveFigure(
        "ttft_p50_s",
        "TTFT p50",
        Unit.SECONDS,
        "Median time to first token, of the point so far. Load tests with streaming only.",
    ),
    LiveFigure("ttft_p99_s", "TTFT p99", Unit.SECONDS, "99th percentile of the times to first token."),
    LiveFigure(
        "latency_p50_s",
        "Latency p50",
        Unit.SECONDS,
        "Median latency: in a load test of the point so far, in an evaluation of the last 500 answers of each shard.",
    ),
    LiveFigure("latency_p99_s", "Latency p99", Unit.SECONDS, "99th percentile of these latencies."),
    LiveFigure(
        "score",
        "Score so far",
        None,
        "Mean of the scores of the benchmarks, of the samples that are scored so far.",
    ),
    LiveFigure("score_low", "Score so far, low", None, "Low end of the 95 % interval of the score so far."),
    LiveFigure("score_high", "Score so far, high", None, "High end of the 95 % interval of the score so far."),
)
"""All figures of runs at work, in the order of tables."""


class LiveScore(Report):
    """The score of one benchmark so far: the mean of `answers`, and its 95 % interval, where it has one."""

    answers: int = Field(ge=1)
    mean: float
    interval: Interval | None = None


class Live(Report):
    """What one shard sees now, in a form that adds up over shards."""

    rates: dict[str, float] = Field(default_factory=dict, max_length=_MOST, description="By name, to be summed")
    times: dict[str, Sketch] = Field(default_factory=dict, max_length=_MOST, description="ttft, latency")
    scores: dict[str, LiveScore] = Field(default_factory=dict, max_length=_MOST_DATASETS, description="By benchmark")


class ShardProgress(Progress):
    """What a shard tells of its progress: with what the figures of the whole run are made of."""

    live: Live | None = None


def idle() -> Live:
    """What is seen while nothing is asked."""
    return Live(rates={"in_flight": 0.0})


def seen(progress: Progress, live: Live, *, shards: int) -> Progress:
    """`progress` with the figures of now; where there are several `shards`, with what those of all are made of, too."""
    told = progress.model_copy(update={"figures": figures(live)})
    return told if shards == 1 else ShardProgress(**dict(told), live=live)


def merged(parts: Iterable[Live]) -> Live:
    """What several shards see together."""
    known = list(parts)
    rates: dict[str, float] = {}
    for part in known:
        for name, rate in part.rates.items():
            rates[name] = rates.get(name, 0.0) + rate
    names = dict.fromkeys(name for part in known for name in part.times)
    times = {name: Sketch.merged(part.times[name] for part in known if name in part.times) for name in names}
    datasets = dict.fromkeys(name for part in known for name in part.scores)
    scores = {name: _pooled([part.scores[name] for part in known if name in part.scores]) for name in datasets}
    return Live(rates=rates, times=times, scores=scores)


def _pooled(parts: list[LiveScore]) -> LiveScore:
    """The score of all answers to one benchmark, which shards share out question by question."""
    answers = sum(part.answers for part in parts)
    mean = math.fsum(part.mean * part.answers for part in parts) / answers
    return LiveScore(answers=answers, mean=mean, interval=_combined(parts, [float(part.answers) for part in parts]))


def _combined(parts: Sequence[LiveScore], weights: Sequence[float]) -> Interval | None:
    """The interval of a weighted mean; None where a part has none."""
    known = [(part.mean, part.interval) for part in parts if part.interval is not None]
    return score_intervals.combined(known, weights) if len(known) == len(parts) else None


def figures(live: Live) -> dict[str, float]:
    """The figures that people see, in the order of `FIGURES`, each to four digits."""
    found = dict(live.rates)
    for name, sketch in live.times.items():
        for percent in _PERCENTS:
            if (value_ns := sketch.percentile(percent)) is not None:
                found[f"{name}_p{percent}_s"] = value_ns / NANO
    found |= _score(live)
    return {one.name: float(f"{found[one.name]:.{_DIGITS}g}") for one in FIGURES if one.name in found}


def _score(live: Live) -> dict[str, float]:
    """As the result's headline has it: the plain mean of the benchmarks' scores."""
    scores = list(live.scores.values())
    if not scores:
        return {}
    found = {"score": math.fsum(score.mean for score in scores) / len(scores)}
    ends = _combined(scores, [1.0] * len(scores))
    return found if ends is None else found | {"score_low": ends.low, "score_high": ends.high}
