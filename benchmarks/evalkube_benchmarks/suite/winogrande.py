"""WinoGrande: which of two things a sentence means by its blank (Sakaguchi et al. 2019, arXiv:1907.10641).

The validation split with 1,267 sentences is evaluated, because the answers of the test split are not public. There are
no worked examples unless asked for (train split, on Hugging Face).
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="winogrande",
    pretty_name="WinoGrande",
    description="Sentences with a blank for one of two things or persons. Common sense finds which is meant.",
    category="reasoning",
    languages=("en",),
    source="https://arxiv.org/abs/1907.10641",
    licence="CC-BY-2.0",
    items=1267,
    hub_ids={"modelscope": "AI-ModelScope/winogrande_val", "huggingface": "allenai/winogrande"},
    subsets=(Subset("winogrande_xl"),),
    eval_split="validation",
    train_split="train",
    prompt=multiple_choice.english(
        "Choose what stands in the place of the blank (_).", "Sentence: {question}\n{choices}", think=False
    ),
    read=multiple_choice.reader(Columns(question=("sentence",), choices=("option1", "option2"), first=1)),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
