"""IQuiz: 120 Chinese questions on reasoning (IQ) and on dealing with people (EQ), one right choice each."""

from evalkube_runner.eval.benchmarks import choosing
from evalkube_runner.eval.benchmarks.declaration import Benchmark, Question, Record, Subset

__all__ = ["BENCHMARK"]


def _read(record: Record) -> Question:
    return choosing.question(
        str(record["question"]),
        [str(choice) for choice in record["choices"]],
        str(record["answer"]),
        metadata={"level": record.get("level")},
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
    read=_read,
    answer="choice",
)
