"""Whether a load test failed with its target."""

from typing import Any

import pytest

from evalkube_crds.names import ErrorClass, Reason
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import PerfResult, SlaResult
from evalkube_crds.target_failure import failure_of

REFUSED: dict[str, Any] = {"errors": {ErrorClass.CONNECT: 8}, "error_samples": {ErrorClass.CONNECT: "no model x"}}
BUSY: dict[str, Any] = {"errors": {ErrorClass.STATUS_429: 8}, "error_samples": {ErrorClass.STATUS_429: "slow down"}}
# name: successes and failures of a point, why the target is gone, whether it is a search, the reason, some words
CASES: dict[str, tuple[dict[str, Any], str, bool, Reason | None, str]] = {
    "all went well": ({"succeeded": 8}, "", False, None, ""),
    "nothing was sent": ({}, "", False, None, ""),
    "all failed": ({"failed": 8, **BUSY}, "", False, Reason.ALL_REQUESTS_FAILED, "the first of status_429: slow down"),
    "all failed for want of a model": ({"failed": 8, **REFUSED}, "", False, Reason.MODEL_NOT_FOUND, "8 of 8"),
    "many failed": ({"succeeded": 2, "failed": 8, **BUSY}, "", False, None, ""),
    "most found nobody": ({"succeeded": 2, "failed": 8, **REFUSED}, "", False, Reason.TARGET_UNREACHABLE, "8 of 10"),
    "most of a search found nobody": ({"succeeded": 2, "failed": 8, **REFUSED}, "", True, None, ""),
    "half found nobody": ({"succeeded": 8, "failed": 8, **REFUSED}, "", False, None, ""),
    "gone in the end": ({"succeeded": 90, "failed": 8, **REFUSED}, "refused", False, Reason.TARGET_UNREACHABLE, "gone"),
    "gone in a search": ({"succeeded": 90, "failed": 8, **REFUSED}, "refused", True, Reason.TARGET_UNREACHABLE, "gone"),
    "gone before anything was measured": ({}, "refused", False, Reason.TARGET_UNREACHABLE, "gone before the end"),
}


@pytest.mark.parametrize(("fields", "gone", "search", "reason", "words"), CASES.values(), ids=CASES)
def test_cases(fields: dict[str, Any], gone: str, *, search: bool, reason: Reason | None, words: str) -> None:
    """By all that was sent, and what became of it."""
    sla = SlaResult(variable="rate") if search else None
    result = PerfResult(run_id="r", model="m", points=[PerfPoint(name="p", number=8, **fields)], gone=gone, sla=sla)
    found = failure_of(result, lambda text: text == "no model x")
    assert (found and found[0]) == reason
    assert words in (found[1] if found else "")
