"""MMLU-Pro: 12,032 harder questions from 14 fields, with up to ten choices (Wang et al. 2024, arXiv:2406.01574).

The worked examples, 5 of each field in the validation split, come with their reasoning.
"""

import dataclasses
import re
from random import Random

from evalkube_benchmarks import fields, multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Question, Record, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

_FIELDS = (
    *("biology", "business", "chemistry", "computer science", "economics", "engineering", "health", "history"),
    *("law", "math", "other", "philosophy", "physics", "psychology"),
)
# How the reasoning of the validation split begins and ends: the prompt has its own way to say both.
_FRAME = re.compile(r"^A: |\s*The answer is \([A-J]\)\.?\s*$")
_PLAIN = multiple_choice.reader(
    Columns(choices="options", solution="cot_content", kept=("question_id", "src")),
)


def _read(record: Record, random: Random) -> Question:
    question = _PLAIN(record, random)
    return dataclasses.replace(question, solution=_FRAME.sub("", question.solution))


BENCHMARK = Benchmark(
    name="mmlu_pro",
    pretty_name="MMLU-Pro",
    description="Questions with up to ten choices in 14 fields. They need more reasoning than those of MMLU.",
    category="knowledge",
    languages=("en",),
    source="https://arxiv.org/abs/2406.01574",
    licence="MIT",
    items=12032,
    hub_ids={"modelscope": "TIGER-Lab/MMLU-Pro", "huggingface": "TIGER-Lab/MMLU-Pro"},
    subsets=tuple(map(Subset, _FIELDS)),
    subset_of=lambda record: fields.text(record, "category").lower(),
    eval_split="test",
    train_split="validation",
    few_shot_num=5,
    prompt=multiple_choice.english(subject=True),
    read=_read,
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
