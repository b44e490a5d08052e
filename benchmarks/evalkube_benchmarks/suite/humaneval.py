"""HumanEval: 164 functions to complete from their signature and docstring (Chen et al. 2021, arXiv:2107.03374).

A reply is right if the function passes the tests of its problem, in the sandbox. MIT licence; no worked examples.
"""

from random import Random

from evalkube_benchmarks import fields
from evalkube_benchmarks.benchmark import Benchmark, Explained, Prompt, Question, Record, Reply, Subset
from evalkube_benchmarks.extract.code import code
from evalkube_benchmarks.metrics import programs
from evalkube_benchmarks.sandbox import Limits

__all__ = ["BENCHMARK"]


def _read(record: Record, _: Random) -> Question:
    prompt, entry = fields.text(record, "prompt"), fields.text(record, "entry_point")
    solution = fields.text(record, "canonical_solution")
    return Question(
        text=prompt,
        targets=(f"```python\n{prompt.rstrip()}\n{solution.rstrip()}\n```",),
        metadata={"task_id": fields.metadata(record.get("task_id")), "entry_point": entry},
        checks={"prompt": prompt, "test": fields.text(record, "test")},
    )


def _code(reply: Reply, question: Question) -> str | None:
    return code(reply.text, question.metadata["entry_point"])


def _run(found: str, question: Question, limits: Limits) -> Explained:
    entry, checks = question.metadata["entry_point"], question.checks
    tests = f"{checks['test']}\ncheck({entry})\n"
    return programs.passes(programs.completed(found, checks["prompt"], entry), tests, (entry,), limits)


BENCHMARK = Benchmark(
    name="humaneval",
    pretty_name="HumanEval",
    description="Python functions to complete from their signature and docstring. They are right if they pass "
    "their tests.",
    category="code",
    languages=("en",),
    source="https://arxiv.org/abs/2107.03374",
    licence="MIT",
    items=164,
    hub_ids={"modelscope": "opencompass/humaneval", "huggingface": "openai/openai_humaneval"},
    subsets=(Subset("openai_humaneval"),),
    eval_split="test",
    prompt=Prompt.of(
        "Complete this Python function. Reply with the whole function, its imports included, in one Markdown code "
        "block, and with no tests of your own.",
        "```python\n{question}\n```",
        "{answer}",
    ),
    read=_read,
    extract=_code,
    metrics=(programs.passing(_run, 4.0, 512),),
    programs=1,
    rules_version=2,
    parameters={"timeout_s": 4.0, "memory_mib": 512},
    variant=programs.limited(_run),
)
