"""Results in plain words: the sentences that the report, the dashboard and the command line say alike. Pure.

What is computed here is only how to say it; the arithmetic is the contract's (`crds`).
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import DatasetResult, EvalResult, PerfResult, SlaGroup, SlaResult

__all__ = [
    "Statement",
    "Tone",
    "of_evaluation",
    "of_load_test",
    "offered",
    "saturation",
    "score",
    "slo",
    "slo_group",
    "verdict",
]

Tone: TypeAlias = Literal["good", "warn", "bad", "plain"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a reader came for. `topic` is what it is about ("Service level"), `text` the sentence, `detail`
    what else is to know; `tone` how to see it, which the words say as well.
    """

    topic: str
    text: str
    tone: Tone = "plain"
    detail: str = ""


def of_load_test(result: PerfResult) -> list[Statement]:
    """What a load test says first: verdict, service level, saturation, offered against achieved load. Only what it has
    something to say about.
    """
    raise NotImplementedError


def of_evaluation(result: EvalResult) -> list[Statement]:
    """What an evaluation says first: the score of each benchmark, and what of it is missing."""
    raise NotImplementedError


def verdict(result: PerfResult) -> Statement:
    """Whether the figures can be believed."""
    raise NotImplementedError


def slo(found: SlaResult) -> str:
    """The answer of a search, all groups in one text: `sla.answer` of the service."""
    raise NotImplementedError


def slo_group(found: SlaResult, group: SlaGroup) -> Statement:
    """The answer for one group of criteria."""
    raise NotImplementedError


def saturation(result: PerfResult) -> Statement | None:
    """From which load on more load gives no more throughput; None of fewer than two loads."""
    raise NotImplementedError


def offered(point: PerfPoint) -> Statement | None:
    """What was asked for beside what was achieved, of a load by rate; None of others."""
    raise NotImplementedError


def score(dataset: DatasetResult) -> Statement:
    """The score of a benchmark with its interval."""
    raise NotImplementedError
