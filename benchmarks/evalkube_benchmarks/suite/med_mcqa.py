"""MedMCQA: questions from India's medical entrance examinations (Pal et al. 2022, arXiv:2203.14371).

The validation split with 4,183 questions is evaluated, because the answers of the test split are not public. There are
no worked examples unless asked for (train split).
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, one_default_subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import LISTED, Columns

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="med_mcqa",
    pretty_name="MedMCQA",
    description="Questions with four choices in 21 medical subjects, from entrance examinations in India.",
    category="knowledge",
    languages=("en",),
    source="https://arxiv.org/abs/2203.14371",
    licence="Apache-2.0",
    items=4183,
    hub_ids={"modelscope": "extraordinarylab/medmcqa", "huggingface": "openlifescienceai/medmcqa"},
    subsets=one_default_subset(),
    eval_split="validation",
    train_split="train",
    prompt=multiple_choice.english(think=False),
    read=multiple_choice.reader(
        Columns(choices=("opa", "opb", "opc", "opd"), answer="cop", first=0, kept=("subject_name", "topic_name")),
        LISTED,
    ),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
