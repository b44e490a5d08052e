"""Recent rates of growing counts. Pure: the caller says what time it is, on whatever clock."""

from collections import deque
from typing import Final

from evalkube_crds.result_parts import NANO

__all__ = ["Recent"]

_WINDOW_NS: Final = 5 * NANO
_LEAST_NS: Final = NANO // 5
"""Of a shorter time no rate is told."""
_SILENT_NS: Final = 2 * NANO
"""Counts are told twice a second. Where none came for so long, they have not grown since."""


class Recent:
    """Counts that grow, and how fast they did in the last seconds."""

    def __init__(self) -> None:
        self._told: deque[tuple[int, tuple[int, ...]]] = deque()

    def heard(self, at_ns: int, *counts: int) -> None:
        """Take the counts at that time. Reports that are older than the last are left out."""
        told = self._told
        if told and at_ns <= told[-1][0]:
            return
        told.append((at_ns, counts))
        while len(told) > 1 and told[1][0] <= at_ns - _WINDOW_NS:
            told.popleft()

    def rates(self, now_ns: int, *, since_ns: int = 0) -> list[float] | None:
        """The rate of each count per second in the last five seconds, or since `since_ns` where that is later. None
        where too little is known.
        """
        if not self._told:
            return None
        last_ns, last = self._told[-1]
        ended_ns = last_ns if now_ns - last_ns < _SILENT_NS else now_ns
        first_ns, first = self._at(ended_ns - _WINDOW_NS)
        took_ns = ended_ns - max(first_ns, since_ns)
        if took_ns < _LEAST_NS:
            return None
        return [(after - before) * NANO / took_ns for before, after in zip(first, last, strict=True)]

    def _at(self, at_ns: int) -> tuple[int, tuple[int, ...]]:
        """The last report at that time, or the first of all."""
        return next((one for one in reversed(self._told) if one[0] <= at_ns), self._told[0])
