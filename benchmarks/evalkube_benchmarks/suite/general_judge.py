"""General judge: your own free questions, graded by language models by a rubric, with or without a reference.

A run may have its own contract. Without one, judges give marks from 1 to 5 for content, for how well the answer fits
the request, and for readability. A record's `rubric` says what a good answer contains; judges see it as the reference.
"""

import dataclasses
from random import Random

from evalkube_benchmarks import fields, own_questions, readers
from evalkube_benchmarks.benchmark import Benchmark, Prompt, Question, Record
from evalkube_benchmarks.metrics import judged
from evalkube_crds.judge_contract import Criterion, JudgeContract, Scale

__all__ = ["BENCHMARK"]

_CONTRACT = JudgeContract(
    score_type="rubric",
    scale=Scale(lowest=1, highest=5),
    criteria=[
        Criterion(
            name="correctness",
            description="what it says is true, agrees with the reference where there is one, and leaves out nothing "
            "that matters",
            weight=2,
        ),
        Criterion(name="relevance", description="it does what was asked, all of it and nothing else"),
        Criterion(name="clarity", description="it is well ordered, and easy to read for the person who asked"),
    ],
)


def _read(record: Record, generator: Random) -> Question:
    question = own_questions.read(record, generator)
    rubric = fields.first(record, "rubric", "criteria")
    if rubric is None:
        return question
    return dataclasses.replace(question, targets=(*question.targets, f"A good answer has this:\n{rubric}"))


BENCHMARK = Benchmark(
    **own_questions.DECLARED,
    name="general_judge",
    pretty_name="General-Judge",
    description="Your own free questions, graded by language models by a rubric. References are optional.",
    languages=("any",),
    eval_split="test",
    prompt=Prompt.of("", "{question}", "{answer}"),
    read=_read,
    extract=readers.text,
    metrics=judged.figures(_CONTRACT),
    judge=_CONTRACT,
)
