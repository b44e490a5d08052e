"""Measures the offset of another process's clock by questions to it. Pure; the caller notes the times.

An answer that carries the other's time was written after its question had left and before it was read, so that the
time lies between two moments of our own clock (Cristian, *Probabilistic clock synchronization*, 1989). Several answers
lie in all of their spans at once: each quick one narrows what is left, and a slow one spoils nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Answer", "Offset", "offset_of"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One question and its answer: our clock before and after, the other's clock in between. In ns."""

    asked_ns: int
    heard_ns: int
    theirs_ns: int


@dataclass(frozen=True, slots=True)
class Offset:
    """Our clock minus the other's, and by how much that may be wrong either way."""

    ns: int
    doubt_ns: int


def offset_of(answers: Iterable[Answer]) -> Offset | None:
    """The offset that all answers allow; None without answers. Where answers contradict each other, because a clock was
    set in between, only the last one counts.
    """
    low_ns = high_ns = None
    for answer in answers:
        least_ns, most_ns = answer.asked_ns - answer.theirs_ns, answer.heard_ns - answer.theirs_ns
        if low_ns is None or high_ns is None or least_ns > high_ns or most_ns < low_ns:
            low_ns, high_ns = least_ns, most_ns
        else:
            low_ns, high_ns = max(low_ns, least_ns), min(high_ns, most_ns)
    if low_ns is None or high_ns is None:
        return None
    return Offset((low_ns + high_ns) // 2, (high_ns - low_ns + 1) // 2)
