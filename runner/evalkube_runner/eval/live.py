"""The live figures of an evaluation: the rate of answers, their times, the score so far. Pure."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from evalkube_crds import score_intervals
from evalkube_crds.live import Live, LiveScore
from evalkube_crds.scores import metric_sum
from evalkube_crds.sketch import Sketch
from evalkube_runner.eval.answer import Answer
from evalkube_runner.eval.samples import Dataset
from evalkube_runner.recent import Recent

__all__ = ["EvalLive"]

_LAST: Final = 500
"""Answers whose latencies are told."""


class EvalLive:
    """The course of one evaluation. Answers that were kept from before are in its score, and in nothing else."""

    def __init__(self, loaded: Sequence[Dataset]) -> None:
        self._loaded = loaded
        self._recent = Recent()
        self._answers = self._tokens = 0
        self._latencies_ns: deque[int] = deque(maxlen=_LAST)
        self._scores: dict[str, LiveScore] = {}

    def answered(self, answer: Answer) -> None:
        """Note an answer that came."""
        self._answers += 1
        self._tokens += answer.tokens.completion if answer.tokens is not None else 0
        self._latencies_ns.append(answer.latency_ns)

    def now(self, now_ns: int, *, in_flight: int) -> Live:
        """The live figures at that time, on the monotonic clock. Ask often: it measures between the calls."""
        self._recent.heard(now_ns, self._answers, self._tokens)
        rates = {"in_flight": float(in_flight)}
        known = self._recent.rates(now_ns)
        if known is not None:
            rates |= {"rps": known[0], "output_tps": known[1]} if self._tokens else {"rps": known[0]}
        times = {"latency": Sketch.of(self._latencies_ns)} if self._latencies_ns else {}
        return Live(rates=rates, times=times, scores=self._scored())

    def after(self) -> Live:
        """The live figures once all is asked and scored."""
        return Live(rates={"in_flight": 0.0}, scores=self._scored())

    def _scored(self) -> dict[str, LiveScore]:
        """The main metric of each benchmark so far, as the result will have it."""
        for dataset in self._loaded:
            result, known = dataset.builder.result, self._scores.get(dataset.builder.result.name)
            metric = result.main_metric
            answers = sum(one.metrics[metric].count for one in result.subsets if metric in one.metrics)
            if answers and (known is None or known.answers != answers):
                scores = metric_sum(result, metric)
                interval = score_intervals.of_sum(scores)
                self._scores[result.name] = LiveScore(answers=answers, mean=scores.mean or 0.0, interval=interval)
        return dict(self._scores)
