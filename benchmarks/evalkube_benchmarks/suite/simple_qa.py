"""SimpleQA: 4,326 short questions about facts, each with one right answer (Wei et al. 2024, arXiv:2411.04368).

A language model grades. It tells an answer that was not attempted from a wrong one.
"""

from random import Random

from evalkube_benchmarks import fields, readers
from evalkube_benchmarks.benchmark import Benchmark, Prompt, Question, Record, one_default_subset
from evalkube_benchmarks.metrics import facts

__all__ = ["BENCHMARK"]


def _read(record: Record, _: Random) -> Question:
    return Question(
        text=fields.text(record, "problem").strip(),
        targets=(fields.text(record, "answer").strip(),),
        metadata={"metadata": fields.metadata(record.get("metadata"))},
    )


BENCHMARK = Benchmark(
    name="simple_qa",
    pretty_name="SimpleQA",
    description="Short questions about facts in English, hard for language models. A judge decides: right, wrong "
    "or not attempted.",
    category="questions",
    languages=("en",),
    source="https://arxiv.org/abs/2411.04368",
    licence="MIT",
    items=4326,
    hub_ids={"modelscope": "AI-ModelScope/SimpleQA", "huggingface": "basicv8vc/SimpleQA"},
    subsets=one_default_subset(),
    eval_split="test",
    prompt=Prompt.of("", "{question}", "{answer}"),
    read=_read,
    extract=readers.text,
    metrics=facts.METRICS,
    judge=facts.ENGLISH,
)
