"""MGSM: 250 problems of GSM8K in each of eleven languages (Shi et al. 2022, arXiv:2210.03057), answers are numbers.

Its train split has eight worked examples a language.
"""

import re
from random import Random

from evalkube_benchmarks import fields, mathematics
from evalkube_benchmarks.benchmark import Benchmark, Question, Record, Subset
from evalkube_benchmarks.metrics import accuracy

__all__ = ["BENCHMARK"]

_LANGUAGES = {
    "en": "English", "es": "Spanish", "fr": "French", "de": "German", "ru": "Russian", "zh": "Chinese",
    "ja": "Japanese", "th": "Thai", "sw": "Swahili", "bn": "Bengali", "te": "Telugu",
}  # fmt: skip
# Worked examples begin with words such as "Question:" and "Step-by-Step Answer:"; the prompt has its own.
_LABEL = re.compile(r"[^\d.。।?？:：]{1,40}[:：]\s*")


def _read(record: Record, _: Random) -> Question:
    question, solution = fields.text(record, "question"), fields.first(record, "answer") or ""
    if solution:
        question, solution = _LABEL.sub("", question, count=1), _LABEL.sub("", solution, count=1)
    return Question(
        text=question.strip(),
        targets=(fields.text(record, "answer_number").replace(",", "").strip(),),
        solution=solution.strip(),
    )


BENCHMARK = Benchmark(
    name="mgsm",
    pretty_name="MGSM",
    description="Word problems of primary school, the same ones in eleven languages. The answer is a whole number.",
    category="mathematics",
    languages=tuple(_LANGUAGES),
    source="https://arxiv.org/abs/2210.03057",
    licence="CC-BY-SA-4.0",
    items=2750,
    hub_ids={"modelscope": "evalscope/mgsm", "huggingface": "juletxara/mgsm"},
    subsets=tuple(Subset(code, title=name) for code, name in _LANGUAGES.items()),
    eval_split="test",
    train_split="train",
    few_shot_num=4,
    columns=("question", "answer_number"),
    prompt=mathematics.BOXED["en"],
    prompts=mathematics.BOXED,
    read=_read,
    extract=mathematics.whole_number,
    metrics=(accuracy.VALUE,),
)
