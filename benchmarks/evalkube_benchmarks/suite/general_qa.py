"""General QA: free answers to your own questions, compared with a reference by shared words, or by a judge."""

from evalkube_benchmarks import own_questions, readers
from evalkube_benchmarks.benchmark import Benchmark, Prompt
from evalkube_benchmarks.metrics import text_overlap

__all__ = ["BENCHMARK"]

BENCHMARK = Benchmark(
    **own_questions.DECLARED,
    name="general_qa",
    pretty_name="General-QA",
    description="Your own questions with a reference answer, scored by BLEU and ROUGE, or by a judge.",
    languages=("any",),
    eval_split="test",
    train_split="train",
    prompt=Prompt(
        question="{question}",
        few_shot="{fewshot}\n\nQuestion: {question}\nAnswer:",
        example="Question: {question}\nAnswer: {answer}",
        answer="{answer}",
        letters_separator="、",
        stops=("\n\nQuestion:",),
    ),
    read=own_questions.read,
    extract=readers.text,
    metrics=text_overlap.METRICS,
    rules_version=3,
)
