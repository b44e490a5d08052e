"""Delivery over HTTP to the operator's ingest: appends at offsets, whole artifacts, progress, the result, the start.

A delivery that fails is tried again until ingest has been away for `patience_s`; then the run goes on without it and
`complete` is False, which the receipt says. Only what a run cannot do without stops it: what an earlier attempt left
(`get`), the common start, being told that another pod has taken its place, and a store that has no room for its
lines or its result for as long (StoreFull).
"""

import asyncio
import base64
import contextlib
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from evalkube_crds.load_news import LoadNews, OthersNews
from evalkube_crds.names import Reason
from evalkube_crds.progress import ProgressState
from evalkube_crds.results import Progress, Receipt
from evalkube_runner.common_clock import Answer, offset_of
from evalkube_runner.context import StartInstant
from evalkube_runner.deliver import Whole
from evalkube_runner.errors import RunFailed
from evalkube_runner.ingest_client import TIMEOUT, Full, IngestClient, Refused, Unreachable, document_of
from evalkube_runner.packing import SUFFIX, Through, packed, unchanged

__all__ = ["IngestDelivery"]

_LOG = logging.getLogger("evalkube.runner.ingest")

_APPEND_BYTES: Final = 4 << 20
"""Ingest takes 8 MiB at a time; lines are kept whole, so a request may be longer than this by one line."""

_DIRECT_FROM_BYTES: Final = 8 << 20
"""Smaller artifacts are not worth the two more requests of an upload past ingest."""

_BLOCK_BYTES: Final = 1 << 20
_PROGRESS_INTERVAL_S: Final = 1.0
_OFFSET_TRIES: Final = 3
_FAREWELL_S: Final = 2.0
_SHARE_S: Final = 2.0

