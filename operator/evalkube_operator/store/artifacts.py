"""A run's artifacts as people see them: the newest attempt's, and the lines of all shards as one file.

An evaluation is carried on by its next attempt, so what an earlier attempt left and the newest did not replace is still
part of it. A load test's attempts are separate measurements: only the newest counts.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime

import orjson

from evalkube_crds.names import Kind
from evalkube_crds.spans import Span
from evalkube_operator.errors import OperatorError
from evalkube_operator.ports import RunKey
from evalkube_operator.store import keys
from evalkube_operator.store.interface import Content, Store, Stored, StoreUnavailable
from evalkube_operator.store.keys import ShardKey

__all__ = [
    "About",
    "Artifact",
    "NoSuchBytes",
    "Reading",
    "about",
    "adopted",
    "latest",
    "listing",
    "open_artifact",
    "remember",
]

_COMPRESSED = ".jsonl.gz"
"""Files of gzip that follow each other are one; and they are written whole, so that none is torn."""
_LINES = (".jsonl", _COMPRESSED)
_SHARDS = "shards"


@dataclass(frozen=True, slots=True)
class About:
    """The description of a run that its artifacts need to be read."""

    kind: Kind
    shards: int

    @property
    def carries(self) -> bool:
        """Whether an attempt continues the one before it."""
        return self.kind is Kind.EVAL_RUN


@dataclass(frozen=True, slots=True)
class Artifact:
    """One artifact of a run; `sources` are the keys whose contents make it up, in order."""

    path: str
    size_bytes: int
    modified: datetime
    sources: tuple[str, ...]


async def remember(store: Store, run: RunKey, known: About) -> None:
    """Store the description of the run beside its artifacts."""
    data = orjson.dumps({"kind": known.kind, "shards": known.shards})
    await store.put(keys.own(run, keys.ABOUT), _once(data))


async def about(store: Store, run: RunKey) -> About | None:
    """The stored description of the run; None where no runner of it ever came."""
    content = await store.get(keys.own(run, keys.ABOUT))
    if content is None:
        return None
    document = orjson.loads(b"".join([chunk async for chunk in content.chunks]))
    return About(Kind(document["kind"]), document["shards"])


async def latest(store: Store, shard: ShardKey, path: str, *, carries: bool) -> Stored | None:
    """The artifact at `path` of this attempt of a shard, or (`carries`) of the newest before it."""
    for attempt in range(shard.attempt, -1 if carries else shard.attempt - 1, -1):
        found = await store.stat(ShardKey(shard.run, attempt, shard.shard).at(path))
        if found is not None:
            return found
    return None


async def adopted(store: Store, shard: ShardKey, path: str, *, carries: bool) -> str:
    """The key to append to; what an earlier attempt left there is this attempt's from now on."""
    key = shard.at(path)
    found = await latest(store, shard, path, carries=carries)
    if found is not None and found.key != key:
        await store.move(found.key, key)
    return key


async def listing(store: Store, run: RunKey) -> list[Artifact]:
    """All artifacts of a run, by path.

    With several shards the lines of all are one artifact (`x.jsonl`, `x.jsonl.gz`), and each shard's own are at
    `shards/<n>/...`.
    """
    known = await about(store, run)
    if known is None:
        return []
    return _artifacts(run, known, await store.below(keys.run_prefix(run)))


def _artifacts(run: RunKey, known: About, stored: Iterable[Stored]) -> list[Artifact]:
    whole, by_shard = _newest(run, known, stored)
    if known.shards == 1:
        whole = {path: [found] for (_, path), found in by_shard.items()} | whole
    else:
        for (shard, path), found in sorted(by_shard.items(), key=lambda item: item[0]):
            whole.setdefault(f"{_SHARDS}/{shard}/{path}", [found])
            if path.endswith(_LINES):
                whole.setdefault(path, []).append(found)
    return [_artifact(path, parts) for path, parts in sorted(whole.items())]


