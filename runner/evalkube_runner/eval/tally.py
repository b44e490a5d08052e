"""Adds samples up to the result of a dataset: counts and exact sums, so that shards add up to one run. No I/O."""

from collections import defaultdict
from dataclasses import dataclass, field

from evalkube_crds.names import ErrorClass
from evalkube_crds.results import DatasetResult, Judgements, ScoreSum, SubsetResult
from evalkube_runner.eval import plan as plans
from evalkube_runner.eval import repeats
from evalkube_runner.eval.answer import Answer
from evalkube_runner.eval.judging.summary import Counts
from evalkube_runner.eval.plan import DatasetPlan
from evalkube_runner.eval.scoring import Scored

__all__ = ["Tally"]

_RIGHT = 0.5


@dataclass(slots=True)
class _Group:
    """The repeats of one item so far: by repeat, whether it is right and what it answered."""

    right: dict[int, bool] = field(default_factory=dict)
    answers: dict[int, str | None] = field(default_factory=dict)
    finished: int = 0


class Tally:
    """The result of one dataset in the making."""

    def __init__(self, plan: DatasetPlan, revision: str | None, *, collect_perf: bool) -> None:
        self._plan = plan
        self._perf = collect_perf
        self._groups: dict[tuple[str, int], _Group] = defaultdict(_Group)
        benchmark = plan.benchmark
        self.result = DatasetResult(
            name=benchmark.name,
            pretty_name=benchmark.pretty_name,
            description=benchmark.description,
            main_metric=plan.main_metric,
            subsets=[
                SubsetResult(name=subset.name, category=list(subset.category), metrics=self._empty())
                for subset in plan.subsets
            ],
            judging=Judgements() if plan.judged else None,
            revision=revision,
        )
        self._subsets = {subset.name: subset for subset in self.result.subsets}

    def _empty(self) -> dict[str, ScoreSum]:
        """All metrics, the main one first: a subset of which nothing could be scored still says so."""
        grouped = {"mean_and_pass_at_k": "pass@{}", "mean_and_pass_hat_k": "pass^{}", "mean_and_vote_at_k": "vote@{}"}
        names = [f"mean_{metric.name}" for metric in self._plan.metrics]
        if self._plan.aggregation in grouped:
            names += [grouped[self._plan.aggregation].format(k) for k in plans.powers_up_to(self._plan.repeats)]
        return {name: ScoreSum() for name in names}

    def request(self, subset: str, samples: int) -> None:
        """Count samples that will be asked."""
        self._subsets[subset].requested += samples

    def answered(self, subset: str, answer: Answer, *, reused: bool) -> None:
        """Count an answer, whatever it is worth."""
        counted = self._subsets[subset]
        counted.truncated += answer.truncated
        counted.empty += answer.empty
        counted.reused += reused
        tokens = answer.tokens
        if tokens is not None:
            usage = self.result.usage
            usage.samples += 1
            usage.prompt_tokens += tokens.prompt
            usage.completion_tokens += tokens.completion
            usage.reasoning_tokens += tokens.reasoning
            usage.cached_tokens += tokens.cached
        if self._perf:
            self.result.latency_ns.add(answer.latency_ns)
            if answer.ttft_ns is not None:
                self.result.ttft_ns.add(answer.ttft_ns)
            if tokens is not None:
                self.result.output_tokens.add(tokens.completion)

    def scored(self, subset: str, index: int, repeat: int, scored: Scored) -> None:
        """Count the score of one sample."""
        counted = self._subsets[subset]
        counted.scored += 1
        for metric in self._plan.metrics:
            if metric.name in scored.values:
                weight = scored.weights.get(metric.name, 1)
                counted.metrics[f"mean_{metric.name}"].add(scored.values[metric.name], weight)
        if self._plan.aggregation != "mean":
            group = self._groups[subset, index]
            group.right[repeat] = scored.values[self._plan.metrics[0].name] > _RIGHT
            group.answers[repeat] = scored.extracted
        self._finish(counted, index)

    def judged(self, counts: Counts) -> None:
        """Count what the judges of a sample did."""
        judging = self.result.judging
        if judging is None:
            return
        judging.judgements += counts.judgements
        judging.unreadable += counts.unreadable
        judging.failed += counts.failed
        judging.asked_again += counts.asked_again
        judging.inconsistent += counts.inconsistent
        judging.usage.samples += counts.answers
        judging.usage.prompt_tokens += counts.prompt_tokens
        judging.usage.completion_tokens += counts.completion_tokens
        judging.usage.reasoning_tokens += counts.reasoning_tokens
        judging.usage.cached_tokens += counts.cached_tokens

    def errored(self, subset: str, index: int, error: ErrorClass) -> None:
        """Count a sample that has no score."""
        counted = self._subsets[subset]
        counted.errored[error] = counted.errored.get(error, 0) + 1
        self._finish(counted, index)

    def _finish(self, subset: SubsetResult, index: int) -> None:
        """After the last repeat of an item, count it as a group. Its errored repeats are as if never asked."""
        if self._plan.aggregation == "mean":
            return
        group = self._groups[subset.name, index]
        group.finished += 1
        if group.finished < self._plan.repeats:
            return
        del self._groups[subset.name, index]
        order = sorted(group.right)
        right = [group.right[repeat] for repeat in order]
        answers = [group.answers[repeat] for repeat in order]
        for k in plans.powers_up_to(self._plan.repeats):
            if k > len(right):
                break
            if self._plan.aggregation == "mean_and_pass_at_k":
                subset.metrics[f"pass@{k}"].add(float(repeats.pass_at_k(len(right), sum(right), k)))
            elif self._plan.aggregation == "mean_and_pass_hat_k":
                subset.metrics[f"pass^{k}"].add(float(repeats.pass_hat_k(len(right), sum(right), k)))
            else:
                subset.metrics[f"vote@{k}"].add(float(repeats.vote_at_k(answers, right, k)))
