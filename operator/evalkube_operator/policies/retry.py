"""Decides whether a run whose Job failed gets another attempt, and after what pause. Pure.

Inside one Job the pods of an evaluation are replaced by Kubernetes (per index, as often as `backoffLimit` says) and
go on from their checkpoints. Another attempt, that is another Job, is for when the Job itself was taken away. A load
test is not repeated once its load has begun: the target would get it twice, and figures of two loads say nothing.
"""

from collections.abc import Iterable
from typing import Final

from evalkube_crds.names import Kind, Reason
from evalkube_crds.status import Attempt

__all__ = ["again", "pause_s"]

_UNCOUNTED: Final = frozenset({Reason.SUSPENDED, Reason.WAITING_FOR_TURN})
_TAKEN_AWAY: Final = frozenset({Reason.JOB_LOST, Reason.JOB_DELETED, Reason.NODE_LOST})
_BEFORE_LOAD: Final = _TAKEN_AWAY | {Reason.EVICTED, Reason.PREEMPTED, Reason.POD_DELETED}


def again(kind: Kind, reason: Reason, *, begun: bool, attempts: Iterable[Attempt], limit: int) -> bool:
    """Whether to try once more after an attempt that ended for `reason`. `attempts` are all so far, that one too.

    `begun`: its runners had started. Attempts that a suspension ended, or that gave their place back, do not count.
    """
    used = sum(1 for attempt in attempts if attempt.reason not in _UNCOUNTED)
    if used > limit:
        return False
    if kind is Kind.PERF_RUN:
        return not begun and reason in _BEFORE_LOAD
    return reason in _TAKEN_AWAY


def pause_s(attempts: Iterable[Attempt], *, base_s: float, cap_s: float, aside_s: float) -> float:
    """The pause after the last of `attempts`: none after a suspension, `aside_s` after one that found no room, so that
    others go first.
    """
    every = list(attempts)
    failed = [attempt for attempt in every if attempt.reason not in _UNCOUNTED]
    if every and every[-1].reason is Reason.WAITING_FOR_TURN:
        return aside_s
    if not failed or every[-1].reason is Reason.SUSPENDED:
        return 0.0
    return float(min(base_s * 2 ** (len(failed) - 1), cap_s))
