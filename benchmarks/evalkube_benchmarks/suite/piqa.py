"""PIQA: which of two ways reaches an everyday goal (Bisk et al. 2019, arXiv:1911.11641).

The validation split with 1,838 goals is evaluated, because the answers of the test split are not public. There are no
worked examples unless asked for (train split).
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, one_default_subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import LISTED, Columns

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="piqa",
    pretty_name="PIQA",
    description="Two ways to reach an everyday goal. Only one works in the physical world.",
    category="reasoning",
    languages=("en",),
    source="https://arxiv.org/abs/1911.11641",
    licence="AFL-3.0",
    items=1838,
    hub_ids={"modelscope": "extraordinarylab/piqa", "huggingface": "ybisk/piqa"},
    subsets=one_default_subset(),
    eval_split="validation",
    train_split="train",
    prompt=multiple_choice.english(
        "Choose the way that reaches the goal better.", "Goal: {question}\n{choices}", think=False
    ),
    read=multiple_choice.reader(
        Columns(question=("goal",), choices=("sol1", "sol2"), answer="label", first=0),
        LISTED,
    ),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