_CLOCK_QUESTIONS: Final = 8
_CLOCK_DOUBT_NS: Final = 1_000_000
_CLOCK_QUESTION_S: Final = 0.3
_CLOCK_ROOM_NS: Final = 600_000_000
"""What is left for everything else before the start, a question that takes its longest included."""


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
        self._direct: httpx.AsyncClient | None = None
        self._direct_offered = True
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
        if self._telling is not None:
            self._telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._telling
        await self._client.close()
        if self._direct is not None:
            await self._direct.aclose()

    async def greet(self) -> None:
        """See `IngestClient.greet`. Raises RunFailed where ingest's certificate stays one that is not trusted."""
        try:
            await self._client.greet()
        except Unreachable as problem:
            raise RunFailed(Reason.INGEST_UNAVAILABLE, str(problem)) from None

    async def append(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """See `Delivery.append`; always durable. Appends to one path happen in the order they were asked for."""
        del durable
        async with self._locks.setdefault(path, asyncio.Lock()):
            for piece in _pieces(data):
                await self._arrived(path, self._append(path, piece), needed=True)

    async def _append(self, path: str, data: bytes) -> None:
        offset = self._offsets.pop(path, None)  # unknown again, should this fail
        for _ in range(_OFFSET_TRIES):
            if offset is None:
                offset = await self._size_of(path)
            try:
                await self._client.send(
                    "POST", f"append/{quote(path)}", content=data, params={"offset": offset}, headers=_digest(data)
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
        hashes = await asyncio.to_thread(_hashes, iter([data]))
        async with self._locks.setdefault(path, asyncio.Lock()):
            await self._arrived(path, self._whole(path, hashes, lambda: _blocks(data)))

    async def put_lines(
        self, path: str, sources: Sequence[Path], *, through: Through = unchanged, hurry: bool = False
    ) -> None:
        """See `Delivery.put_lines`."""
        await self.put_file(path, await packed(sources, through, compressed=path.endswith(SUFFIX), hurry=hurry))

    async def put_file(self, path: str, source: Path) -> None:
        """See `Place.put_file`. The file is removed once it has arrived."""
        hashes = await asyncio.to_thread(_hashes_of_file, source)
        async with self._locks.setdefault(path, asyncio.Lock()):
            if await self._arrived(path, self._whole(path, hashes, lambda: _file_blocks(source))):
                await asyncio.to_thread(source.unlink, missing_ok=True)

    async def _whole(self, path: str, hashes: "_Hashes", blocks: Callable[[], AsyncIterator[bytes]]) -> None:
        self._offsets.pop(path, None)
        if not await self._put_directly(path, hashes, blocks):
            headers = {"Content-Length": str(hashes.size_bytes), "Content-Digest": _header(hashes.sha256)}
            await self._client.send("PUT", f"artifacts/{quote(path)}", content=blocks, headers=headers)
        self._offsets[path] = hashes.size_bytes

    async def _put_directly(self, path: str, hashes: "_Hashes", blocks: Callable[[], AsyncIterator[bytes]]) -> bool:
        """Whether the artifact was uploaded directly. Asking also finds out early that it is too large."""
        if hashes.size_bytes < _DIRECT_FROM_BYTES or not self._direct_offered:
            return False
        announced = {"bytes": hashes.size_bytes, "sha256": hashes.sha256.hex()}
        try:
            offer = (await self._client.send("POST", f"uploads/{quote(path)}", json=announced)).json()
        except Refused as refused:
            if refused.status != 404:
                raise
            return False
        if self._direct is None:
            self._direct = httpx.AsyncClient(timeout=TIMEOUT)
        headers = {
            **offer["headers"],
            "Content-Length": str(hashes.size_bytes),
            "Content-MD5": base64.b64encode(hashes.md5).decode(),
        }
        try:
            sent = await self._direct.request(offer["method"], offer["url"], content=blocks(), headers=headers)
            sent.raise_for_status()
            await self._client.send("PUT", f"uploads/{quote(path)}", json=announced)
        except (httpx.HTTPError, Refused) as problem:
            _LOG.warning("%s: the direct upload failed (%s); it goes through ingest", path, type(problem).__name__)
            self._direct_offered = False
            return False
        return True

    async def get(self, path: str) -> bytes | None:
        """See `Delivery.get`. Raises RunFailed where it cannot be known: beginning anew would waste what is there."""
        try:
            return (await self._client.send("GET", f"artifacts/{quote(path)}")).content
        except Refused as refused:
            if refused.status == 404:
                return None
            raise RunFailed(Reason.INTERNAL_ERROR, f"reading {path} back: {refused}") from None
        except Unreachable as problem:
            raise RunFailed(Reason.INGEST_UNAVAILABLE, f"reading {path} back: {problem}") from None

    async def file(self, path: str, copy: Path) -> Path | None:
        """See `Place.file`: a copy. Raises RunFailed as `get` does."""
        try:
            await self._client.send("GET", f"artifacts/{quote(path)}", into=copy)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise RunFailed(Reason.INTERNAL_ERROR, f"reading {path} back: {refused}") from None
        except Unreachable as problem:
            raise RunFailed(Reason.INGEST_UNAVAILABLE, f"reading {path} back: {problem}") from None
        return copy

    async def progress(self, progress: Progress, *, state: ProgressState = "running") -> None:
        """See `Delivery.progress`. Never waits for ingest but at the end."""
        self._latest = progress
        if state != "running":
            if self._telling is not None:
                self._telling.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._telling
            await self._tell(progress)
        elif self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_on())

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
            answer = await self._client.send("PUT", "result", content=data, headers=_digest(data))
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
        return _IngestWhole(self._client) if told else None

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
        """Wait until all shards are ready for point `turn` of the sweep; the instant at which they begin.

        The instant is one of ingest's clock, so that nodes' clocks need not agree. Where that clock stands is asked
        some times more until the start is near, for an answer that was waited for may have been long on its way.

        Raises RunFailed (BARRIER_TIMEOUT, INGEST_UNAVAILABLE).
        """
        until = time.monotonic() + patience_s
        while True:
            try:
                response = await self._ask_to_start(turn, expected=frozenset({408}))
            except Refused as refused:
                raise RunFailed(Reason.BARRIER_TIMEOUT, f"the common start: {refused}") from None
            except Unreachable as problem:
                raise RunFailed(Reason.INGEST_UNAVAILABLE, f"the common start: {problem}") from None
            if response.status_code != 408:
                return await self._precise(_instant(response.json()), turn)
            if time.monotonic() >= until:
                missing = document_of(response).get("waiting_for")
                message = f"after {patience_s:g} s the shards {missing} were not ready to start"
                raise RunFailed(Reason.BARRIER_TIMEOUT, message)

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

    async def _ask_to_start(self, turn: int, expected: frozenset[int] = frozenset()) -> httpx.Response:
        ready = {"ready": True, "turn": turn, "clock_ns": time.time_ns()}
        return await self._client.send("POST", "barrier", json=ready, expected=expected)

    async def _precise(self, told: StartInstant, turn: int) -> StartInstant:
        """The same instant, more precisely, by the answers to quick questions; as it was `told` where none comes in
        time.
        """
        answers: list[Answer] = []
        best = told
        for _ in range(_CLOCK_QUESTIONS):
            asked_ns = time.monotonic_ns()
            if asked_ns > best.monotonic_ns - _CLOCK_ROOM_NS:
                break
            try:
                async with asyncio.timeout(_CLOCK_QUESTION_S):
                    document = (await self._ask_to_start(turn)).json()
            except (Refused, Unreachable, TimeoutError) as problem:
                _LOG.debug("ingest's clock was not told: %r", problem)
                continue
            answers.append(Answer(asked_ns, time.monotonic_ns(), int(document["server_ns"])))
            if (offset := offset_of(answers)) is not None:
                best = StartInstant(told.start_at_ns + offset.ns, told.start_at_ns, offset.doubt_ns)
                if offset.doubt_ns <= _CLOCK_DOUBT_NS:
                    break
        return best

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


class _IngestWhole:
    """See `deliver.Whole`."""

    def __init__(self, client: IngestClient) -> None:
        self._client = client

    async def put(self, path: str, data: bytes) -> None:
        """See `Place.put`."""
        await self._answer("PUT", f"whole/artifacts/{quote(path)}", content=data, headers=_digest(data))

    async def get(self, path: str) -> bytes | None:
        """See `Place.get`."""
        answer = await self._answer("GET", f"whole/artifacts/{quote(path)}", expected=frozenset({404}))
        return answer.content if answer.is_success else None

    async def put_file(self, path: str, source: Path) -> None:
        """See `Place.put_file`. The file is removed once it has arrived."""
        hashes = await asyncio.to_thread(_hashes_of_file, source)
        headers = {"Content-Length": str(hashes.size_bytes), "Content-Digest": _header(hashes.sha256)}
        where = f"whole/artifacts/{quote(path)}"
        await self._answer("PUT", where, content=lambda: _file_blocks(source), headers=headers)
        await asyncio.to_thread(source.unlink, missing_ok=True)

    async def file(self, path: str, copy: Path) -> Path | None:
        """See `Place.file`: a copy."""
        found = await self._answer("GET", f"whole/artifacts/{quote(path)}", expected=frozenset({404}), into=copy)
        return copy if found.is_success else None

    async def result_of(self, shard: int) -> bytes:
        """See `Whole.result_of`."""
        return (await self._answer("GET", f"whole/results/{shard}")).content

    async def _answer(self, method: str, where: str, **request: Any) -> httpx.Response:
        try:
            return await self._client.send(method, where, **request)
        except Refused as refused:
            raise RunFailed(Reason.INTERNAL_ERROR, f"{method} {where}: {refused}") from None
        except Full as problem:
            raise RunFailed(Reason.STORE_FULL, f"{method} {where}: {problem}") from None
        except Unreachable as problem:
            raise RunFailed(Reason.INGEST_UNAVAILABLE, f"{method} {where}: {problem}") from None


def _instant(document: dict[str, Any]) -> StartInstant:
    """The start instant, as if the answer had come at once."""
    monotonic_ns = time.monotonic_ns()
    start_at_ns, server_ns = int(document["start_at_ns"]), int(document["server_ns"])
    if start_at_ns < server_ns:
        raise RunFailed(Reason.BARRIER_TIMEOUT, "the other shards have started without this one")
    return StartInstant(monotonic_ns + start_at_ns - server_ns, start_at_ns)


def _pieces(data: bytes) -> Iterator[bytes]:
    start = 0
    while len(data) - start > _APPEND_BYTES:
        end = data.rfind(b"\n", start, start + _APPEND_BYTES) + 1 or data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end
    if start < len(data):
        yield data[start:]


@dataclass(frozen=True, slots=True)
class _Hashes:
    size_bytes: int
    sha256: bytes
    md5: bytes


def _hashes(blocks: Iterator[bytes]) -> _Hashes:
    size_bytes, sha256, md5 = 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for block in blocks:
        size_bytes += len(block)
        sha256.update(block)
        md5.update(block)
    return _Hashes(size_bytes, sha256.digest(), md5.digest())


def _hashes_of_file(path: Path) -> _Hashes:
    with path.open("rb") as file:
        return _hashes(iter(lambda: file.read(_BLOCK_BYTES), b""))


def _digest(data: bytes) -> dict[str, str]:
    return {"Content-Digest": _header(hashlib.sha256(data).digest())}


def _header(sha256: bytes) -> str:
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


async def _blocks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), _BLOCK_BYTES):
        yield data[start : start + _BLOCK_BYTES]


async def _file_blocks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, _BLOCK_BYTES):
            yield block
