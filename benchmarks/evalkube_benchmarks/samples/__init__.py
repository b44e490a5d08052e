"""Our own sample items of each benchmark, for demos and smoke tests, with worked answers.

No item is copied from a benchmark. The items are beside this file in the hubs' layout
(`<benchmark>/<subset>/<split>.jsonl`), and are read like any local folder. `python -m evalkube_benchmarks.samples`
prints the answers for `evalkube mock-model --answers`.
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final

import orjson

from evalkube_benchmarks import prompts
from evalkube_benchmarks.benchmark import LETTERS, Benchmark, Question, letters
from evalkube_benchmarks.table import BENCHMARKS

__all__ = ["FOLDER", "answers", "questions", "reply"]

FOLDER: Final = Path(__file__).parent
_WRONG_EVERY: Final = 6
_NO_ANSWER: Final = "I am not sure."


def answers() -> Iterator[tuple[str, str]]:
    """The question and worked answer of every evaluated item; every sixth is wrong, so that no score is 100 %.

    Items of the other splits are in every prompt with worked examples, and would match there. If choices are shuffled
    at reading, their letters depend on the run's seed: then the answer is the choice itself.
    """
    for benchmark in BENCHMARKS.values():
        twice = zip(questions(benchmark), questions(benchmark, seed=1), strict=True)
        shuffled = any(one.choices != other.choices for one, other in twice)
        for number, question in enumerate(questions(benchmark), start=1):
            right = number % _WRONG_EVERY != 0
            said = _chosen(question, right=right) if shuffled else reply(benchmark, question, right=right)
            yield question.text, said


def questions(benchmark: Benchmark, seed: int = 0) -> Iterator[Question]:
    """The sample items of a benchmark's evaluated split, read with generators of that seed."""
    folder = FOLDER / benchmark.name
    split = benchmark.eval_split
    for path in sorted([*folder.glob(f"*/{split}.jsonl"), *folder.glob(f"*_{split}.jsonl")]):
        records = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
        for record in benchmark.prepare(records):
            yield benchmark.read(record, Random(seed))


def reply(benchmark: Benchmark, question: Question, *, right: bool) -> str:
    """An answer in the form that the benchmark's prompt asks for."""
    if not right and "{answer}" not in benchmark.prompt.answer:
        return _NO_ANSWER
    if not right:
        question = dataclasses.replace(question, targets=(_wrong(question),))
    return prompts.worked_answer(benchmark.prompt, question).strip()


def _chosen(question: Question, *, right: bool) -> str:
    letter = question.target if right else _wrong(question)
    return f"The answer is: {question.choices[LETTERS.index(letter)]}"


def _wrong(question: Question) -> str:
    if question.choices:
        return next(label for label in letters(len(question.choices)) if label not in question.targets)
    return _another_number(question.targets) or _NO_ANSWER


def _another_number(targets: Sequence[str]) -> str | None:
    numbers = []
    for target in targets:
        with contextlib.suppress(ValueError):
            numbers.append(float(target.replace(",", "")))
    return str(max(numbers) + 1).removesuffix(".0") if numbers else None
