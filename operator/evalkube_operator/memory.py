"""The operator's memory of a run between two reconciliations: answers to lookups, each with the time for which it is
valid.

All of it can be lost at any moment: the plan asks again. No I/O, no decisions.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from evalkube_crds import live
from evalkube_crds.live import ShardProgress
from evalkube_crds.perf_trace import TRACE
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import Progress, Receipt
from evalkube_crds.transitions import Outcome
from evalkube_operator.actions import CollectError, ForeignJob, Refusal, Seen
from evalkube_operator.cache import Cache
from evalkube_operator.facts import EventFact, ObjectFact, ObjectRef, RunFact, Spec
from evalkube_operator.line import Line
from evalkube_operator.storage import StoreRoom

__all__ = ["Memory", "whole"]

_OBJECT_S: Final = 1.0
_POD_EVENTS_S: Final = 9.0
_FIGURES: Final = frozenset(one.name for one in live.FIGURES)


@dataclass(slots=True)
class Memory:
    """The memory of one run. A dict holds one for each UID."""

    objects: dict[ObjectRef, tuple[ObjectFact | None, datetime]] = field(default_factory=dict)
    pod_events: dict[str, tuple[tuple[EventFact, ...], datetime]] = field(default_factory=dict)
    absent_jobs: set[str] = field(default_factory=set)
    refusal: Refusal | None = None
    foreign: ForeignJob | None = None
    outcome: Outcome | None = None
    collect_error: CollectError | None = None
    attempt: int | None = None
    told_attempt: int | None = None
    progress: dict[int, Progress] = field(default_factory=dict)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    progress_written_at: datetime | None = None
    progress_writes: int = 0

    def begin(self, attempt: int | None) -> None:
        """Note the run's attempt, and drop results and refusals of another one."""
        if attempt != self.attempt:
            self.attempt = attempt
            self.outcome = self.collect_error = self.refusal = self.foreign = None
            self.pod_events.clear()

    def progressed(self, attempt: int, shard: int, progress: Progress) -> None:
        """Note a shard's progress."""
        self._hear(attempt)
        self.progress[shard] = progress

    def finished(self, attempt: int, receipt: Receipt) -> None:
        """Note a shard's receipt."""
        self._hear(attempt)
        self.receipts[receipt.shard] = receipt

    def _hear(self, attempt: int) -> None:
        """Drop the reports of runners of another attempt."""
        if attempt != self.told_attempt:
            self.told_attempt = attempt
            self.progress.clear()
            self.receipts.clear()

    def seen(
        self,
        run: RunFact,
        cache: Cache,
        line: Line,
        now: datetime,
        *,
        store_room: StoreRoom | None,
        progress_interval_s: tuple[float, float],
    ) -> Seen:
        """All that is known of the run's surroundings, for the plan."""
        attempts = run.status.attempts
        number = attempts[-1].number if attempts else None
        self.begin(number)
        jobs = cache.jobs(run.uid)
        due, interval_s = self.progress_written_at, progress_interval_s[min(self.progress_writes // 2, 1)]
        return Seen(
            jobs=jobs,
            pods=cache.pods(run.uid),
            failed_creates=cache.failed_creates(run.namespace, (job.uid for job in jobs)),
            pod_events={uid: events for uid, (events, at) in self.pod_events.items() if _young(at, now, _POD_EVENTS_S)},
            absent_jobs=frozenset(self.absent_jobs),
            objects=self._objects(now, run.uid),
            refusal=self.refusal,
            foreign=self.foreign,
            outcome=self.outcome,
            collect_error=self.collect_error,
            progress=self._progress(run) if number == self.told_attempt else None,
            receipts=dict(self.receipts) if number == self.told_attempt else {},
            progress_due=due + timedelta(seconds=interval_s) if due is not None else None,
            turn=line.turn(run.uid),
            crowd=line.crowd(run.uid, run.namespace),
            store_room=store_room,
        )

    def _objects(self, now: datetime, run_uid: str) -> Mapping[ObjectRef, ObjectFact | None]:
        """The metadata that is still valid. The run's own Secret stays known once it was there; everything else may
        change and is asked for again.
        """
        return {
            ref: found
            for ref, (found, at) in self.objects.items()
            if (found is not None and run_uid in found.owner_uids) or _young(at, now, _OBJECT_S)
        }

    def _progress(self, run: RunFact) -> Progress | None:
        return whole(self.progress.values(), run.spec) if self.progress and run.spec is not None else None


def whole(parts: Collection[Progress], spec: Spec) -> Progress:
    """The progress of a run, from its shards as far as they have reported it.

    A shard that does not know its total yet is taken to have as much to do as the others. The stage is that of the
    shard that is least far; the last one to end decides when the run ends.
    """
    known = [part.total for part in parts if part.total]
    total = sum(known) * spec.shards // len(known) if known else 0
    if isinstance(spec, PerfRunSpec) and not spec.sla_auto_tune and (spec.number or spec.dataset != TRACE):
        total = min(total, sum(spec.numbers))  # a shard may have no part in a small load
    etas = [part.eta_seconds for part in parts if part.eta_seconds is not None]
    return Progress(
        done=sum(part.done for part in parts),
        total=total,
        eta_seconds=max(etas) if len(etas) == spec.shards else None,
        stage=min(parts, key=lambda part: part.done / (part.total or math.inf)).stage,
        failed=sum(part.failed for part in parts),
        figures=_figures(parts, spec.shards),
    )


def _figures(parts: Collection[Progress], shards: int) -> dict[str, float]:
    """The live figures of the run (15 ms for a thousand shards). A status is small: it only has figures of the table,
    whatever a runner reports.
    """
    if shards == 1:
        found = next(iter(parts)).figures
    else:
        found = live.figures(live.merged(part.live for part in parts if isinstance(part, ShardProgress) and part.live))
    return {name: value for name, value in found.items() if name in _FIGURES}


def _young(at: datetime, now: datetime, seconds: float) -> bool:
    return now - at < timedelta(seconds=seconds)
