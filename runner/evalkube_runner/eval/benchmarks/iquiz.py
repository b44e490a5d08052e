"""IQuiz: 120 Chinese questions on reasoning (IQ) and on dealing with people (EQ), one right choice each."""

from evalkube_runner.eval.benchmarks import choosing, fields
from evalkube_runner.eval.benchmarks.declaration import Benchmark, Question, Record, Subset

__all__ = ["BENCHMARK"]


def _read(record: Record) -> Question:
    if not isinstance(record["choices"], list | tuple):
        raise ValueError("field 'choices' is no list")
    numbered = {str(at): choice for at, choice in enumerate(record["choices"])}
    return choosing.question(
        fields.text(record, "question"),
        ["" if fields.is_missing(choice) else fields.text(numbered, at) for at, choice in numbered.items()],
        fields.text(record, "answer"),
        metadata={"level": fields.metadata(record.get("level"))},
    )


BENCHMARK = Benchmark(
    name="iquiz",
    pretty_name="IQuiz",
    description="Chinese single-choice questions on intelligence (IQ) and emotional intelligence (EQ).",
    hub_ids={"modelscope": "AI-ModelScope/IQuiz"},
    subsets=(Subset("IQ"), Subset("EQ")),
    eval_split="test",
    prompt_template=choosing.CHINESE,
    few_shot_prompt_template=choosing.CHINESE_FEW_SHOT,
    example_template=choosing.CHINESE_EXAMPLE,
    stops=choosing.STOPS,
    read=_read,
    answer="choice",
)
