"""RACE: questions on texts of Chinese pupils' English examinations (Lai et al. 2017, arXiv:1704.04683).

The test split has 3,498 questions of high schools and 1,436 of middle schools. The first 3 of the train split are
worked examples, because texts are long.
"""

from evalkube_benchmarks import multiple_choice, readers
from evalkube_benchmarks.benchmark import Benchmark, Subset
from evalkube_benchmarks.metrics import accuracy
from evalkube_benchmarks.multiple_choice import Columns

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    name="race",
    pretty_name="RACE",
    description="Reading comprehension: questions on English texts from middle and high school examinations in China.",
    category="reasoning",
    languages=("en",),
    source="https://arxiv.org/abs/1704.04683",
    licence="non-commercial research only",
    items=4934,
    hub_ids={"modelscope": "evalscope/race", "huggingface": "ehovy/race"},
    subsets=(Subset("high"), Subset("middle")),
    eval_split="test",
    train_split="train",
    few_shot_num=3,
    prompt=multiple_choice.english(
        "Read the text and choose the right answer to the question below it.", "Text: {question}\n{choices}"
    ),
    read=multiple_choice.reader(
        Columns(question=("article", "question"), choices="options", group="example_id", kept=("example_id",)),
    ),
    extract=readers.choice,
    metrics=(accuracy.CHOSEN,),
)
