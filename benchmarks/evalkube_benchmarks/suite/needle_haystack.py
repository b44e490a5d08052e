"""Needle in a haystack: a sentence hidden in a long text, at each of ten lengths and ten depths.

It follows G. Kamradt's test (2023). Texts are Paul Graham's essays and Wu Cheng'en's Journey to the West, as ModelScope
has them, or the user's own (.txt, a subset for each). Lengths are in tokens: of the tokenizer that `tokenizer_path`
names, otherwise estimated from characters. A record with `context_length` and `depth_percent` is that one cell; any
other text serves the whole grid.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from evalkube_benchmarks import fields, haystack, readers
from evalkube_benchmarks.benchmark import Benchmark, Metric, Prompt, Question, Record, Subset, Tokenizer
from evalkube_benchmarks.haystack import Cell, Grid
from evalkube_benchmarks.metrics import names

__all__ = ["BENCHMARK"]

_PARAMETERS: Mapping[str, Any] = {
    "retrieval_question": "",
    "needles": [],
    "answers": [],
    "context_lengths_min": 1000,
    "context_lengths_max": 32000,
    "context_lengths_num_intervals": 10,
    "document_depth_percent_min": 0,
    "document_depth_percent_max": 100,
    "document_depth_percent_intervals": 10,
    "tokenizer_path": "",
}
# Of our own making, in the language of the text: question, needle, what a right reply holds.
_OWN = {
    False: (
        "Where does the lighthouse keeper of Varnholm hide the spare key?",
        "The lighthouse keeper of Varnholm hides the spare key in a blue teapot behind the barometer.",
        "blue teapot",
    ),
    True: ("青石镇的钟表匠把备用钥匙藏在哪里？", "青石镇的钟表匠把备用钥匙藏在一只蓝色茶壶里。", "蓝色茶壶"),
}


def _made(
    records: Sequence[Record], grid: Grid, parameters: Mapping[str, Any], tokenizer: Tokenizer | None
) -> list[Record]:
    return [made for record in records for made in _of_text(record, grid, parameters, tokenizer)]


def _of_text(
    record: Record, grid: Grid, parameters: Mapping[str, Any], tokenizer: Tokenizer | None
) -> Iterator[Record]:
    """The records made from one text."""
    text = fields.text(record, "text").strip()
    if not text:
        raise ValueError("field 'text' is empty")
    question, needle, answer = _OWN[haystack.is_chinese(text)]
    needles = parameters["needles"] or [needle]
    answers = parameters["answers"] or (needles if parameters["needles"] else [answer])
    placed = "context_length" in record
    places = [Cell(int(record["context_length"]), int(record["depth_percent"]))] if placed else haystack.cells(grid)
    for cell in places:
        yield {
            "context": haystack.with_needles(text, cell, needles, tokenizer),
            "question": parameters["retrieval_question"] or question,
            "answers": answers,
            "context_length": cell.length,
            "depth_percent": cell.depth,
        }


def _read(record: Record, _: Random) -> Question:
    return Question(
        text=f"{record['context']}\n\nQuestion: {record['question']}",
        asked=record["question"],
        targets=tuple(record["answers"]),
        metadata={key: record[key] for key in ("context_length", "depth_percent")},
    )


def _found(said: str, question: Question) -> list[bool]:
    spoken = names.normal(said)
    return [names.normal(target) in spoken for target in question.targets]


def _variant(benchmark: Benchmark, parameters: Mapping[str, Any]) -> Benchmark:
    for key in ("needles", "answers"):
        if not all(isinstance(one, str) and one.strip() for one in parameters[key]):
            raise ValueError(f"{key} must be texts that are not empty")
    if parameters["needles"] and not parameters["retrieval_question"].strip():
        raise ValueError("needles of your own need a retrieval_question that asks for them; set it")
    if parameters["answers"] and not parameters["needles"]:
        raise ValueError("answers belong to needles of your own; set needles too")
    grid = Grid(
        parameters["context_lengths_min"],
        parameters["context_lengths_max"],
        parameters["context_lengths_num_intervals"],
        parameters["document_depth_percent_min"],
        parameters["document_depth_percent_max"],
        parameters["document_depth_percent_intervals"],
    )

    def prepared(made: Benchmark, tokenizer: Tokenizer | None) -> Benchmark:
        return dataclasses.replace(made, prepare=lambda records: _made(records, grid, parameters, tokenizer))

    return dataclasses.replace(prepared(benchmark, None), tokenized=prepared)


_DECLARED = Benchmark(
    name="needle_haystack",
    pretty_name="Needle in a Haystack",
    description="A question about a sentence that is hidden in a long text, English or Chinese, at several lengths "
    "and depths.",
    category="long context",
    languages=("en", "zh"),
    source="https://github.com/gkamradt/LLMTest_NeedleInAHaystack",
    licence="MIT (the test; the texts are their authors')",
    items=200,
    hub_ids={"modelscope": "AI-ModelScope/Needle-in-a-Haystack-Corpus"},
    subsets=(Subset("english"), Subset("chinese")),
    configs={"english": "PaulGraham_Essays", "chinese": "Journey_to_the_West"},
    free_subsets=True,
    eval_split="test",
    prompt=Prompt.of(
        "Read the text and answer the question after it by what the text says. Be brief: give the answer alone.",
        "Text: {question}",
        "{answer}",
    ),
    read=_read,
    extract=readers.text,
    metrics=(
        Metric(name="acc", score=lambda said, question: float(all(_found(said, question)))),
        Metric(
            name="recall",
            score=lambda said, question: sum(_found(said, question)) / len(question.targets),
            verdict=False,
        ),
    ),
    parameters=_PARAMETERS,
    variant=_variant,
    heat_map=("context_length", "depth_percent"),
)
BENCHMARK = _variant(_DECLARED, _PARAMETERS)
