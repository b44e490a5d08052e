"""ARC: science questions from schools, an easy set and a challenge set (Clark et al. 2018, arXiv:1803.05457).

The test split has 2,376 easy and 1,172 hard questions with three to five choices, labelled A.. or 1... There are no
worked examples unless asked for (train split).
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="arc",
    pretty_name="ARC",
    description="Science questions from schools, grades 3 to 9: an easy set, and one that word statistics cannot "
    "solve.",
    category="knowledge",
    languages=("en",),
    source="https://arxiv.org/abs/1803.05457",
    licence="CC-BY-SA-4.0",
    items=3548,
    hub_ids={"modelscope": "allenai/ai2_arc", "huggingface": "allenai/ai2_arc"},
    subsets=(Subset("ARC-Easy"), Subset("ARC-Challenge")),
    eval_split="test",
    train_split="train",
    prompt=multiple_choice.english(think=False),
    read=multiple_choice.reader(Columns(answer="answerKey", kept=("id",))),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
