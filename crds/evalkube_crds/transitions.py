"""The transitions of a run's status: each takes a status and returns the next one, with its phase. Pure.

The operator and the `local` backend both use them, and no other code makes conditions. So the same state reads the same
everywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from evalkube_crds import status as statuses
from evalkube_crds.columns import columns
from evalkube_crds.names import ConditionType, Reason, Verdict
from evalkube_crds.progress import at_end, cut_short
from evalkube_crds.results import Progress
from evalkube_crds.status import Attempt, ResultReference, RunStatus
from evalkube_crds.wording import printable

__all__ = [
    "Outcome",
    "attempt_begun",
    "attempt_ended",
    "collecting",
    "ended",
    "held_back",
    "job_recorded",
    "running",
    "since",
    "starting",
    "with_outcome",
]

Value = Literal["True", "False", "Unknown"]
Setting = tuple[ConditionType, Value, Reason, str]
_MAX_MESSAGE = 1024
_MAX_ATTEMPTS = 32
_ENDED = "the runners have ended"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a run. `reason` is Completed, or the reason why there is no complete result.

    `delivered` is False if the figures are from the receipts, because the documents never arrived. `verdict` and
    `start_skew_s` are those of a load test's worst point. `done` is the number of samples or requests, `failed` of
    which failed; 0 if it is not known.
    """

    reason: Reason
    message: str
    delivered: bool = True
    summary: Mapping[str, float] = field(default_factory=dict)
    results: Mapping[str, Any] | None = None
    result_ref: ResultReference | None = None
    done: int = 0
    failed: int = 0
    verdict: Verdict | None = None
    start_skew_s: float | None = None


def _set(status: RunStatus, settings: Iterable[Setting], now: datetime, generation: int, **fields: Any) -> RunStatus:
    conditions = status.conditions
    for kind, value, reason, message in settings:
        words = printable(message if len(message) <= _MAX_MESSAGE else message[: _MAX_MESSAGE - 3] + "...")
        conditions = statuses.with_condition(conditions, kind, value, reason, words, now=now, generation=generation)
    progress: Progress | None = fields.get("progress", status.progress)
    shown = columns(conditions, fields.get("summary", status.summary), fields.pop("verdict", status.columns.verdict))
    return status.model_copy(
        update={
            "conditions": conditions,
            "phase": statuses.phase_of(conditions),
            "observed_generation": generation,
            "progress_text": _fraction(progress) if progress is not None else None,
            "columns": shown,
            **fields,
        }
    )


def _fraction(progress: Progress) -> str:
    return f"{progress.done}/{progress.total}" if progress.total else str(progress.done)


def since(status: RunStatus, kind: ConditionType, value: Value) -> datetime | None:
    """The time since which that condition has had that value; None if it has another."""
    condition = status.condition(kind)
    return condition.last_transition_time if condition is not None and condition.status == value else None


_UNDECIDED: Setting = (ConditionType.SUCCEEDED, "Unknown", Reason.PROGRESSING, "")


def held_back(
    status: RunStatus, reason: Reason, message: str, *, accepted: bool, now: datetime, generation: int
) -> RunStatus:
    """The status of a run that waits, for this reason. `accepted`: the run itself is valid."""
    settings: list[Setting] = [
        (ConditionType.ACCEPTED, "True", Reason.ACCEPTED, "")
        if accepted
        else (ConditionType.ACCEPTED, "Unknown", reason, message),
        (ConditionType.RUNNING, "Unknown", reason, message),
        _UNDECIDED,
    ]
    if status.condition(ConditionType.JOB_CREATED) is not None:
        settings.append((ConditionType.JOB_CREATED, "False", reason, ""))
    return _set(status, settings, now, generation)


def attempt_begun(status: RunStatus, number: int, *, now: datetime, generation: int) -> RunStatus:
    """The status with a further attempt, recorded before anything runs it."""
    attempts = [*status.attempts, Attempt(number=number, start_time=now)][-_MAX_ATTEMPTS:]
    settings: list[Setting] = [
        (ConditionType.ACCEPTED, "True", Reason.ACCEPTED, ""),
        (ConditionType.JOB_CREATED, "False", Reason.STARTING, f"attempt {number} is about to start"),
        (ConditionType.RUNNING, "Unknown", Reason.STARTING, f"attempt {number} is about to start"),
        _UNDECIDED,
    ]
    return _set(status, settings, now, generation, attempts=attempts, job_name=None, job_uid=None)


def job_recorded(
    status: RunStatus,
    number: int,
    message: str,
    *,
    name: str | None = None,
    uid: str | None = None,
    queued: bool = False,
    now: datetime,
    generation: int,
) -> RunStatus:
    """The status with what runs attempt `number`: a Job or a process. `message` names it.

    A Job's UID is now recorded.
    """
    attempts = status.attempts
    if not attempts or attempts[-1].number != number:
        attempts = [*attempts, Attempt(number=number, start_time=now)]
    settings: list[Setting] = [
        (ConditionType.ACCEPTED, "True", Reason.ACCEPTED, ""),
        (ConditionType.JOB_CREATED, "True", Reason.STARTED, message),
        _not_running(queued),
        _UNDECIDED,
    ]
    fields = {"attempts": attempts, "job_name": name, "job_uid": uid, "start_time": status.start_time or now}
    return _set(status, settings, now, generation, **fields)


def _not_running(queued: bool) -> Setting:
    if queued:
        return ConditionType.RUNNING, "Unknown", Reason.QUEUED, "the Job is suspended until its queue admits it"
    return ConditionType.RUNNING, "Unknown", Reason.STARTING, "waiting for the pods"


