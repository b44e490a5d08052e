"""The requests of runners, without HTTP: each call checks, limits, stores, and tells the operator's core."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterable, Callable
from typing import Final

from pydantic import ValidationError

from evalkube_crds.live import ShardProgress
from evalkube_crds.names import Kind, Reason
from evalkube_crds.results import EvalResult, PerfResult, Receipt
from evalkube_operator.ingest.auth import Authenticator, PodIdentity
from evalkube_operator.ingest.limits import Limits, RunUse
from evalkube_operator.ingest.refusals import Refusal
from evalkube_operator.ingest.run_reports import RunReports
from evalkube_operator.ports import RunKey, Runs
from evalkube_operator.store import artifacts, keys
from evalkube_operator.store.artifacts import About
from evalkube_operator.store.interface import Content, OffsetConflict, Store, Stored, Upload
from evalkube_operator.store.keys import ShardKey
from evalkube_operator.store.locks import KeyLocks
from evalkube_operator.store.runs import RunStore

__all__ = ["Shard", "Shards"]

_KEPT_RUNS: Final = 2000
_KEPT_NAMES: Final = 20_000
_UPLOAD_S: Final = 3600.0
_MAX_UPLOAD_BYTES: Final = 5 << 30
"""The most that S3 takes in one request; what is larger comes through us, in pieces."""

_RESULTS: Final[dict[str, type[EvalResult] | type[PerfResult]]] = {
    Kind.EVAL_RUN: EvalResult,
    Kind.PERF_RUN: PerfResult,
}


class Shards:
    """The state that the requests of all runs share."""

    def __init__(
        self,
        store: Store,
        authenticator: Authenticator,
        runs: Runs,
        limits: Limits,
        *,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.runs = runs
        self.limits = limits
        self._authenticator = authenticator
        self._now_s = now_s
        self._uses: OrderedDict[str, RunUse] = OrderedDict()
        self._locks = KeyLocks()
        self.adopted: OrderedDict[str, None] = OrderedDict()

    async def shard(self, token: str, uid: str, attempt: int, shard: int) -> "Shard":
        """The shard that the caller's pod runs, if it is the one that was named. Raises Refusal."""
        pod = await self.checked(token, uid, attempt, shard)
        owner = pod.owner
        use = await self._use(owner.run, About(Kind(owner.kind), owner.shards))
        use.admit(self._now_s())
        return Shard(self, pod, use, token)

    async def checked(self, token: str, uid: str, attempt: int, shard: int) -> PodIdentity:
        """The caller's pod. Raises Refusal: 403 where its shard is another, 410 once the attempt is over or the pod has
        ended (on a lost node its runner may go on).
        """
        pod = await self._authenticator.runner(token)
        owner = pod.owner
        if (owner.run.uid, owner.attempt, owner.shard) != (uid, attempt, shard):
            raise Refusal(
                403, "not_yours", f"this pod runs attempt {owner.attempt}, shard {owner.shard} of its own run"
            )
        if not owner.open:
            raise Refusal(410, "superseded", f"attempt {owner.attempt} of the run is over, or this pod has ended")
        return pod

    async def _use(self, run: RunKey, known: About) -> RunUse:
        async with self._locks.of(run.uid):
            if run.uid not in self._uses:
                stored = await self.store.below(keys.run_prefix(run))
                self._uses[run.uid] = RunUse.begin(self.limits, {one.key: one.size_bytes for one in stored})
                if await artifacts.about(self.store, run) is None:
                    await artifacts.remember(self.store, run, known)
            self._uses.move_to_end(run.uid)
            if len(self._uses) > _KEPT_RUNS:
                self._uses.popitem(last=False)
            return self._uses[run.uid]


