"""OpenBookQA: elementary science that needs a fact and common sense (Mihaylov et al. 2018, arXiv:1809.02789).

The test split of the main set has 500 questions, asked without the book of facts. There are no worked examples unless
asked for (train split).
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="openbookqa",
    pretty_name="OpenBookQA",
    description="Elementary science questions with four choices, which need a fact and common sense.",
    category="knowledge",
    languages=("en",),
    source="https://arxiv.org/abs/1809.02789",
    licence="Apache-2.0",
    items=500,
    hub_ids={"huggingface": "allenai/openbookqa"},
    subsets=(Subset("main"),),
    eval_split="test",
    train_split="train",
    prompt=multiple_choice.english(think=False),
    read=multiple_choice.reader(Columns(question=("question_stem",), answer="answerKey", kept=("id",))),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
