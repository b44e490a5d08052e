"""Finds requests that a stall of the client may have made slower at the server: those in the burst after it, those
under way, and those behind, until the server has caught up. Pure: times come in.

What is sent late is sent all at once. A server that has nothing to do meanwhile loses that time: its queue is longer
afterwards, and every request in it waits, for as long as the longest stall at most (what arrives later by so much, in
the same order, leaves later by no more). It has caught up when far fewer requests are in flight than usual: half of
them, because what is usual is known roughly, and a burst that is taken for over too soon hides what it did.
"""

from collections import deque

__all__ = ["Bunching"]

_STALL_NS = 2_000_000
"""What leaves later than this was held up: twice what a timer and a wake-up cost on an ordinary machine."""
_LIFE = 50
"""For how many times its length a stall may be felt: that long a server needs that is busy for 98 % of the time."""
_CAUGHT_UP = 0.5
_USUAL_OF = 64  # sends that what is usual is taken of
_KEPT = 64


class Bunching:
    """The stalls of one worker, by how late its requests left."""

    def __init__(self) -> None:
        self._usual = 0.0
        self._sends = 0
        self._until_ns = self._burst_ns = 0
        self._over: deque[tuple[int, int]] = deque(maxlen=_KEPT)

    def sent(self, now_ns: int, late_ns: int, in_flight: int) -> None:
        """Note that a request leaves now, so late by the client's own fault, with so many others in flight."""
        if late_ns >= _STALL_NS:
            self._burst_ns = max(self._burst_ns, late_ns)
            self._until_ns = max(self._until_ns, now_ns + _LIFE * late_ns)
        elif not self._until_ns:
            self._sends += 1
            self._usual += (in_flight - self._usual) / min(self._sends, _USUAL_OF)
        elif in_flight <= self._usual * _CAUGHT_UP or now_ns > self._until_ns:
            self._over.append((now_ns, self._burst_ns))
            self._until_ns = self._burst_ns = 0

    def behind_ns(self, sent_ns: int) -> int:
        """The most by which bursts since a request was sent, or during it, may have delayed its answer."""
        behind_ns = self._burst_ns
        for until_ns, burst_ns in reversed(self._over):
            if until_ns < sent_ns:
                break
            behind_ns = max(behind_ns, burst_ns)
        return behind_ns
