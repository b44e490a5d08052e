"""MATH: 5,000 test problems of competitions (Hendrycks et al. 2021, arXiv:2103.03874), answers are formulas."""

import dataclasses
from collections.abc import Mapping
from random import Random
from typing import Any

from evalkube_benchmarks import extract, fields, mathematics, readers
from evalkube_benchmarks.benchmark import Benchmark, Question, Record, Subset
from evalkube_benchmarks.metrics import accuracy

__all__ = ["BENCHMARK"]

_LEVELS = tuple(Subset(f"Level {number}") for number in range(1, 6))
_SUBJECTS = (
    "Algebra", "Counting & Probability", "Geometry", "Intermediate Algebra", "Number Theory", "Prealgebra",
    "Precalculus",
)  # fmt: skip


def _read(record: Record, _: Random) -> Question:
    """The question of a record of MATH. If no field has the answer, it is in a box in the solution."""
    solution = (fields.first(record, "solution") or "").strip()
    answer = fields.first(record, "answer") or extract.boxed(solution)
    if answer is None:
        raise ValueError("has no field answer, and its solution none in \\boxed{}")
    kept = {"subject": record.get("subject", record.get("type")), "id": record.get("unique_id")}
    return Question(
        text=fields.text(record, "problem").strip(),
        targets=(answer.strip(),),
        solution=solution,
        metadata={name: fields.metadata(value) for name, value in kept.items() if value is not None},
    )


def _level(record: Record) -> str:
    """The level of a record of MATH ("Level 3"); some copies have it as a number."""
    return f"Level {fields.text(record, 'level').removeprefix('Level ')}"


def _subject(record: Record) -> str:
    return fields.text(record, "subject" if "subject" in record else "type")


def _by_subject(benchmark: Benchmark, parameters: Mapping[str, Any]) -> Benchmark:
    """The variant of MATH whose subsets are its subjects."""
    if not parameters["by_subject"]:
        return benchmark
    return dataclasses.replace(benchmark, subsets=tuple(map(Subset, _SUBJECTS)), subset_of=_subject)


BENCHMARK = Benchmark(
    name="competition_math",
    pretty_name="Competition-MATH",
    description="Problems of mathematical school competitions in English, with five levels and seven subjects. The "
    "answer is a number or a formula. `extra_params: {by_subject: true}` makes the subjects its "
    "subsets.",
    category="mathematics",
    languages=("en",),
    source="https://arxiv.org/abs/2103.03874",
    licence="MIT",
    items=5000,
    hub_ids={"modelscope": "evalscope/competition_math", "huggingface": "DigitalLearningGmbH/MATH-lighteval"},
    subsets=_LEVELS,
    eval_split="test",
    train_split="train",
    few_shot_num=4,
    prompt=mathematics.BOXED["en"],
    one_config="default",
    subset_of=_level,
    read=_read,
    extract=readers.formula,
    metrics=(accuracy.VALUE,),
    parameters={"by_subject": False},
    variant=_by_subject,
)
