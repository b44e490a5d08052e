"""Scores one answer by a benchmark's own rule: filters, extraction, comparison. Judges are judge.py's business."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from evalkube_runner.eval import extract, overlap, score
from evalkube_runner.eval.benchmarks.declaration import Question, letters
from evalkube_runner.eval.plan import DatasetPlan
from evalkube_runner.eval.scorer_process import ScorerFailed, ScorerProcess

__all__ = ["RULES", "Scored", "by_rule"]

RULES = 2
"""Raised whenever extraction or comparison changes what it decides: reviews kept from before are then made anew."""

_TIMEOUT_S = 10.0
# Longer texts are compared in a thread, so that the event loop keeps reading answers meanwhile.
_INLINE_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Scored:
    """The score of each metric, 0 to 1; what was read out of the answer (None: nothing); what the judges said."""

    values: dict[str, float]
    extracted: str | None
    explanation: str = ""
    metadata: dict[str, Any] | None = None


async def by_rule(plan: DatasetPlan, question: Question, reply: str, mathematics: ScorerProcess) -> Scored:
    """Scores a reply. Raises ScorerFailed when that fails or takes longer than review_timeout."""
    timeout_s = plan.args.review_timeout or _TIMEOUT_S
    try:
        said = await _filtered(plan, extract.strip_thinking(reply), mathematics, timeout_s)
        if plan.benchmark.answer == "text":
            return await _overlaps(plan, said, question.target, timeout_s)
        found = _extracted(plan, question, said)
        right = found is not None and await _right(plan, found, question.target, mathematics, timeout_s)
        return Scored({"acc": float(right)}, found)
    except ScorerFailed:
        raise
    except TimeoutError:
        raise ScorerFailed(f"scoring took more than {timeout_s:g} s") from None
    except Exception as problem:  # a model's words may break any rule; the sample is errored then, not wrong
        raise ScorerFailed(f"{type(problem).__name__}: {problem}") from problem


async def _filtered(plan: DatasetPlan, said: str, mathematics: ScorerProcess, timeout_s: float) -> str:
    filters = plan.filters
    if filters.remove_until:
        said = said.rpartition(filters.remove_until)[2]
    if filters.extract:
        said = await mathematics.search(filters.extract, said, timeout_s) or ""
    return re.sub(r"\s+", "", said) if filters.remove_whitespace else said.strip()


def _extracted(plan: DatasetPlan, question: Question, said: str) -> str | None:
    kind = plan.benchmark.answer
    if kind == "number":
        return extract.number(said)
    labels = letters(len(question.choices))
    return extract.choice(said, labels) if kind == "choice" else extract.choices(said, labels)


async def _right(plan: DatasetPlan, found: str, target: str, mathematics: ScorerProcess, timeout_s: float) -> bool:
    if plan.benchmark.answer != "number":
        return found == target
    same = score.same_answer(found, target)
    return await mathematics.equal(found, target, timeout_s) if same is None else same


async def _overlaps(plan: DatasetPlan, said: str, target: str, timeout_s: float) -> Scored:
    if not target:  # only judged
        return Scored({}, said)
    if len(said) + len(target) <= _INLINE_CHARS:
        figures = _figures(said, target)
    else:
        async with asyncio.timeout(timeout_s):
            figures = await asyncio.to_thread(_figures, said, target)
    return Scored({name: figures[name] for name in plan.metrics if name in figures}, said)


def _figures(said: str, target: str) -> dict[str, float]:
    mine, theirs = overlap.tokens(said), overlap.tokens(target)
    figures = {f"bleu-{order}": overlap.bleu(mine, theirs, order) for order in (1, 2, 3, 4)}
    rouge = {
        "1": overlap.rouge_n(mine, theirs, 1),
        "2": overlap.rouge_n(mine, theirs, 2),
        "L": overlap.rouge_l(mine, theirs),
    }
    for name, shared in rouge.items():
        figures |= {f"Rouge-{name}-R": shared.recall, f"Rouge-{name}-P": shared.precision, f"Rouge-{name}-F": shared.f1}
    return figures
