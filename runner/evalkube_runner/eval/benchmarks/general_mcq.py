"""General MCQ: multiple-choice questions of one's own, with the fields question, A, B, ... (up to J) and answer."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from evalkube_runner.eval.benchmarks import choosing, fields
from evalkube_runner.eval.benchmarks.declaration import Benchmark, Question, Record, one_default_subset

__all__ = ["BENCHMARK"]


def _read(record: Record) -> Question:
    return _question(record, several=False)


def _read_several(record: Record) -> Question:
    return _question(record, several=True)


def _question(record: Record, *, several: bool) -> Question:
    metadata = {"id": fields.metadata(record["id"])} if record.get("id") is not None else {}
    answers = fields.references(record, "answer")
    if not answers:
        raise KeyError("answer")
    return choosing.question(
        fields.text(record, "question"),
        choosing.lettered(record),
        ",".join(answers),
        solution=fields.first(record, "explanation") or "",
        several=several,
        metadata=metadata,
    )


def _variant(benchmark: Benchmark, parameters: Mapping[str, Any]) -> Benchmark:
    if parameters["multiple_correct"]:
        return dataclasses.replace(
            benchmark,
            read=_read_several,
            answer="choices",
            prompt_template=choosing.CHINESE_SEVERAL,
            few_shot_prompt_template=choosing.CHINESE_SEVERAL_FEW_SHOT,
        )
    return (
        benchmark if parameters["use_cot"] else dataclasses.replace(benchmark, prompt_template=choosing.CHINESE_DIRECT)
    )


BENCHMARK = Benchmark(
    name="general_mcq",
    pretty_name="General-MCQ",
    description="Multiple-choice questions of the user's own, asked in Chinese.",
    hub_ids={},
    subsets=one_default_subset(),
    free_subsets=True,
    eval_split="val",
    train_split="dev",
    prompt_template=choosing.CHINESE,
    few_shot_prompt_template=choosing.CHINESE_FEW_SHOT,
    example_template=choosing.CHINESE_EXAMPLE,
    stops=choosing.STOPS,
    read=_read,
    answer="choice",
    parameters={"multiple_correct": False, "use_cot": True},
    variant=_variant,
)
