"""General MCQ: your own multiple-choice questions, with the fields question, A, B, ... (up to J) and answer."""

import dataclasses
from collections.abc import Mapping
from random import Random
from typing import Any

from evalkube_benchmarks import fields, multiple_choice, own_questions, readers
from evalkube_benchmarks.benchmark import Benchmark, Question, Record
from evalkube_benchmarks.metrics import accuracy

__all__ = ["BENCHMARK"]


def _read(record: Record, _: Random) -> Question:
    return _question(record, several=False)


def _read_several(record: Record, _: Random) -> Question:
    return _question(record, several=True)


def _question(record: Record, *, several: bool) -> Question:
    metadata = {"id": fields.metadata(record["id"])} if record.get("id") is not None else {}
    answers = fields.references(record, "answer")
    if not answers:
        raise KeyError("answer")
    return multiple_choice.question(
        fields.text(record, "question"),
        multiple_choice.lettered(record),
        ",".join(answers),
        solution=fields.first(record, "explanation") or "",
        several=several,
        metadata=metadata,
    )


def _variant(benchmark: Benchmark, parameters: Mapping[str, Any]) -> Benchmark:
    if parameters["multiple_correct"]:
        return dataclasses.replace(
            benchmark, read=_read_several, extract=readers.choices, prompt=multiple_choice.CHINESE_SEVERAL
        )
    return benchmark if parameters["use_cot"] else dataclasses.replace(benchmark, prompt=multiple_choice.CHINESE_DIRECT)


BENCHMARK = Benchmark(
    **own_questions.DECLARED,
    name="general_mcq",
    pretty_name="General-MCQ",
    description="Your own multiple-choice questions, asked in Chinese.",
    languages=("zh",),
    eval_split="val",
    train_split="dev",
    prompt=multiple_choice.CHINESE,
    read=_read,
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
    rules_version=2,
    parameters={"multiple_correct": False, "use_cot": True},
    variant=_variant,
)
