"""The interfaces between the operator's rooms: the plan's side (`Runs`), the store's side, the cluster's.

Protocols and values only: no I/O and no decisions here. `ingest` and `store` are written against these, so that
neither imports the work queue, the cache or the executor.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from evalkube_crds.names import Kind
from evalkube_crds.results import Progress, Receipt
from evalkube_operator.facts import ObjectRef

__all__ = ["Caller", "Cluster", "Object", "Owner", "Reviewer", "RunKey", "Runs", "Store", "StoredResult"]

Object = dict[str, Any]
"""A Kubernetes object as JSON."""


@dataclass(frozen=True, slots=True)
class RunKey:
    """The key of a run: enough to name its objects and its folder in the store."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a token, as TokenReview says; pod fields are None where the token is not bound to a pod."""

    username: str
    pod_name: str | None = None
    pod_uid: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Owner:
    """The shard that the pod of a token may write: one shard of one attempt of one run.

    `open`: False once that attempt is over (ended, cancelled, replaced by a later one), or the pod itself has ended:
    writes get 410 then.
    """

    run: RunKey
    attempt: int
    shard: int
    shards: int
    kind: str
    open: bool


class Reviewer(Protocol):
    """TokenReview as `ingest` uses it. Only `ingest` caches the answer, shortly."""

    async def review(self, token: str, audience: str) -> Caller | None:
        """Who presents `token`; None where it is not valid for `audience`. Raises errors.Unavailable."""


class Runs(Protocol):
    """The runs as ingest knows them, and what it tells about them."""

    async def owner(self, namespace: str, pod_name: str, pod_uid: str) -> Owner | None:
        """The shard that this pod runs; None where it runs none. Pod, Job and run are in one namespace, each linked to
        the next by UID. The Job's controller counts the pod, and it is the shard's current one.
        """

    def left_over(self, pod_uid: str) -> bool:
        """Whether the pod is being deleted, and its run or its Job is gone already: nobody waits for its results."""

    def run(self, uid: str) -> RunKey | None:
        """The run, where it exists now (for the read endpoint)."""

    def progressed(self, uid: str, attempt: int, shard: int, progress: Progress) -> None:
        """Take a shard's progress; the status follows within seconds. Never blocks."""

    def finished(self, uid: str, attempt: int, receipt: Receipt) -> None:
        """Take the receipt of a shard whose runner is about to end. Never blocks."""


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A shard's result document in the store."""

    shard: int
    sha256: str
    size_bytes: int


class Store(Protocol):
    """The store as the operator's core uses it (ingest and the read endpoint use more of it)."""

    @property
    def kind(self) -> str:
        """`volume` or `s3`."""

    def uri(self, run: RunKey) -> str:
        """Where the artifacts of `run` are, for people: the response's output_dir."""

    async def results(self, run: RunKey, attempt: int) -> dict[int, StoredResult]:
        """The shards of `attempt` whose result documents are there. Raises errors.Unavailable."""

    async def read_result(self, run: RunKey, attempt: int, shard: int) -> bytes:
        """The result document of one shard. Raises errors.Unavailable; KeyError where it is not there."""

    async def put_merged(self, run: RunKey, name: str, data: bytes) -> str:
        """Keep `data` as `name` beside the run's artifacts (the merged result, the response); its URI."""

    async def delete_run(self, run: RunKey) -> None:
        """Remove everything of `run`; nothing where nothing is."""

    def stored_runs(self) -> AsyncIterator[RunKey]:
        """Every run that has anything in the store, for the sweep of what belongs to none."""


class Cluster(Protocol):
    """The API server as the executor uses it. Everything may raise errors.Unavailable: done or not, nobody knows."""

    async def create_job(self, manifest: Object) -> Object:
        """Create the Job. Raises Conflict where the name is taken, NotFound without its namespace, Forbidden,
        Refused.
        """

    async def get_job(self, namespace: str, name: str) -> Object | None:
        """The Job of that name, from the API server itself."""

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """Delete the Job with that UID, then its pods; fine where it is not there."""

    async def set_job_ttl(self, namespace: str, name: str, uid: str, seconds: int) -> Object | None:
        """Delete a finished Job after `seconds`; None where it is not there."""

    async def get_run(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """The run of that name, from the API server itself."""

    async def write_status(self, kind: Kind, key: RunKey, resource_version: str, status: Object) -> Object:
        """Replace the status of the run with that UID and version. Raises Conflict, NotFound, Refused."""

    async def delete_run(self, kind: Kind, key: RunKey) -> None:
        """Delete the run with that UID; fine where it is not there."""

    async def get_metadata(self, namespace: str, ref: ObjectRef) -> Object | None:
        """The metadata of a Secret, ConfigMap or claim, without what is in it. Raises Forbidden."""

    async def delete_secret(self, namespace: str, name: str, uid: str) -> None:
        """Delete the Secret with that UID; fine where it is not there. Raises Forbidden."""

    async def pod_warnings(self, namespace: str) -> list[Object]:
        """The events of a namespace that warn of something about a pod, the scheduler's apart."""

    async def post_event(self, event: Object) -> None:
        """Create an event (core group)."""
