"""The metric of programs: whether a program passes its tests in the sandbox.

A program that fails is a wrong answer, with the reason. If the sandbox fails, it raises, and the sample is errored.
"""

import dataclasses
import functools
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from evalkube_benchmarks import sandbox
from evalkube_benchmarks.benchmark import Benchmark, Explained, Metric, Question
from evalkube_benchmarks.extract.code import defines
from evalkube_benchmarks.sandbox import Limits, Outcome, Program

__all__ = ["Run", "completed", "explained", "limited", "passes", "passing"]

Run = Callable[[str, Question, Limits], Explained]
"""Runs the extracted program with the tests of its question."""


@functools.cache  # one for the same time and memory, which makes plans comparable
def passing(run: Run, timeout_s: float, memory_mib: int) -> Metric:
    """The metric of programs that pass their tests within these limits of processor time and memory."""
    limits = Limits(cpu_s=timeout_s, memory_bytes=memory_mib << 20)
    return Metric(name="acc", score=lambda found, question: run(found, question, limits))


def limited(run: Run) -> Callable[[Benchmark, Mapping[str, Any]], Benchmark]:
    """The variant of a benchmark of programs; its parameters `timeout_s` and `memory_mib` are the limits of each."""

    def variant(benchmark: Benchmark, values: Mapping[str, Any]) -> Benchmark:
        return dataclasses.replace(benchmark, metrics=(passing(run, values["timeout_s"], values["memory_mib"]),))

    return variant


def passes(sources: tuple[str, ...], tests: str, called: tuple[str, ...], limits: Limits) -> Explained:
    """Whether a program passes tests that call its names `called`. Of `sources`, the first that compiles is run."""
    return explained(sandbox.run(Program(sources=sources, tests=tests, called=called), limits))


def explained(outcome: Outcome, where: str = "") -> Explained:
    """The score of an outcome."""
    right = outcome.kind == "finished"
    return Explained(float(right), "" if right else f"{where}{outcome.words}", outcome.held)


def completed(found: str, prompt: str, entry: str) -> tuple[str, ...]:
    """The possible programs of a reply that completes one: its own function, or the body of the prompt's.

    The text before the function in the prompt (imports, functions that its tests call) is included.
    """
    if entry and defines(found, entry):
        before = prompt[: _begin(prompt, entry)]
        return (f"{before}\n{found}", found)
    body = found.strip("\n")
    first, _, rest = body.partition("\n")
    return (
        f"{prompt}{body}",
        f"{prompt}    {first.lstrip()}\n{rest}",  # the margin of its first line was lost
        f"{prompt}{textwrap.indent(textwrap.dedent(body), '    ')}",
    )


def _begin(prompt: str, entry: str) -> int:
    at = max(prompt.rfind(f"def {entry}("), prompt.rfind(f"def {entry} ("), 0)
    return prompt.rfind("\n", 0, at) + 1
