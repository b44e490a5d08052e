"""MuSR: 756 long stories with a murderer, a place or a division of work to find (Sprague et al. 2023).

arXiv:2310.16049. Its three subsets are the splits of its one configuration.
"""

import ast
from random import Random

from evalkube_benchmarks import fields, multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Question, Record, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

_question = multiple_choice.reader(
    Columns(question=("narrative", "question"), answer="answer_index", first=0, group="narrative")
)


def _read(record: Record, random: Random) -> Question:
    choices = record["choices"]
    if isinstance(choices, str):  # a list as Python writes it
        try:
            choices = ast.literal_eval(choices)
        except (SyntaxError, ValueError, MemoryError, RecursionError) as problem:
            raise ValueError(f"field 'choices' is not a list: {fields.text(record, 'choices')[:40]!r}") from problem
    return _question({**record, "choices": choices}, random)


BENCHMARK = Benchmark(
    name="musr",
    pretty_name="MuSR",
    description="Long stories in English with hidden clues: who is the murderer, where somebody looks for a thing, "
    "how to divide tasks among people.",
    category="reasoning",
    languages=("en",),
    source="https://arxiv.org/abs/2310.16049",
    licence="CC-BY-4.0",
    items=756,
    hub_ids={"modelscope": "AI-ModelScope/MuSR", "huggingface": "TAUR-Lab/MuSR"},
    subsets=(Subset("murder_mysteries"), Subset("object_placements"), Subset("team_allocation")),
    eval_split="test",
    prompt=multiple_choice.english(
        "Read the story and choose the right answer to the question about it.", "Story: {question}\n\n{choices}"
    ),
    read=_read,
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
