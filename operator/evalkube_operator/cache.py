"""What the watches have told, by key: small copies of runs, and facts of Jobs, pods and failed creations.

Written by watch events, by relists (which also remove what has vanished unseen), and by the answers to our own writes,
so that the next look already knows of them. Older news never replaces newer. No I/O, no decisions.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import orjson

from evalkube_operator import facts
from evalkube_operator.facts import EventFact, JobFact, PodFact, RunFact

__all__ = ["Cache", "Key", "trimmed"]

Key = tuple[str, str, str]
"""Kind, namespace and name of a run: what the work queue is about."""

Raw = Mapping[str, Any]
Fact = TypeVar("Fact", JobFact, PodFact)

_EVENTS_KEPT: Final = 4
_GONE_KEPT: Final = 32
_LATEST_KEPT: Final = 256


@dataclass(slots=True)
class _Run:
    uid: str
    version: int
    data: bytes


@dataclass(slots=True)
class _Relatives:
    """Jobs and pods of one run, by UID. ``gone``: pods whose end was seen before they vanished."""

    jobs: dict[str, JobFact] = field(default_factory=dict)
    pods: dict[str, PodFact] = field(default_factory=dict)
    gone: dict[str, PodFact] = field(default_factory=dict)


_DROPPED_ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"


def trimmed(raw: Raw) -> dict[str, Any]:
    """A run without what nobody here reads: managed fields, the last applied text, inline results."""
    metadata = {name: value for name, value in raw["metadata"].items() if name != "managedFields"}
    annotations = {
        name: value for name, value in (metadata.get("annotations") or {}).items() if name != _DROPPED_ANNOTATION
    }
    metadata["annotations"] = annotations
    status = {name: value for name, value in (raw.get("status") or {}).items() if name != "results"}
    return {**raw, "metadata": metadata, "status": status}


def _packed(document: Raw) -> bytes:
    """As JSON. A copy: orjson's own buffers are kilobytes longer than what is in them, for as long as they are kept."""
    return bytes(memoryview(orjson.dumps(document)))


def _version(raw: Raw) -> int:
    """Resource versions compare as integers (Kubernetes says so since 1.35, etcd always did); 0 where not."""
    text = str(raw["metadata"].get("resourceVersion") or "0")
    return int(text) if text.isdecimal() else 0


