"""Social IQa: what people in a situation want, feel or do next (Sap et al. 2019, arXiv:1904.09728).

The validation split with 1,954 questions is evaluated, because there is no public test split. There are no worked
examples unless asked for (train split). The situation is part of the question if the data set has it.
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, one_default_subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import LISTED, Columns

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="siqa",
    pretty_name="Social IQa",
    description="Everyday situations with three answers about people's motives, feelings and next steps.",
    category="reasoning",
    languages=("en",),
    source="https://arxiv.org/abs/1904.09728",
    licence="CC-BY-4.0",
    items=1954,
    hub_ids={"modelscope": "extraordinarylab/siqa", "huggingface": "allenai/social_i_qa"},
    subsets=one_default_subset(),
    eval_split="validation",
    train_split="train",
    prompt=multiple_choice.english(think=False),
    read=multiple_choice.reader(
        Columns(question=("context", "question"), choices=("answerA", "answerB", "answerC"), answer="label", first=1),
        Columns(question=("context", "question")),
        LISTED,
    ),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
