"""The claims of namespaces by releases: a namespace's Lease `evalkube` names the release that serves it.

Two that acted on one run would make its Jobs for two stores. The Lease is made when a namespace is first looked at, so
that the first comes to serve it, and is owned by the release's ClusterRole, so that it goes when that is uninstalled.
There is nothing to renew: a release that stands still serves its namespaces all the same.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from evalkube_operator.errors import Conflict, Forbidden, NotFound

__all__ = ["AGAIN_S", "LEASE", "Claims", "claim_document"]

_LOG = logging.getLogger("evalkube.operator.claims")
LEASE: Final = "evalkube"
AGAIN_S: Final = 30.0
"""How soon to look again whether a namespace has become free."""
_HELD_S: Final = 60.0
"""For how long what was seen counts: a Lease goes with its namespace, which somebody may make anew."""

Object = dict[str, Any]


class _Leases(Protocol):
    async def get_lease(self, namespace: str, name: str) -> Object | None: ...

    async def put_lease(self, lease: Object) -> Object: ...

    async def cluster_role_uid(self, name: str) -> str | None: ...


def claim_document(namespace: str, holder: str, owner: tuple[str, str] | None) -> Object:
    """The Lease by which `holder` serves the namespace; `owner`: name and UID of its ClusterRole."""
    metadata: Object = {"namespace": namespace, "name": LEASE, "labels": {"app.kubernetes.io/managed-by": "evalkube"}}
    if owner is not None:
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": owner[0], "uid": owner[1]}
        metadata["ownerReferences"] = [role]
    spec = {"holderIdentity": holder}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


class Claims:
    """The namespaces that one release serves. `holder` is its namespace and name. `role` is its ClusterRole, with which
    the claims end.
    """

    def __init__(
        self, leases: _Leases, *, holder: str, role: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._leases = leases
        self._holder = holder
        self._role = role
        self._clock = clock
        self._seen: dict[str, tuple[str, float]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def others(self) -> Mapping[str, str]:
        """The namespaces that other releases serve, with the release of each, as last seen."""
        return {namespace: holder for namespace, (holder, _) in self._seen.items() if holder != self._holder}

    def held(self, namespace: str) -> bool:
        """Whether this release certainly serves the namespace, as last seen."""
        return self._seen.get(namespace, ("", 0.0))[0] == self._holder

    async def other(self, namespace: str) -> str | None:
        """Which release serves the namespace instead of this one; None where this one does. Raises Unavailable."""
        async with self._locks.setdefault(namespace, asyncio.Lock()):
            known, until_s = self._seen.get(namespace, ("", 0.0))
            if not known or self._clock() >= until_s:
                found = await self._claimed(namespace)
                self._tell(namespace, known, found)
                lasts_s = _HELD_S if found == self._holder else AGAIN_S / 2
                known = found
                self._seen[namespace] = (found, self._clock() + lasts_s)
        return None if known == self._holder else known

    async def _claimed(self, namespace: str) -> str:
        try:
            found = await self._leases.get_lease(namespace, LEASE)
            if found is None:
                document = claim_document(namespace, self._holder, await self._owner())
                found = await self._leases.put_lease(document)
        except Conflict:
            found = await self._leases.get_lease(namespace, LEASE)
        except NotFound:  # there is no such namespace (yet, or any more)
            return self._holder
        except Forbidden as problem:
            # a namespace that is being deleted takes no Lease, and its runs have to end
            if namespace not in self._seen:
                _LOG.warning("the namespace %s cannot be claimed, and is served as if it were: %s", namespace, problem)
            return self._holder
        return str(((found or {}).get("spec") or {}).get("holderIdentity") or self._holder)

    async def _owner(self) -> tuple[str, str] | None:
        if self._role is None:
            return None
        try:
            uid = await self._leases.cluster_role_uid(self._role)
        except Forbidden:
            return None
        return (self._role, uid) if uid is not None else None

    def _tell(self, namespace: str, before: str, holder: str) -> None:
        if holder != self._holder and before != holder:
            _LOG.error(
                "the runs of the namespace %s are served by the release %s: this one leaves them alone. Uninstall one "
                "of them, or give each its own namespaces; where %s is there no more, kubectl -n %s delete lease %s",
                *(namespace, holder, holder, namespace, LEASE),
            )
        elif holder == self._holder and before not in ("", holder):
            _LOG.info("the runs of the namespace %s are served from now on", namespace)
