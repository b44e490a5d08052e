"""TriviaQA: 7,993 quiz questions with the Wikipedia pages that answer them (Joshi et al. 2017, arXiv:1705.03551).

The validation split is evaluated, because the answers of the test split are not public. The prompt contains the pages,
half of which have more than 10,000 words. Subset `rc.wikipedia.nocontext` has the same questions without them. An
answer has many names, each of which is right.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

from evalkube_benchmarks import fields, readers
from evalkube_benchmarks.benchmark import Benchmark, Prompt, Question, Record, Subset
from evalkube_benchmarks.metrics import names

__all__ = ["BENCHMARK"]

_ANSWER = 'The last line of your reply must be of the form "Answer: ..." and have the answer alone, in a few words.'


def _read(record: Record, _: Random) -> Question:
    asked = f"Question: {fields.text(record, 'question').strip()}"
    pages = _pages(record.get("entity_pages") or {})
    return Question(
        text="\n\n".join([*pages, asked]),
        asked=asked,
        targets=_names(record["answer"]),
        metadata={"question_id": fields.metadata(record.get("question_id"))},
    )


def _names(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """The answer as it is printed, and all its other names."""
    listed = (fields.references(dict(answer), key) for key in ("value", "aliases", "normalized_aliases"))
    found = tuple(dict.fromkeys(name for names in listed for name in names if name))
    if not found:
        raise ValueError("field 'answer' has neither value nor aliases")
    return found


def _pages(pages: Any) -> list[str]:
    """The texts of the pages: a struct of lists, or a list of structs."""
    if not isinstance(pages, Mapping):
        pages = {"wiki_context": [page.get("wiki_context") for page in pages]}
    return [text.strip() for text in fields.references(dict(pages), "wiki_context") if text.strip()]


BENCHMARK = Benchmark(
    name="trivia_qa",
    pretty_name="TriviaQA",
    description="Quiz questions in English with the Wikipedia pages that answer them. Every name of the answer is "
    "right.",
    category="questions",
    languages=("en",),
    source="https://arxiv.org/abs/1705.03551",
    licence="Apache-2.0 (questions; the pages are Wikipedia's)",
    items=7993,
    hub_ids={"modelscope": "evalscope/trivia_qa", "huggingface": "mandarjoshi/trivia_qa"},
    subsets=(Subset("rc.wikipedia"),),
    free_subsets=True,
    eval_split="validation",
    train_split="train",
    prompt=Prompt(
        question=f"Read the pages, if there are any, and answer the question after them. {_ANSWER}\n\n{{question}}",
        few_shot=f"Answer the last question below, in the way of the others. {_ANSWER}\n\n{{fewshot}}\n\n{{question}}",
        example="{question}\nAnswer: {answer}",
        answer="Answer: {answer}",
    ),
    read=_read,
    extract=readers.short,
    metrics=names.METRICS,
)
