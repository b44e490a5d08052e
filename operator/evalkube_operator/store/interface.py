"""The interface of a store: keys and bytes in, bytes out, streaming. Types only, no I/O here."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from evalkube_operator.errors import OperatorError, Unavailable
from evalkube_operator.ports import RunKey

__all__ = [
    "PROBE_BYTES",
    "Content",
    "OffsetConflict",
    "PathTaken",
    "Store",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreUnavailable",
    "Stored",
    "Upload",
]


PROBE_BYTES: Final = 64 << 10
"""Enough that a file system or a bucket has to make room for it: an empty artifact finds its place on a full one."""


class StoreError(Unavailable):
    """The base class of a store's errors."""


class StoreFull(StoreError):
    """The store has no room: trying again helps only after somebody makes room."""


class StoreUnavailable(StoreError):
    """The store does not answer, or refuses the request: try again later."""


class StoreCorrupt(StoreError):
    """The stored objects do not fit together. Only the operator writes there."""


class PathTaken(OperatorError):
    """The path is a folder of other artifacts, or one of its folders is an artifact."""


class OffsetConflict(OperatorError):
    """An append does not continue what is there; `size_bytes` is how much that is."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"the artifact has {size_bytes} bytes and something else there")
        self.size_bytes = size_bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """One artifact: its key, its size, and when it was last written."""

    key: str
    size_bytes: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Content:
    """An artifact being read: exactly `size_bytes` come out of `chunks`, as they were when it was opened."""

    size_bytes: int
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class Upload:
    """Where a client may upload one artifact directly, past ingest."""

    url: str
    method: str
    headers: dict[str, str]


class Store(Protocol):
    """A store of artifacts. Keys are those of `keys`; a prefix ends where a segment does. Everything may raise
    StoreUnavailable.
    """

    kind: str

    def uri(self, key: str) -> str:
        """How people and other programs name the place."""

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> int:
        """Write a whole artifact, replaced atomically and durable on return; its size in bytes.

        What `chunks` raises is passed on and leaves the old artifact as it was. Raises StoreFull, PathTaken.
        """

    async def append(self, key: str, offset: int, data: bytes) -> int:
        """Make `data` stand at `offset` of the artifact, durable on return; the size then, in bytes.

        Continues it, or finds (all or the first part of) `data` there already. Raises OffsetConflict, StoreFull,
        PathTaken.
        """

    async def get(self, key: str, *, start: int = 0, size_bytes: int | None = None) -> Content | None:
        """`size_bytes` from `start` on (as far as there are); None where there is no such artifact."""

    async def stat(self, key: str) -> Stored | None:
        """Size and time of one artifact; None where there is none."""

    async def below(self, prefix: str) -> list[Stored]:
        """All artifacts below a prefix, by key."""

    async def delete(self, prefix: str) -> None:
        """Delete everything at and below a prefix; there may be nothing."""

    async def move(self, source: str, target: str) -> None:
        """Rename an artifact to `target`, which does not exist yet. After a crash it can be done again."""

    async def runs(self) -> list[RunKey]:
        """The runs of which anything is stored."""

    async def presign(self, key: str, *, expires_s: float) -> Upload | None:
        """The address for a direct upload of the artifact; None where everything goes through ingest."""

    async def uploaded(self, key: str) -> int | None:
        """Take a direct upload as the whole artifact. Its size, or None where nothing came."""

    async def check(self) -> None:
        """Write PROBE_BYTES and remove them again. Raises StoreError where the store cannot be written."""