class Shard:
    """One request of one shard's pod. Methods that take a path also raise keys.BadPath."""

    def __init__(self, shards: Shards, pod: PodIdentity, use: RunUse, token: str) -> None:
        self.pod = pod
        self._shards = shards
        self._store = shards.store
        self._use = use
        self._token = token
        self._key = ShardKey(pod.owner.run, pod.owner.attempt, pod.owner.shard)
        self._carries = pod.owner.kind == Kind.EVAL_RUN
        self.reports = RunReports(shards.store, use, pod.owner)

    async def still_mine(self) -> None:
        """Check again that the pod owns the shard, which may change while a long body arrives. Raises Refusal."""
        await self._shards.checked(self._token, self._key.run.uid, self._key.attempt, self._key.shard)

    async def stat(self, path: str) -> Stored | None:
        """The state of the artifact at `path` that this attempt, or one that it continues, left."""
        return await artifacts.latest(self._store, self._key, keys.checked_path(path), carries=self._carries)

    async def get(self, path: str) -> Content | None:
        """The artifact at `path` that this attempt, or one that it continues, left."""
        found = await self.stat(path)
        return None if found is None else await self._store.get(found.key)

    async def put(self, path: str, size_bytes: int, chunks: AsyncIterable[bytes]) -> None:
        """Store a whole artifact of that size. Raises Refusal, and what `chunks` raises."""
        key = self._key.at(keys.checked_path(path))
        self._use.check(key, size_bytes, most_bytes=self._shards.limits.artifact_bytes)
        with self._use.coming(size_bytes):
            self._use.has(key, await self._store.put(key, chunks))

    async def append(self, path: str, offset: int, data: bytes) -> None:
        """Store whole lines at that offset. Raises Refusal: 409 with the `size` where they do not fit there."""
        if data and not data.endswith(b"\n"):
            raise Refusal(400, "not_lines", "appends are whole lines, each with its line end")
        key = self._key.at(keys.checked_path(path))
        limits = self._shards.limits
        self._use.check(key, max(self._use.sizes.get(key, 0), offset + len(data)), most_bytes=limits.artifact_bytes)
        await self._adopt(key, path)
        with self._use.coming(len(data)):
            try:
                self._use.has(key, await self._store.append(key, offset, data))
            except OffsetConflict as conflict:
                raise Refusal(409, "offset", str(conflict), size=conflict.size_bytes) from None

    async def _adopt(self, key: str, path: str) -> None:
        adopted = self._shards.adopted
        if key in adopted:
            return
        before = await artifacts.latest(self._store, self._key, path, carries=self._carries)
        if before is not None and before.key != key:
            await self._store.move(before.key, key)
            self._use.lost(before.key)
            self._use.has(key, before.size_bytes)
        adopted[key] = None
        if len(adopted) > _KEPT_NAMES:
            adopted.popitem(last=False)

    async def upload(self, path: str, size_bytes: int) -> Upload | None:
        """The address for a direct upload; None where the artifact has to come through ingest. Raises Refusal (413)."""
        key = self._key.at(keys.checked_path(path))
        self._use.check(key, size_bytes, most_bytes=self._shards.limits.artifact_bytes)
        if size_bytes > _MAX_UPLOAD_BYTES:
            return None
        upload = await self._store.presign(key, expires_s=_UPLOAD_S)
        if upload is not None:
            self._use.traffic.take(size_bytes)
        return upload

    async def uploaded(self, path: str, size_bytes: int) -> None:
        """Take a finished direct upload as the artifact. Raises Refusal where it is missing or of another size."""
        key = self._key.at(keys.checked_path(path))
        found = await self._store.uploaded(key)
        if found is None:
            raise Refusal(409, "not_uploaded", "nothing has been uploaded there; send it again")
        if found != size_bytes:
            await self._store.delete(key)
            self._use.lost(key)
            raise Refusal(409, "not_uploaded", f"{found} bytes were uploaded instead of {size_bytes}; send it again")
        self._use.has(key, found)

    def progressed(self, body: bytes) -> None:
        """Pass on a shard's progress. Raises Refusal (422) for a malformed one."""
        try:
            progress = ShardProgress.model_validate_json(body)
        except ValidationError as problem:
            raise Refusal(422, "bad_progress", _sentence(problem)) from None
        self._shards.runs.progressed(self._key.run.uid, self._key.attempt, self._key.shard, progress)

    async def deliver(self, body: bytes) -> None:
        """Store the result document as it came. Raises Refusal (422) for one that does not fit the shard."""
        await asyncio.to_thread(self._check_result, body)
        sha256 = await RunStore(self._store).put_result(self._key, body)
        self._use.has(self._key.at(keys.result_path(sha256)), len(body))

    def finished(self, body: bytes) -> None:
        """Tell the core that this shard is done. Raises Refusal (422) for a failure: the pod's end reports those."""
        try:
            receipt = Receipt.model_validate_json(body)
        except ValidationError as problem:
            raise Refusal(422, "bad_receipt", _sentence(problem)) from None
        if (receipt.run_id, receipt.shard) != (self._key.run.name, self._key.shard):
            raise Refusal(422, "foreign_receipt", f"the receipt is of shard {receipt.shard} of {receipt.run_id}")
        if receipt.reason is not Reason.COMPLETED:
            raise Refusal(422, "not_completed", f"a runner that ends with {receipt.reason} says so by its pod")
        self._shards.runs.finished(self._key.run.uid, self._key.attempt, receipt)

    def _check_result(self, body: bytes) -> None:
        owner = self.pod.owner
        try:
            result = _RESULTS[owner.kind].model_validate_json(body)
        except ValidationError as problem:
            raise Refusal(422, "bad_result", _sentence(problem)) from None
        found = result.run_id, result.shards, result.of_shards
        if found != (owner.run.name, [owner.shard], owner.shards):
            raise Refusal(422, "foreign_result", f"the document is of run, shards, of: {found}")


def _sentence(problem: ValidationError) -> str:
    first = problem.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'document'}: {first['msg']}"