class Cache:
    """Belongs to one event loop. ``changed`` is called with the key of every run that wants another look; ``news``
    counts what was not known before."""

    def __init__(self, changed: Callable[[Key], None], dropped: Callable[[Key, str], None] | None = None) -> None:
        """``dropped``: called with key and UID of a run that is gone."""
        self._changed = changed
        self._dropped = dropped
        self.news = 0
        self._runs: dict[Key, _Run] = {}
        self._keys: dict[str, Key] = {}
        self._latest: OrderedDict[Key, RunFact] = OrderedDict()
        self._relatives: dict[str, _Relatives] = {}
        self._run_of_job: dict[str, str] = {}
        self._run_of_pod: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        self._events: dict[str, dict[str, EventFact]] = {}

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
        fact = facts.run(orjson.loads(stored.data), before=latest)
        self._latest[key] = fact
        self._latest.move_to_end(key)
        if len(self._latest) > _LATEST_KEPT:
            self._latest.popitem(last=False)
        return fact

    def key_of(self, uid: str) -> Key | None:
        """The key of the run with this UID."""
        return self._keys.get(uid)

    def run_keys(self) -> list[Key]:
        """All runs."""
        return list(self._runs)

    def uids(self) -> set[str]:
        """The UIDs of all runs."""
        return set(self._keys)

    def jobs(self, run_uid: str) -> tuple[JobFact, ...]:
        """The Jobs that the run owns, and no others that merely carry its label."""
        relatives = self._relatives.get(run_uid)
        if relatives is None:
            return ()
        return tuple(job for job in relatives.jobs.values() if job.owner is not None and job.owner.uid == run_uid)

    def pods(self, run_uid: str) -> tuple[PodFact, ...]:
        """The pods of the run's Jobs, those included whose end was seen before they vanished."""
        relatives = self._relatives.get(run_uid)
        return () if relatives is None else (*relatives.gone.values(), *relatives.pods.values())

    def pod(self, pod_uid: str) -> PodFact | None:
        """A pod that is there now."""
        run_uid = self._run_of_pod.get(pod_uid)
        return None if run_uid is None else self._relatives[run_uid].pods.get(pod_uid)

    def failed_creates(self, job_uids: Iterable[str]) -> tuple[EventFact, ...]:
        """What kept these Jobs' pods from being created."""
        return tuple(event for uid in job_uids for event in self._events.get(uid, {}).values())

    # what is told

    def apply_run(self, raw: Raw, *, deleted: bool = False) -> None:
        """A run was added, changed, or deleted."""
        metadata = raw["metadata"]
        key = (raw["kind"], metadata["namespace"], metadata["name"])
        known, uid, version = self._runs.get(key), metadata["uid"], _version(raw)
        if known is not None and version < known.version:
            return
        if deleted:
            if known is None or known.uid == uid:
                self._drop_run(key)
            return
        if known is not None and known.uid != uid:
            self._drop_run(key)
        if known is not None and known.uid == uid and known.version == version:
            return
        self._runs[key] = _Run(uid, version, _packed(trimmed(raw)))
        self._keys[uid] = key
        self.news += 1
        self._changed(key)

    def drop_run(self, key: Key, uid: str) -> None:
        """The API server knows no such run any more."""
        known = self._runs.get(key)
        if known is not None and known.uid == uid:
            self._drop_run(key)

    def _drop_run(self, key: Key) -> None:
        known = self._runs.pop(key, None)
        self._latest.pop(key, None)
        if known is not None:
            self._keys.pop(known.uid, None)
            self.news += 1
            self._changed(key)
            if self._dropped is not None:
                self._dropped(key, known.uid)

    def apply_job(self, raw: Raw, *, deleted: bool = False) -> None:
        """A Job was added, changed, or deleted. Raises Unreadable."""
        run_uid = (raw["metadata"].get("labels") or {}).get(facts.RUN_UID_LABEL)
        if run_uid is None or not self._is_news(raw, deleted=deleted):
            return
        job = facts.job(raw)
        relatives = self._relatives.setdefault(run_uid, _Relatives())
        if deleted:
            self._drop_job(run_uid, relatives, job.uid)
        else:
            relatives.jobs[job.uid] = job
            self._run_of_job[job.uid] = run_uid
        self._tidy(run_uid)
        self._tell(run_uid)

    def _drop_job(self, run_uid: str, relatives: _Relatives, uid: str) -> None:
        relatives.jobs.pop(uid, None)
        self._run_of_job.pop(uid, None)
        self._versions.pop(uid, None)
        self._events.pop(uid, None)

    def apply_pod(self, raw: Raw, *, deleted: bool = False) -> None:
        """A pod was added, changed, or deleted. Raises Unreadable."""
        run_uid = (raw["metadata"].get("labels") or {}).get(facts.RUN_UID_LABEL)
        if run_uid is None or not self._is_news(raw, deleted=deleted):
            return
        pod = facts.pod(raw)
        relatives = self._relatives.setdefault(run_uid, _Relatives())
        if deleted:
            self._bury(relatives, relatives.pods.pop(pod.uid, None), pod)
        else:
            relatives.pods[pod.uid] = pod
            self._run_of_pod[pod.uid] = run_uid
        self._tidy(run_uid)
        self._tell(run_uid)

    def _bury(self, relatives: _Relatives, known: PodFact | None, last: PodFact) -> None:
        """Keep what is known of a pod's end: after it is gone nothing else tells why an attempt failed."""
        self._versions.pop(last.uid, None)
        self._run_of_pod.pop(last.uid, None)
        kept = last if last.ended or known is None or not known.ended else known
        if kept.ended or kept.deleting or kept.disruption is not None:
            relatives.gone[kept.uid] = kept
        while len(relatives.gone) > _GONE_KEPT:
            del relatives.gone[next(iter(relatives.gone))]

    def apply_event(self, raw: Raw, *, deleted: bool = False) -> None:
        """An event about a Job whose pods cannot be created. Raises Unreadable."""
        event = facts.event(raw)
        name = raw["metadata"]["name"]
        events = self._events.setdefault(event.about_uid, {})
        if deleted:
            events.pop(name, None)
        else:
            events[name] = event
        while len(events) > _EVENTS_KEPT:
            del events[next(iter(events))]
        if not events:
            del self._events[event.about_uid]
        run_uid = self._run_of_job.get(event.about_uid)
        if run_uid is not None:
            self._tell(run_uid)

    def _is_news(self, raw: Raw, *, deleted: bool) -> bool:
        uid, version = raw["metadata"]["uid"], _version(raw)
        known = self._versions.get(uid, -1)
        if version < known or (version == known and not deleted):
            return False
        self._versions[uid] = version
        self.news += 1
        return True

    def _tidy(self, run_uid: str) -> None:
        relatives = self._relatives.get(run_uid)
        if relatives is not None and not relatives.jobs and not relatives.pods and run_uid not in self._keys:
            del self._relatives[run_uid]

    def _tell(self, run_uid: str) -> None:
        key = self._keys.get(run_uid)
        if key is not None:
            self._changed(key)

    # relists

    def replace_runs(self, kind: str, items: Iterable[Raw], version: int, covers: Callable[[str], bool]) -> int:
        """Take over a list of all runs of ``kind`` in the namespaces that ``covers`` says; how many had vanished."""
        listed = set()
        for raw in items:
            listed.add((kind, raw["metadata"]["namespace"], raw["metadata"]["name"]))
            self.apply_run({**raw, "kind": kind})
        ghosts = [
            key
            for key, known in self._runs.items()
            if key[0] == kind and key not in listed and covers(key[1]) and known.version <= version
        ]
        for key in ghosts:
            self._drop_run(key)
        return len(ghosts)

    def replace_jobs(self, items: Iterable[Raw], version: int, covers: Callable[[str], bool]) -> int:
        """As ``replace_runs``, for Jobs."""
        listed = self._apply_all(items, self.apply_job)
        ghosts = [
            (run_uid, uid)
            for run_uid, relatives in self._relatives.items()
            for uid, job in relatives.jobs.items()
            if uid not in listed and covers(job.namespace) and self._versions.get(uid, 0) <= version
        ]
        for run_uid, uid in ghosts:
            self._drop_job(run_uid, self._relatives[run_uid], uid)
            self._tidy(run_uid)
            self._tell(run_uid)
        return len(ghosts)

    def replace_pods(self, items: Iterable[Raw], version: int, covers: Callable[[str], bool]) -> int:
        """As ``replace_runs``, for pods."""
        listed = self._apply_all(items, self.apply_pod)
        ghosts = [
            (run_uid, pod)
            for run_uid, relatives in self._relatives.items()
            for uid, pod in relatives.pods.items()
            if uid not in listed and covers(pod.namespace) and self._versions.get(uid, 0) <= version
        ]
        for run_uid, pod in ghosts:
            relatives = self._relatives[run_uid]
            self._bury(relatives, relatives.pods.pop(pod.uid), pod)
            self._tidy(run_uid)
            self._tell(run_uid)
        return len(ghosts)

    def _apply_all(self, items: Iterable[Raw], apply: Callable[[Raw], None]) -> set[str]:
        listed = set()
        for raw in items:
            listed.add(str(raw["metadata"]["uid"]))
            apply(raw)
        return listed
