"""Conditions, the phase they come to, and the documents that carry them."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from evalkube_crds.names import ConditionType, Phase, Reason
from evalkube_crds.status import EvalRun, phase_of, with_condition

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Step = tuple[ConditionType, Literal["True", "False", "Unknown"], Reason]

ACCEPTED: Step = (ConditionType.ACCEPTED, "True", Reason.ACCEPTED)
CREATED: Step = (ConditionType.JOB_CREATED, "True", Reason.STARTED)
RUNNING: Step = (ConditionType.RUNNING, "True", Reason.PROGRESSING)
STOPPED: Step = (ConditionType.RUNNING, "False", Reason.COMPLETED)
COURSES: list[tuple[list[Step], Phase]] = [
    ([], Phase.PENDING),
    ([ACCEPTED], Phase.QUEUED),
    ([ACCEPTED, (ConditionType.RUNNING, "Unknown", Reason.SUSPENDED)], Phase.SUSPENDED),
    ([ACCEPTED, CREATED, (ConditionType.RUNNING, "Unknown", Reason.QUEUED)], Phase.QUEUED),
    ([ACCEPTED, CREATED], Phase.STARTING),
    ([ACCEPTED, CREATED, RUNNING], Phase.RUNNING),
    ([ACCEPTED, CREATED, STOPPED], Phase.COLLECTING),
    ([ACCEPTED, STOPPED, (ConditionType.SUCCEEDED, "True", Reason.COMPLETED)], Phase.SUCCEEDED),
    ([ACCEPTED, (ConditionType.SUCCEEDED, "False", Reason.DATASET_UNAVAILABLE)], Phase.FAILED),
    ([ACCEPTED, RUNNING, (ConditionType.SUCCEEDED, "False", Reason.CANCELLED)], Phase.CANCELLED),
    ([ACCEPTED, RUNNING, (ConditionType.SUCCEEDED, "False", Reason.INTERRUPTED)], Phase.INTERRUPTED),
    ([(ConditionType.SUCCEEDED, "Unknown", Reason.PROGRESSING)], Phase.PENDING),
]


@pytest.mark.parametrize(("steps", "phase"), COURSES, ids=[f"{phase}-{len(steps)}" for steps, phase in COURSES])
def test_the_phase_follows_from_the_conditions(steps: list[Step], phase: Phase) -> None:
    """One word for people, never stored as a truth of its own."""
    conditions: list[Any] = []
    for step in steps:
        conditions = with_condition(conditions, *step, now=NOW)
    assert phase_of(conditions) is phase


def test_a_transition_time_moves_only_with_the_status() -> None:
    """Another reason for the same status is no transition."""
    later = NOW + timedelta(seconds=5)
    first = with_condition([], *RUNNING, now=NOW)
    same = with_condition(first, ConditionType.RUNNING, "True", Reason.STARTED, now=later)
    other = with_condition(same, ConditionType.RUNNING, "False", Reason.COMPLETED, now=later)
    assert [step.last_transition_time for step in (same[0], other[0])] == [NOW, later]


def test_a_run_document_speaks_camel_case_and_reads_back() -> None:
    """As Kubernetes has it: names in the resource are camelCase, the operator's jobUID included."""
    run = EvalRun.model_validate(
        {
            "kind": "EvalRun",
            "metadata": {"name": "a", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": []},
            "spec": {"model": "m", "apiUrl": "http://x/v1", "datasets": ["gsm8k"], "evalBatchSize": 4},
            "status": {"jobUID": "j"},
        }
    )
    document = run.model_dump(mode="json", by_alias=True)
    assert document["spec"]["evalBatchSize"] == 4
    assert document["status"]["jobUID"] == "j"
    assert EvalRun.model_validate(document) == run
