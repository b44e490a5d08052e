"""What a runner's end means."""

import pytest

from evalkube_api import endings
from evalkube_api.local.exit_reason import interrupted, outcome
from evalkube_crds.names import Reason
from evalkube_crds.results import Progress, Receipt


def receipt(reason: Reason, message: str = "m") -> Receipt:
    """A receipt of 3 of 4."""
    return Receipt(run_id="r", reason=reason, message=message, done=3, total=4)


TABLE = {
    "completed": (receipt(Reason.COMPLETED), 0, None, Reason.COMPLETED),
    "completed before the cancel reached it": (receipt(Reason.COMPLETED), 0, Reason.CANCELLED, Reason.COMPLETED),
    "completed, then killed": (receipt(Reason.COMPLETED), -9, Reason.INTERRUPTED, Reason.COMPLETED),
    "its own reason": (receipt(Reason.TARGET_REFUSED), 69, None, Reason.TARGET_REFUSED),
    "cancelled": (receipt(Reason.CANCELLED), 143, Reason.CANCELLED, Reason.CANCELLED),
    "cancelled without a word": (None, -9, Reason.CANCELLED, Reason.CANCELLED),
    "the service stops": (receipt(Reason.CANCELLED), 143, Reason.INTERRUPTED, Reason.INTERRUPTED),
    "ended from outside": (receipt(Reason.CANCELLED), 143, None, Reason.RUNNER_KILLED),
    "killed": (None, -9, None, Reason.RUNNER_KILLED),
    "crashed": (None, 1, None, Reason.RUNNER_CRASHED),
    "gone without a receipt": (None, 0, None, Reason.RUNNER_CRASHED),
}


@pytest.mark.parametrize(("found", "code", "asked", "reason"), TABLE.values(), ids=TABLE.keys())
def test_outcome(found: Receipt | None, code: int, asked: Reason | None, reason: Reason) -> None:
    """One reason for every way to end."""
    assert outcome(found, code, asked, "log", None).reason is reason


def test_a_crash_shows_the_end_of_the_log() -> None:
    """Twelve lines at most, and the exit code."""
    ending = outcome(None, 3, None, "\n".join(f"line {i}" for i in range(50)), Progress(done=1, total=2))
    assert "exit code 3" in ending.message
    assert "line 38" in ending.message
    assert "line 37" not in ending.message
    assert ending.progress == Progress(done=1, total=2)


def test_a_signal_has_its_name() -> None:
    """And SIGKILL the likely cause."""
    assert "SIGKILL" in outcome(None, -9, None, "", None).message
    assert "memory" in outcome(None, -9, None, "", None).message
    assert "signal 99" in outcome(None, -99, None, "", None).message


AFTER = {
    "nothing left": (None, False, Reason.INTERRUPTED),
    "nothing left, to be cancelled": (None, True, Reason.CANCELLED),
    "it had completed": (receipt(Reason.COMPLETED), False, Reason.COMPLETED),
    "it had failed": (receipt(Reason.DATASET_UNAVAILABLE), False, Reason.DATASET_UNAVAILABLE),
    "it noticed the end of the service": (receipt(Reason.INTERRUPTED), False, Reason.INTERRUPTED),
}


@pytest.mark.parametrize(("found", "cancelled", "reason"), AFTER.values(), ids=AFTER.keys())
def test_after_a_crash_of_the_service(found: Receipt | None, cancelled: bool, reason: Reason) -> None:
    """What the runner still wrote counts."""
    assert interrupted(found, None, cancelled=cancelled).reason is reason


def test_the_last_of_several_traces_is_shown() -> None:
    """Without what was logged after it."""
    trace = "Traceback (most recent call last):\n  File a\nKeyError: 1"
    last = "Traceback (most recent call last):\n  File b\n    x()\nValueError: 2"
    assert endings.last_traceback(f"x\n{trace}\ny\n{last}\nz\n") == last
    assert endings.last_traceback("nothing of the kind") is None
