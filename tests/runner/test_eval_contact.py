"""When a run is given up early."""

import pytest

from evalkube_crds.names import ErrorClass, Reason, error_class_of_status
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.client import RequestFailed
from evalkube_runner.eval.contact import FirstContact


class _Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def _status(status: int) -> RequestFailed:
    return RequestFailed(error_class_of_status(status), f"HTTP {status}: no", status=status)


REFUSED = RequestFailed(ErrorClass.CONNECT, "refused")


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, Reason.AUTHENTICATION_FAILED), (403, Reason.AUTHENTICATION_FAILED), (404, Reason.TARGET_REFUSED)],
)
def test_three_refusals_end_a_run_that_nothing_ever_answered(status: int, reason: Reason) -> None:
    """With the status and the server's words in the message."""
    first = FirstContact("http://h/v1", 100, _Clock())
    first.failed(_status(status))
    first.failed(_status(status))
    with pytest.raises(RunFailed, match=f"HTTP {status}: no") as failed:
        first.failed(_status(status))
    assert failed.value.reason is reason


def test_a_forbidden_target_ends_a_run_at_once() -> None:
    """Nothing was sent, and nothing would be."""
    forbidden = RequestFailed(ErrorClass.FORBIDDEN_TARGET, "h (169.254.169.254) is a link-local or metadata address")
    first = FirstContact("http://h/v1", 100, _Clock())
    first.failed(_status(503))
    with pytest.raises(RunFailed, match=r"http://h/v1: h \(169\.254\.169\.254\)") as failed:
        first.failed(forbidden)
    assert failed.value.reason is Reason.TARGET_FORBIDDEN
    settled = FirstContact("http://h/v1", 100, _Clock())
    settled.succeeded()
    settled.failed(forbidden)
    settled.gave_up(forbidden)


def test_one_refusal_ends_a_run_of_one() -> None:
    """There is nothing to wait for."""
    with pytest.raises(RunFailed):
        FirstContact("http://h/v1", 1, _Clock()).failed(_status(401))


def test_after_one_success_nothing_is_given_up() -> None:
    """From then on a failure is a matter of its sample."""
    clock = _Clock()
    first = FirstContact("http://h/v1", 100, clock)
    first.succeeded()
    clock.now_s = 1000
    for _ in range(10):
        first.failed(_status(401))
        first.failed(REFUSED)
        first.gave_up(REFUSED)


def test_nobody_reached_for_ten_seconds_ends_a_run() -> None:
    """An endpoint that is just starting gets ten seconds."""
    clock = _Clock()
    first = FirstContact("http://h/v1", 100, clock)
    clock.now_s = 9.9
    first.failed(REFUSED)
    clock.now_s = 10
    with pytest.raises(RunFailed, match="http://h/v1 cannot be reached") as failed:
        first.failed(REFUSED)
    assert failed.value.reason is Reason.TARGET_UNREACHABLE


def test_the_first_sample_given_up_ends_a_run_that_reached_nobody() -> None:
    """With few attempts configured there is no point in waiting ten seconds."""
    first = FirstContact("http://h/v1", 100, _Clock())
    first.failed(REFUSED)
    with pytest.raises(RunFailed):
        first.gave_up(REFUSED)


def test_an_endpoint_that_answers_anything_is_reached() -> None:
    """503 is an answer: such samples are errored one by one."""
    clock = _Clock()
    first = FirstContact("http://h/v1", 100, clock)
    first.failed(_status(503))
    clock.now_s = 60
    first.failed(REFUSED)
    first.gave_up(REFUSED)
