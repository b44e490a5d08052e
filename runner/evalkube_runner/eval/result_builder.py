"""Sums samples into the result of a dataset: counts and exact sums, so that shards add up to one run. No I/O."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from evalkube_benchmarks.statistics import repeats
from evalkube_crds import sample_lines
from evalkube_crds.names import ErrorClass
from evalkube_crds.results import DataHub, DatasetResult, Judgements, ScoreSum, SubsetResult
from evalkube_runner.eval import plan as plans
from evalkube_runner.eval.answer import Answer
from evalkube_runner.eval.judging.summary import Counts
from evalkube_runner.eval.plan import DatasetPlan
from evalkube_runner.eval.scoring import Scored

__all__ = ["ResultBuilder"]

_RIGHT = 0.5


@dataclass(slots=True)
class _Repeats:
    """The repeats of one item so far: by repeat, whether it is right and what it answered."""

    right: dict[int, bool] = field(default_factory=dict)
    answers: dict[int, str | None] = field(default_factory=dict)
    finished: int = 0


@dataclass(slots=True)
class _Cluster:
    """A cluster of dependent answers: those to one question, or to all questions of a group. By metric, scores and
    weights.
    """

    questions: int = 0
    scores: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))


class ResultBuilder:
    """The result of one dataset in the making."""

    def __init__(self, plan: DatasetPlan, hub: DataHub, revision: str | None, *, collect_perf: bool) -> None:
        self._plan = plan
        self._perf = collect_perf
        self._repeats: dict[tuple[str, int], _Repeats] = defaultdict(_Repeats)
        self._clusters: dict[tuple[str, int | str], _Cluster] = defaultdict(_Cluster)
        self._groups: dict[tuple[str, int], str] = {}
        self._sizes: Counter[tuple[str, int | str]] = Counter()
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
            source="local" if plan.args.local_path is not None else hub,
            revision=revision,
            heat_map=benchmark.heat_map,
        )
        self._subsets = {subset.name: subset for subset in self.result.subsets}

    def _empty(self) -> dict[str, ScoreSum]:
        """All metrics with nothing counted, the main one first, so that a subset without scores has them too."""
        grouped = {"mean_and_pass_at_k": "pass@{}", "mean_and_pass_hat_k": "pass^{}", "mean_and_vote_at_k": "vote@{}"}
        names = [f"mean_{metric.name}" for metric in self._plan.metrics]
        if self._plan.aggregation in grouped:
            names += [grouped[self._plan.aggregation].format(k) for k in plans.powers_up_to(self._plan.repeats)]
        return {name: ScoreSum() for name in names}

    def request(self, subset: str, samples: int) -> None:
        """Count samples that will be asked; fewer than none are those that will not be after all."""
        self._subsets[subset].requested += samples

    def group(self, subset: str, index: int, name: str) -> None:
        """Note that a question belongs to a group, such as those on one text: for intervals the group is one
        question.
        """
        self._groups[subset, index] = name
        self._sizes[subset, name] += 1

    def close(self) -> None:
        """Count groups that have questions which were never asked."""
        for subset, cluster in [(key[0], cluster) for key, cluster in self._clusters.items()]:
            self._count(self._subsets[subset], cluster)
        self._clusters.clear()

    def answered(self, subset: str, answer: Answer, *, reused: bool) -> None:
        """Count an answer, whatever it is worth."""
        counted = self._subsets[subset]
        counted.truncated += answer.truncated
        counted.empty += answer.empty
        counted.reused += reused
        tokens = answer.tokens
        if tokens is not None:
            tokens.add_to(self.result.usage)
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
        state = sample_lines.state_of(self._main(scored), scored.extracted, judged=bool(scored.metadata))
        counted.states[state] = counted.states.get(state, 0) + 1
        for metric in self._plan.metrics:
            if metric.name in scored.values:
                weight = scored.weights.get(metric.name, 1)
                self._add(counted, index, f"mean_{metric.name}", scored.values[metric.name], weight)
        if self._plan.aggregation != "mean":
            known = self._repeats[subset, index]
            known.right[repeat] = scored.values[self._plan.metrics[0].name] > _RIGHT
            known.answers[repeat] = scored.extracted
        self._finish(counted, index)

    def _main(self, scored: Scored) -> float | None:
        return sample_lines.main_score(self._plan.main_metric, scored.values)

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

    def _key(self, subset: SubsetResult, index: int) -> tuple[str, int | str]:
        return subset.name, self._groups.get((subset.name, index), index)

    def _add(self, subset: SubsetResult, index: int, name: str, score: float, weight: int = 1) -> None:
        subset.metrics[name].add(score, weight)
        self._clusters[self._key(subset, index)].scores[name].append((score, weight))

    def _finish(self, subset: SubsetResult, index: int) -> None:
        """Count what needs all repeats of an item, after the last one. Errored repeats count as never asked."""
        known = self._repeats[subset.name, index]
        known.finished += 1
        if known.finished < self._plan.repeats:
            return
        del self._repeats[subset.name, index]
        if self._plan.aggregation != "mean":
            self._aggregate(subset, index, known)
        key = self._key(subset, index)
        cluster = self._clusters[key]
        cluster.questions += 1
        if cluster.questions >= self._sizes.get(key, 1):
            self._count(subset, self._clusters.pop(key))

    def _count(self, subset: SubsetResult, cluster: _Cluster) -> None:
        for name, scores in cluster.scores.items():
            subset.metrics[name].add_question(scores)

    def _aggregate(self, subset: SubsetResult, index: int, known: _Repeats) -> None:
        order = sorted(known.right)
        right = [known.right[repeat] for repeat in order]
        answers = [known.answers[repeat] for repeat in order]
        for k in plans.powers_up_to(self._plan.repeats):
            if k > len(right):
                break
            if self._plan.aggregation == "mean_and_pass_at_k":
                name, score = f"pass@{k}", float(repeats.pass_at_k(len(right), sum(right), k))
            elif self._plan.aggregation == "mean_and_pass_hat_k":
                name, score = f"pass^{k}", float(repeats.pass_hat_k(len(right), sum(right), k))
            else:
                name, score = f"vote@{k}", float(repeats.vote_at_k(answers, right, k))
            self._add(subset, index, name, score)
