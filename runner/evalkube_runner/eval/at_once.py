"""Finds the number of requests in flight at once (`eval_batch_size: auto`).

Additive increase, multiplicative decrease (Chiu, Jain 1989), in rounds of at least as many answers as requests may be
in flight, each asked under the same limit. It begins by doubling (slow start, Jacobson 1988). It is cut where the
endpoint refuses for load (429, 503, 529), and where latency grows about as fast as the limit: by Little's law, requests
in flight are throughput times latency, so that they then only wait in line. A server that batches answers more slowly
as it has more to do, and is for all that the faster for it: so latency is not compared with that of an idle server (as
TCP Vegas does, and Netflix's concurrency-limits in their first gradient), but with that at half the limit, which is
measured anew from time to time (as BBR does with its probes), because what is asked changes, and who else asks.
"""

import math
import statistics
from dataclasses import dataclass

from evalkube_crds.evalrun import AUTO, EvalRunSpec
from evalkube_crds.results import AtOnce
from evalkube_runner import machine

__all__ = ["REFUSALS", "Limit", "most_of"]

REFUSALS = frozenset({429, 503, 529})
"""Statuses by which an endpoint says that it has too much to do."""

_MOST = 512  # no more is tried: a process is busy with that
_FIRST = 4
_SHORTEST_ROUND = 16  # answers: a median of less says little
_CUT = 0.7  # what is left after one, as in CUBIC
_GAIN = 0.5  # latency may grow with the root of the limit: a doubled one must bring 1.4 times the throughput
_FAR_ENOUGH = 1.25  # so much higher must the limit be than the one it is compared with
_PROBE_ROUNDS = 16


def most_of(spec: EvalRunSpec) -> int:
    """The most requests that a client of this run may have in flight: with `auto` at most as many as it can have
    connections, and the same for each judge.
    """
    if spec.eval_batch_size != AUTO:
        return spec.eval_batch_size
    room = machine.descriptors() - machine.SPARE_DESCRIPTORS
    return max(1, min(_MOST, room // (1 + len(spec.judge.models))))


@dataclass(frozen=True, slots=True)
class _Measured:
    limit: int
    latency_ns: float


class Limit:
    """The limit of one client. `now` is how many requests may be in flight."""

    def __init__(self, most: int) -> None:
        self.most = max(most, 1)
        self.now = self.lowest = self.highest = min(_FIRST, self.most)
        self.refused = self.slowed = 0
        self._doubling = True
        self._round = 0
        self._kind = ""
        self._measured = False  # of this kind, at least one round
        self._latencies_ns: list[int] = []
        self._below: _Measured | None = None
        self._rounds_left = _PROBE_ROUNDS
        self._after_probe: int | None = None
        self._heard = True  # an answer has come since the last cut
        self._refusals = 0

    def asked(self, kind: str = "") -> int:
        """Note that a request leaves, for a question of that kind; the number of its round. Another kind takes other
        times: what was measured of the last kind no longer counts, and the next is measured first at half the limit. A
        limit at which nothing was measured stays: kinds of a few questions each would otherwise halve it down to one.
        """
        if kind != self._kind:
            if self._measured:
                self._doubling = True
                self._set((self._after_probe or self.now) // 2)
                self._below = self._after_probe = None
                self._rounds_left = _PROBE_ROUNDS
                self._measured = False
            self._kind = kind
        return self._round

    def answered(self, round_: int, latency_ns: int) -> None:
        """Note that a request was answered, by its round and its latency."""
        if round_ != self._round:
            return
        self._heard = True
        self._latencies_ns.append(latency_ns)
        if len(self._latencies_ns) >= max(self.now, _SHORTEST_ROUND):
            self._judge(_Measured(self.now, statistics.median(self._latencies_ns)))

    def refused_for_load(self) -> bool:
        """Note that a request was refused; whether fewer requests at once may help.

        One cut is for all refusals until something asked after it is answered, or as many more are refused.
        """
        excused = self.now > 1
        self._refusals += 1
        if self._heard or self._refusals >= self.now:
            self.refused += 1
            self._cut(_CUT)
        return excused

    @property
    def document(self) -> AtOnce:
        """The limit's course, for the result."""
        return AtOnce(last=self.now, lowest=self.lowest, highest=self.highest, refused=self.refused, slowed=self.slowed)

    def _judge(self, measured: _Measured) -> None:
        """Decide on the limit, now that a round is over."""
        self._measured = True
        if self._after_probe is not None:
            self._below, back, self._after_probe = measured, self._after_probe, None
            self._set(back)
            return
        below = self._below
        if below is not None and measured.limit >= _FAR_ENOUGH * below.limit:
            allowed = (measured.limit / below.limit) ** _GAIN
            if measured.latency_ns > allowed * below.latency_ns:
                self.slowed += 1
                self._rounds_left = 1  # what it was compared with may be of a line, too
                self._cut(max(_CUT, below.limit / measured.limit))
                return
        if self._doubling:
            self._below = measured
        self._rounds_left -= 1
        if self._rounds_left <= 0 and self.now > 1:
            self._rounds_left, self._after_probe = _PROBE_ROUNDS, self.now
            self._set(self.now // 2)
        else:
            self._set(2 * self.now if self._doubling else self.now + math.isqrt(self.now))

    def _cut(self, left: float) -> None:
        self._doubling = False
        self._after_probe = None
        self._heard, self._refusals = False, 0
        self._set(int(self.now * left))

    def _set(self, limit: int) -> None:
        """Begin another round, under another limit."""
        self.now = min(max(limit, 1), self.most)
        self.lowest, self.highest = min(self.lowest, self.now), max(self.highest, self.now)
        self._round += 1
        self._latencies_ns = []
