"""The store in a bucket. Whole artifacts are objects; what is appended lies in numbered parts beside them (`parts`).

Nothing is kept in memory but sizes, and nothing of a run is anywhere but in the bucket: a new operator reads on where
the old one was killed. An aborted upload of several pieces may leave some hidden ones behind: give the bucket a
lifecycle rule for incomplete multipart uploads.
"""

import atexit
import contextlib
import functools
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import obstore
from obstore import exceptions
from obstore.store import S3Store as Bucket

from evalkube_operator.ports import RunKey
from evalkube_operator.store import keys, parts
from evalkube_operator.store.interface import PROBE_BYTES, Content, Stored, StoreFull, StoreUnavailable, Upload
from evalkube_operator.store.keys import PARTS
from evalkube_operator.store.locks import KeyLocks
from evalkube_operator.store.parts import Part

__all__ = ["S3Settings", "S3Store"]

_PIECE_BYTES: Final = 8 << 20
_PIECES_AT_ONCE: Final = 2
"""Of one upload: 16 MiB in flight, and 10,000 pieces of 8 MiB (S3's limit) reach 80 GiB."""

_READ_BYTES: Final = 1 << 20
_KNOWN_ARTIFACTS: Final = 10_000
_TRIES: Final = 3
_CHECK: Final = ".check"
_FULL: Final = re.compile(
    r"QuotaExceeded|StorageFull|InsufficientStorage|Insufficient Storage|DiskFull|OverQuota|quota is reached"
)
"""What S3 and those who speak it say of a bucket, a disk or an account that is full (MinIO's XMinioStorageFull too)."""


@dataclass(frozen=True, slots=True)
class S3Settings:
    """A bucket. Without keys here the usual sources are asked (environment, web identity, instance metadata)."""

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    allow_http: bool = False
    virtual_hosted_style: bool = False


