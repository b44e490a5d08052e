"""SciQ: questions of physics, chemistry and biology written by crowd workers (Welbl et al. 2017, arXiv:1707.06209).

The test split has 1,000 questions. There are no worked examples unless asked for (train split). If the data set keeps
the right answer apart from the wrong ones, the choices are shuffled at reading, by the run's seed.
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, one_default_subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import LISTED, Columns

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="sciq",
    pretty_name="SciQ",
    description="Science questions from schools with four short choices.",
    category="knowledge",
    languages=("en",),
    source="https://arxiv.org/abs/1707.06209",
    licence="CC-BY-NC-3.0",
    items=1000,
    hub_ids={"modelscope": "extraordinarylab/sciq", "huggingface": "allenai/sciq"},
    subsets=one_default_subset(),
    eval_split="test",
    train_split="train",
    prompt=multiple_choice.english(think=False),
    read=multiple_choice.reader(
        Columns(choices=("correct_answer", "distractor1", "distractor2", "distractor3"), answer=None),
        LISTED,
    ),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
