"""What a finished run says of itself in words."""

import pytest

from evalkube_crds import summary
from evalkube_crds.names import ErrorClass
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import EvalResult, PerfResult

CONNECT, BUSY, CUT, DNS, TLS = (
    ErrorClass.CONNECT,
    ErrorClass.STATUS_429,
    ErrorClass.TRUNCATED_STREAM,
    ErrorClass.DNS,
    ErrorClass.TLS,
)


def point(succeeded: int, errors: dict[ErrorClass, int]) -> PerfPoint:
    return PerfPoint(name="p", number=1, succeeded=succeeded, failed=sum(errors.values()), errors=errors)


FAILURES: dict[str, tuple[list[PerfPoint], str]] = {
    "none": ([point(400, {})], ""),
    "nothing was sent": ([point(0, {})], ""),
    "one class": ([point(103, {CONNECT: 297})], "297 of 400 requests failed: connect"),
    "all": ([point(0, {DNS: 7})], "7 of 7 requests failed: dns"),
    "several classes, the leading one first": (
        [point(90, {BUSY: 2, CONNECT: 8})],
        "10 of 100 requests failed: connect (8), status_429 (2)",
    ),
    "of several points": (
        [point(50, {BUSY: 2}), point(40, {BUSY: 3, CUT: 5})],
        "10 of 100 requests failed: status_429 (5), truncated_stream (5)",
    ),
    "many classes": (
        [point(0, {BUSY: 5, CONNECT: 4, CUT: 3, DNS: 2, TLS: 1})],
        "15 of 15 requests failed: status_429 (5), connect (4), truncated_stream (3), 2 further classes",
    ),
}


@pytest.mark.parametrize(("points", "words"), FAILURES.values(), ids=FAILURES)
def test_failures_are_told(points: list[PerfPoint], words: str) -> None:
    """How many of how many, and by what."""
    assert summary.failures(points) == words


def test_the_line_of_a_finished_run() -> None:
    """Failures stand before the figures; without any of both it is completed."""
    result = PerfResult(run_id="r", model="m", points=[point(3, {CONNECT: 1})])
    assert summary.headline(result, {"rps": 2.5}) == "1 of 4 requests failed: connect; rps 2.5"
    assert summary.headline(PerfResult(run_id="r", model="m"), {}) == "completed"
    assert summary.headline(EvalResult(run_id="r", model="m"), {"score": 0.5}) == "score 0.5"


def test_the_line_has_the_figures_that_lists_show() -> None:
    """Those of the fastest load, and not of the first one; a run without them says what it has."""
    result = PerfResult(run_id="r", model="m")
    figures = {"rps": 9.0, "a/success_rate": 1.0, "a/rps": 3.0, "b/rps": 9.0, "b/ttft_p99_s": 0.25}
    assert summary.headline(result, figures) == "rps 9, ttft_p99_s 0.25"
    assert summary.headline(result, {"estimate/calls": 8.0}) == "estimate/calls 8"
