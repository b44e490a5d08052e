"""Scores one answer by its benchmark's own functions, in a process that can be stopped. Judges are in `judging`."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from evalkube_benchmarks import scoring
from evalkube_benchmarks.benchmark import Question
from evalkube_crds.evalrun import Filters
from evalkube_runner.eval.plan import DatasetPlan
from evalkube_runner.eval.scorer_process import Scorers

__all__ = ["RULES", "Scored", "at_once", "by_rule", "filters_of", "longest_s"]

RULES = 3
"""Raised whenever the readers of replies, which benchmarks share, decide otherwise: all kept scores are then made anew.
A benchmark's own change is its `rules_version`.
"""

_TIMEOUT_S = 10.0
_PROGRAM_S = 3.0  # of waiting, for each second of processor time that a program has, and to start it
_TIMEOUT_PER_CHAR_S = 2e-6  # reading takes up to 1e-6 on a core of its own, and is linear


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of one answer: each metric from 0 to 1, the extracted answer (None: nothing), and what the judges
    said.

    `weights`: how much the answer counts in a pooled figure, where that is not 1. `held`: what protected us of the
    program that was run.
    """

    values: dict[str, float]
    extracted: str | None
    weights: dict[str, int] = field(default_factory=dict)
    explanation: str = ""
    metadata: dict[str, Any] | None = None
    held: tuple[str, ...] = ()


def at_once(plans: Iterable[DatasetPlan], cores: int, memory: int | None) -> int:
    """The number of replies that are scored at once: one on each core, or as many programs as `memory` has room for."""
    needs = [
        int(plan.parameters.get("memory_mib", plan.benchmark.parameters["memory_mib"])) << 20
        for plan in plans
        if plan.benchmark.programs
    ]
    return cores if memory is None or not needs else max(1, min(cores, memory * 3 // 4 // max(needs)))


async def by_rule(plan: DatasetPlan, question: Question, reply: str, scorers: Scorers) -> Scored:
    """Score a reply. Raises ScorerFailed when that fails, or takes more than review_timeout or its memory."""
    task = scoring.Task(
        benchmark=plan.benchmark.name,
        parameters=plan.parameters,
        question=question,
        metrics=tuple(metric.name for metric in plan.benchmark.metrics if metric in plan.metrics),
        filters=filters_of(plan.filters),
        runs_on=plan.few_shot_num > 0,
    )
    given = plan.args.review_timeout
    if plan.benchmark.programs:
        program_s = plan.parameters.get("timeout_s", plan.benchmark.parameters["timeout_s"])
        given = longest_s(reply, None) + plan.benchmark.programs * _PROGRAM_S * (1 + program_s)
    scores = await scorers.score(task, reply, longest_s(reply, given))
    return Scored(scores.values, scores.extracted, scores.weights, scores.explanation, held=tuple(scores.held))


@functools.lru_cache(maxsize=64)
def filters_of(given: Filters) -> scoring.Filters:
    """The filters of a spec as benchmarks know them, the same for all answers of a data set."""
    return scoring.Filters(given.remove_until, given.extract or given.regex, given.remove_whitespace)


def longest_s(reply: str, given: float | None) -> float:
    """The longest time for scoring a reply: the given one, else one that grows with the reply."""
    return given or _TIMEOUT_S + _TIMEOUT_PER_CHAR_S * len(reply)
