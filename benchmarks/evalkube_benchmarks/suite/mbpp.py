"""MBPP: 974 small Python tasks, 500 of them in the test split (Austin et al. 2021, arXiv:2108.07732).

A task has three assertions, and the prompt shows all of them, as the paper's does. A reply is right if they hold, in
the sandbox. CC BY 4.0; three worked examples from the split `prompt` (tasks 1 to 10).
"""

import re
from random import Random

from evalkube_benchmarks import fields
from evalkube_benchmarks.benchmark import Benchmark, Explained, Prompt, Question, Record, Reply, Subset
from evalkube_benchmarks.extract.code import code
from evalkube_benchmarks.metrics import programs
from evalkube_benchmarks.sandbox import Limits

__all__ = ["BENCHMARK"]

_CALLED = re.compile(r"assert\s+(?:not\s+)?\(*(?:\w+(?:\.\w+)*\(\s*)?(\w+)\s*\(")


def _read(record: Record, _: Random) -> Question:
    text = fields.first(record, "text", "prompt")
    if text is None:
        raise ValueError("has no field text or prompt")
    tests = fields.references(record, "test_list")
    if not tests:
        raise ValueError("field 'test_list' has no test")
    setup = [fields.first(record, "test_setup_code") or "", *fields.references(record, "test_imports")]
    solution = fields.text(record, "code").replace("\r\n", "\n").strip()
    return Question(
        text=f"{text}\nIt must hold these assertions:\n\n" + "\n".join(tests),
        targets=(f"```python\n{solution}\n```",),
        metadata={"task_id": fields.metadata(record.get("task_id"))},
        checks={"setup": "\n".join(filter(None, setup)).replace("\r\n", "\n"), "tests": list(tests)},
    )


def _code(reply: Reply, question: Question) -> str | None:
    """The program that defines the names that the tests call."""
    names = (name for name in _called(question) if re.search(rf"\b{name}\b", reply.text))
    return code(reply.text, next(names, ""))


def _called(question: Question) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for test in question.checks["tests"] for name in _CALLED.findall(test)))


def _run(found: str, question: Question, limits: Limits) -> Explained:
    tests = "\n".join(question.checks["tests"])
    return programs.passes((f"{found}\n{question.checks['setup']}\n",), tests, _called(question), limits)


BENCHMARK = Benchmark(
    name="mbpp",
    pretty_name="MBPP",
    description="Small Python tasks that a beginner can solve. The program must satisfy three assertions.",
    category="code",
    languages=("en",),
    source="https://arxiv.org/abs/2108.07732",
    licence="CC-BY-4.0",
    items=500,
    hub_ids={
        "modelscope": "google-research-datasets/mbpp",
        "huggingface": "google-research-datasets/mbpp",
    },
    subsets=(Subset("full"),),
    free_subsets=True,  # `sanitized` has 257 tasks whose wording was mended
    eval_split="test",
    train_split="prompt",
    few_shot_num=3,
    prompt=Prompt.of(
        "Write a Python program for this task. Reply with the program, its imports included, in one Markdown code "
        "block.",
        "Task: {question}",
        "{answer}",
        few_shot_task="Write a Python program for the last task below. Reply with the program, its imports included, "
        "in one Markdown code block.",
    ),
    read=_read,
    extract=_code,
    metrics=(programs.passing(_run, 4.0, 512),),
    programs=1,
    rules_version=2,
    parameters={"timeout_s": 4.0, "memory_mib": 512},
    variant=programs.limited(_run),
)