def _newest(
    run: RunKey, known: About, stored: Iterable[Stored]
) -> tuple[dict[str, list[Stored]], dict[tuple[int, str], Stored]]:
    """The run's own by path, and the shards' by shard and path: of the newest attempt that counts."""
    whole: dict[str, list[Stored]] = {}
    found: list[tuple[ShardKey, str, Stored]] = []
    for one in stored:
        place = keys.parse_artifact(run, one.key)
        if place is None or place[1].startswith(f"{keys.OWN}/"):
            continue
        shard, path = place
        if shard is None:
            whole[path] = [one]
        else:
            found.append((shard, path, one))
    last = max((shard.attempt for shard, _, _ in found), default=0)
    by_shard: dict[tuple[int, str], Stored] = {}
    for shard, path, one in sorted(found, key=lambda item: item[0].attempt):
        if shard.shard < known.shards and (known.carries or shard.attempt == last):
            by_shard[shard.shard, path] = one
    return whole, by_shard


def _artifact(path: str, stored: list[Stored]) -> Artifact:
    return Artifact(
        path,
        sum(one.size_bytes for one in stored),
        max(one.modified for one in stored),
        tuple(one.key for one in stored),
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """An artifact being read: `content` has the bytes of `span`, or all `size_bytes` where that is None."""

    size_bytes: int
    modified: datetime
    content: Content
    span: Span | None = None


class NoSuchBytes(OperatorError):
    """The requested bytes are not in the artifact, which has `size_bytes`."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"the artifact has {size_bytes} bytes, and none of the Range")
        self.size_bytes = size_bytes


async def open_artifact(store: Store, run: RunKey, path: str, span: Span | None = None) -> Reading | None:
    """One artifact of `listing`; the shards' lines follow one another in the shards' order. Raises NoSuchBytes."""
    found = next((artifact for artifact in await listing(store, run) if artifact.path == path), None)
    if found is None:
        return None
    pieces = await _pieces(store, found)
    size_bytes = sum(piece.size_bytes for piece in pieces)
    there = None if span is None else span.within(size_bytes)
    if span is not None and there is None:
        raise NoSuchBytes(size_bytes)
    wanted = there or Span(0, size_bytes - 1)
    content = Content(wanted.size_bytes, _read(store, pieces, wanted))
    return Reading(size_bytes, found.modified, content, there)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A source of an artifact; where `key` is None, the end of a line that the source before lacks."""

    key: str | None
    size_bytes: int


async def _pieces(store: Store, artifact: Artifact) -> list[_Piece]:
    """In order, as large as they are now."""
    mended = len(artifact.sources) > 1 and not artifact.path.endswith(_COMPRESSED)
    found = await asyncio.gather(*(_pieces_of(store, key, mended=mended) for key in artifact.sources))
    return [piece for pieces in found for piece in pieces]


async def _pieces_of(store: Store, key: str, *, mended: bool) -> list[_Piece]:
    seen = await store.stat(key)
    if seen is None or seen.size_bytes == 0:
        return []
    whole = _Piece(key, seen.size_bytes)
    last = await store.get(key, start=seen.size_bytes - 1, size_bytes=1) if mended else None
    if last is None or b"".join([chunk async for chunk in last.chunks]) == b"\n":
        return [whole]
    return [whole, _Piece(None, 1)]  # a torn last line must not swallow the next shard's first


async def _read(store: Store, pieces: Iterable[_Piece], span: Span) -> AsyncIterator[bytes]:
    """The bytes of `span`, which is within all `pieces` together."""
    skipped, left = span.first, span.size_bytes
    for piece in pieces:
        if skipped >= piece.size_bytes:
            skipped -= piece.size_bytes
            continue
        size_bytes = min(piece.size_bytes - skipped, left)
        if size_bytes <= 0:
            return
        async for chunk in await _opened(store, piece, skipped, size_bytes):
            yield chunk
        skipped, left = 0, left - size_bytes


async def _opened(store: Store, piece: _Piece, start: int, size_bytes: int) -> AsyncIterator[bytes]:
    if piece.key is None:
        return _once(b"\n")
    content = await store.get(piece.key, start=start, size_bytes=size_bytes)
    if content is None or content.size_bytes != size_bytes:
        raise StoreUnavailable(f"{piece.key} was replaced while it was read")
    return content.chunks


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
