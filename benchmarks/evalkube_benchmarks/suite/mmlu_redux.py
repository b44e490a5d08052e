"""MMLU-Redux 2.0: 100 questions of each MMLU subject, checked by people (Gema et al. 2024, arXiv:2406.04127).

Of the 5,700 questions, those are used that people found sound (`error_type` is `ok`), and those whose wrong answer they
corrected to another choice. Unclear questions and those with no or several right choices are left out. ZeroEval and
others do the same. There are no worked examples.
"""

from collections.abc import Sequence
from random import Random

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Question, Record
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns
from evalkube_benchmarks.suite import mmlu

__all__ = ["BENCHMARK"]

_LETTERS = "ABCD"
_KEPT = ("error_type", "source")
_SOUND = multiple_choice.reader(Columns(first=0, kept=_KEPT))
_CORRECTED = multiple_choice.reader(Columns(answer="correct_answer", kept=_KEPT))


def _correction(record: Record) -> str | None:
    """The corrected letter, written as a letter or as a number from 0; None if it is no choice."""
    said = str(record.get("correct_answer") or "").strip().strip("()").upper()
    if said in tuple("0123"):
        return _LETTERS[int(said)]
    return said if said in tuple(_LETTERS) else None


def _usable(records: Sequence[Record]) -> Sequence[Record]:
    return [one for one in records if one["error_type"] == "ok" or _is_corrected(one)]


def _is_corrected(record: Record) -> bool:
    return record["error_type"] == "wrong_groundtruth" and _correction(record) is not None


def _read(record: Record, random: Random) -> Question:
    if _is_corrected(record):
        return _CORRECTED({**record, "correct_answer": _correction(record)}, random)
    return _SOUND(record, random)


BENCHMARK = Benchmark(
    name="mmlu_redux",
    pretty_name="MMLU-Redux 2.0",
    description="MMLU questions whose answers people have checked. Questions with an error that cannot be "
    "corrected are left out.",
    category="knowledge",
    languages=("en",),
    source="https://arxiv.org/abs/2406.04127",
    licence="CC-BY-4.0",
    items=5700,
    hub_ids={"modelscope": "AI-ModelScope/mmlu-redux-2.0", "huggingface": "edinburgh-dawg/mmlu-redux-2.0"},
    subsets=mmlu.SUBSETS,
    eval_split="test",
    prompt=multiple_choice.english(subject=True),
    prepare=_usable,
    read=_read,
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
