"""GSM8K: 1,319 word problems of primary school (Cobbe et al. 2021, arXiv:2110.14168), answers are numbers."""

import re

from evalkube_runner.eval.benchmarks import fields
from evalkube_runner.eval.benchmarks.declaration import Benchmark, Question, Record, Subset

__all__ = ["BENCHMARK"]

# The solutions carry calculator notes such as <<3*4=12>>, which no model should imitate.
_CALCULATOR = re.compile(r"<<[^>]*>>")


def _read(record: Record) -> Question:
    solution, mark, target = fields.text(record, "answer").rpartition("####")
    if not mark:
        raise ValueError("answer has no '####' before its number")
    return Question(
        text=fields.text(record, "question").strip(),
        target=target.strip(),
        solution=_CALCULATOR.sub("", solution).strip(),
    )


_TASK = (
    r"Work out the answer to the last problem below. Show your steps, then finish with the result alone in \boxed{{}}."
)

BENCHMARK = Benchmark(
    name="gsm8k",
    pretty_name="GSM8K",
    description="Word problems of primary school in English; two to eight steps of arithmetic lead to one number.",
    hub_ids={"modelscope": "AI-ModelScope/gsm8k", "huggingface": "openai/gsm8k"},
    subsets=(Subset("main"),),
    eval_split="test",
    train_split="train",
    few_shot_num=4,
    prompt_template=r"Work out the answer to this problem. Show your steps, "
    "then finish with the result alone in \\boxed{{}}.\n\nProblem: {question}",
    few_shot_prompt_template=f"{_TASK}\n\n{{fewshot}}\n\nProblem: {{question}}",
    example_template="Problem: {question}\nSolution: {solution}\nResult: \\boxed{{{answer}}}",
    stops=("\n\nProblem:",),
    read=_read,
    answer="number",
)
