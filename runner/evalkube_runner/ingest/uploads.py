"""Brings whole artifacts to the store: through ingest or, large ones, directly where ingest offers that."""

import base64
import logging
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import quote

import httpx

from evalkube_runner.ingest.bodies import Hashes
from evalkube_runner.ingest.client import TIMEOUT, IngestClient, Refused

__all__ = ["Body", "Uploads"]

_LOG = logging.getLogger("evalkube.runner.ingest")

_DIRECT_FROM_BYTES: Final = 8 << 20
"""Smaller artifacts are not worth the two more requests of an upload past ingest."""

Body = Callable[[], AsyncIterator[bytes]]
"""Gives the body of a request anew for each try."""


class Uploads:
    """A shard's uploads. Close them when the run is over."""

    def __init__(self, client: IngestClient) -> None:
        self._client = client
        self._direct: httpx.AsyncClient | None = None
        self._direct_offered = True

    async def close(self) -> None:
        """Close the connections to the store."""
        if self._direct is not None:
            await self._direct.aclose()

    async def send(self, path: str, hashes: Hashes, body: Body) -> None:
        """Upload an artifact. Raises as `IngestClient.send` does."""
        if not await self._directly(path, hashes, body):
            await self._client.send("PUT", f"artifacts/{quote(path)}", content=body, headers=hashes.headers)

    async def _directly(self, path: str, hashes: Hashes, body: Body) -> bool:
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
            sent = await self._direct.request(offer["method"], offer["url"], content=body(), headers=headers)
            sent.raise_for_status()
            await self._client.send("PUT", f"uploads/{quote(path)}", json=announced)
        except (httpx.HTTPError, Refused) as problem:
            _LOG.warning("%s: the direct upload failed (%s); it goes through ingest", path, type(problem).__name__)
            self._direct_offered = False
            return False
        return True
