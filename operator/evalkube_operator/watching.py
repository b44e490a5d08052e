"""Keeps the cache up to date: kopf's watches report what happens, and a full list now and then finds what they missed.

kopf is used for its watches alone: handlers of raw events leave no finalizer and no annotation on anybody's objects.
It lists again after a gap, but tells of no object that vanished in it; that is what `resync` is for.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import kopf

from evalkube_crds.names import GROUP, VERSION, Kind
from evalkube_operator import facts
from evalkube_operator.cache import Cache
from evalkube_operator.cluster import Listed
from evalkube_operator.errors import Forbidden, Unavailable
from evalkube_operator.health import Health
from evalkube_operator.kopf_storages import NoDiffs, NoProgress
from evalkube_operator.metrics import Metrics
from evalkube_operator.telling import Telling
from evalkube_operator.unread import Unread

__all__ = ["FAILED_CREATES", "Lists", "Watching", "kopf_settings"]

_LOG = logging.getLogger("evalkube.operator")
FAILED_CREATES: Final = "involvedObject.kind=Job,reason=FailedCreate"


def kopf_settings() -> kopf.OperatorSettings:
    """kopf's settings: only watches, filtered by the API server, so that other people's pods never come here."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.persistence.diffbase_storage = NoDiffs()
    settings.persistence.progress_storage = NoProgress()
    settings.networking.request_timeout = 30
    settings.watching.inactivity_timeout = 70
    settings.queueing.idle_timeout = 1.0  # a task for each object that had news, for so long
    settings.watching.label_selectors["batch", "v1", "jobs"] = facts.RUN_UID_LABEL
    settings.watching.label_selectors["", "v1", "pods"] = facts.RUN_UID_LABEL
    settings.watching.field_selectors["", "v1", "events"] = FAILED_CREATES
    settings.process.ultimate_exiting_timeout = 20
    return settings


class Lists(Protocol):
    """The lists of the API server. Raise errors.OperatorError."""

    async def list_runs(self, kind: Kind, namespace: str | None) -> Listed:
        """All runs of `kind`, everywhere or in one namespace."""

    async def list_jobs(self, namespace: str | None, selector: str) -> Listed:
        """All Jobs with these labels."""

    async def list_pods(self, namespace: str | None, selector: str) -> Listed:
        """All pods with these labels."""

    async def list_events(self, namespace: str | None, selector: str) -> Listed:
        """All events with these fields."""


class Watching:
    """The handlers and the resync. `namespaces` empty: the whole cluster.

    `passed_over`: those of several namespaces that may not be read, as they are gone.
    """

    def __init__(
        self,
        *,
        cluster: Lists,
        cache: Cache,
        namespaces: tuple[str, ...],
        health: Health,
        metrics: Metrics,
        unread: Unread,
    ) -> None:
        self._cluster = cluster
        self._cache = cache
        self._telling = Telling(cache, unread)
        self._namespaces = namespaces
        self._health = health
        self._metrics = metrics
        self.passed_over: set[str] = set()

    def registry(self) -> kopf.OperatorRegistry:
        """kopf's handlers: raw events of runs, Jobs, pods, and failed creations."""
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(_login)
        resources = [("batch", "v1", "jobs"), ("", "v1", "pods"), ("", "v1", "events")]
        resources += [(GROUP, VERSION, "evalruns"), (GROUP, VERSION, "perfruns")]
        for resource in resources:
            kopf.on.event(*resource, registry=registry, id=resource[2])(self._handler(resource[2]))
        return registry

    def _handler(self, plural: str) -> Callable[..., Any]:
        async def on_event(event: Mapping[str, Any], **_: Any) -> None:
            self._health.told(plural)
            self._telling.told(plural, event["object"], deleted=event["type"] == "DELETED")

        return on_event

    async def readable(self) -> list[str]:
        """The namespaces to be watched: kopf gives up where it is refused. Raises errors.OperatorError."""
        for namespace in self._namespaces:
            try:
                await self._cluster.list_runs(Kind.EVAL_RUN, namespace)
            except Forbidden:
                self.passed_over.add(namespace)
        if self.passed_over >= set(self._namespaces):
            self.passed_over.clear()  # then something else is wrong, and waiting for it to be mended is right
        return [each for each in self._namespaces if each not in self.passed_over]

    async def resync(self) -> bool:
        """List everything and compare; whether a namespace that was skipped can be read by now.

        Raises errors.OperatorError.
        """
        returned = False
        for namespace in self._namespaces or (None,):
            try:
                await self._resync(namespace)
            except Forbidden as problem:
                # with its Roles gone it is being deleted, or has been; what is known of it stays as it is
                if namespace is None or len(self._namespaces) == 1:
                    raise
                self.passed_over.add(namespace)
                _LOG.warning("the namespace %s is skipped: %s", namespace, problem)
            else:
                returned = returned or namespace in self.passed_over
                self.passed_over.discard(namespace or "")
        if self._namespaces and self.passed_over >= set(self._namespaces):
            raise Unavailable("none of the served namespaces can be read")
        return returned

    async def _resync(self, namespace: str | None) -> None:
        for kind in Kind:
            self._compare(f"{str(kind).lower()}s", namespace, await self._cluster.list_runs(kind, namespace))
        self._compare("jobs", namespace, await self._cluster.list_jobs(namespace, facts.RUN_UID_LABEL))
        self._compare("pods", namespace, await self._cluster.list_pods(namespace, facts.RUN_UID_LABEL))
        self._compare("events", namespace, await self._cluster.list_events(namespace, FAILED_CREATES))

    def _compare(self, plural: str, namespace: str | None, listed: Listed) -> None:
        items, version = listed
        before = self._cache.news
        ghosts = self._telling.listed(plural, items, version, lambda found: namespace in (None, found))
        self._metrics.ghosts.labels(plural).inc(ghosts)
        self._health.listed(plural, missed=self._cache.news > before)


def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
