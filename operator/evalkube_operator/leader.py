"""Elects the replica that works: it holds and renews a Lease, and another takes over when the Lease is not renewed.

`judge` decides, from the Lease and the time at which it was last seen to change on this machine's own clock (the
holders' clocks need not agree); `Election` does it, and says when it has to stop before anybody else may begin.

A holder whose pod is no more is not waited for: its process has ended or is being ended, and if it still writes, it
writes to versions of objects that have changed since.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from evalkube_crds.names import GROUP
from evalkube_operator.errors import OperatorError

__all__ = ["DURATION_S", "Election", "Observed", "judge", "lease_document"]

_LOG = logging.getLogger("evalkube.operator.leader")
DURATION_S: Final = 15.0
_RENEW_WITHIN_S: Final = 10.0
_EVERY_S: Final = 2.0
_POD: Final = f"{GROUP}/holder-pod"

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Observed:
    """An observed Lease: its version, and since when (monotonic, in seconds) it has had that version."""

    version: str
    since_s: float


def judge(lease: Object | None, me: str, observed: Observed | None, now_s: float, *, gone: bool = False) -> bool:
    """Whether `me` may take `lease`: it is mine, nobody's, held by one that is `gone`, or not renewed in time."""
    if lease is None:
        return True
    spec = lease.get("spec") or {}
    holder = spec.get("holderIdentity") or ""
    if holder in ("", me) or gone:
        return True
    if observed is None or observed.version != lease["metadata"]["resourceVersion"]:
        return False
    return now_s - observed.since_s > float(spec.get("leaseDurationSeconds") or DURATION_S)


def lease_document(
    before: Object | None, namespace: str, name: str, holder: str, now: datetime, *, in_pod: bool = False
) -> Object:
    """The Lease held by `holder` (empty: given up), in the version that was read. `in_pod` says that the holder is a
    pod's name.
    """
    stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    old = (before or {}).get("spec") or {}
    same = old.get("holderIdentity") == holder
    metadata: Object = {"namespace": namespace, "name": name, "annotations": {_POD: holder} if in_pod else {}}
    if before is not None:
        metadata["resourceVersion"] = before["metadata"]["resourceVersion"]
    spec = {
        "holderIdentity": holder,
        "leaseDurationSeconds": int(DURATION_S) if holder else 1,
        "acquireTime": old.get("acquireTime") if same else stamp,
        "renewTime": stamp,
        "leaseTransitions": int(old.get("leaseTransitions") or 0) + (0 if same or before is None else 1),
    }
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


class _Leases(Protocol):
    async def get_lease(self, namespace: str, name: str) -> Object | None: ...

    async def put_lease(self, lease: Object) -> Object: ...

    async def pod_is_there(self, namespace: str, name: str) -> bool: ...


class Election:
    """This replica's part in the election. `leading` is set while it may work; `lost` once it has led and may no
    longer.

    `in_pod`: `identity` is the name of the pod that it runs in.
    """

    def __init__(
        self,
        leases: _Leases,
        *,
        namespace: str,
        name: str,
        identity: str,
        in_pod: bool = False,
        clock: Callable[[], float] = time.monotonic,
        every_s: float = _EVERY_S,
    ) -> None:
        self._leases = leases
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._in_pod = in_pod
        self._clock = clock
        self._every_s = every_s
        self._observed: Observed | None = None
        self._written: Object | None = None
        self._renewed_s = 0.0
        self.leading = asyncio.Event()
        self.lost = asyncio.Event()

    async def run(self) -> None:
        """Take part in the election until cancelled, or until the lead is lost: then the process should restart."""
        while not self.lost.is_set():
            began_s = self._clock()
            try:
                await self._round(began_s)
            except OperatorError as problem:
                _LOG.warning("the Lease %s/%s: %s", self._namespace, self._name, problem)
            if self.leading.is_set() and self._clock() - self._renewed_s > _RENEW_WITHIN_S:
                _LOG.error("the Lease could not be renewed within %.0f s: giving up the lead", _RENEW_WITHIN_S)
                self._lose()
            await asyncio.sleep(self._every_s)

    async def _round(self, now_s: float) -> None:
        """One round: the leader renews its Lease; another replica, or one that finds another version, reads it."""
        written, self._written = self._written, None
        if self.leading.is_set() and written is not None:
            await self._write(written, now_s)
            return
        lease = await self._leases.get_lease(self._namespace, self._name)
        self._observe(lease, now_s)
        holder = ((lease or {}).get("spec") or {}).get("holderIdentity")
        if self.leading.is_set() and holder not in (None, "", self._identity):
            _LOG.error("%s has taken the lead", holder)
            self._lose()
            return
        gone = not self.leading.is_set() and await self._is_gone(lease)
        if not judge(lease, self._identity, self._observed, now_s, gone=gone):
            return
        await self._write(lease, now_s)

    async def _write(self, lease: Object | None, now_s: float) -> None:
        now = datetime.now(UTC)
        document = lease_document(lease, self._namespace, self._name, self._identity, now, in_pod=self._in_pod)
        self._written = await self._leases.put_lease(document)
        self._observe(self._written, now_s)
        self._renewed_s = now_s
        if not self.leading.is_set():
            _LOG.info("%s leads", self._identity)
            self.leading.set()

    async def _is_gone(self, lease: Object | None) -> bool:
        """Whether the Lease's holder is a pod that no longer exists. A holder outside a pod cannot be checked."""
        holder = ((lease or {}).get("spec") or {}).get("holderIdentity")
        pod = (((lease or {}).get("metadata") or {}).get("annotations") or {}).get(_POD)
        if not pod or pod != holder or holder == self._identity:
            return False
        return not await self._leases.pod_is_there(self._namespace, pod)

    def _observe(self, lease: Object | None, now_s: float) -> None:
        version = lease["metadata"]["resourceVersion"] if lease is not None else ""
        if self._observed is None or self._observed.version != version:
            self._observed = Observed(version, now_s)

    def _lose(self) -> None:
        self.leading.clear()
        self.lost.set()

    async def give_up(self) -> None:
        """Give the Lease back, so that another replica can lead at once."""
        if not self.leading.is_set():
            return
        self.leading.clear()
        try:
            lease = await self._leases.get_lease(self._namespace, self._name)
            if lease is not None and (lease.get("spec") or {}).get("holderIdentity") == self._identity:
                await self._leases.put_lease(lease_document(lease, self._namespace, self._name, "", datetime.now(UTC)))
        except OperatorError as problem:
            _LOG.warning("the Lease was not given up: %s", problem)
