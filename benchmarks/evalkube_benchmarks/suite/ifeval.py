"""IFEval: 541 prompts with 834 instructions that a program can verify (Zhou et al. 2023, arXiv:2311.07911).

There are 25 kinds of instruction, the split `train`, no worked examples, and the prompt is sent as it is. Strict
figures judge the reply as it is. Loose figures also judge it without its first or last line and without Markdown's
stars. The figures per instruction are pooled: a prompt with three weighs as much as three prompts with one, as in the
paper.
"""

from collections.abc import Callable
from random import Random

from evalkube_benchmarks import fields, instructions
from evalkube_benchmarks.benchmark import (
    Benchmark,
    Metric,
    Prompt,
    Question,
    Record,
    Reply,
    Share,
    one_default_subset,
)

__all__ = ["BENCHMARK"]


def _read(record: Record, _: Random) -> Question:
    names, arguments = record["instruction_id_list"], record["kwargs"]
    if not isinstance(names, list | tuple) or not isinstance(arguments, list | tuple) or len(names) != len(arguments):
        raise ValueError("fields 'instruction_id_list' and 'kwargs' are not lists of the same length")
    if not names:
        raise ValueError("field 'instruction_id_list' is empty")
    own = [instructions.checked(name, one or {}) for name, one in zip(names, arguments, strict=True)]
    return Question(
        text=fields.text(record, "prompt"),
        targets=tuple(names),
        solution=fields.first(record, "response") or "",
        metadata={"key": fields.metadata(record.get("key")), "kwargs": own},
    )


def _said(reply: Reply, _: Question) -> str:
    """The whole reply, because its form is judged: nothing in it is taken as a frame or as another question."""
    return reply.text


def _per_prompt(*, loose: bool) -> Callable[[str, Question], float]:
    return lambda said, question: float(all(_followed(said, question, loose)))


def _per_instruction(*, loose: bool) -> Callable[[str, Question], Share]:
    return lambda said, question: Share(sum(_followed(said, question, loose)), len(question.targets))


def _followed(said: str, question: Question, loose: bool) -> tuple[bool, ...]:
    found = instructions.followed(said, question.targets, question.metadata["kwargs"])
    return found.loose if loose else found.strict


BENCHMARK = Benchmark(
    name="ifeval",
    pretty_name="IFEval",
    description="English prompts with instructions on length, form, keywords, case and language. A program "
    "verifies each instruction.",
    category="instructions",
    languages=("en",),
    source="https://arxiv.org/abs/2311.07911",
    licence="Apache-2.0",
    items=541,
    hub_ids={"modelscope": "opencompass/ifeval", "huggingface": "google/IFEval"},
    subsets=one_default_subset(),
    eval_split="train",
    prompt=Prompt.of("", "{question}", "{solution}"),
    read=_read,
    extract=_said,
    metrics=(
        Metric(name="prompt_level_strict", score=_per_prompt(loose=False)),
        Metric(name="inst_level_strict", score=_per_instruction(loose=False), verdict=False),
        Metric(name="prompt_level_loose", score=_per_prompt(loose=True)),
        Metric(name="inst_level_loose", score=_per_instruction(loose=True), verdict=False),
    ),
)
