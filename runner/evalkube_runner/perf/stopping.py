"""Decides when the load of a point ends before its last request, because of the target. Pure: from what workers report,
and what other shards do.

An error rate is taken of the requests that were sent, and one without an answer yet is no failure: failures end early,
so that of those that are over too many have failed at first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from evalkube_crds.load_news import OthersNews
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO
from evalkube_runner.perf.task import Progress

__all__ = ["Early", "Limits", "early", "least_sent", "lost", "over", "words"]

_LEAST_SENT = 20
_ALONE = OthersNews()


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a point's failures. `number` has this shard's measured requests; `whole` those of all shards, where
    known. `max_error_rate` is None where any share may fail. `grace_s` is how long nobody may find a connection.
    """

    number: int | None
    max_error_rate: float | None
    grace_s: float
    whole: int | None = None


@dataclass(frozen=True, slots=True)
class Early:
    """The cause of an early end. `gone`: the target cannot be reached any more."""

    why: str
    gone: bool


def least_sent(max_error_rate: float) -> int:
    """The requests that must have been sent before their error rate counts: one failure alone is not above it."""
    return max(_LEAST_SENT, math.ceil(1 / max_error_rate)) if max_error_rate else _LEAST_SENT


def early(limits: Limits, told: Sequence[Progress], now_ns: int, others: OthersNews | None = None) -> Early | None:
    """Whether the load ends now: by what its workers told, `now_ns` on the monotonic clock, and what `others` did. None
    where nobody else is asked: then this shard is judged by itself.
    """
    if others is not None and others.ended:
        return Early(f"another shard ended it: {others.ended}", gone=others.gone)
    return _gone(limits, told, now_ns, others or _ALONE) or _failing(limits, told, others)


def lost(limits: Limits, told: Sequence[Progress], now_ns: int) -> bool:
    """Whether no worker of this shard has had a connection for as long as the grace."""
    return bool(told) and all(one.unconnected for one in told) and _lasted_s(told, now_ns) >= limits.grace_s


def _lasted_s(told: Sequence[Progress], now_ns: int) -> float:
    return (now_ns - max(one.unconnected_since_ns for one in told)) / NANO


def _gone(limits: Limits, told: Sequence[Progress], now_ns: int, others: OthersNews) -> Early | None:
    """No shard whose load goes on had a connection for as long as the grace, in some tries of all of them."""
    tries = sum(one.unconnected for one in told) + others.tries
    if not lost(limits, told, now_ns) or others.lost < others.loading or tries < _LEAST_SENT:
        return None
    problem, lasted_s = told[0].problem, _lasted_s(told, now_ns)
    return Early(f"no connection in the last {tries} tries, for {lasted_s:.1f} s: {problem}", gone=True)


def _failing(limits: Limits, told: Sequence[Progress], others: OthersNews | None) -> Early | None:
    """The early end where too many failed, of the requests that were sent or of all; None where they did not."""
    most = limits.max_error_rate
    if most is None:
        return None
    failed, sent, number = sum(one.failed for one in told), sum(one.sent for one in told), limits.number
    which = ""
    if others is not None:
        failed, sent, number = failed + others.failed, sent + others.sent, limits.whole
        which = f", {failed} of {sent} of all shards failed"
    certain = number is not None and failed > most * number
    if certain or (sent >= least_sent(most) and failed > most * sent):
        return Early(f"max_error_rate {most * 100:g} %{which}", gone=False)
    return None


def over(point: PerfPoint) -> int:
    """The measured requests of a point that are over, or its conversations."""
    conversations = point.conversations
    return point.succeeded + point.failed if conversations is None else conversations.completed + conversations.failed


def words(end: Early, point: PerfPoint, number: int) -> str:
    """The message of a point that ended early, once all is counted. `number` has the measured requests, or
    conversations, that were asked for.
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
