"""What is tried again, and after how long."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.names import ErrorClass
from evalkube_runner.eval import retry

NOON = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (ErrorClass.STATUS_429, 429, True),
        (ErrorClass.STATUS_5XX, 503, True),
        (ErrorClass.STATUS_4XX, 408, True),
        (ErrorClass.TOTAL_TIMEOUT, None, True),
        (ErrorClass.CONNECT, None, True),
        (ErrorClass.DISCONNECTED, None, True),
        (ErrorClass.TRUNCATED_STREAM, 200, True),
        (ErrorClass.STATUS_4XX, 400, False),
        (ErrorClass.STATUS_401, 401, False),
        (ErrorClass.STATUS_404, 404, False),
        (ErrorClass.PARSE, 200, False),
        (ErrorClass.TLS, None, False),
        (ErrorClass.FORBIDDEN_TARGET, None, False),
    ],
)
def test_passing(error: ErrorClass, status: int | None, again: bool) -> None:
    """Only what may pass by itself is tried again."""
    assert retry.passing(error, status) is again


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("7", 7, id="seconds"),
        pytest.param("1.5", 1.5, id="fraction, which some servers send"),
        pytest.param("Thu, 01 Jan 2026 12:00:30 GMT", 30, id="date"),
        pytest.param("Thu, 01 Jan 2026 11:00:00 GMT", 0, id="date gone by"),
        pytest.param("soon", None, id="nonsense"),
        pytest.param("-5", None, id="negative"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_retry_after(header: str | None, seconds: float | None) -> None:
    """Both forms of Retry-After are read; anything else says nothing."""
    assert retry.retry_after_s(header, NOON) == seconds


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True), st.floats(0, 600))
def test_the_pause_is_bounded(attempt: int, chance: float, longest_s: float) -> None:
    """No pause is longer than the configured one, and the first is at most half a second."""
    pause = retry.delay_s(attempt, chance, longest_s=longest_s)
    assert 0 <= pause <= longest_s
    assert attempt > 1 or pause <= 0.5


@given(st.floats(0, 1, exclude_max=True), st.floats(0, 1e9))
def test_the_server_is_believed_up_to_a_bound(chance: float, asked_s: float) -> None:
    """Never sooner than the server asked, unless it asked for more than the bound."""
    pause = retry.delay_s(3, chance, longest_s=0.0, asked_s=asked_s)
    assert min(asked_s, retry.MAX_RETRY_AFTER_S) <= pause <= retry.MAX_RETRY_AFTER_S + 1
