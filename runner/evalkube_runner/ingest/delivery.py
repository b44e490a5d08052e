"""Delivery over HTTP to the operator's ingest: appends at offsets, whole artifacts, progress, the result, the start.

A delivery that fails is tried again until ingest has been away for `patience_s`; then the run goes on without it and
`complete` is False, which the receipt says. Only what a run cannot do without stops it: what an earlier attempt left
(`get`), the common start, being told that another pod has taken its place, and a store that has no room for its
lines or its result for as long (StoreFull).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from evalkube_crds.load_news import LoadNews, OthersNews
from evalkube_crds.names import Reason
from evalkube_crds.progress import ProgressState
from evalkube_crds.results import Progress, Receipt
from evalkube_runner.context import StartInstant
from evalkube_runner.deliver import Whole
from evalkube_runner.errors import RunFailed
from evalkube_runner.ingest import bodies
from evalkube_runner.ingest.client import Full, IngestClient, Refused, Unreachable, document_of
from evalkube_runner.ingest.common_start import CommonStart
from evalkube_runner.ingest.uploads import Body, Uploads
from evalkube_runner.ingest.whole_run import WholeRun
from evalkube_runner.packing import SUFFIX, Through, packed, unchanged

__all__ = ["IngestDelivery"]

_LOG = logging.getLogger("evalkube.runner.ingest")

_PROGRESS_INTERVAL_S: Final = 1.0
_OFFSET_TRIES: Final = 3
_FAREWELL_S: Final = 2.0
_SHARE_S: Final = 2.0


class IngestDelivery:
    """See `deliver.Delivery`. Close it (`async with`) when the run is over."""

    def __init__(
        self,
        url: str,
        token_file: Path,
        *,
        run_uid: str,
        attempt: int,
        shard: int,
        ca: Path | None = None,
        patience_s: float = 600.0,
    ) -> None:
        """`url`: of ingest itself; `token_file`: with the pod's token for it."""
        self._patience_s = patience_s
        self._client = IngestClient(
            url, token_file, run_uid=run_uid, attempt=attempt, shard=shard, ca=ca, patience_s=patience_s
        )
        self._uploads = Uploads(self._client)
        self._start = CommonStart(self._client)
        self._offsets: dict[str, int] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._latest: Progress | None = None
        self._telling: asyncio.Task[None] | None = None
        self.complete = True
        """Whether everything that was given here has arrived."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop_telling()
        await self._client.close()
        await self._uploads.close()

    async def greet(self) -> None:
        """See `IngestClient.greet`. Raises RunFailed."""
        try:
            await self._client.greet()
        except Unreachable as problem:
            raise RunFailed(Reason.INGEST_UNAVAILABLE, str(problem)) from None

    async def append(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """See `Delivery.append`; always durable. Appends to one path happen in the order they were asked for."""
        del durable
        async with self._locks.setdefault(path, asyncio.Lock()):
            for piece in bodies.pieces(data):
                await self._arrived(path, self._append(path, piece), needed=True)

    async def _append(self, path: str, data: bytes) -> None:
        offset = self._offsets.pop(path, None)  # unknown again, should this fail
        for _ in range(_OFFSET_TRIES):
            if offset is None:
                offset = await self._size_of(path)
            try:
                await self._client.send(
                    "POST",
                    f"append/{quote(path)}",
                    content=data,
                    params={"offset": offset},
                    headers=bodies.digest(data),
                )
            except Refused as refused:
                if refused.code != "offset":
                    raise
                # Not our own repeat, that one is recognised: something was lost there, or came from elsewhere.
                self._incomplete(path, f"expected {offset} bytes there, found {refused.document.get('size')}")
                offset = int(refused.document["size"])
            else:
                self._offsets[path] = offset + len(data)
                return
        raise Unreachable(f"{path}: its size changed with each try, so something else writes to it")

    async def _size_of(self, path: str) -> int:
        try:
            response = await self._client.send("HEAD", f"artifacts/{quote(path)}")
        except Refused as refused:
            if refused.status != 404:
                raise
            return 0
        return int(response.headers["Content-Length"])

    async def put(self, path: str, data: bytes) -> None:
        """See `Delivery.put`."""
        hashes = await asyncio.to_thread(bodies.hashes, iter([data]))
        async with self._locks.setdefault(path, asyncio.Lock()):
            await self._arrived(path, self._upload(path, hashes, lambda: bodies.blocks(data)))

    async def put_lines(
        self, path: str, sources: Sequence[Path], *, through: Through = unchanged, hurry: bool = False
    ) -> None:
        """See `Delivery.put_lines`."""
        await self.put_file(path, await packed(sources, through, compressed=path.endswith(SUFFIX), hurry=hurry))

    async def put_file(self, path: str, source: Path) -> None:
        """See `Place.put_file`. The file is removed once it has arrived."""
        hashes = await asyncio.to_thread(bodies.hashes_of_file, source)
        async with self._locks.setdefault(path, asyncio.Lock()):
            if await self._arrived(path, self._upload(path, hashes, lambda: bodies.file_blocks(source))):
                await asyncio.to_thread(source.unlink, missing_ok=True)

    async def _upload(self, path: str, hashes: bodies.Hashes, body: Body) -> None:
        self._offsets.pop(path, None)
        await self._uploads.send(path, hashes, body)
        self._offsets[path] = hashes.size_bytes

    async def get(self, path: str) -> bytes | None:
        """See `Delivery.get`. Raises RunFailed where it cannot be known: beginning anew would waste what is there."""
        found = await self._client.found(f"artifacts/{quote(path)}")
        return None if found is None else found.content

    async def file(self, path: str, copy: Path) -> Path | None:
        """See `Place.file`: a copy. Raises RunFailed as `get` does."""
        found = await self._client.found(f"artifacts/{quote(path)}", into=copy)
        return None if found is None else copy

    async def progress(self, progress: Progress, *, state: ProgressState = "running") -> None:
        """See `Delivery.progress`. Never waits for ingest but at the end. Raises RunFailed when an earlier report was
        answered that another pod has taken this one's place.
        """
        self._latest = progress
        if state != "running":
            await self._stop_telling()
            await self._tell(progress)
            return
        if self._telling is not None and self._telling.done():
            ended, self._telling = self._telling, None
            ended.result()
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell_on())

    async def _stop_telling(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._telling

    async def _tell_on(self) -> None:
        while (latest := self._latest) is not None:
            self._latest = None
            await self._tell(latest, patience_s=0.0)
            await asyncio.sleep(_PROGRESS_INTERVAL_S)

    async def _tell(self, progress: Progress, *, patience_s: float = 10.0) -> None:
        try:
            body = progress.model_dump_json(by_alias=True).encode()
            await self._client.send("POST", "progress", content=body, patience_s=min(patience_s, self._patience_s))
        except (Refused, Unreachable) as problem:
            _LOG.debug("progress was not told: %s", problem)

    async def result(self, document: BaseModel) -> Whole | None:
        """See `Delivery.result`. Raises RunFailed where ingest will never take it."""
        data = document.model_dump_json(by_alias=True).encode()
        try:
            answer = await self._client.send("PUT", "result", content=data, headers=bodies.digest(data))
        except Full as problem:
            raise RunFailed(Reason.STORE_FULL, f"the result of {len(data)} bytes: {problem}") from None
        except Unreachable as problem:
            self._incomplete("the result", str(problem))
            return None
        except Refused as refused:
            if refused.status == 413:
                message = f"the result document of {len(data)} bytes is not taken: {refused}"
                raise RunFailed(Reason.RESULT_TOO_LARGE, message) from None
            raise RunFailed(Reason.INTERNAL_ERROR, f"the result document is not taken: {refused}") from None
        told = document_of(answer).get("whole") is True  # an older ingest says nothing
        return WholeRun(self._client) if told else None

    async def finished(self, receipt: Receipt) -> None:
        """Report that this shard is done, so that nobody waits until Kubernetes has noticed. Never raises: the receipt
        is also in the pod's termination message.
        """
        if self._telling is not None:
            self._telling.cancel()  # nothing may come after the last word
        try:
            body = receipt.model_dump_json(by_alias=True).encode()
            await self._client.send("PUT", "receipt", content=body, patience_s=_FAREWELL_S)
        except (Refused, Unreachable, RunFailed) as problem:
            _LOG.debug("the receipt was not told: %s", problem)

    async def start_together(self, turn: int = 0, *, patience_s: float = 600.0) -> StartInstant:
        """See `CommonStart.wait`."""
        return await self._start.wait(turn, patience_s=patience_s)

    async def share(self, news: LoadNews) -> OthersNews | None:
        """Report this shard's load; the reports of the others. None where ingest does not answer (it is away, or
        older): nobody waits for it.
        """
        body = news.model_dump_json(by_alias=True).encode()
        try:
            async with asyncio.timeout(_SHARE_S):
                answer = await self._client.send("POST", "load", content=body, patience_s=0.0)
            return OthersNews.model_validate_json(answer.content)
        except (Refused, Unreachable, RunFailed, TimeoutError, ValidationError) as problem:
            _LOG.debug("the other shards were not told of: %r", problem)
            return None

    async def _arrived(self, path: str, sending: Awaitable[None], *, needed: bool = False) -> bool:
        """Whether the request was answered. Where not, the run goes on without it. If it is `needed` later and the
        store is full, what is still to come would find no room either. Raises RunFailed (STORE_FULL).
        """
        try:
            await sending
        except Full as problem:
            if needed:
                raise RunFailed(Reason.STORE_FULL, f"{path}: {problem}") from None
            self._incomplete(path, str(problem))
            return False
        except (Unreachable, Refused) as problem:
            self._incomplete(path, str(problem))
            return False
        return True

    def _incomplete(self, what: str, why: str) -> None:
        self.complete = False
        _LOG.error("%s was not (wholly) delivered: %s", what, why)
