"""DROP: 9,536 questions about passages, which ask to count, add, sort and compare (Dua et al. 2019, arXiv:1903.00161).

The validation split is evaluated, because the answers of the test split are not public. Hugging Face's copy has one
question less. The three worked examples, with their reasoning, are our own.
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from evalkube_benchmarks import fields, readers
from evalkube_benchmarks.benchmark import Benchmark, Prompt, Question, Record, one_default_subset
from evalkube_benchmarks.metrics import spans

__all__ = ["BENCHMARK"]


def _read(record: Record, _: Random) -> Question:
    golds = list(dict.fromkeys(gold for gold in _golds(record) if any(map(str.strip, gold))))
    if not golds:
        raise ValueError("has no answer")
    return Question(
        text=f"{fields.text(record, 'passage').strip()}\nQuestion: {fields.text(record, 'question').strip()}",
        targets=tuple("; ".join(gold) for gold in golds),
        solution=fields.first(record, "solution") or "",
        metadata={"id": fields.metadata(record.get("query_id")), "golds": golds},
        group=fields.text(record, "passage"),
    )


def _golds(record: Record) -> Iterator[tuple[str, ...]]:
    """The right answers, each of one or several spans."""
    if "answer" in record:
        yield _spans(record["answer"])
        yield from map(_spans, _rows(record.get("validated_answers") or ()))
    elif "answers_spans" in record:
        # Hugging Face's copy does not say which spans are one answer together and which say the same: both hold.
        found = fields.references(record["answers_spans"], "spans")
        yield from ((span,) for span in found)
        yield found
    else:
        yield from ((answer,) for answer in fields.references(record, "answers", "ref_text"))


def _rows(answers: Any) -> Sequence[Mapping[str, Any]]:
    """A list of answers, or the lists of their parts."""
    if not isinstance(answers, Mapping):
        return list(answers)
    parts = ("number", "date", "spans")
    return [dict(zip(parts, row, strict=True)) for row in zip(*(answers[part] for part in parts), strict=True)]


def _spans(answer: Mapping[str, Any]) -> tuple[str, ...]:
    if not fields.is_missing(answer.get("number")):
        return (fields.text(dict(answer), "number"),)
    if answer.get("spans"):
        return fields.references(dict(answer), "spans")
    date = answer.get("date") or {}
    return (" ".join(filter(None, (date.get(part) for part in ("day", "month", "year")))),)


BENCHMARK = Benchmark(
    name="drop",
    pretty_name="DROP",
    description="Questions about passages in English, which ask to count, add, sort and compare. The answers are "
    "numbers, dates and words of the passage, one or several.",
    category="reasoning",
    languages=("en",),
    source="https://arxiv.org/abs/1903.00161",
    licence="CC-BY-SA-4.0",
    items=9536,
    hub_ids={"modelscope": "AI-ModelScope/DROP", "huggingface": "ucinlp/drop"},
    subsets=one_default_subset(),
    eval_split="validation",
    train_split="train",
    few_shot_num=3,
    own_examples=True,
    prompt=Prompt.of(
        "Read the passage and answer the question about it. Think briefly, then end with a line that begins with "
        '"Answer:" and has the answer alone: a number, a date, or words of the passage, with a semicolon between '
        "several answers.",
        "Passage: {question}",
        "{solution}\nAnswer: {answer}",
        few_shot_task="Read each passage and answer the question about it, the last one in the way of the others: "
        'think briefly, then end with a line that begins with "Answer:" and has the answer alone.',
    ),
    read=_read,
    extract=readers.short,
    metrics=spans.METRICS,
)
