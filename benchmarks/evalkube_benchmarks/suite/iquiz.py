"""IQuiz: 120 Chinese questions on reasoning (IQ) and on dealing with people (EQ), one right choice each."""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]


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
    read=multiple_choice.reader(Columns(kept=("level",))),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
    rules_version=2,
)
