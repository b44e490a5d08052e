"""CMATH: 1,098 Chinese word problems of the six grades of primary school (Wei et al. 2023, arXiv:2306.16636).

The test split is evaluated; the validation split has 600 more.
"""

from random import Random

from evalkube_benchmarks import fields, mathematics, readers
from evalkube_benchmarks.benchmark import Benchmark, Question, Record, Subset
from evalkube_benchmarks.metrics import accuracy

__all__ = ["BENCHMARK"]


def _read(record: Record, _: Random) -> Question:
    kept = ("reasoning_step", "num_digits")
    return Question(
        text=fields.text(record, "question").strip(),
        targets=(fields.text(record, "golden").strip(),),
        metadata={name: fields.metadata(record.get(name)) for name in kept},
    )


BENCHMARK = Benchmark(
    name="cmath",
    pretty_name="CMATH",
    description="Word problems of the six grades of Chinese primary schools, asked in Chinese. The answer is a number.",
    category="mathematics",
    languages=("zh",),
    source="https://arxiv.org/abs/2306.16636",
    licence="CC-BY-4.0",
    items=1098,
    hub_ids={"modelscope": "evalscope/cmath", "huggingface": "weitianwen/cmath"},
    subsets=tuple(Subset(f"Grade {grade}") for grade in range(1, 7)),
    eval_split="test",
    prompt=mathematics.BOXED["zh"],
    one_config="default",
    subset_of=lambda record: f"Grade {fields.text(record, 'grade')}",
    read=_read,
    extract=readers.number,
    metrics=(accuracy.VALUE,),
)
