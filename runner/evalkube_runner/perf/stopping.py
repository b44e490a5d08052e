"""When the load of a point ends before its last request, because of the target. Pure; from what workers tell.

An error rate is taken of the requests that were sent, and one without an answer yet is no failure: failures end early,
so that of those that are over too many have failed at first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evalkube_crds.results import PerfPoint
from evalkube_runner.perf.task import Progress

__all__ = ["Early", "Limits", "early", "least_sent", "over", "words"]

_LEAST_SENT = 20
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a point's target may do. `number`: its measured requests, where that is known; `max_error_rate`: None where
    any part may fail; `grace_s`: how long nobody may find a connection.
    """

    number: int | None
    max_error_rate: float | None
    grace_s: float


@dataclass(frozen=True, slots=True)
class Early:
    """An early end: by what. `gone`: the target cannot be reached any more."""

    why: str
    gone: bool


def least_sent(max_error_rate: float) -> int:
    """The requests that must have been sent before their error rate counts: one failure alone is not above it."""
    return max(_LEAST_SENT, math.ceil(1 / max_error_rate)) if max_error_rate else _LEAST_SENT


def early(limits: Limits, told: Sequence[Progress], now_ns: int) -> Early | None:
    """Whether the load ends now: by what its workers told; `now_ns` on the monotonic clock."""
    return _gone(limits, told, now_ns) or _failing(limits, told)


def _gone(limits: Limits, told: Sequence[Progress], now_ns: int) -> Early | None:
    """No worker had a connection for as long as the grace, in some tries."""
    if not told or not all(one.unconnected for one in told):
        return None
    tries = sum(one.unconnected for one in told)
    lasted_s = (now_ns - max(one.unconnected_since_ns for one in told)) / _NANO
    if tries < _LEAST_SENT or lasted_s < limits.grace_s:
        return None
    problem = told[0].problem
    return Early(f"no connection in the last {tries} tries, for {lasted_s:.1f} s: {problem}", gone=True)


def _failing(limits: Limits, told: Sequence[Progress]) -> Early | None:
    """Too many failed of those sent, or of all that there are."""
    most = limits.max_error_rate
    if most is None:
        return None
    failed, sent = sum(one.failed for one in told), sum(one.sent for one in told)
    certain = limits.number is not None and failed > most * limits.number
    if certain or (sent >= least_sent(most) and failed > most * sent):
        return Early(f"max_error_rate {most * 100:g} %", gone=False)
    return None


def over(point: PerfPoint) -> int:
    """The measured requests of a point that are over, or its conversations."""
    conversations = point.conversations
    return point.succeeded + point.failed if conversations is None else conversations.completed + conversations.failed


def words(end: Early, point: PerfPoint, number: int) -> str:
    """What a point that ended early says of it, once all is counted; `number`: the measured requests, or conversations,
    that were asked for.
    """
    requests = point.succeeded + point.failed
    said = [f"stopped after {over(point)} of {number} {'requests' if point.conversations is None else 'conversations'}"]
    share = f"{100 * point.failed / requests:.3g} % failed, " if requests else ""
    first = ""
    if point.errors and not end.gone:
        worst = max(point.errors, key=lambda error: point.errors[error])
        first = f"; the first of {worst}: {point.error_samples.get(worst, '')}"
    said.append(f"{share}{end.why}{first}")
    text = ": ".join(said)
    return f"{text}; {point.cancelled} in flight were cancelled" if point.cancelled else text
