"""LogiQA: logical reasoning from China's civil service examination, in English (Liu et al. 2020, arXiv:2007.08124).

The test split has 651 questions. There are no worked examples unless asked for (validation split).
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, one_default_subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="logi_qa",
    pretty_name="LogiQA",
    description="Conclusions from short texts: questions on logic from China's civil service examination.",
    category="reasoning",
    languages=("en",),
    source="https://arxiv.org/abs/2007.08124",
    licence="not stated",
    items=651,
    hub_ids={"modelscope": "extraordinarylab/logiqa", "huggingface": "lucasmccabe/logiqa"},
    subsets=one_default_subset(),
    eval_split="test",
    train_split="validation",
    prompt=multiple_choice.english(
        "Read the text and choose the answer that follows from it.", "Text: {question}\n{choices}"
    ),
    read=multiple_choice.reader(
        Columns(question=("context", "query"), choices="options", answer="correct_option", first=0),
        Columns(question=("context", "question")),
    ),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
