"""GPQA Diamond: 198 questions that experts answer correctly and others with a search engine do not (arXiv:2311.12022).

Its authors ask that no item appears in plain text where it could be collected for training. So evalkube's sample items
and tests contain none. A run's reviews contain items and should not be published. All items are in the train split;
there are no worked examples. Choices are shuffled at reading, by the run's seed.
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

_CHOICES = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")

BENCHMARK = Benchmark(
    name="gpqa_diamond",
    pretty_name="GPQA Diamond",
    description="Graduate-level questions in biology, physics and chemistry that a search engine does not answer.",
    category="knowledge",
    languages=("en",),
    source="https://arxiv.org/abs/2311.12022",
    licence="CC-BY-4.0",
    items=198,
    hub_ids={"modelscope": "AI-ModelScope/gpqa_diamond", "huggingface": "Idavidrein/gpqa"},
    subsets=(Subset("gpqa_diamond"),),
    eval_split="train",
    prompt=multiple_choice.english(),
    read=multiple_choice.reader(
        Columns(question=("Question",), choices=_CHOICES, answer=None, kept=("High-level domain", "Subdomain")),
    ),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
