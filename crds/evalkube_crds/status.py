"""The status of a run: conditions, and what follows from them. Pure: times are arguments."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import ConditionType, Kind, Phase, Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.result_parts import Report
from evalkube_crds.results import Progress

__all__ = [
    "Attempt",
    "Columns",
    "Condition",
    "EvalRun",
    "Metadata",
    "PerfRun",
    "ResultReference",
    "Run",
    "RunStatus",
    "phase_of",
    "with_condition",
]

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Report):
    """One step of a run, as in the Kubernetes API conventions."""

    type: ConditionType
    status: ConditionStatus
    reason: Reason
    message: str = ""
    last_transition_time: datetime
    observed_generation: int = 0


class Attempt(Report):
    """One attempt at the run."""

    number: int = Field(ge=0)
    start_time: datetime | None = None
    completion_time: datetime | None = None
    reason: Reason | None = None
    message: str = ""
    exit_code: int | None = None


class ResultReference(Report):
    """The place of a result document that is too large for the status."""

    store: str
    uri: str
    sha256: str
    bytes: int


class Columns(Report):
    """The printer columns of a run for `kubectl get` (`columns.columns`); programs read the fields behind them."""

    reason: str | None = Field(default=None, description="Reason of the current state, or of the end")
    score: str | None = Field(default=None, description="The score, to three digits")
    rps: str | None = Field(default=None, description="Requests per second of the fastest point, to three digits")
    verdict: str | None = Field(default=None, description="Whether the load generator was healthy, at the worst point")
    gate: str | None = Field(default=None, description="passed or missed, if the run has thresholds")


class RunStatus(Report):
    """The status of a run. After the end of the run it never changes again."""

    observed_generation: int = 0
    phase: Phase = Phase.PENDING
    conditions: list[Condition] = Field(
        default_factory=list,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    progress: Progress | None = None
    progress_text: str | None = Field(default=None, description="Progress in words: done/total")
    columns: Columns = Field(default_factory=Columns, description="Printer columns of kubectl get")
    summary: dict[str, float] = Field(default_factory=dict, description="Headline figures by name")
    start_skew_seconds: float | None = Field(
        default=None,
        description="Greatest possible time between the starts of a load test's shards, at the point where it is "
        "greatest",
    )
    results: dict[str, Any] | None = Field(
        default=None, description="The response's result, if it is not larger than 32 KiB"
    )
    result_ref: ResultReference | None = None
    attempts: list[Attempt] = Field(default_factory=list, max_length=32)
    job_name: str | None = None
    job_uid: str | None = Field(default=None, alias="jobUID")
    start_time: datetime | None = None
    completion_time: datetime | None = None
    output_dir: str | None = Field(default=None, description="Folder of the artifacts")

    def condition(self, kind: ConditionType) -> Condition | None:
        """The condition of that type; None if there is none."""
        return next((condition for condition in self.conditions if condition.type is kind), None)


class Metadata(Report):
    """The part of Kubernetes' object metadata that a run needs."""

    model_config = ConfigDict(extra="ignore")

    name: str
    namespace: str | None = None
    uid: str
    generation: int = 1
    creation_timestamp: datetime
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class _Document(Report):
    api_version: Literal["evalkube.io/v1alpha1"] = "evalkube.io/v1alpha1"
    metadata: Metadata
    status: RunStatus = Field(default_factory=RunStatus)


class EvalRun(_Document):
    """An evaluation with its status."""

    kind: Literal[Kind.EVAL_RUN] = Kind.EVAL_RUN
    spec: EvalRunSpec


class PerfRun(_Document):
    """A load test with its status."""

    kind: Literal[Kind.PERF_RUN] = Kind.PERF_RUN
    spec: PerfRunSpec


Run = EvalRun | PerfRun


def with_condition(
    conditions: Iterable[Condition],
    kind: ConditionType,
    status: ConditionStatus,
    reason: Reason,
    message: str = "",
    *,
    now: datetime,
    generation: int = 0,
) -> list[Condition]:
    """`conditions` with one of them set. Its transition time changes only if its status does."""
    before = {condition.type: condition for condition in conditions}
    old = before.get(kind)
    since = old.last_transition_time if old is not None and old.status == status else now
    before[kind] = Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=since,
        observed_generation=generation,
    )
    return list(before.values())


_ENDED: dict[Reason, Phase] = {Reason.CANCELLED: Phase.CANCELLED, Reason.INTERRUPTED: Phase.INTERRUPTED}


_HELD: dict[Reason, Phase] = {
    Reason.QUEUED: Phase.QUEUED,
    Reason.WAITING_FOR_TURN: Phase.QUEUED,
    Reason.SUSPENDED: Phase.SUSPENDED,
}


def phase_of(conditions: Iterable[Condition]) -> Phase:
    """The phase that follows from the conditions."""
    by_type = {condition.type: condition for condition in conditions}

    def holds(kind: ConditionType) -> bool:
        return kind in by_type and by_type[kind].status == "True"

    succeeded = by_type.get(ConditionType.SUCCEEDED)
    if succeeded is not None and succeeded.status != "Unknown":
        return Phase.SUCCEEDED if succeeded.status == "True" else _ENDED.get(succeeded.reason, Phase.FAILED)
    running = by_type.get(ConditionType.RUNNING)
    if running is not None and running.status != "True" and running.reason in _HELD:
        return _HELD[running.reason]
    if running is not None and running.status == "False":
        return Phase.COLLECTING
    if holds(ConditionType.RUNNING):
        return Phase.RUNNING
    if holds(ConditionType.JOB_CREATED):
        return Phase.STARTING
    return Phase.QUEUED if holds(ConditionType.ACCEPTED) else Phase.PENDING
