"""When a run is given up early."""

import contextlib

import pytest

from evalkube_crds.names import ErrorClass, Reason, error_class_of_status
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.client import RequestFailed
from evalkube_runner.eval.endpoint_gate import EndpointGate


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
    first = EndpointGate("http://h/v1", 100, _Clock(), grace_s=0)
    first.failed(_status(status))
    first.failed(_status(status))
    with pytest.raises(RunFailed, match=f"HTTP {status}: no") as failed:
        first.failed(_status(status))
    assert failed.value.reason is reason


def test_a_forbidden_target_ends_a_run_at_once() -> None:
    """Nothing was sent, and nothing would be."""
    forbidden = RequestFailed(ErrorClass.FORBIDDEN_TARGET, "h (169.254.169.254) is a link-local or metadata address")
    first = EndpointGate("http://h/v1", 100, _Clock(), grace_s=0)
    first.failed(_status(503))
    with pytest.raises(RunFailed, match=r"http://h/v1: h \(169\.254\.169\.254\)") as failed:
        first.failed(forbidden)
    assert failed.value.reason is Reason.TARGET_FORBIDDEN
    settled = EndpointGate("http://h/v1", 100, _Clock(), grace_s=0)
    settled.succeeded()
    settled.failed(forbidden)


def test_one_refusal_ends_a_run_of_one() -> None:
    """There is nothing to wait for."""
    with pytest.raises(RunFailed):
        EndpointGate("http://h/v1", 1, _Clock(), grace_s=0).failed(_status(401))


def test_after_one_success_nothing_is_given_up() -> None:
    """From then on a failure is a matter of its sample."""
    clock = _Clock()
    first = EndpointGate("http://h/v1", 100, clock, grace_s=10)
    first.succeeded()
    clock.now_s = 1000
    for _ in range(10):
        first.failed(_status(401))
        first.failed(REFUSED)


COMING_UP = {
    "nobody listens": REFUSED,
    "no such name yet": RequestFailed(ErrorClass.DNS, "no address"),
    "packets are dropped": RequestFailed(ErrorClass.CONNECT_TIMEOUT, "timed out"),
    "hangs up": RequestFailed(ErrorClass.DISCONNECTED, "gone"),
    "a gateway without a backend": _status(502),
    "a model that is loading": _status(503),
    "a gateway that waits in vain": _status(504),
}


@pytest.mark.parametrize("failure", COMING_UP.values(), ids=COMING_UP)
def test_an_endpoint_may_come_up_for_a_while(failure: RequestFailed) -> None:
    """Such attempts do not count within the grace; after it, and after the first answer, they do."""
    clock = _Clock()
    first = EndpointGate("http://h/v1", 100, clock, grace_s=10)
    clock.now_s = 9.9
    assert first.failed(failure)
    settled = EndpointGate("http://h/v1", 100, clock, grace_s=10)
    settled.succeeded()
    assert not settled.failed(failure)
    clock.now_s = 10
    with contextlib.suppress(RunFailed):
        assert not first.failed(failure)


PRESENT = [
    *(_status(500), _status(429), _status(404)),
    RequestFailed(ErrorClass.TLS, "no"),
    RequestFailed(ErrorClass.DISCONNECTED, "in the middle of an answer", status=200),
]


@pytest.mark.parametrize("failure", PRESENT)
def test_what_does_not_pass_by_itself_counts_at_once(failure: RequestFailed) -> None:
    """A server that is there, or one whose certificate is wrong."""
    first = EndpointGate("http://h/v1", 100, _Clock(), grace_s=10)
    with contextlib.suppress(RunFailed):
        assert not first.failed(failure)


@pytest.mark.parametrize(("grace_s", "words"), [(10.0, r"for 10 s \(target_grace\)"), (0.0, "cannot be reached \\(")])
def test_nobody_reached_within_the_grace_ends_a_run(grace_s: float, words: str) -> None:
    """With how long it was waited for; without grace at once."""
    clock = _Clock()
    first = EndpointGate("http://h/v1", 100, clock, grace_s=grace_s)
    clock.now_s = grace_s
    with pytest.raises(RunFailed, match=words) as failed:
        first.failed(REFUSED)
    assert failed.value.reason is Reason.TARGET_UNREACHABLE


def test_an_endpoint_that_answers_anything_is_reached() -> None:
    """503 is an answer: such samples are errored one by one."""
    clock = _Clock()
    first = EndpointGate("http://h/v1", 100, clock, grace_s=10)
    first.failed(_status(503))
    clock.now_s = 60
    first.failed(REFUSED)
