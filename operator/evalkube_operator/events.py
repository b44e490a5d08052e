"""Posts events about runs and about the operator, from a bounded queue and at a bounded rate. The same event about a
run is posted once.

`document` and `own` are the events, pure. An event that cannot be posted is dropped: the status says it all.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from evalkube_crds.names import API_VERSION
from evalkube_operator.actions import Announcement
from evalkube_operator.errors import OperatorError
from evalkube_operator.facts import RunFact
from evalkube_operator.ports import Cluster

__all__ = ["EventPoster", "OwnPod", "document", "own"]

_LOG = logging.getLogger("evalkube.operator")
_QUEUED: Final = 4000
_REMEMBERED: Final = 4000
_PAUSE_S: Final = 0.02
_BUSY_PAUSE_S: Final = 0.5
"""50 events a second at most, and hardly any while Jobs are being made: they are what people wait for."""


@dataclass(frozen=True, slots=True)
class OwnPod:
    """The pod that the operator runs in."""

    namespace: str
    name: str
    uid: str


def document(run: RunFact, announcement: Announcement, now: datetime, instance: str) -> dict[str, Any]:
    """The event, as an object of the core group."""
    about = {
        "apiVersion": API_VERSION,
        "kind": str(run.kind),
        "namespace": run.namespace,
        "name": run.name,
        "uid": run.uid,
        "resourceVersion": run.resource_version,
    }
    return _event(about, announcement, now, instance)


def own(pod: OwnPod, announcement: Announcement, now: datetime) -> dict[str, Any]:
    """The event about the operator's own pod."""
    about = {"apiVersion": "v1", "kind": "Pod", "namespace": pod.namespace, "name": pod.name, "uid": pod.uid}
    return _event(about, announcement, now, pod.name)


def _event(about: Mapping[str, str], announcement: Announcement, now: datetime, instance: str) -> dict[str, Any]:
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    seed = f"{about['uid']}{announcement.reason}{announcement.message}{now.timestamp()}"
    suffix = hashlib.sha256(seed.encode()).hexdigest()[:16]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": about["namespace"], "name": f"{about['name']}.{suffix}"},
        "involvedObject": dict(about),
        "reason": str(announcement.reason),
        "message": announcement.message[:1024],
        "type": "Warning" if announcement.warning else "Normal",
        "source": {"component": "evalkube-operator"},
        "reportingComponent": "evalkube-operator",
        "reportingInstance": instance,
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }


class EventPoster:
    """Posts events about runs one after the other, when nothing is more urgent (see `execute.Announcer`)."""

    def __init__(self, cluster: Cluster, instance: str, *, busy: Callable[[], bool] = lambda: False) -> None:
        """`busy`: whether there is more urgent work."""
        self._cluster = cluster
        self._instance = instance
        self._busy = busy
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_QUEUED)
        self._said: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def announce(self, run: RunFact, announcement: Announcement) -> None:
        """See `execute.Announcer`. What was the last word about a run already is not said again."""
        words = (run.uid, str(announcement.reason), announcement.message)
        if words in self._said:
            return
        self._said[words] = None
        if len(self._said) > _REMEMBERED:
            self._said.popitem(last=False)
        self.post(document(run, announcement, datetime.now(UTC), self._instance))

    def post(self, event: dict[str, Any]) -> None:
        """Queue an event to be posted; never blocks, never raises."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            _LOG.debug("too many events; one is dropped")

    async def run(self) -> None:
        """Post queued events until cancelled."""
        while True:
            event = await self._queue.get()
            try:
                await self._cluster.post_event(event)
            except OperatorError as problem:
                _LOG.debug("an event was not posted: %s", problem)
            await asyncio.sleep(_BUSY_PAUSE_S if self._busy() else _PAUSE_S)
