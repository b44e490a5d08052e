"""MATH: 5,000 test problems of competitions (Hendrycks et al. 2021, arXiv:2103.03874), answers are formulas."""

from evalkube_benchmarks import mathematics, readers
from evalkube_benchmarks.declaration import Benchmark
from evalkube_benchmarks.metrics import accuracy

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="competition_math",
    pretty_name="Competition-MATH",
    description="Problems of mathematical competitions at schools in English, of five levels and seven subjects; the "
    "answer is a number or a formula. `extra_params: {by_subject: true}` makes the subjects its subsets.",
    category="mathematics",
    languages=("en",),
    source="https://arxiv.org/abs/2103.03874",
    licence="MIT",
    items=5000,
    hub_ids={"modelscope": "evalscope/competition_math", "huggingface": "DigitalLearningGmbH/MATH-lighteval"},
    subsets=mathematics.LEVELS,
    eval_split="test",
    train_split="train",
    few_shot_num=4,
    prompt=mathematics.BOXED["en"],
    one_config="default",
    subset_of=mathematics.level,
    read=mathematics.competition,
    extract=readers.formula,
    metrics=(accuracy.VALUE,),
    parameters=mathematics.BY_SUBJECT,
    variant=mathematics.by_subject,
)
