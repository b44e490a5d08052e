"""The score of one reply by a benchmark's own functions: spoken part, filters, extraction, metrics. Pure.

A reply is untrusted text, and a filter is the user's pattern, so the caller must be able to stop it (the runner's
scorer processes). Judges are asked elsewhere; their answers come here as replies.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from evalkube_benchmarks import extract, readers
from evalkube_benchmarks.benchmark import Benchmark, Explained, Metric, Question, Reply, Share
from evalkube_benchmarks.table import BENCHMARKS

__all__ = ["Filters", "Scores", "Task", "declared", "last_match", "measured", "score"]


@dataclass(frozen=True, slots=True)
class Filters:
    """The steps before a reply is read, in this order."""

    remove_until: str | None = None
    extract: str | None = None
    remove_whitespace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """How the replies to one question are scored. `metrics` are the names of those that are asked for."""

    benchmark: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    question: Question
    metrics: tuple[str, ...]
    filters: Filters = Filters()
    runs_on: bool = False

    def packed(self) -> dict[str, Any]:
        """The task as JSON, without what no function reads of a question; of its text only the begin is read."""
        question = self.question
        return {
            "benchmark": self.benchmark,
            "parameters": self.parameters,
            "question": {
                "text": question.text[: readers.ASKED_CHARS],
                "targets": question.targets,
                "choices": question.choices,
                "metadata": question.metadata,
                "checks": question.checks,
            },
            "metrics": self.metrics,
            "filters": self.filters,
            "runs_on": self.runs_on,
        }

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> "Task":
        """The task that was packed."""
        question = packed["question"]
        return cls(
            benchmark=packed["benchmark"],
            parameters=packed["parameters"],
            question=Question(
                text=question["text"],
                targets=tuple(question["targets"]),
                choices=tuple(question["choices"]),
                metadata=question["metadata"],
                checks=question["checks"],
            ),
            metrics=tuple(packed["metrics"]),
            filters=Filters(**packed["filters"]),
            runs_on=packed["runs_on"],
        )


@dataclass(frozen=True, slots=True)
class Scores:
    """The value of each metric, 0 to 1, and the text that was extracted from the reply (None: nothing).

    `weights` are how much an answer counts in a pooled figure, if not 1. `explanation` is the reason for the main
    metric's value, if it has one. `held` is the protection that the sandbox had for the program that was run.
    """

    values: dict[str, float]
    extracted: str | None
    weights: dict[str, int] = field(default_factory=dict)
    explanation: str = ""
    held: tuple[str, ...] = ()


def score(task: Task, reply: str) -> Scores:
    """The scores of a reply by the benchmark's functions, without those that need a missing right answer."""
    benchmark = declared(task.benchmark, task.parameters)
    said = _filtered(task.filters, extract.strip_thinking(reply))
    found = benchmark.extract(Reply(said, task.runs_on), task.question)
    return measured(found, task.question, [benchmark.metric(name) for name in task.metrics])


def measured(found: str | None, question: Question, metrics: Iterable[Metric]) -> Scores:
    """The scores of an extracted answer, or of a judge's label for it. Without an answer they are 0."""
    values: dict[str, float] = {}
    weights: dict[str, int] = {}
    reason = Explained(0.0)
    for metric in metrics:
        scored = 0.0 if found is None else metric.score(found, question)
        if scored is None:
            continue
        if isinstance(scored, Explained):
            reason = reason if reason.held else scored
            scored = scored.value
        if isinstance(scored, Share):
            weights[metric.name] = scored.parts
            scored = scored.right / scored.parts if scored.parts else 0.0
        values[metric.name] = float(scored)
    return Scores(values, found, weights, reason.why, reason.held)


def declared(name: str, parameters: Mapping[str, Any]) -> Benchmark:
    """The benchmark of that name with its parameters applied. Raises KeyError."""
    if not parameters:
        return BENCHMARKS[name]
    return _declared(name, orjson.dumps(dict(parameters), option=orjson.OPT_SORT_KEYS))


@functools.lru_cache(maxsize=32)
def _declared(name: str, parameters: bytes) -> Benchmark:
    benchmark = BENCHMARKS[name]
    return benchmark.variant(benchmark, {**benchmark.parameters, **orjson.loads(parameters)})


def last_match(pattern: str, text: str) -> str | None:
    """The first group (or all) of the last match of `pattern`; None without a match."""
    found = None
    for found in re.finditer(pattern, text, re.DOTALL | re.MULTILINE):  # noqa: B007 - the last one is wanted
        pass
    if found is None:
        return None
    return next((group for group in found.groups() if group is not None), None) if found.re.groups else found.group()


def _filtered(filters: Filters, said: str) -> str:
    if filters.remove_until:
        said = said.rpartition(filters.remove_until)[2]
    if filters.extract:
        said = last_match(filters.extract, said) or ""
    return re.sub(r"\s+", "", said) if filters.remove_whitespace else said.strip()
