"""Decides what is retried, and after what pause. Pure: the caller sleeps and brings the random number.

Only what may pass by itself: 429, 5xx, timeouts, lost connections. A 400 or 401 would be the same the fifth time.
"""

import email.utils
from collections.abc import Set
from datetime import UTC, datetime

from evalkube_crds.names import ErrorClass

__all__ = ["CONNECTING", "MAX_RETRY_AFTER_S", "delay_s", "passing", "retry_after_s"]

MAX_RETRY_AFTER_S = 300.0
_FIRST_S = 0.5

CONNECTING: Set[ErrorClass] = frozenset(
    {ErrorClass.PROXY, ErrorClass.DNS, ErrorClass.CONNECT, ErrorClass.CONNECT_TIMEOUT, ErrorClass.TLS}
)
"""Errors that mean that nobody was reached."""

_PASSING = frozenset(
    {
        ErrorClass.PROXY,
        ErrorClass.DNS,
        ErrorClass.CONNECT,
        ErrorClass.CONNECT_TIMEOUT,
        ErrorClass.CLIENT_LIMIT,
        ErrorClass.SEND,
        ErrorClass.HEADER_TIMEOUT,
        ErrorClass.FIRST_TOKEN_TIMEOUT,
        ErrorClass.IDLE_TIMEOUT,
        ErrorClass.TOTAL_TIMEOUT,
        ErrorClass.DISCONNECTED,
        ErrorClass.STATUS_429,
        ErrorClass.STATUS_5XX,
        ErrorClass.TRUNCATED_STREAM,
        ErrorClass.EMPTY_STREAM,
        ErrorClass.ERROR_IN_STREAM,
    }
)


def passing(error: ErrorClass, status: int | None) -> bool:
    """Whether another attempt may succeed. 408 is a timeout that the server noticed first; 407 is from a proxy that
    needs credentials, and will need them next time.
    """
    return (error in _PASSING and status != 407) or status == 408


def delay_s(attempt: int, chance: float, *, longest_s: float, asked_s: float | None = None) -> float:
    """The pause after the failed attempt number `attempt` (1, 2, ...), in seconds.

    Exponential with full jitter (Brooker 2015, "Exponential Backoff And Jitter"), `chance` being uniform in [0, 1).
    What the server asked for goes before it, up to MAX_RETRY_AFTER_S, with a little jitter on top.
    """
    if asked_s is not None:
        return min(asked_s, MAX_RETRY_AFTER_S) + chance * min(1.0, 0.1 * asked_s)
    return chance * min(longest_s, _FIRST_S * 2.0 ** min(attempt - 1, 30))


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """The seconds that a Retry-After header asks for (RFC 9110, 10.2.3: a number, or an HTTP date), if it is one."""
    if not header:
        return None
    try:
        return max(0.0, float(header)) if header.strip()[:1].isdigit() else _until(header, now or datetime.now(UTC))
    except (ValueError, OverflowError):
        return None


def _until(date: str, now: datetime) -> float:
    then = email.utils.parsedate_to_datetime(date)
    return max(0.0, ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds())
