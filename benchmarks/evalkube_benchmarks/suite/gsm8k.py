"""GSM8K: 1,319 word problems of primary school (Cobbe et al. 2021, arXiv:2110.14168), answers are numbers."""

import re
from random import Random

from evalkube_benchmarks import fields, mathematics, readers
from evalkube_benchmarks.benchmark import Benchmark, Question, Record, Subset
from evalkube_benchmarks.metrics import accuracy

__all__ = ["BENCHMARK"]

# The solutions carry calculator notes such as <<3*4=12>>, which no model should imitate.
_CALCULATOR = re.compile(r"<<[^>]*>>")


def _read(record: Record, _: Random) -> Question:
    solution, mark, target = fields.text(record, "answer").rpartition("####")
    if not mark:
        raise ValueError("answer has no '####' before its number")
    return Question(
        text=fields.text(record, "question").strip(),
        targets=(target.strip(),),
        solution=_CALCULATOR.sub("", solution).strip(),
    )


BENCHMARK = Benchmark(
    name="gsm8k",
    pretty_name="GSM8K",
    description="Word problems of primary school in English. Two to eight steps of arithmetic lead to one number.",
    category="mathematics",
    languages=("en",),
    source="https://arxiv.org/abs/2110.14168",
    licence="MIT",
    items=1319,
    hub_ids={"modelscope": "AI-ModelScope/gsm8k", "huggingface": "openai/gsm8k"},
    subsets=(Subset("main"),),
    eval_split="test",
    train_split="train",
    few_shot_num=4,
    prompt=mathematics.BOXED["en"],
    read=_read,
    extract=readers.number,
    metrics=(accuracy.VALUE,),
    rules_version=2,
)
