"""AIME 2024: the 30 problems of both American Invitational Mathematics Examinations of 2024, answers are 000 to 999."""

from evalkube_benchmarks import mathematics, readers
from evalkube_benchmarks.benchmark import Benchmark, one_default_subset
from evalkube_benchmarks.metrics import accuracy

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="aime24",
    pretty_name="AIME 2024",
    description="Hard problems of an American school competition in English. Each answer is a whole number from 0 "
    "to 999.",
    category="mathematics",
    languages=("en",),
    source="https://maa.org/maa-invitational-competitions/",
    licence="not stated (the problems belong to the MAA)",
    items=30,
    hub_ids={"modelscope": "evalscope/aime24", "huggingface": "math-ai/aime24"},
    subsets=one_default_subset(),
    eval_split="test",
    prompt=mathematics.BOXED["en"],
    read=mathematics.olympiad,
    extract=readers.number,
    metrics=(accuracy.VALUE,),
)
