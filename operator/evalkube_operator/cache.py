"""The objects that the watches reported, by key: small copies of runs, and facts of Jobs, pods and failed creations.

Written by watch events, by relists (which also remove what has vanished unseen), and by the answers to our own writes,
so that the next look already knows of them. Older news never replaces newer. What is kept of Jobs and pods stands by
the namespace that it is in and the run that its label names, and is a run's only where `links` says so: what others
write in other namespaces meets no run at all. No I/O, no decisions.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from evalkube_operator import links, reading
from evalkube_operator.facts import EventFact, JobFact, KeptRun, PodFact, RunFact

__all__ = ["Cache", "Covers", "Key"]

Key = tuple[str, str, str]
"""Kind, namespace and name of a run: what the work queue is about."""

Covers = Callable[[str], bool]
"""Whether a list was of this namespace too."""

_Place = tuple[str, str]
"""A namespace, and the UID of a run or a Job that something in it names."""

_EVENTS_KEPT: Final = 4
_GONE_KEPT: Final = 32
_LATEST_KEPT: Final = 256


@dataclass(slots=True)
class _Relatives:
    """Jobs and pods in a namespace that name one run, by UID, and the pods of each shard.

    `gone`: pods of the run whose end was seen before they vanished.
    """

    jobs: dict[str, JobFact] = field(default_factory=dict)
    pods: dict[str, PodFact] = field(default_factory=dict)
    gone: dict[str, PodFact] = field(default_factory=dict)
    shards: dict[tuple[str | None, int], set[str]] = field(default_factory=dict)

    def put(self, pod: PodFact) -> None:
        self.take(pod.uid)
        self.pods[pod.uid] = pod
        self.shards.setdefault((pod.job_uid, pod.index), set()).add(pod.uid)

    def take(self, uid: str) -> PodFact | None:
        pod = self.pods.pop(uid, None)
        if pod is not None:
            shard = self.shards[pod.job_uid, pod.index]
            shard.discard(uid)
            if not shard:
                del self.shards[pod.job_uid, pod.index]
        return pod


class Cache:
    """The watched objects, by run. It belongs to one event loop. `changed` is called with the key of every run to be
    reconciled; `news` counts what was not known before.
    """

    def __init__(self, changed: Callable[[Key], None], dropped: Callable[[Key, str], None] | None = None) -> None:
        """`dropped`: called with key and UID of a run that is gone."""
        self._changed = changed
        self._dropped = dropped
        self.news = 0
        self._runs: dict[Key, KeptRun] = {}
        self._keys: dict[str, Key] = {}
        self._latest: OrderedDict[Key, RunFact] = OrderedDict()
        self._relatives: dict[_Place, _Relatives] = {}
        self._places: dict[str, _Place] = {}
        self._versions: dict[str, int] = {}
        self._events: dict[_Place, dict[str, EventFact]] = {}
        self._abouts: dict[str, _Place] = {}

    def __len__(self) -> int:
        return len(self._runs)

    # what is asked

    def run(self, key: Key) -> RunFact | None:
        """The run; None where there is none. Raises Unreadable."""
        stored = self._runs.get(key)
        if stored is None:
            return None
        latest = self._latest.get(key)
        if latest is not None and latest.uid == stored.uid and latest.resource_version == str(stored.version):
            return latest
        fact = reading.opened(stored, before=latest)
        self._latest[key] = fact
        self._latest.move_to_end(key)
        if len(self._latest) > _LATEST_KEPT:
            self._latest.popitem(last=False)
        return fact

    def key_of(self, uid: str) -> Key | None:
        """The key of the run with this UID."""
        return self._keys.get(uid)

    def run_keys(self) -> list[Key]:
        """All runs, the oldest first."""
        return sorted(self._runs, key=lambda key: (self._runs[key].created, key[2]))

    def uid_of(self, key: Key) -> str | None:
        """The UID of the run of that key."""
        run = self._runs.get(key)
        return run.uid if run is not None else None

    def uids(self) -> set[str]:
        """The UIDs of all runs."""
        return set(self._keys)

    def jobs(self, run_uid: str) -> tuple[JobFact, ...]:
        """The Jobs that the run owns. Other Jobs with its label are left out."""
        key = self._keys.get(run_uid)
        relatives = self._relatives.get((key[1], run_uid)) if key is not None else None
        if key is None or relatives is None:
            return ()
        return tuple(job for job in relatives.jobs.values() if links.owns(key, run_uid, job))

    def job(self, run_uid: str, uid: str) -> JobFact | None:
        """The Job with this UID, if it is there and the run's."""
        return next((job for job in self.jobs(run_uid) if job.uid == uid), None)

    def pods(self, run_uid: str) -> tuple[PodFact, ...]:
        """The pods that the controllers of the run's Jobs count. Pods whose end was seen before they were deleted are
        included.
        """
        key = self._keys.get(run_uid)
        relatives = self._relatives.get((key[1], run_uid)) if key is not None else None
        if relatives is None:
            return ()
        return (*relatives.gone.values(), *(pod for pod in relatives.pods.values() if self.run_of(pod) is not None))

    def pod(self, pod_uid: str) -> PodFact | None:
        """A pod that exists now, whoever owns it."""
        place = self._places.get(pod_uid)
        return None if place is None else self._relatives[place].pods.get(pod_uid)

    def living_pods(self) -> list[PodFact]:
        """The pods of known runs that have not ended."""
        pods = (pod for uid in self._keys for pod in self.pods(uid))
        return [pod for pod in pods if not pod.ended and not pod.gone]

    def run_of(self, pod: PodFact) -> Key | None:
        """The run of a pod that its Job's controller counts. The label names the run, and every owner reference must
        agree.
        """
        key = self._keys.get(pod.run_uid or "")
        if key is None or pod.job_uid is None or key[1] != pod.namespace:
            return None
        run = self._runs[key]
        relatives = self._relatives.get((pod.namespace, run.uid))
        job = relatives.jobs.get(pod.job_uid) if relatives is not None else None
        ours = links.owns(key, run.uid, job) if job is not None else pod.job_uid == run.job_uid
        return key if ours and links.counts(job, pod) else None

    def runner(self, pod: PodFact) -> PodFact | None:
        """The pod whose reports count for this pod's shard now: see `links.runner`."""
        place = self._places.get(pod.uid)
        if place is None:
            return None
        relatives = self._relatives[place]
        rivals = (relatives.pods[uid] for uid in relatives.shards.get((pod.job_uid, pod.index), ()))
        return links.runner(rival for rival in rivals if self.run_of(rival) is not None)

    def failed_creates(self, namespace: str, job_uids: Iterable[str]) -> tuple[EventFact, ...]:
        """The failed creations of pods of these Jobs in the namespace."""
        return tuple(event for uid in job_uids for event in self._events.get((namespace, uid), {}).values())

    # what is told: runs

    def apply_run(self, run: KeptRun) -> None:
        """Take a run that was added or changed."""
        known = self._runs.get(run.key)
        if known is not None and (run.version < known.version or (run.uid, run.version) == (known.uid, known.version)):
            return
        if known is not None and known.uid != run.uid:
            self._drop_run(run.key)
        self._runs[run.key] = run
        self._keys[run.uid] = run.key
        self.news += 1
        self._changed(run.key)

    def remove_run(self, key: Key, uid: str, version: int | None = None) -> None:
        """Remove a deleted run. `version` is that of its deletion, where it is known."""
        known = self._runs.get(key)
        if known is not None and known.uid == uid and (version is None or version >= known.version):
            self._drop_run(key)

    def _drop_run(self, key: Key) -> None:
        known = self._runs.pop(key)
        self._latest.pop(key, None)
        self._keys.pop(known.uid, None)
        self._tidy((key[1], known.uid))
        self.news += 1
        self._changed(key)
        if self._dropped is not None:
            self._dropped(key, known.uid)

    # what is told: Jobs

    def apply_job(self, job: JobFact) -> None:
        """Take a Job that was added or changed."""
        if job.run_uid is None:
            self.remove_job(job.uid, job.version)
        elif self._is_news(job.uid, job.version):
            known = self._move(job.uid, (job.namespace, job.run_uid)).jobs
            before, known[job.uid] = known.get(job.uid), job
            self._tell_of_job(before)
            self._tell_of_job(job)

    def remove_job(self, uid: str, version: int) -> None:
        """Remove a Job."""
        if version < self._versions.get(uid, -1):
            return
        place = self._forget(uid)
        job = self._relatives[place].jobs.pop(uid, None) if place is not None else None
        if place is not None and job is not None:
            for event_uid in self._events.pop((job.namespace, uid), {}):
                self._abouts.pop(event_uid, None)
            self.news += 1
            self._tell_of_job(job)
            self._tidy(place)

    def _tell_of_job(self, job: JobFact | None) -> None:
        key = self._keys.get(job.run_uid or "") if job is not None else None
        if job is not None and key is not None and links.owns(key, self._runs[key].uid, job):
            self._changed(key)

    # what is told: pods

    def apply_pod(self, pod: PodFact) -> None:
        """Take a pod that was added or changed."""
        if pod.run_uid is None:
            self.remove_pod(pod.uid, pod.version)
        elif self._is_news(pod.uid, pod.version):
            relatives = self._move(pod.uid, (pod.namespace, pod.run_uid))
            before = relatives.pods.get(pod.uid)
            relatives.put(_tracked(pod, before))
            self._tell_of_pod(before)
            self._tell_of_pod(relatives.pods[pod.uid])

    def remove_pod(self, uid: str, version: int, last: PodFact | None = None) -> None:
        """Remove a pod. `last` is its last state, where that is known."""
        if version < self._versions.get(uid, -1):
            return
        place = self._forget(uid)
        known = self._relatives[place].take(uid) if place is not None else None
        if place is not None and known is not None:
            self.news += 1
            self._bury(place, known, _tracked(last, known) if last is not None else known)
            self._tell_of_pod(known)
            self._tidy(place)

    def _bury(self, place: _Place, known: PodFact, last: PodFact) -> None:
        """Keep how a deleted pod ended: nothing else says why an attempt failed."""
        kept = last if last.ended or not known.ended else known
        if self.run_of(kept) is None or not (kept.ended or kept.deleting or kept.disruption is not None):
            return
        gone = self._relatives[place].gone
        gone[kept.uid] = replace(kept, gone=True)
        while len(gone) > _GONE_KEPT:
            del gone[next(iter(gone))]

    def _tell_of_pod(self, pod: PodFact | None) -> None:
        key = self.run_of(pod) if pod is not None else None
        if key is not None:
            self._changed(key)

    # what is told: failed creations

    def apply_event(self, event: EventFact) -> None:
        """Take an event about a Job whose pods cannot be created."""
        place = event.namespace, event.about_uid
        if self._abouts.get(event.uid, place) != place:
            self.remove_event(event.uid)
        events = self._events.setdefault(place, {})
        known = events.get(event.uid)
        if known is not None and known.version >= event.version:
            return
        events[event.uid] = event
        self._abouts[event.uid] = place
        for uid in list(events)[:-_EVENTS_KEPT]:
            self.remove_event(uid)
        job_place = self._places.get(event.about_uid)
        if job_place is not None and job_place[0] == event.namespace:
            self._tell_of_job(self._relatives[job_place].jobs.get(event.about_uid))

    def remove_event(self, uid: str) -> None:
        """Remove an event."""
        place = self._abouts.pop(uid, None)
        if place is not None:
            events = self._events[place]
            events.pop(uid, None)
            if not events:
                del self._events[place]

    # bookkeeping

    def _is_news(self, uid: str, version: int) -> bool:
        if version <= self._versions.get(uid, -1):
            return False
        self._versions[uid] = version
        self.news += 1
        return True

    def _move(self, uid: str, place: _Place) -> _Relatives:
        """Move a Job or pod to its run: its label may name another run than before."""
        before = self._places.get(uid)
        if before is not None and before != place:
            self._relatives[before].jobs.pop(uid, None)
            self._relatives[before].take(uid)
            self._tidy(before)
        self._places[uid] = place
        return self._relatives.setdefault(place, _Relatives())

    def _forget(self, uid: str) -> _Place | None:
        self._versions.pop(uid, None)
        return self._places.pop(uid, None)

    def _tidy(self, place: _Place) -> None:
        relatives, key = self._relatives.get(place), self._keys.get(place[1])
        lives = key is not None and key[1] == place[0]
        if relatives is not None and not relatives.jobs and not relatives.pods and not lives:
            del self._relatives[place]

    # relists: what is not in the list has vanished unseen

    def prune_runs(self, kind: str, listed: Collection[str], version: int, covers: Covers) -> int:
        """Remove runs that a full list no longer has; return how many. `listed` has the UIDs of the runs of `kind` in
        the namespaces that `covers` says, at `version`.
        """
        ghosts = [
            key
            for key, known in self._runs.items()
            if key[0] == kind and known.uid not in listed and covers(key[1]) and known.version <= version
        ]
        for key in ghosts:
            self._drop_run(key)
        return len(ghosts)

    def prune_jobs(self, listed: Collection[str], version: int, covers: Covers) -> int:
        """As `prune_runs`, for Jobs."""
        known = [job for relatives in self._relatives.values() for job in relatives.jobs.values()]
        ghosts = [job for job in known if job.uid not in listed and covers(job.namespace) and job.version <= version]
        for job in ghosts:
            self.remove_job(job.uid, job.version)
        return len(ghosts)

    def prune_pods(self, listed: Collection[str], version: int, covers: Covers) -> int:
        """As `prune_runs`, for pods."""
        known = [pod for relatives in self._relatives.values() for pod in relatives.pods.values()]
        ghosts = [pod for pod in known if pod.uid not in listed and covers(pod.namespace) and pod.version <= version]
        for pod in ghosts:
            self.remove_pod(pod.uid, pod.version)
        return len(ghosts)

    def prune_events(self, listed: Collection[str], version: int, covers: Covers) -> int:
        """As `prune_runs`, for events."""
        known = [event for events in self._events.values() for event in events.values()]
        ghosts = [
            each for each in known if each.uid not in listed and covers(each.namespace) and each.version <= version
        ]
        for event in ghosts:
            self.remove_event(event.uid)
        return len(ghosts)


def _tracked(pod: PodFact, before: PodFact | None) -> PodFact:
    """The pod, marked as tracked where it was before: its finalizer is removed when its end is counted."""
    return replace(pod, tracked=True) if before is not None and before.tracked and not pod.tracked else pod
