"""/api/v1/runs/{id}/logs, /artifacts and /artifacts.zip: the files of a run, whole, in parts, and all at once."""

import mimetypes
import re
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from evalkube_api import conditional, errors, openapi, responses, views, zipping
from evalkube_api.backend import Artifact, ArtifactEntry, Backend, Chunks
from evalkube_crds import spans

__all__ = ["artifact", "router"]

_SANDBOX: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline';"
    " style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-cache",
    "Accept-Ranges": "bytes",
}
"""An artifact may hold what a model answered: it gets no origin, no network and no other type than its name says."""

_TYPES: Final = {
    ".jsonl": "application/x-ndjson",
    ".gz": "application/gzip",  # never a Content-Encoding: what is saved is the file
    ".log": "text/plain",
    ".txt": "text/plain",
    ".csv": "text/csv",
}
_NO_FILE_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")

Tail = Annotated[int | None, Query(ge=0, le=1_000_000, description="Only this number of last lines")]


def router(backend: Backend) -> APIRouter:
    """The routes of runs' files."""
    routes = APIRouter(prefix="/api/v1/runs", tags=["files"])

    @routes.get("/{run_id}/logs", responses=openapi.LOG)
    async def get_log(run_id: str, tail: Tail = None, follow: bool = False) -> Response:
        """The runner's log, without secrets; with `follow` until the run has ended."""
        await backend.get(run_id)
        chunks = backend.log(run_id, tail_lines=tail, follow=follow)
        return StreamingResponse(chunks, media_type="text/plain", headers={"X-Content-Type-Options": "nosniff"})

    @routes.get("/{run_id}/artifacts", responses=openapi.ARTIFACTS)
    async def list_artifacts(run_id: str) -> responses.ArtifactList:
        """The files of the run, by path."""
        return views.artifacts(run_id, await backend.artifacts(run_id))

    @routes.get("/{run_id}/artifacts.zip", responses=openapi.ARCHIVE, response_class=Response)
    async def get_archive(run_id: str) -> Response:
        """All files of the run in one archive. Its size is not known before its end."""
        listed = await backend.artifacts(run_id)
        if not listed.complete:
            raise errors.Conflict(f"run {run_id} has too many files for an archive; read them one by one", run_id)
        name = _NO_FILE_NAME.sub("_", run_id)
        chunks = zipping.archive(name, listed.entries, lambda entry: _still_there(backend, run_id, entry))
        headers = {"Content-Disposition": f'attachment; filename="{name}.zip"', "X-Content-Type-Options": "nosniff"}
        return StreamingResponse(chunks, media_type="application/zip", headers=headers)

    @routes.get("/{run_id}/artifacts/{path:path}", responses=openapi.ARTIFACT, response_class=Response)
    async def get_artifact(run_id: str, path: str, request: Request) -> Response:
        """One file of the run, or with `Range` a part of it."""
        return await artifact(backend, run_id, path, request.headers)

    return routes


async def artifact(backend: Backend, run_id: str, path: str, headers: Headers) -> Response:
    """One file of a run, as the headers of a request ask for it."""
    return _answer(await _wanted(backend, run_id, path, headers), headers)


async def _still_there(backend: Backend, run_id: str, entry: ArtifactEntry) -> Artifact | None:
    try:
        return await backend.artifact(run_id, entry.path)
    except errors.NotFound:  # a file that is written anew at the end of a run
        return None


async def _wanted(backend: Backend, run_id: str, path: str, headers: Headers) -> Artifact:
    """The range that the client wants; None for the whole file. Raises errors.NoSuchBytes."""
    span = spans.asked(headers.get("range"))
    refused: errors.NoSuchBytes | None = None
    try:
        artifact = await backend.artifact(run_id, path, span=span)
    except errors.NoSuchBytes as problem:
        if "if-range" not in headers:
            raise
        refused = problem
        artifact = await backend.artifact(run_id, path)
    if span is None or conditional.may_continue(headers, _tag(artifact.entry)):
        if refused is not None:
            await artifact.chunks.aclose()
            raise refused
        return artifact
    if refused is not None:
        return artifact
    await artifact.chunks.aclose()
    return await backend.artifact(run_id, path)


def _tag(entry: ArtifactEntry) -> str:
    return conditional.etag(entry.path, entry.size_bytes, entry.modified_at.isoformat())


def _answer(artifact: Artifact, asked: Headers) -> Response:
    entry, span, tag = artifact.entry, artifact.span, _tag(artifact.entry)
    headers = {**_SANDBOX, "ETag": tag, "Last-Modified": conditional.http_date(entry.modified_at)}
    if conditional.is_current(asked, tag, entry.modified_at):
        return _Closing(artifact.chunks, 304, headers)
    headers["Content-Length"] = str(entry.size_bytes if span is None else span.size_bytes)
    if span is None:
        return _Closing(artifact.chunks, 200, headers, _media_type(entry.path))
    headers["Content-Range"] = spans.told(span, entry.size_bytes)
    return _Closing(artifact.chunks, 206, headers, _media_type(entry.path))


class _Closing(StreamingResponse):
    """A response that always closes its chunks: at HEAD and 304 no chunk is read."""

    def __init__(self, chunks: Chunks, status: int, headers: dict[str, str], media_type: str | None = None) -> None:
        super().__init__(() if status == 304 else chunks, status, headers, media_type)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._chunks.aclose()


def _media_type(path: str) -> str:
    suffix = path[path.rfind(".") :].lower() if "." in path else ""
    return _TYPES.get(suffix) or mimetypes.guess_type(path)[0] or "application/octet-stream"
