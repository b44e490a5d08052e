"""The states of a run document: made, started, asked to end, ended. Pure: times and ids are arguments."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from evalkube_api.backend import WORDS, Submission
from evalkube_crds import tags, thresholds, transitions
from evalkube_crds.names import Kind, Reason
from evalkube_crds.results import Progress
from evalkube_crds.status import EvalRun, Metadata, PerfRun, Run, RunStatus
from evalkube_crds.transitions import Outcome

__all__ = [
    "KEY",
    "MADE",
    "REQUEST",
    "WAITS",
    "Ending",
    "asked_to_end",
    "ended",
    "is_run_id",
    "new_run",
    "parsed",
    "request_digest",
    "run_id_at",
    "started",
]

KEY: Final = "evalkube.io/idempotency-key"
REQUEST: Final = "evalkube.io/request-sha256"
MADE: Final = "evalkube.io/made-folder"
"""Annotations: the client's Idempotency-Key, what it stood for, and whether the service made the run's folder."""

WAITS: Final = "waits for its turn"
"""What people are told of a run that has been accepted."""
_GENERATION: Final = 1
"""Of a document on one machine: its spec is never changed but to be cancelled."""
_RUN_ID: Final = re.compile(rf"({'|'.join(WORDS.values())})-[0-9]{{8}}t[0-9]{{9}}-[0-9a-z]{{8}}")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended. The reason decides the phase; the message is for people.

    `figures`: the figures that its runner reported although there was no room for the result.
    """

    reason: Reason
    message: str
    exit_code: int | None = None
    progress: Progress | None = None
    figures: Mapping[str, float] = field(default_factory=dict)


def run_id_at(kind: Kind, now: datetime, random: str) -> str:
    """A new id, `eval-20251204t100000123-k2x7q9pa`. It sorts by time within its kind and is a valid DNS label."""
    return f"{WORDS[kind]}-{now:%Y%m%dt%H%M%S}{now.microsecond // 1000:03d}-{random}"


def is_run_id(name: str) -> bool:
    """Whether a name has the form of `run_id_at`."""
    return _RUN_ID.fullmatch(name) is not None


def request_digest(submission: Submission) -> str:
    """A digest that identifies a request. Secrets are left out: a digest of a key would help to guess the key."""
    document = [submission.kind, submission.spec.model_dump(mode="json")]
    if submission.tags:
        document.append(dict(submission.tags))
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def new_run(
    submission: Submission, *, run_id: str, uid: str, now: datetime, output_dir: str, annotations: Mapping[str, str]
) -> Run:
    """A new run that waits for its turn."""
    marks = {"labels": tags.labels_of(submission.tags), "annotations": dict(annotations)}
    metadata = Metadata(name=run_id, uid=uid, creation_timestamp=now, **marks)
    waiting = transitions.held_back(
        RunStatus(output_dir=output_dir), Reason.WAITING_FOR_TURN, WAITS, accepted=True, now=now, generation=_GENERATION
    )
    model = EvalRun if submission.kind is Kind.EVAL_RUN else PerfRun
    return model.model_validate({"metadata": metadata, "spec": submission.spec, "status": waiting})


def parsed(data: bytes) -> Run:
    """A stored document. Raises ValueError."""
    document = orjson.loads(data)
    if not isinstance(document, dict):
        raise ValueError("is not a JSON object")
    model = EvalRun if document.get("kind") == Kind.EVAL_RUN else PerfRun
    run: Run = model.model_validate_json(data)
    return run


def started(run: Run, pid: int, now: datetime) -> Run:
    """`run` after its runner has started, with the runner's process id."""
    begun = transitions.job_recorded(run.status, 1, f"process {pid}", now=now, generation=_GENERATION)
    return run.model_copy(update={"status": transitions.running(begun, now=now, generation=_GENERATION)})


def asked_to_end(run: Run) -> Run:
    """`run` with the request to end in its spec, as on a cluster."""
    return run.model_copy(update={"spec": run.spec.model_copy(update={"cancel": True})})


def ended(run: Run, ending: Ending, now: datetime, outcome: Outcome | None = None) -> Run:
    """`run` in its last state. `outcome`: the results, if the run completed."""
    before = run.status
    if ending.progress is not None:
        before = before.model_copy(update={"progress": ending.progress})
    if outcome is None:
        status = transitions.ended(
            before,
            ending.reason,
            ending.message,
            exit_code=ending.exit_code,
            figures=ending.figures,
            now=now,
            generation=_GENERATION,
        )
    else:
        gates = run.spec.thresholds
        missed = [str(miss) for miss in thresholds.missed(gates, outcome.summary)] if gates else None
        status = transitions.with_outcome(
            before, outcome, missed=missed, output_dir=before.output_dir, now=now, generation=_GENERATION
        )
    return run.model_copy(update={"status": status})
