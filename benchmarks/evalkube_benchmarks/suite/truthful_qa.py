"""TruthfulQA: questions that many people answer by a wrong belief (Lin et al. 2021, arXiv:2109.07958).

The validation split with 817 questions is the only one. By default one choice is right (MC1); `multiple_correct` asks
for all true ones (MC2). In the data the right choices come first, so choices are shuffled at reading, by the run's
seed. The paper compares the likelihoods of the choices. Here the model is asked, because chat endpoints give no
likelihoods.
"""

import dataclasses
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from evalkube_benchmarks import fields, multiple_choice, readers
from evalkube_benchmarks.benchmark import LETTERS, Benchmark, Question, Record, Subset
from evalkube_benchmarks.metrics import accuracy, several

__all__ = ["BENCHMARK"]


def _reader(name: str) -> Callable[[Record, Random], Question]:
    def read(record: Record, random: Random) -> Question:
        targets = record[name]
        if not isinstance(targets, dict):
            raise ValueError(f"field {name!r} is not an object with choices and labels")
        true = [letter for letter, label in zip(LETTERS, fields.texts(targets, "labels"), strict=False) if label == "1"]
        made = multiple_choice.question(
            fields.text(record, "question"), fields.texts(targets, "choices"), "".join(true), several=True
        )
        return multiple_choice.shuffled(made, random)

    return read


def _variant(benchmark: Benchmark, parameters: Mapping[str, Any]) -> Benchmark:
    if not parameters["multiple_correct"]:
        return benchmark
    return dataclasses.replace(
        benchmark,
        prompt=multiple_choice.english("Choose all true answers to the question.", think=False, several=True),
        read=_reader("mc2_targets"),
        extract=readers.choices,
        metrics=several.METRICS,
    )


BENCHMARK = Benchmark(
    name="truthful_qa",
    pretty_name="TruthfulQA",
    description="Questions about common false beliefs: one true answer among false ones, or all true ones (extra "
    "parameter `multiple_correct`).",
    category="knowledge",
    languages=("en",),
    source="https://arxiv.org/abs/2109.07958",
    licence="Apache-2.0",
    items=817,
    hub_ids={"modelscope": "evalscope/truthful_qa", "huggingface": "truthfulqa/truthful_qa"},
    subsets=(Subset("multiple_choice"),),
    eval_split="validation",
    prompt=multiple_choice.english("Choose the true answer to the question.", think=False),
    read=_reader("mc1_targets"),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
    parameters={"multiple_correct": False},
    variant=_variant,
)
