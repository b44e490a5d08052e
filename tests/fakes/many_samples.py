"""A finished evaluation of many samples in an output root, without a model having been asked.

The lines are made here; everything that is made of them (index, tables, documents) is made by the project's own code.
"""

import asyncio
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from evalkube_crds import sample_lines, summary, transitions
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import ErrorClass, Reason, SampleState
from evalkube_crds.results import DatasetResult, EvalResult, ScoreSum, SubsetResult
from evalkube_crds.seed import evaluation
from evalkube_crds.status import EvalRun, Metadata, RunStatus
from evalkube_crds.transitions import Outcome
from evalkube_runner import reporting
from evalkube_runner.deliver import FileDelivery
from fakes import many_runs
from fakes.sample_lines import error, jsonl, prediction, review

__all__ = ["evaluated"]

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def evaluated(
    outputs: Path,
    count: int,
    *,
    name: str = "eval-many",
    model: str = "m",
    dataset: str = "gsm8k",
    question: str = "What is number {}?",
    answer: str = "It is 7.",
    wrong: int = 3,
) -> str:
    """The id of a run with so many samples: every `wrong`-th is wrong, every 7th of these without an answer, and every
    50th errored. The texts are those given.
    """
    folder = outputs / name
    states = [_state(at, wrong) for at in range(count)]
    lines = {
        "predictions": (prediction(at, answer) for at in range(count) if states[at] is not SampleState.ERRORED),
        "reviews": (_review(at, state, question) for at, state in enumerate(states) if state is not SampleState.ERRORED),
        "errors": (error(at) for at in range(count) if states[at] is SampleState.ERRORED),
    }
    for kind, records in lines.items():
        _write(folder / sample_lines.path(kind, model, dataset, "main"), records)
    result = _result(name, model, dataset, states)
    run = _run(result, folder)
    scratch = outputs / ".scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    delivery = FileDelivery(folder, scratch / "control", pipeline="eval")
    asyncio.run(reporting.report(run, result, delivery, scratch))
    many_runs.written(outputs, [run])
    return name


def _state(at: int, wrong: int) -> SampleState:
    if at % 50 == 49:
        return SampleState.ERRORED
    if at % wrong:
        return SampleState.RIGHT
    return SampleState.NO_ANSWER if at % 7 == 0 else SampleState.WRONG


def _review(at: int, state: SampleState, question: str) -> dict[str, Any]:
    text = question.format(at)
    asked = {"id": hashlib.sha256(text.encode()).hexdigest()[:24], "text": text}
    extracted = None if state is SampleState.NO_ANSWER else "7"
    line = review(at, float(state is SampleState.RIGHT), extracted, question=asked)
    line["sample_score"] |= {"generation_index": 0, "group_id": at}
    line["sample_score"]["score"]["main_score_name"] = "acc"
    return line


def _write(path: Path, records: Iterator[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for record in records:
            file.writelines(jsonl(record))


def _run(result: EvalResult, folder: Path) -> EvalRun:
    spec = EvalRunSpec.model_validate(
        {"model": result.model, "api_url": "http://127.0.0.1:9/v1", "datasets": ["gsm8k"], "dataset_hub": "sample"}
    )
    status = transitions.job_recorded(RunStatus(output_dir=str(folder)), 1, "process 1", now=_AT, generation=1)
    status = transitions.running(status, now=_AT, generation=1)
    outcome = Outcome(
        Reason.COMPLETED,
        "",
        summary=summary.summary(result),
        results=evaluation.reports(result),
        done=summary.requested(result),
        failed=summary.failed(result),
        verdict=None,
    )
    end = _AT + timedelta(seconds=90)
    status = transitions.with_outcome(status, outcome, missed=None, output_dir=str(folder), now=end, generation=1)
    metadata = Metadata(name=result.run_id, uid=f"uid-{result.run_id}", creation_timestamp=_AT)
    return EvalRun(metadata=metadata, spec=spec, status=status)


def _result(name: str, model: str, dataset: str, states: list[SampleState]) -> EvalResult:
    scores, right = ScoreSum(), states.count(SampleState.RIGHT)
    errored = states.count(SampleState.ERRORED)
    for score, times in ((1.0, right), (0.0, len(states) - right - errored)):
        for _ in range(times):
            scores.add(score)
            scores.add_question([(score, 1)])
    subset = SubsetResult(
        name="main",
        metrics={"mean_acc": scores},
        requested=len(states),
        scored=len(states) - errored,
        errored={ErrorClass.STATUS_5XX: errored} if errored else {},
        states={state: states.count(state) for state in SampleState if state is not SampleState.ERRORED},
    )
    made = DatasetResult(
        name=dataset, pretty_name=dataset, description="Made up.", main_metric="mean_acc", subsets=[subset]
    )
    return EvalResult(run_id=name, model=model, datasets=[made], started_at_ns=1, ended_at_ns=2)
