"""Finds the steady part of a load, and its figures. Pure, but for reading the given records (`marks`).

Definitions, for one shard (docs/measuring.md has the reasons):

- The load of a worker is steady once it is whole (slots and rate: `settled_ns`), the warm-up is over, and as many
  requests have ended since as are in flight: what is in flight then met a server that was busy, not the rush of the
  first ones. Its window begins with the next request that is sent. It ends, likewise, when no more requests are yet to
  be sent than are in flight: what is in flight then ends under full load. The shard's window is what its workers' have
  in common.
- A request counts into rates by the part of its time (dispatch to end) that lies in the window, and so do its tokens.
  Where all slots are busy the rate is then right wherever the window's ends fall, also where answers come in step.
- Latency, TTFT, TPOT and the share of successes are of the requests that were sent in the window, whenever they ended.
  Those that began and ended in it would be too many short ones.
- There is no window where fewer than 10 requests, or than are in flight, were sent in it; nor where the load was out of
  balance: the number in flight at its two ends differs by more than 5 % of the requests that ended in it (flow balance:
  Denning and Buzen, "The Operational Analysis of Queueing Network Models", 1978), or its means in the two halves by
  more than half, and by more than chance explains.

The ends lie on a grid of 65,536 steps, which the run is cut into. Memory does not grow with the number of requests.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from evalkube_crds.names import SteadyAbsence
from evalkube_crds.perf_point import SteadyWindow
from evalkube_crds.result_parts import NANO
from evalkube_runner.perf.bulk_histogram import BulkHistogram
from evalkube_runner.perf.marks import Batch, Outcome

__all__ = ["Records", "window_of"]

Records: TypeAlias = Callable[[], Iterable[Batch]]
"""The records of one worker, in batches, as often as they are asked for."""
Times: TypeAlias = NDArray[np.int64]

_STEPS = 1 << 16
_LEAST = 10
_UNBALANCED = 0.05
_DRIFT = 1.5
_DEVIATIONS = 3


def window_of(workers: Sequence[Records], *, settled_ns: int, started_at_ns: int) -> SteadyWindow | None:
    """The steady part of these workers' load; None where they measured nothing. `settled_ns` is the time from which the
    load is the one asked for. `started_at_ns` is the first measured dispatch, in Unix time.
    """
    spans = [(records, span) for records in workers if (span := _span(records)) is not None]
    if not spans:
        return None
    first_ns, last_ns = min(span.first_ns for _, span in spans), max(span.last_ns for _, span in spans)
    run_ns = last_ns - first_ns
    if settled_ns >= max(span.sent_ns for _, span in spans):
        return _none(SteadyAbsence.UNSETTLED, run_ns)
    edges = [_edges(records, span, settled_ns, last_ns // _STEPS + 1) for records, span in spans]
    begin_ns, end_ns = max(begin for begin, _ in edges), min(end for _, end in edges)
    if end_ns <= begin_ns:
        return _none(SteadyAbsence.TOO_SHORT, run_ns)
    counts = _Counts(begin_ns, end_ns)
    for records, _ in spans:
        for batch in records():
            counts.add(batch)
    absent = counts.absent()
    return _none(absent, run_ns) if absent is not None else counts.window(run_ns, started_at_ns - first_ns)


def _none(reason: SteadyAbsence, run_ns: int) -> SteadyWindow:
    return SteadyWindow(absent={reason: 1}, run_ns=run_ns)


@dataclass(frozen=True, slots=True)
class _Span:
    """The first and the last dispatch of the measured requests of a worker, and the last end of any."""

    first_ns: int
    sent_ns: int
    last_ns: int


def _span(records: Records) -> _Span | None:
    firsts, sents, lasts = [], [], []
    for batch in records():
        lasts.append(int(batch["end"].max()))
        measured = batch["dispatched"][batch["warmup"] == 0]
        if len(measured):
            firsts.append(int(measured.min()))
            sents.append(int(measured.max()))
    return _Span(min(firsts), max(sents), max(lasts)) if firsts else None


def _edges(records: Records, span: _Span, settled_ns: int, step_ns: int) -> tuple[int, int]:
    """The ends of one worker's window. Without a window it ends before it begins."""
    sent, ended = np.zeros(_STEPS + 2, np.int64), np.zeros(_STEPS + 2, np.int64)
    for batch in records():
        requests = batch[batch["outcome"] != Outcome.CHOICE]
        for counts, times in ((sent, requests["dispatched"]), (ended, requests["end"])):
            steps = np.clip(times // step_ns, 0, _STEPS)  # two clocks: an end may lie a tick before its send
            counts += np.bincount(steps + 1, minlength=_STEPS + 2)
    sent, ended = sent.cumsum(), ended.cumsum()  # at the begin of each step
    flying = np.maximum(sent - ended, 1)
    settled = min(-(-settled_ns // step_ns), _STEPS)
    begins = (ended - ended[settled] >= flying)[:-1] & (np.diff(sent) > 0)  # steps with a request that finds it steady
    begins[: max(settled, span.first_ns // step_ns)] = False
    begins, ends = np.flatnonzero(begins), np.flatnonzero(sent[-1] - sent >= flying)
    return (int(begins[0]) * step_ns, int(ends[-1]) * step_ns) if len(begins) and len(ends) else (1, 0)


def _nothing() -> dict[str, BulkHistogram]:
    return {name: BulkHistogram() for name in ("latency_ns", "ttft_ns", "tpot_ns")}


@dataclass(slots=True)
class _Counts:
    """The requests and tokens that lie in a window."""

    begin_ns: int
    end_ns: int
    amounts: dict[str, float] = field(default_factory=dict)
    histograms: dict[str, BulkHistogram] = field(default_factory=_nothing)
    succeeded: int = 0
    failed: int = 0
    ended: int = 0
    flying_first: int = 0
    flying_last: int = 0

    def add(self, batch: Batch) -> None:
        """Count the records of some requests."""
        self._add_requests(batch[batch["outcome"] != Outcome.CHOICE])
        sent_within = (batch["dispatched"] >= self.begin_ns) & (batch["dispatched"] < self.end_ns)
        self._add_times(batch[sent_within & (batch["warmup"] == 0)])

    def _add_requests(self, requests: Batch) -> None:
        """Count the flow through the window, of all requests: the warm-up is part of the load, too."""
        begin_ns, end_ns = self.begin_ns, self.end_ns
        sent, ended = requests["dispatched"], requests["end"]
        self.ended += int(np.count_nonzero((ended >= begin_ns) & (ended < end_ns)))
        self.flying_first += int(np.count_nonzero((sent < begin_ns) & (ended >= begin_ns)))
        self.flying_last += int(np.count_nonzero((sent < end_ns) & (ended >= end_ns)))
        took = np.maximum(ended - sent, 1)  # one that took no time lies within, or not
        within = _overlap(sent, sent + took, begin_ns, end_ns)
        self._count("in_flight", within)
        self._count(_FIRST_HALF, _overlap(sent, ended, begin_ns, (begin_ns + end_ns) // 2))
        succeeded = requests["outcome"] == Outcome.SUCCEEDED
        share = np.where(succeeded, within / took, 0.0)
        self._count("requests", share)
        for name, column in _AMOUNTS.items():
            self._count(name, share * np.maximum(requests[column], 0))

    def _count(self, name: str, amounts: Times | NDArray[np.float64]) -> None:
        self.amounts[name] = self.amounts.get(name, 0.0) + float(amounts.sum())

    def _add_times(self, sent: Batch) -> None:
        """Count the outcomes and times of the measured requests that were sent in the window."""
        self.failed += int(np.count_nonzero(sent["outcome"] == Outcome.FAILED))
        succeeded = sent[sent["outcome"] == Outcome.SUCCEEDED]
        self.succeeded += len(succeeded)
        tokens = succeeded[succeeded["first_token"] >= 0]
        tpot = sent["tpot"][(sent["tpot"] >= 0)]
        times = (succeeded["end"] - succeeded["sent"], tokens["first_token"] - tokens["sent"], tpot)
        for histogram, values in zip(self.histograms.values(), times, strict=True):
            histogram.add(values.tolist())

    def absent(self) -> SteadyAbsence | None:
        """The reason why there is no steady part, if there is none."""
        if self.succeeded + self.failed < max(_LEAST, self.flying_first):
            return SteadyAbsence.TOO_SHORT
        grown = abs(self.flying_last - self.flying_first)
        unbalanced = grown > max(_chance(self.flying_first, self.flying_last), _UNBALANCED * self.ended)
        return SteadyAbsence.UNBALANCED if unbalanced or self._drifts() else None

    def _drifts(self) -> bool:
        """Whether more, or fewer, were in flight in the second half."""
        half_ns = (self.end_ns - self.begin_ns) / 2
        first = self.amounts[_FIRST_HALF] / half_ns
        second = self.amounts["in_flight"] / half_ns - first
        less, more = sorted((first, second))
        return more > _DRIFT * less and more - less > _chance(first, second)

    def window(self, run_ns: int, offset_ns: int) -> SteadyWindow:
        """The steady part, with its figures. `offset_ns`: Unix time when the times of the records begin."""
        length_ns = self.end_ns - self.begin_ns
        per = {name: NANO if name == "in_flight" else NANO * NANO for name in (*_AMOUNTS, "requests", "in_flight")}
        counted = {name: bulk.histogram() for name, bulk in self.histograms.items()}
        return SteadyWindow(
            windows=1,
            started_at_ns=self.begin_ns + offset_ns,
            ended_at_ns=self.end_ns + offset_ns,
            length_ns=length_ns,
            run_ns=run_ns,
            succeeded=self.succeeded,
            failed=self.failed,
            rates={name: round(self.amounts[name] * times / length_ns) for name, times in per.items()},
            histograms={name: histogram for name, histogram in counted.items() if histogram.count},
        )


def _overlap(begins: Times, ends: Times, begin_ns: int, end_ns: int) -> Times:
    within: Times = np.maximum(np.minimum(ends, end_ns) - np.maximum(begins, begin_ns), 0)
    return within


def _chance(one: float, other: float) -> float:
    """The most by which two Poisson counts differ, but for one time in some hundred."""
    return _DEVIATIONS * math.sqrt(one + other)


_FIRST_HALF = "in_flight_first_half"
_AMOUNTS = {"output_tokens": "completion_tokens", "input_tokens": "prompt_tokens", "inputs": "inputs"}
