"""A store that reports each write that found no room; all else is done by the store behind it."""

import contextlib
from collections.abc import AsyncIterable, Callable, Iterator

from evalkube_operator.ports import RunKey
from evalkube_operator.store.interface import Content, Store, Stored, StoreFull, Upload

__all__ = ["NotingStore"]


class NotingStore:
    """See `Store`. `refused`: told why there was no room, before the writer is."""

    def __init__(self, store: Store, refused: Callable[[StoreFull], None]) -> None:
        self.kind = store.kind
        self._store = store
        self._refused = refused

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except StoreFull as problem:
            self._refused(problem)
            raise

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> int:
        """See `Store.put`."""
        with self._noting():
            return await self._store.put(key, chunks)

    async def append(self, key: str, offset: int, data: bytes) -> int:
        """See `Store.append`."""
        with self._noting():
            return await self._store.append(key, offset, data)

    async def move(self, source: str, target: str) -> None:
        """See `Store.move`."""
        with self._noting():
            await self._store.move(source, target)

    async def check(self) -> None:
        """See `Store.check`."""
        with self._noting():
            await self._store.check()

    def uri(self, key: str) -> str:
        """See `Store.uri`."""
        return self._store.uri(key)

    async def get(self, key: str, *, start: int = 0, size_bytes: int | None = None) -> Content | None:
        """See `Store.get`."""
        return await self._store.get(key, start=start, size_bytes=size_bytes)

    async def stat(self, key: str) -> Stored | None:
        """See `Store.stat`."""
        return await self._store.stat(key)

    async def below(self, prefix: str) -> list[Stored]:
        """See `Store.below`."""
        return await self._store.below(prefix)

    async def delete(self, prefix: str) -> None:
        """See `Store.delete`."""
        await self._store.delete(prefix)

    async def runs(self) -> list[RunKey]:
        """See `Store.runs`."""
        return await self._store.runs()

    async def presign(self, key: str, *, expires_s: float) -> Upload | None:
        """See `Store.presign`."""
        return await self._store.presign(key, expires_s=expires_s)

    async def uploaded(self, key: str) -> int | None:
        """See `Store.uploaded`."""
        with self._noting():
            return await self._store.uploaded(key)
