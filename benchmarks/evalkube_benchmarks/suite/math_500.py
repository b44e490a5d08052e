"""MATH-500: 500 problems of the test split of MATH (Lightman et al. 2023, arXiv:2305.20050), answers are formulas."""

from random import Random

from evalkube_benchmarks import fields, mathematics, readers
from evalkube_benchmarks.declaration import Benchmark, Question, Record
from evalkube_benchmarks.metrics import accuracy

__all__ = ["BENCHMARK"]


def _read(record: Record, _: Random) -> Question:
    return Question(
        text=fields.text(record, "problem").strip(),
        targets=(fields.text(record, "answer").strip(),),
        solution=fields.first(record, "solution") or "",
        metadata={"subject": fields.metadata(record.get("subject")), "id": fields.metadata(record.get("unique_id"))},
    )


BENCHMARK = Benchmark(
    name="math_500",
    pretty_name="MATH-500",
    description="Problems of mathematical competitions at schools in English, of five levels and seven subjects; the "
    "answer is a number or a formula. `extra_params: {by_subject: true}` makes the subjects its subsets.",
    category="mathematics",
    languages=("en",),
    source="https://arxiv.org/abs/2305.20050",
    licence="MIT",
    items=500,
    hub_ids={"modelscope": "AI-ModelScope/MATH-500", "huggingface": "HuggingFaceH4/MATH-500"},
    subsets=mathematics.LEVELS,
    eval_split="test",
    prompt=mathematics.BOXED["en"],
    one_config="default",
    subset_of=mathematics.level,
    read=_read,
    extract=readers.formula,
    metrics=(accuracy.VALUE,),
    parameters=mathematics.BY_SUBJECT,
    variant=mathematics.by_subject,
)
