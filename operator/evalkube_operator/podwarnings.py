"""Looks up Kubernetes' warnings about pods: one list of a namespace serves all who ask within a few seconds.

The API server has no index of events: it reads all of a namespace for each list, whatever the question. A thousand
pods that start slowly must not make a thousand lists.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final

from evalkube_operator import reading
from evalkube_operator.errors import Unreadable
from evalkube_operator.facts import EventFact
from evalkube_operator.ports import Cluster
from evalkube_operator.store.locks import KeyLocks
from evalkube_operator.unread import Unread

__all__ = ["PodWarnings"]

_FRESH_S: Final = 3.0
_KEPT: Final = 16
"""Namespaces that were asked about last."""

_ByPod = Mapping[str, tuple[EventFact, ...]]


class PodWarnings:
    """Looks up the warnings that Kubernetes has about pods. It belongs to one event loop."""

    def __init__(self, cluster: Cluster, unread: Unread, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._unread = unread
        self._now_s = now_s
        self._known: OrderedDict[str, tuple[float, _ByPod]] = OrderedDict()
        self._locks = KeyLocks()

    async def about(self, namespace: str, pod_uid: str) -> tuple[EventFact, ...]:
        """The warnings about a pod, at most a few seconds old. Raises errors.Unavailable."""
        async with self._locks.of(namespace):
            listed_s, found = self._known.get(namespace, (float("-inf"), {}))
            if self._now_s() - listed_s > _FRESH_S:
                found = await self._listed(namespace)
                self._known[namespace] = (self._now_s(), found)
                self._known.move_to_end(namespace)
                if len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        return found.get(pod_uid, ())

    async def _listed(self, namespace: str) -> _ByPod:
        found: dict[str, tuple[EventFact, ...]] = {}
        for raw in await self._cluster.pod_warnings(namespace):
            try:
                event = reading.event(raw)
            except Unreadable as problem:
                self._unread.note(problem)
                continue
            found[event.about_uid] = (*found.get(event.about_uid, ()), event)
        return found
