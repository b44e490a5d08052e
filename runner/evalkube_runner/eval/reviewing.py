"""Scores one answer: the kept score, or a new one by rule or by judges. New scores are written down."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evalkube_benchmarks.scoring import measured
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_runner.eval import checkpoint, plan, records, scoring
from evalkube_runner.eval.answer import Answer
from evalkube_runner.eval.judging import reading
from evalkube_runner.eval.judging.panel import Judges
from evalkube_runner.eval.judging.summary import JudgeFailed
from evalkube_runner.eval.samples import Dataset, Sample
from evalkube_runner.eval.scorer_process import Scorers
from evalkube_runner.eval.scoring import Scored

__all__ = ["Reviewer"]

_NOT_JUDGING = {"api_key_secret_ref", "credentials_secret_ref", "prices"}


class Reviewer:
    """Scores the answers of a run."""

    def __init__(
        self,
        spec: EvalRunSpec,
        model: str,
        journal: checkpoint.Journal,
        *,
        judges: Judges,
        scorers: Scorers,
        unusable: Callable[[str, Sample], None],
    ) -> None:
        """`unusable` is told the kind of a kept line that has values which no such line has."""
        self._spec, self._model, self._journal = spec, model, journal
        self._judges, self._scorers, self._unusable = judges, scorers, unusable
        self._rules: dict[str, tuple[Any, ...]] = {}

    async def score(self, sample: Sample, answer: Answer) -> Scored:
        """The kept score of this very answer by these very rules, else a new one. Raises ScorerFailed, JudgeFailed."""
        item, dataset = sample.item, sample.dataset
        options, name = dataset.plan, dataset.plan.benchmark.name
        rules = self._rules.get(name) or self._rules.setdefault(name, self._rules_of(options))
        compared = dataset.others.of(item, sample.messages, sample.repeat) if options.compared else None
        key = checkpoint.digest(sample.key, answer.text, scoring.RULES, rules, compared, item.question.targets)
        kept = dataset.reviews.pop(key, None)
        if kept is not None and not self._spec.rerun_review:
            scored = records.scored_of(kept, options.metrics[:1])
            if scored is not None:
                return scored
            self._unusable("reviews", sample)
        scored = await self._judged(sample, answer, compared)
        line = records.review(key, item, sample.repeat, sample.messages, answer, scored)
        await self._journal.add(sample.path("reviews", self._model), line)
        return scored

    def _rules_of(self, options: plan.DatasetPlan) -> tuple[Any, ...]:
        """The settings that change the score of an answer; the same for all answers of a data set."""
        return (
            options.benchmark.name,
            options.benchmark.rules_version,
            options.parameters,
            [metric.name for metric in options.metrics],
            options.filters.model_dump(
                exclude_none=False, exclude={"regex"} if options.filters.regex is None else None
            ),
            self._judge_identity(options),
        )

    def _judge_identity(self, options: plan.DatasetPlan) -> dict[str, Any] | None:
        """The settings of the judges that change a score."""
        if options.contract is None:
            return None
        judge = self._spec.judge.model_dump(exclude={*_NOT_JUDGING, "models"})
        models = [model.model_dump(exclude=_NOT_JUDGING) for model in self._spec.judge.models]
        contract = options.contract.model_dump(exclude={"reference"})
        return judge | {"rules": reading.RULES, "models": models, "contract": contract}

    async def _judged(self, sample: Sample, answer: Answer, other: str | None) -> Scored:
        """The score by rule, by the judges, or by the judges where the rule says wrong (llm_recall). `other`: what this
        answer is compared with.
        """
        options, question = sample.dataset.plan, sample.item.question
        contract = options.contract
        if contract is not None and options.labelled:
            grade = await self._judges.grade(contract, question, answer.text, memory=self._memory(sample))
            scores = measured(grade.label, question, options.metrics)
            return Scored(scores.values, scores.extracted, scores.weights, metadata=grade.summary)
        ruled = await scoring.by_rule(options, question, answer.text, self._scorers)
        right = ruled.values.get(options.graded) == 1.0
        if contract is None or (self._spec.judge.strategy == "llm_recall" and right):
            return ruled
        if options.compared and other is None:
            raise JudgeFailed("there is no answer to compare this one with: neither a kept one nor a reference")
        grade = await self._judges.grade(contract, question, answer.text, other=other, memory=self._memory(sample))
        values = ruled.values | {options.graded: grade.score} | dict(grade.parts)
        return dataclasses.replace(ruled, values=values, metadata=grade.summary)

    def _memory(self, sample: Sample) -> "_Kept":
        return _Kept(sample.dataset, self._journal, sample.path("judgements", self._model), self._spec.rerun_review)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The judges' replies about one subset: found by their prompts, and written down as they come."""

    dataset: Dataset
    journal: checkpoint.Journal
    path: str
    anew: bool

    def find(self, key: str) -> dict[str, Any] | None:
        return None if self.anew else self.dataset.judgements.get(key)

    async def keep(self, key: str, record: dict[str, Any]) -> None:
        await self.journal.add(self.path, record)
