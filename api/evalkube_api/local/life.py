"""The life of a run document: made, started, asked to end, ended. Pure: times and ids come in as arguments."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from evalkube_api.backend import WORDS, Submission
from evalkube_crds import thresholds
from evalkube_crds.cluster import Threshold
from evalkube_crds.names import ConditionType, Kind, Reason
from evalkube_crds.results import Progress
from evalkube_crds.status import (
    Attempt,
    Condition,
    EvalRun,
    Metadata,
    PerfRun,
    ResultReference,
    Run,
    RunStatus,
    phase_of,
    with_condition,
)

__all__ = [
    "KEY",
    "MADE",
    "REQUEST",
    "WAITS",
    "Ending",
    "Results",
    "asked_to_end",
    "ended",
    "is_run_id",
    "new_run",
    "request_digest",
    "run_id_at",
    "started",
]

ConditionStatus = Literal["True", "False"]

KEY: Final = "evalkube.io/idempotency-key"
REQUEST: Final = "evalkube.io/request-sha256"
MADE: Final = "evalkube.io/made-folder"
"""Annotations: the client's Idempotency-Key, what it stood for, and whether the service made the run's folder."""

WAITS: Final = "waits for its turn"
"""What people are told of a run that has been accepted."""
_RUN_ID: Final = re.compile(rf"({'|'.join(WORDS.values())})-[0-9]{{8}}t[0-9]{{9}}-[0-9a-z]{{8}}")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: the reason decides the phase, the message is for people. ``figures``: what its runner could
    still say of a result that found no room."""

    reason: Reason
    message: str
    exit_code: int | None = None
    progress: Progress | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Results:
    """What a completed run reported: headline figures, and the response's results inline or by reference."""

    summary: Mapping[str, float] = field(default_factory=dict)
    inline: dict[str, Any] | None = None
    reference: ResultReference | None = None


def run_id_at(kind: Kind, now: datetime, random: str) -> str:
    """``eval-20251204t100000123-k2x7q9pa``: sorts by time within its kind, and is a valid DNS label."""
    return f"{WORDS[kind]}-{now:%Y%m%dt%H%M%S}{now.microsecond // 1000:03d}-{random}"


def is_run_id(name: str) -> bool:
    """Whether ``run_id_at`` made that name."""
    return _RUN_ID.fullmatch(name) is not None


def request_digest(submission: Submission) -> str:
    """What tells one request from another, secrets left out: a digest of a key would help to guess it."""
    document = [submission.kind, submission.spec.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def new_run(
    submission: Submission, *, run_id: str, uid: str, now: datetime, output_dir: str, annotations: Mapping[str, str]
) -> Run:
    """An accepted run that waits for its turn."""
    metadata = Metadata(name=run_id, uid=uid, creation_timestamp=now, annotations=dict(annotations))
    conditions = with_condition([], ConditionType.ACCEPTED, "True", Reason.ACCEPTED, now=now, generation=1)
    conditions = with_condition(conditions, ConditionType.RUNNING, "False", Reason.QUEUED, WAITS, now=now, generation=1)
    status = RunStatus(observed_generation=1, conditions=conditions, phase=phase_of(conditions), output_dir=output_dir)
    model = EvalRun if submission.kind is Kind.EVAL_RUN else PerfRun
    return model.model_validate({"metadata": metadata, "spec": submission.spec, "status": status})


def started(run: Run, now: datetime) -> Run:
    """``run`` with its runner at work."""
    conditions = _with(run.status.conditions, ConditionType.RUNNING, "True", Reason.STARTED, now=now)
    return _updated(run, conditions, start_time=now, attempts=[Attempt(number=1, start_time=now)])


def asked_to_end(run: Run) -> Run:
    """``run`` with the wish in its spec, as on a cluster."""
    return run.model_copy(update={"spec": run.spec.model_copy(update={"cancel": True})})


def ended(run: Run, ending: Ending, now: datetime, results: Results | None = None) -> Run:
    """``run`` in its last state. ``results`` where it completed."""
    conditions = run.status.conditions
    if run.status.start_time is not None or results is not None:
        conditions = _with(conditions, ConditionType.RUNNING, "False", ending.reason, now=now)
    if results is not None:
        conditions = _with(conditions, ConditionType.RESULTS_COLLECTED, "True", Reason.COLLECTED, now=now)
        conditions = _gated(conditions, run.spec.thresholds, results.summary, now)
    verdict: ConditionStatus = "True" if ending.reason is Reason.COMPLETED else "False"
    conditions = with_condition(
        conditions, ConditionType.SUCCEEDED, verdict, ending.reason, ending.message, now=now, generation=1
    )
    changes: dict[str, Any] = {"completion_time": now, "attempts": _closed(run.status.attempts, ending, now)}
    if ending.progress is not None:
        changes["progress"] = ending.progress
    if ending.figures:
        changes["summary"] = dict(ending.figures)
    if results is not None:
        changes.update(summary=dict(results.summary), results=results.inline, result_ref=results.reference)
    return _updated(run, conditions, **changes)


def _gated(
    conditions: list[Condition], gates: list[Threshold], summary: Mapping[str, float], now: datetime
) -> list[Condition]:
    if not gates:
        return conditions
    misses = thresholds.missed(gates, summary)
    reason = Reason.THRESHOLDS_MISSED if misses else Reason.THRESHOLDS_MET
    return with_condition(
        conditions,
        ConditionType.THRESHOLDS_MET,
        "False" if misses else "True",
        reason,
        "; ".join(map(str, misses)),
        now=now,
        generation=1,
    )


def _with(
    conditions: list[Condition], kind: ConditionType, status: ConditionStatus, reason: Reason, *, now: datetime
) -> list[Condition]:
    return with_condition(conditions, kind, status, reason, now=now, generation=1)


def _closed(attempts: list[Attempt], ending: Ending, now: datetime) -> list[Attempt]:
    if not attempts:
        return []
    end = {
        "completion_time": now,
        "reason": ending.reason,
        "message": ending.message,
        "exit_code": ending.exit_code,
    }
    return [*attempts[:-1], attempts[-1].model_copy(update=end)]


def _updated(run: Run, conditions: list[Condition], **changes: Any) -> Run:
    update = {"conditions": conditions, "phase": phase_of(conditions), **changes}
    return run.model_copy(update={"status": run.status.model_copy(update=update)})
