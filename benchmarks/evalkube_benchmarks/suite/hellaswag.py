"""HellaSwag: which of four endings continues a scene (Zellers et al. 2019, arXiv:1905.07830).

The validation split is evaluated, because the answers of the test split are not public. It has 10,042 scenes from
captions of videos and from how-to articles. There are no worked examples unless asked for (train split).
"""

import re
from random import Random

from evalkube_benchmarks import fields, multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Question, Record, one_default_subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

_ENDINGS = multiple_choice.reader(
    Columns(question=("scene",), choices="endings", answer="label", first=0, kept=("activity_label",))
)


def _read(record: Record, random: Random) -> Question:
    first, then = (_plain(fields.text(record, name)) for name in ("ctx_a", "ctx_b"))
    endings = [_plain(ending) for ending in fields.texts(record, "endings")]
    scene = f"{first} {then[:1].upper()}{then[1:]}".strip()
    return _ENDINGS({**record, "scene": scene, "endings": endings}, random)


def _plain(text: str) -> str:
    """A text without the marks of how-to articles: [header], [title], [step], [substeps]."""
    text = re.sub(r"[.:]?\s*\[title\]\s*", ". ", text)
    return re.sub(r"\s+", " ", re.sub(r"\[[a-z]{1,12}\]", " ", text)).strip(" ").removeprefix(". ")


BENCHMARK = Benchmark(
    name="hellaswag",
    pretty_name="HellaSwag",
    description="An everyday scene with four endings. Only one makes sense.",
    category="reasoning",
    languages=("en",),
    source="https://arxiv.org/abs/1905.07830",
    licence="MIT",
    items=10042,
    hub_ids={"modelscope": "evalscope/hellaswag", "huggingface": "Rowan/hellaswag"},
    subsets=one_default_subset(),
    eval_split="validation",
    train_split="train",
    prompt=multiple_choice.english(
        "Choose the ending that continues the scene most sensibly.", "Scene: {question}\n{choices}", think=False
    ),
    read=_read,
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
