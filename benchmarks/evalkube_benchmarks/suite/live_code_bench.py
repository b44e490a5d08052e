"""LiveCodeBench: programming problems of contests, by the date of the contest (Jain et al. 2024, arXiv:2403.07974).

A program reads stdin and writes stdout, or completes a method of a class. It is right if it passes all public and
private tests, in the sandbox. The hub has a file for each release (v1 to v6, 1,055 problems together; the six files are
4 GB of tests). Without a `subset_list` the newest is used, v6 with 175 problems of January to April 2025. `start_date`
and `end_date` choose by date. The problems belong to their contests; the card of the data set says `cc`, but not which
of these licences.
"""

import dataclasses
import datetime
import hashlib
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import orjson

from evalkube_benchmarks import fields
from evalkube_benchmarks.benchmark import Benchmark, Explained, Prompt, Question, Record, Reply, Subset
from evalkube_benchmarks.extract.code import code, defines
from evalkube_benchmarks.metrics import contests, programs
from evalkube_benchmarks.sandbox import Limits

__all__ = ["BENCHMARK"]


def _read(record: Record, _: Random) -> Question:
    starter = fields.first(record, "starter_code") or ""
    content = fields.text(record, "question_content").strip()
    public, private = fields.text(record, "public_test_cases"), fields.text(record, "private_test_cases")
    how = (
        f"Begin with this code, and keep its names:\n\n```python\n{starter}\n```"
        if starter
        else "The program reads its input from stdin and writes its output to stdout."
    )
    known = fields.first(record, "metadata")
    function = str(orjson.loads(known).get("func_name") or "") if known else ""
    if starter and not function:
        raise ValueError("has starter_code, but its metadata has no func_name")
    tests = hashlib.sha256(f"{public}\n{private}".encode()).hexdigest()[:16]
    solution = fields.first(record, "solution")  # in items of our own
    return Question(
        text=f"{content}\n\n{how}",
        targets=(f"```python\n{solution}\n```" if solution else f"(passes all its tests, {tests})",),
        metadata={
            name: fields.metadata(record.get(name))
            for name in ("question_id", "platform", "contest_date", "difficulty")
        },
        checks={"public": public, "private": private, "function": function if starter else ""},
    )


def _code(reply: Reply, question: Question) -> str | None:
    return code(reply.text, "Solution" if question.checks["function"] else "")


def _run(found: str, question: Question, limits: Limits) -> Explained:
    function = question.checks["function"]
    if function and defines(found, "Solution"):
        function = f"Solution.{function}"
    tests = contests.tests_of(question.checks["public"], question.checks["private"])
    return contests.passes(found, function, tests, limits)


def _within(start: str, end: str, records: Sequence[Record]) -> list[Record]:
    """The problems of contests from `start` to `end`, both included."""
    dated = [(str(fields.metadata(record.get("contest_date")))[:10], record) for record in records]
    return [record for day, record in dated if (not start or day >= start) and (not end or day <= end)]


def _variant(benchmark: Benchmark, values: Mapping[str, Any]) -> Benchmark:
    start, end = values["start_date"], values["end_date"]
    for day in filter(None, (start, end)):
        datetime.date.fromisoformat(day)
    changed = programs.limited(_run)(benchmark, values)
    if not (start or end):
        return changed
    return dataclasses.replace(changed, prepare=lambda records: _within(start, end, records))


BENCHMARK = Benchmark(
    name="live_code_bench",
    pretty_name="LiveCodeBench",
    description="Problems of programming contests, newer ones with each release (subsets v1 to v6; default: v6). A "
    "program must pass all tests of its problem.",
    category="code",
    languages=("en",),
    source="https://arxiv.org/abs/2403.07974",
    licence="Creative Commons (which one is not stated)",
    items=175,
    hub_ids={"modelscope": "AI-ModelScope/code_generation_lite", "huggingface": "livecodebench/code_generation_lite"},
    subsets=(Subset("v6"),),
    free_subsets=True,
    configs={"v1": "test", **{f"v{number}": f"test{number}" for number in range(2, 7)}},
    eval_split="test",
    prompt=Prompt.of(
        "Solve this problem of a programming contest in Python. Reply with the whole program, its imports included, in "
        "one Markdown code block.",
        "{question}",
        "{answer}",
    ),
    read=_read,
    extract=_code,
    metrics=(programs.passing(_run, 6.0, 1024),),
    programs=100,
    parameters={"timeout_s": 6.0, "memory_mib": 1024, "start_date": "", "end_date": ""},
    variant=_variant,
)
