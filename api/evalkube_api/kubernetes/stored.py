"""The files of runs in the store, through the operator's read endpoint: listings, artifacts, whole results.

The token is the service's own, for the store's audience. It is read for each request, because Kubernetes replaces it.
"""

import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx
import orjson

from evalkube_api import errors
from evalkube_api.backend import Artifact, ArtifactEntry, ArtifactList, Span
from evalkube_api.chunks import ClosingChunks
from evalkube_api.errors import ApiError
from evalkube_api.kubernetes.rejections import Unavailable
from evalkube_crds import spans

__all__ = ["Stored"]

_CALL_S: Final = 30.0
_CHUNK_BYTES: Final = 64 * 1024
_LISTED: Final = 10_000


class Stored:
    """The store behind the operator's endpoint. `url` is None if the installation has no store."""

    def __init__(self, url: str | None, *, token_file: Path | None, ca_file: Path | None) -> None:
        self._url = url.rstrip("/") if url else None
        self._token_file = token_file
        self._ca_file = ca_file
        self._context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        self._client = httpx.AsyncClient(
            verify=self._context,
            timeout=httpx.Timeout(_CALL_S, connect=5.0),
            trust_env=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=8),
        )

    async def close(self) -> None:
        """Closes every connection."""
        await self._client.aclose()

    async def listing(self, uid: str) -> ArtifactList:
        """The artifacts of a run, by path."""
        response = await self._sent(f"/v1/runs/{uid}/artifacts")
        try:
            found = orjson.loads(await response.aread())["artifacts"]
        finally:
            await response.aclose()
        entries = [
            ArtifactEntry(one["path"], one["bytes"], datetime.fromisoformat(one["modified"])) for one in found[:_LISTED]
        ]
        return ArtifactList(entries, complete=len(found) <= _LISTED)

    async def artifact(self, uid: str, path: str, span: Span | None = None) -> Artifact:
        """One artifact, or its part `span`. Raises errors.NotFound, errors.NoSuchBytes."""
        if any(segment in ("", ".", "..") for segment in path.split("/")):  # no way out of the run's own
            raise errors.NotFound("there is no such artifact")
        response = await self._sent(f"/v1/runs/{uid}/artifacts/{quote(path)}", span)
        try:
            size_bytes, there = _sizes(response, span)
        except ApiError:
            await response.aclose()
            raise
        entry = ArtifactEntry(path, size_bytes, _modified(response.headers))
        return Artifact(entry, ClosingChunks(_chunks(response), response.aclose), there)

    async def result(self, uid: str) -> bytes:
        """The whole results of a run. Raises errors.NotFound."""
        response = await self._sent(f"/v1/runs/{uid}/result")
        try:
            return await response.aread()
        except httpx.HTTPError as problem:
            raise _away(problem) from None
        finally:
            await response.aclose()

    async def _sent(self, path: str, span: Span | None = None) -> httpx.Response:
        if self._url is None:
            raise Unavailable("this service was not told where the operator serves artifacts (EVALKUBE_STORE_URL)")
        headers = self._headers() | ({} if span is None else {"Range": f"bytes={spans.written(span)}"})
        request = self._client.build_request("GET", self._url + path, headers=headers)
        try:
            response = await self._answer(request)
        except httpx.HTTPError as problem:
            raise _away(problem) from None
        if response.status_code == (200 if span is None else 206):
            return response
        with contextlib.suppress(httpx.HTTPError):
            await response.aread()
        await response.aclose()
        raise _refusal(response)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        """The operator's answer. If its certificate is not trusted, the request is repeated: the authority may have
        changed.
        """
        try:
            return await self._client.send(request, stream=True)
        except httpx.ConnectError as problem:
            if self._ca_file is None or not _distrusts(problem):
                raise
            with contextlib.suppress(OSError):  # an ssl.SSLError is one too
                self._context.load_verify_locations(cafile=self._ca_file)
            return await self._client.send(request, stream=True)

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            return {"Authorization": f"Bearer {self._token_file.read_text().strip()}"}  # a line of memory-backed disk
        except OSError as problem:
            raise Unavailable(f"the service's token for the store cannot be read: {problem.strerror}") from None


def _distrusts(problem: BaseException | None) -> bool:
    while problem is not None and not isinstance(problem, ssl.SSLCertVerificationError):
        problem = problem.__cause__ or problem.__context__
    return problem is not None


def _sizes(response: httpx.Response, span: Span | None) -> tuple[int, Span | None]:
    """The size of the whole artifact, and the size of the requested part. Raises Unavailable."""
    try:
        if span is None:
            return int(response.headers["Content-Length"]), None
        size_bytes = spans.size_of(response.headers["Content-Range"])
    except (KeyError, ValueError):
        raise Unavailable("the operator did not say how large the artifact is; try again") from None
    return size_bytes, span.within(size_bytes)


def _modified(headers: Mapping[str, str]) -> datetime:
    with contextlib.suppress(KeyError, ValueError):
        return datetime.fromisoformat(headers["Artifact-Modified"])  # to the microsecond, which Last-Modified is not
    return datetime.now(UTC)


async def _chunks(response: httpx.Response) -> AsyncGenerator[bytes]:
    async for chunk in response.aiter_raw(_CHUNK_BYTES):
        yield chunk


def _away(problem: httpx.HTTPError) -> Unavailable:
    return Unavailable(
        f"the operator, which keeps the artifacts, did not answer ({str(problem) or type(problem).__name__})"
    )


def _refusal(response: httpx.Response) -> errors.ApiError:
    try:
        document = orjson.loads(response.content)
        words = str(document.get("detail") or "")
    except (ValueError, AttributeError, httpx.ResponseNotRead):
        words = ""
    if response.status_code == 416:
        with contextlib.suppress(KeyError, ValueError):
            return errors.NoSuchBytes(spans.size_of(response.headers["Content-Range"]))
    if response.status_code == 404:
        return errors.NotFound(words or "there is no such artifact")
    if response.status_code in (401, 403):
        return Unavailable(f"the operator does not let the service read artifacts: {words}")
    return Unavailable(f"the operator answered {response.status_code}: {words}")
