"""What `kubectl get` prints of a run: the reason that counts, and figures that a person can read."""

from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from evalkube_crds.columns import columns, three_digits
from evalkube_crds.names import ConditionType, Reason, Verdict
from evalkube_crds.status import with_condition

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Step = tuple[ConditionType, Literal["True", "False", "Unknown"], Reason]

UNDECIDED: Step = (ConditionType.SUCCEEDED, "Unknown", Reason.PROGRESSING)
REASONS: dict[str, tuple[list[Step], str | None]] = {
    "nothing yet": ([], None),
    "accepted": ([(ConditionType.ACCEPTED, "True", Reason.ACCEPTED)], "Accepted"),
    "no Secret": (
        [
            (ConditionType.ACCEPTED, "Unknown", Reason.SECRET_MISSING),
            (ConditionType.RUNNING, "Unknown", Reason.SECRET_MISSING),
            UNDECIDED,
        ],
        "SecretMissing",
    ),
    "no room": ([(ConditionType.RUNNING, "Unknown", Reason.UNSCHEDULABLE), UNDECIDED], "Unschedulable"),
    "suspended": ([(ConditionType.RUNNING, "Unknown", Reason.SUSPENDED), UNDECIDED], "Suspended"),
    "running": ([(ConditionType.RUNNING, "True", Reason.STARTED), UNDECIDED], "Started"),
    "a store that is full": (
        [
            (ConditionType.RUNNING, "False", Reason.COMPLETED),
            (ConditionType.RESULTS_COLLECTED, "False", Reason.INGEST_UNAVAILABLE),
            UNDECIDED,
        ],
        "IngestUnavailable",
    ),
    "failed": (
        [
            (ConditionType.RUNNING, "False", Reason.COMPLETED),
            (ConditionType.SUCCEEDED, "False", Reason.OOM_KILLED),
        ],
        "OOMKilled",
    ),
}


@pytest.mark.parametrize(("steps", "reason"), REASONS.values(), ids=REASONS)
def test_the_reason_is_that_of_the_step_at_hand(steps: list[Step], reason: str | None) -> None:
    """Of the end where there is one, never the word for "not yet"."""
    conditions: list[Any] = []
    for step in steps:
        conditions = with_condition(conditions, *step, now=NOW)
    assert columns(conditions, {}, None).reason == reason


def test_a_gate_is_there_where_there_are_thresholds() -> None:
    """Passed or missed."""
    kind = ConditionType.THRESHOLDS_MET
    met = with_condition([], kind, "True", Reason.THRESHOLDS_MET, now=NOW)
    missed = with_condition([], kind, "False", Reason.THRESHOLDS_MISSED, now=NOW)
    assert [columns(each, {}, None).gate for each in ([], met, missed)] == [None, "passed", "missed"]


def test_figures_and_verdict() -> None:
    """Those of the run's own kind."""
    shown = columns([], {"rps": 12.3456, "ttft_p99_s": 1.0}, Verdict.DEGRADED)
    assert (shown.score, shown.rps, shown.verdict) == (None, "12.3", "degraded")


DIGITS = {
    "a rate": (12.3456, "12.3"),
    "a whole one": (12.0, "12.0"),
    "a share": (0.66666, "0.667"),
    "all": (1.0, "1.00"),
    "none": (0.0, "0"),
    "hundreds": (123.456, "123"),
    "rounded up to the next power": (99.96, "100"),
    "and once more": (999.6, "1000"),
    "thousands": (12345.6, "12300"),
    "little": (0.00123456, "0.00123"),
    "less than nothing": (-0.5, "-0.500"),
    "no number": (float("nan"), None),
    "nothing": (None, None),
}


@pytest.mark.parametrize(("value", "text"), DIGITS.values(), ids=DIGITS)
def test_three_digits(value: float | None, text: str | None) -> None:
    """Significant ones, and no powers of ten."""
    assert three_digits(value) == text
