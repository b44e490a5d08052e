"""A zip archive that is sent while its files are read. No file is in memory as a whole; nothing is written to disk."""

import asyncio
import re
import zipfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Final

from evalkube_api.backend import Artifact, ArtifactEntry

__all__ = ["archive", "safe_name"]

_SEND_BYTES: Final = 64 * 1024
_PACKED: Final = (".gz", ".zip", ".png", ".npy")
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


class _Sink:
    """The output of `zipfile`, emptied between writes. It cannot seek, so sizes are written after each file."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def flush(self) -> None:
        """Does nothing: no data is held back."""

    def close(self) -> None:
        """Does nothing."""

    def __len__(self) -> int:
        return len(self._data)

    def taken(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


async def archive(
    folder: str, entries: Iterable[ArtifactEntry], opened: Callable[[ArtifactEntry], Awaitable[Artifact | None]]
) -> AsyncGenerator[bytes]:
    """The archive of `entries`, all below `folder`. `opened` opens one; None: the file no longer exists."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", allowZip64=True) as packed:
        for entry in entries:
            artifact = await opened(entry)
            if artifact is None:
                continue
            info = zipfile.ZipInfo(safe_name(folder, entry.path), entry.modified_at.timetuple()[:6])
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if entry.path.endswith(_PACKED) else zipfile.ZIP_DEFLATED
            try:
                with packed.open(info, "w", force_zip64=True) as file:
                    async for chunk in artifact.chunks:
                        await asyncio.to_thread(file.write, chunk)
                        if len(sink) >= _SEND_BYTES:
                            yield sink.taken()
            finally:
                await artifact.chunks.aclose()
            yield sink.taken()
    yield sink.taken()


def safe_name(folder: str, path: str) -> str:
    """The name of a file in the archive. It is below `folder` on every system, whatever `path` contains."""
    parts = [_UNSAFE.sub("_", part).rstrip(". ") for part in path.split("/")]
    return "/".join([_UNSAFE.sub("_", folder), *(part or "_" for part in parts)])
