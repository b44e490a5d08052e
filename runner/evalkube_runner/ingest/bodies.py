"""The bodies of requests to ingest: lines in pieces, whole artifacts in blocks, and the digests of both."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Hashes", "blocks", "digest", "file_blocks", "hashes", "hashes_of_file", "pieces"]

_APPEND_BYTES: Final = 4 << 20
"""Ingest takes 8 MiB at a time; lines are kept whole, so a request may be longer than this by one line."""

_BLOCK_BYTES: Final = 1 << 20


def pieces(data: bytes) -> Iterator[bytes]:
    """Lines in pieces for one request each; no line is cut."""
    start = 0
    while len(data) - start > _APPEND_BYTES:
        end = data.rfind(b"\n", start, start + _APPEND_BYTES) + 1 or data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end
    if start < len(data):
        yield data[start:]


@dataclass(frozen=True, slots=True)
class Hashes:
    """The size of an artifact, and its hashes."""

    size_bytes: int
    sha256: bytes
    md5: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a request that brings the artifact to ingest."""
        return {"Content-Length": str(self.size_bytes), "Content-Digest": _header(self.sha256)}


def hashes(given: Iterator[bytes]) -> Hashes:
    """The hashes of an artifact in blocks. Blocking, for a thread."""
    size_bytes, sha256, md5 = 0, hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for block in given:
        size_bytes += len(block)
        sha256.update(block)
        md5.update(block)
    return Hashes(size_bytes, sha256.digest(), md5.digest())


def hashes_of_file(path: Path) -> Hashes:
    """The hashes of a file. Blocking, for a thread."""
    with path.open("rb") as file:
        return hashes(iter(lambda: file.read(_BLOCK_BYTES), b""))


def digest(data: bytes) -> dict[str, str]:
    """The header that says what `data` is."""
    return {"Content-Digest": _header(hashlib.sha256(data).digest())}


def _header(sha256: bytes) -> str:
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


async def blocks(data: bytes) -> AsyncIterator[bytes]:
    """An artifact in memory, as a body."""
    for start in range(0, len(data), _BLOCK_BYTES):
        yield data[start : start + _BLOCK_BYTES]


async def file_blocks(path: Path) -> AsyncIterator[bytes]:
    """A file, as a body."""
    with path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, _BLOCK_BYTES):
            yield block