def starting(
    status: RunStatus, *, queued: bool, trouble: tuple[Reason, str] | None, now: datetime, generation: int
) -> RunStatus:
    """The status of a run whose Job exists but whose pods do not all run. `trouble` is the known cause."""
    setting = _not_running(queued) if trouble is None else (ConditionType.RUNNING, "Unknown", *trouble)
    return _set(status, [setting], now, generation)


def running(
    status: RunStatus,
    *,
    shards: int = 1,
    progress: Progress | None = None,
    unheard: str = "",
    now: datetime,
    generation: int,
) -> RunStatus:
    """The status of a run whose shards have all started.

    `progress` None leaves the progress as it was. `unheard` has words if nothing arrives from them.
    """
    words = f"{shards} shards have started" if shards > 1 else "the runner has started"
    setting: Setting = (ConditionType.RUNNING, "True", Reason.STARTED, words)
    if unheard:
        setting = (ConditionType.RUNNING, "True", Reason.INGEST_UNAVAILABLE, f"{words}, but {unheard}")
    return _set(status, [setting], now, generation, progress=progress or status.progress)


def collecting(status: RunStatus, reason: Reason, message: str, *, now: datetime, generation: int) -> RunStatus:
    """The status of a run whose runners have ended and whose results have not all arrived."""
    settings: list[Setting] = [
        (ConditionType.RUNNING, "False", Reason.COMPLETED, _ENDED),
        (ConditionType.RESULTS_COLLECTED, "False", reason, message),
    ]
    return _set(status, settings, now, generation)


def attempt_ended(
    status: RunStatus, reason: Reason, message: str, exit_code: int | None, *, now: datetime, generation: int
) -> RunStatus:
    """The status of a run whose attempt is over, while the run continues."""
    settings: list[Setting] = [
        (ConditionType.JOB_CREATED, "False", reason, message),
        (ConditionType.RUNNING, "Unknown", reason, message),
        _UNDECIDED,
    ]
    fields = {
        "attempts": _closed(status, reason, message, exit_code, now),
        "job_name": None,
        "job_uid": None,
        "progress": cut_short(status.progress),
    }
    return _set(status, settings, now, generation, **fields)


def _closed(status: RunStatus, reason: Reason, message: str, exit_code: int | None, now: datetime) -> list[Attempt]:
    if not status.attempts or status.attempts[-1].reason is not None:
        return status.attempts
    last = status.attempts[-1].model_copy(
        update={
            "reason": reason,
            "message": printable(message[:_MAX_MESSAGE]),
            "exit_code": exit_code,
            "completion_time": now,
        }
    )
    return [*status.attempts[:-1], last]


def ended(
    status: RunStatus,
    reason: Reason,
    message: str,
    *,
    exit_code: int | None = None,
    refused: bool = False,
    figures: Mapping[str, float] | None = None,
    now: datetime,
    generation: int,
) -> RunStatus:
    """The final status of a run without a result. `figures` are those that exist nevertheless."""
    settings: list[Setting] = [(ConditionType.SUCCEEDED, "False", reason, message)]
    if refused:
        settings.append((ConditionType.ACCEPTED, "False", reason, message))
    if status.condition(ConditionType.RUNNING) is not None:
        settings.append((ConditionType.RUNNING, "False", reason, ""))
    if status.condition(ConditionType.JOB_CREATED) is not None:
        settings.append((ConditionType.RESULTS_COLLECTED, "False", reason, ""))
    fields: dict[str, Any] = {
        "attempts": _closed(status, reason, message, exit_code, now),
        "completion_time": now,
        "progress": cut_short(status.progress),
    }
    if figures:
        fields["summary"] = dict(figures)
    return _set(status, settings, now, generation, **fields)


def with_outcome(
    status: RunStatus,
    outcome: Outcome,
    *,
    missed: list[str] | None,
    output_dir: str | None,
    now: datetime,
    generation: int,
) -> RunStatus:
    """The final status of a run with a result. `missed` are the missed thresholds; None if the run has none."""
    collected: Setting = (
        (ConditionType.RESULTS_COLLECTED, "True", Reason.COLLECTED, "")
        if outcome.delivered
        else (ConditionType.RESULTS_COLLECTED, "False", Reason.INGEST_UNAVAILABLE, outcome.message)
    )
    settings: list[Setting] = [
        (ConditionType.RUNNING, "False", Reason.COMPLETED, _ENDED),
        collected,
        (ConditionType.SUCCEEDED, "True", Reason.COMPLETED, outcome.message),
    ]
    if missed is not None:
        settings.append(
            (ConditionType.THRESHOLDS_MET, "False", Reason.THRESHOLDS_MISSED, "; ".join(missed))
            if missed
            else (ConditionType.THRESHOLDS_MET, "True", Reason.THRESHOLDS_MET, "")
        )
    return _set(status, settings, now, generation, **_outcome_fields(status, outcome, output_dir, now))


def _outcome_fields(status: RunStatus, outcome: Outcome, output_dir: str | None, now: datetime) -> Mapping[str, Any]:
    reference: ResultReference | None = outcome.result_ref
    over = cut_short(status.progress)
    return {
        "attempts": _closed(status, Reason.COMPLETED, "", 0, now),
        "completion_time": now,
        "progress": at_end(status.progress, outcome.done, outcome.failed) if outcome.done else over,
        "summary": dict(outcome.summary),
        "start_skew_seconds": outcome.start_skew_s,
        "results": dict(outcome.results) if outcome.results is not None else None,
        "result_ref": reference,
        "output_dir": output_dir,
        "verdict": outcome.verdict,
    }