class S3Store:
    """See `Store`."""

    kind = "s3"

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        given = {
            "endpoint": settings.endpoint,
            "region": settings.region,
            "access_key_id": settings.access_key_id,
            "secret_access_key": settings.secret_access_key,
        }
        self._bucket = Bucket(
            settings.bucket,
            prefix=settings.prefix.strip("/") or None,
            client_options={"allow_http": settings.allow_http, "connect_timeout": "5s", "timeout": "60s"},
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=30)},
            virtual_hosted_style_request=settings.virtual_hosted_style,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type] # its TypedDict
        )
        _settle_at_exit()
        self._locks = KeyLocks()
        self._rows: OrderedDict[str, list[Part]] = OrderedDict()

    def uri(self, key: str) -> str:
        """See `Store.uri`."""
        prefix = self._settings.prefix.strip("/")
        return f"s3://{self._settings.bucket}/{prefix}/{key}" if prefix else f"s3://{self._settings.bucket}/{key}"

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> int:
        """See `Store.put`."""
        keys.split(key)
        counted = _Counted(chunks)
        async with self._locks.of(key):
            await self._send(key, counted)
            await self._is_whole(key, counted.total)
        return counted.total

    async def _send(self, key: str, counted: "_Counted") -> None:
        with _in_our_words():
            await obstore.put_async(
                self._bucket, key, counted, chunk_size=_PIECE_BYTES, max_concurrency=_PIECES_AT_ONCE
            )

    async def _is_whole(self, key: str, size_bytes: int) -> None:
        """After a new whole object: parts of the old artifact end."""
        old = [found.key async for found in self._objects(f"{key}{PARTS}/")]
        if old:
            await self._drop(old)
        self._know(key, [Part(key, 0, size_bytes)])

    async def append(self, key: str, offset: int, data: bytes) -> int:
        """See `Store.append`."""
        keys.split(key)
        async with self._locks.of(key):
            for _ in range(_TRIES):
                row = await self._row(key)
                size_bytes = row[-1].end if row else 0
                there = await self._there(key, row, offset, parts.overlap_bytes(size_bytes, offset, len(data)))
                rest = parts.missing(data, there, size_bytes)
                if not rest or await self._add(key, row, size_bytes, rest):
                    return size_bytes + len(rest)
                self._rows.pop(key, None)  # somebody else wrote, or our own try before this one did: look again
        raise StoreUnavailable(f"{key}: others write to it too")

    async def _there(self, key: str, row: Sequence[Part], offset: int, length: int) -> bytes:
        return b"".join([chunk async for chunk in self._read(key, row, offset, offset + length)]) if length else b""

    async def _add(self, key: str, row: list[Part], size_bytes: int, data: bytes) -> bool:
        part = Part(f"{key}{PARTS}/{size_bytes:020}", size_bytes, len(data))
        try:
            with _in_our_words():
                await obstore.put_async(self._bucket, part.name, data, mode="create")
        except exceptions.AlreadyExistsError:
            return False
        row = [*row, part]
        self._know(key, row)
        if merging := parts.to_merge(row):
            await self._merge(key, row, merging)
        return True

    async def _merge(self, key: str, row: Sequence[Part], merging: Sequence[Part]) -> None:
        """Merge several parts into one, which first covers the others and then outlives them."""
        first, last = merging[0], merging[-1]
        try:
            await self._send(first.name, _Counted(self._read(key, row, first.offset, last.end)))
            await self._drop(part.name for part in merging[1:])
        except (StoreFull, StoreUnavailable):
            self._rows.pop(key, None)  # the append itself is safe; the next one merges
            return
        merged = Part(first.name, first.offset, last.end - first.offset)
        self._know(key, [*row[: len(row) - len(merging)], merged])

    async def get(self, key: str, *, start: int = 0, size_bytes: int | None = None) -> Content | None:
        """See `Store.get`."""
        keys.split(key)
        row = await self._row(key)
        if not row:
            return None
        there = max(row[-1].end - start, 0)
        wanted = there if size_bytes is None else min(size_bytes, there)
        return Content(wanted, self._read(key, row, start, start + wanted))

    async def _read(self, key: str, row: Sequence[Part], start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` to `end`, also while parts of them are being merged."""
        looked_again_at = -1
        while start < end:
            part = next(part for part in row if part.offset <= start < part.end)
            try:
                async for chunk in self._read_part(part, start, min(end, part.end)):
                    start += len(chunk)
                    yield chunk
            except FileNotFoundError:
                if looked_again_at == start:
                    raise StoreUnavailable(f"{part.name} is gone") from None
                looked_again_at = start
                row = await self._look(key)
                if not row or row[-1].end < end:
                    raise StoreUnavailable(f"{key} was replaced while it was read") from None

    async def _read_part(self, part: Part, start: int, end: int) -> AsyncIterator[bytes]:
        span = (start - part.offset, end - part.offset)
        with _in_our_words():
            result = await obstore.get_async(self._bucket, part.name, options={"range": span})
            async for chunk in result.stream(min_chunk_size=_READ_BYTES):
                yield bytes(chunk)

    async def stat(self, key: str) -> Stored | None:
        """See `Store.stat`."""
        keys.split(key)
        found = [found async for found in self._around(key)]
        row = parts.chain(_as_part(key, one) for one in found)
        self._know(key, row)
        return Stored(key, row[-1].end, max(one.modified for one in found)) if row else None

    async def below(self, prefix: str) -> list[Stored]:
        """See `Store.below`."""
        artifacts: dict[str, list[Stored]] = {}
        async for found in self._objects(f"{prefix}/"):
            folder, _, _ = found.key.rpartition("/")
            name = folder.removesuffix(PARTS) if folder.endswith(PARTS) else found.key
            artifacts.setdefault(name, []).append(found)
        return [
            Stored(
                name,
                parts.chain(_as_part(name, one) for one in objects)[-1].end,
                max(one.modified for one in objects),
            )
            for name, objects in sorted(artifacts.items())
        ]

    async def delete(self, prefix: str) -> None:
        """See `Store.delete`."""
        keys.split(prefix)
        found = [found.key async for found in self._objects(f"{prefix}/")]
        found += [found.key async for found in self._around(prefix)]
        await self._drop(found)
        for key in [key for key in self._rows if key == prefix or key.startswith(f"{prefix}/")]:
            del self._rows[key]

    async def _drop(self, names: Iterable[str]) -> None:
        doomed = list(names)
        for first in range(0, len(doomed), 1000):
            with _in_our_words():
                await obstore.delete_async(self._bucket, doomed[first : first + 1000])

    async def move(self, source: str, target: str) -> None:
        """See `Store.move`. The parts become one object, once an attempt."""
        async with self._locks.of(source), self._locks.of(target):
            row = await self._look(source)
            if not row:
                return
            counted = _Counted(self._read(source, row, 0, row[-1].end))
            await self._send(target, counted)
            self._know(target, [Part(target, 0, counted.total)])
            await self._drop([found.key async for found in self._around(source)])
            self._rows.pop(source, None)

    async def runs(self) -> list[RunKey]:
        """See `Store.runs`."""
        found = []
        with _in_our_words():
            namespaces = (await obstore.list_with_delimiter_async(self._bucket))["common_prefixes"]
            for namespace in namespaces:
                below = await obstore.list_with_delimiter_async(self._bucket, f"{namespace}/")
                found += [keys.parse_run(prefix.strip("/")) for prefix in below["common_prefixes"]]
        return sorted((run for run in found if run is not None), key=keys.run_prefix)

    async def presign(self, key: str, *, expires_s: float) -> Upload | None:
        """See `Store.presign`. The client adds Content-MD5, which the bucket checks, and Content-Length."""
        keys.split(key)
        with _in_our_words():
            url = await obstore.sign_async(self._bucket, "PUT", key, timedelta(seconds=expires_s))
        return Upload(url, "PUT", {})

    async def uploaded(self, key: str) -> int | None:
        """See `Store.uploaded`."""
        async with self._locks.of(key):
            try:
                with _in_our_words():
                    found = await obstore.head_async(self._bucket, key)
            except FileNotFoundError:
                return None
            await self._is_whole(key, found["size"])
            return found["size"]

    async def check(self) -> None:
        """See `Store.check`."""
        with _in_our_words():
            await obstore.put_async(self._bucket, _CHECK, bytes(PROBE_BYTES))
            await obstore.delete_async(self._bucket, _CHECK)

    def _know(self, key: str, row: list[Part]) -> None:
        self._rows[key] = row
        self._rows.move_to_end(key)
        if len(self._rows) > _KNOWN_ARTIFACTS:
            self._rows.popitem(last=False)

    async def _row(self, key: str) -> list[Part]:
        return self._rows[key] if key in self._rows else await self._look(key)

    async def _look(self, key: str) -> list[Part]:
        row = parts.chain([_as_part(key, found) async for found in self._around(key)])
        self._know(key, row)
        return row

    async def _around(self, key: str) -> AsyncIterator[Stored]:
        """The whole object and the parts of one artifact, as far as there are any."""
        with contextlib.suppress(FileNotFoundError), _in_our_words():
            found = await obstore.head_async(self._bucket, key)
            yield Stored(key, found["size"], found["last_modified"])
        async for part in self._objects(f"{key}{PARTS}/"):
            yield part

    async def _objects(self, prefix: str) -> AsyncIterator[Stored]:
        with _in_our_words():
            async for batch in obstore.list(self._bucket, prefix, chunk_size=1000):
                for found in batch:
                    modified: datetime = found["last_modified"]
                    yield Stored(found["path"], found["size"], modified)


class _Counted:
    """Chunks on their way to the bucket, their bytes counted."""

    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = chunks
        self.total = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.total += len(chunk)
            yield chunk


def _as_part(key: str, found: Stored) -> Part:
    offset = 0 if found.key == key else int(found.key.rpartition("/")[2])
    return Part(found.key, offset, found.size_bytes)


@functools.cache
def _settle_at_exit() -> None:
    """Let the client's threads finish their last answers before the interpreter ends.

    One that still holds a Python object when finalization begins aborts the whole process (pyo3-async-runtimes, issue
    40; seen here in a third of the programs that end right after a request, in none that ended 10 ms later).
    """
    atexit.register(time.sleep, 0.1)


@contextlib.contextmanager
def _in_our_words() -> Iterator[None]:
    """Turn the bucket's errors into the store's. Errors that say that an object exists, or does not, stay as they
    are.
    """
    try:
        yield
    except (FileNotFoundError, exceptions.AlreadyExistsError):
        raise
    except (exceptions.BaseError, OSError) as problem:
        if _FULL.search(str(problem)):
            raise StoreFull(f"the bucket has no room: {str(problem)[:500]}") from problem
        raise StoreUnavailable(f"the bucket: {str(problem)[:500]}") from problem
