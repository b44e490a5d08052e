"""Scores one answer by a benchmark's own rule, in a process that can be stopped. Judges are judge.py's business."""

from dataclasses import dataclass
from typing import Any

from evalkube_runner.eval.benchmarks.declaration import Question
from evalkube_runner.eval.plan import DatasetPlan
from evalkube_runner.eval.rule import Rule
from evalkube_runner.eval.scorer_process import Scorers

__all__ = ["RULES", "Scored", "by_rule", "longest_s"]

RULES = 2
"""Raised whenever extraction or comparison changes what it decides: reviews kept from before are then made anew."""

_TIMEOUT_S = 10.0
_TIMEOUT_PER_CHAR_S = 2e-6  # reading takes up to 1e-6 on a core of its own, and is linear
_ASKED_CHARS = 400  # tell a question from the next one


@dataclass(frozen=True, slots=True)
class Scored:
    """The score of each metric, 0 to 1; what was read out of the answer (None: nothing); what the judges said."""

    values: dict[str, float]
    extracted: str | None
    explanation: str = ""
    metadata: dict[str, Any] | None = None


async def by_rule(plan: DatasetPlan, question: Question, reply: str, scorers: Scorers) -> Scored:
    """Scores a reply. Raises ScorerFailed when that fails, or takes more than review_timeout or the memory for it."""
    rule = Rule(
        answer=plan.benchmark.answer,
        targets=question.targets,
        options=question.choices,
        asked=question.text[:_ASKED_CHARS],
        runs_on=plan.few_shot_num > 0,
        metrics=plan.metrics,
        **plan.filters.model_dump(),
    )
    ruled = await scorers.score(rule, reply, longest_s(reply, plan.args.review_timeout))
    return Scored(ruled.values, ruled.extracted)


def longest_s(reply: str, given: float | None) -> float:
    """How long scoring a reply may take: the time that is given, else one that grows with the reply."""
    return given or _TIMEOUT_S + _TIMEOUT_PER_CHAR_S * len(reply)
