"""The whole run of several shards, as the last of them reads it and leaves its reports."""

import asyncio
from pathlib import Path
from urllib.parse import quote

from evalkube_runner.ingest.bodies import digest, file_blocks, hashes_of_file
from evalkube_runner.ingest.client import IngestClient

__all__ = ["WholeRun"]


class WholeRun:
    """The whole run at ingest; see `deliver.Whole`."""

    def __init__(self, client: IngestClient) -> None:
        self._client = client

    async def put(self, path: str, data: bytes) -> None:
        """See `Place.put`."""
        await self._client.required("PUT", f"whole/artifacts/{quote(path)}", content=data, headers=digest(data))

    async def get(self, path: str) -> bytes | None:
        """See `Place.get`."""
        found = await self._client.found(f"whole/artifacts/{quote(path)}")
        return None if found is None else found.content

    async def put_file(self, path: str, source: Path) -> None:
        """See `Place.put_file`. The file is removed once it has arrived."""
        hashes = await asyncio.to_thread(hashes_of_file, source)
        where = f"whole/artifacts/{quote(path)}"
        await self._client.required("PUT", where, content=lambda: file_blocks(source), headers=hashes.headers)
        await asyncio.to_thread(source.unlink, missing_ok=True)

    async def file(self, path: str, copy: Path) -> Path | None:
        """See `Place.file`: a copy."""
        found = await self._client.found(f"whole/artifacts/{quote(path)}", into=copy)
        return None if found is None else copy

    async def result_of(self, shard: int) -> bytes:
        """See `Whole.result_of`."""
        return (await self._client.required("GET", f"whole/results/{shard}")).content
