"""CommonsenseQA: everyday questions with five choices (Talmor et al. 2018, arXiv:1811.00937).

The validation split with 1,221 questions is evaluated, because the answers of the test split are not public. There are
no worked examples unless asked for (train split).
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, one_default_subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import LISTED, Columns

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="commonsense_qa",
    pretty_name="CommonsenseQA",
    description="Questions with five choices that are all related to the question. Common sense finds the right one.",
    category="reasoning",
    languages=("en",),
    source="https://arxiv.org/abs/1811.00937",
    licence="MIT",
    items=1221,
    hub_ids={"modelscope": "extraordinarylab/commonsense-qa", "huggingface": "tau/commonsense_qa"},
    subsets=one_default_subset(),
    eval_split="validation",
    train_split="train",
    prompt=multiple_choice.english(think=False),
    read=multiple_choice.reader(Columns(answer="answerKey", kept=("question_concept",)), LISTED),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
