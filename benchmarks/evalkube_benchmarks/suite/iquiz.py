"""IQuiz: 120 Chinese questions on reasoning (IQ) and on dealing with people (EQ), one right choice each."""

from random import Random

from evalkube_benchmarks import fields, multiple_choice, readers
from evalkube_benchmarks.declaration import Benchmark, Question, Record, Subset
from evalkube_benchmarks.metrics import accuracy

__all__ = ["BENCHMARK"]


def _read(record: Record, _: Random) -> Question:
    if not isinstance(record["choices"], list | tuple):
        raise ValueError("field 'choices' is no list")
    numbered = {str(at): choice for at, choice in enumerate(record["choices"])}
    return multiple_choice.question(
        fields.text(record, "question"),
        ["" if fields.is_missing(choice) else fields.text(numbered, at) for at, choice in numbered.items()],
        fields.text(record, "answer"),
        metadata={"level": fields.metadata(record.get("level"))},
    )


BENCHMARK = Benchmark(
    name="iquiz",
    pretty_name="IQuiz",
    description="Chinese single-choice questions on intelligence (IQ) and emotional intelligence (EQ).",
    category="reasoning",
    languages=("zh",),
    source="https://modelscope.cn/datasets/AI-ModelScope/IQuiz",
    licence="Apache-2.0",
    items=120,
    hub_ids={"modelscope": "AI-ModelScope/IQuiz"},
    subsets=(Subset("IQ"), Subset("EQ")),
    eval_split="test",
    prompt=multiple_choice.CHINESE,
    read=_read,
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
    rules_version=2,
)
