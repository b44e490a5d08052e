"""The HTTP routes of ingest and of reading, with errors turned into answers. The work is in `shards` and the store.

All of it is behind a bearer token; nothing here serves browsers, so there are no docs pages and no cookies.
"""

import functools
import time
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evalkube_crds import spans
from evalkube_crds.load_news import LoadNews
from evalkube_operator.errors import Unavailable
from evalkube_operator.ingest import bodies
from evalkube_operator.ingest.auth import Authenticator
from evalkube_operator.ingest.barriers import Barriers
from evalkube_operator.ingest.limits import Limits
from evalkube_operator.ingest.refusals import Refusal
from evalkube_operator.ingest.shards import Shard, Shards
from evalkube_operator.ingest.sharing import Sharing
from evalkube_operator.ports import RunKey, Runs
from evalkube_operator.store import artifacts, keys
from evalkube_operator.store.interface import Content, PathTaken, Store, StoreFull

__all__ = ["Observe", "create_ingest"]

Observe = Callable[[str, int, float], None]
"""Called for each request with its route, its status and its seconds."""

Model = TypeVar("Model", bound=BaseModel)

_BASE = "/v1/runs/{uid}/attempts/{attempt}/shards/{shard}"
_BYTES = "application/octet-stream"


def create_ingest(
    *,
    store: Store,
    authenticator: Authenticator,
    runs: Runs,
    limits: Limits | None = None,
    barriers: Barriers | None = None,
    observe: Observe | None = None,
) -> FastAPI:
    """The application of ingest. Its memory may be lost by a restart; what must last is in the store."""
    app = FastAPI(title="evalkube ingest", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.shards = Shards(store, authenticator, runs, limits or Limits())
    app.state.barriers = barriers or Barriers(store)
    app.state.sharing = Sharing()
    app.state.authenticator = authenticator
    app.include_router(_RUNNERS)
    app.include_router(_READERS)
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    if observe is not None:
        app.add_middleware(_Observed, observe=observe)
    return app


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Ready(_Body):
    ready: bool
    clock_ns: int
    turn: Annotated[int, Field(ge=0, lt=1000)] = 0


class _Announced(_Body):
    size_bytes: Annotated[int, Field(alias="bytes", ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal(401, "bad_token", "Authorization: Bearer TOKEN is needed")
    return token.strip()


async def _shard(request: Request, uid: str, attempt: int, shard: int) -> Shard:
    shards: Shards = request.app.state.shards
    return await shards.shard(_token(request), uid, attempt, shard)


async def _reader(request: Request) -> None:
    await request.app.state.authenticator.reader(_token(request))


_RUNNERS = APIRouter(prefix=_BASE)
_READERS = APIRouter(prefix="/v1/runs/{uid}", dependencies=[Depends(_reader)])
_Mine = Annotated[Shard, Depends(_shard)]


@_RUNNERS.put("/artifacts/{path:path}")
async def _put(request: Request, path: str, mine: _Mine) -> Response:
    await mine.put(path, bodies.length_of(request), _body(request, mine))
    return Response(status_code=204)


@_RUNNERS.post("/append/{path:path}")
async def _append(request: Request, path: str, offset: int, mine: _Mine) -> Response:
    if offset < 0:
        raise Refusal(400, "bad_offset", "the offset is a number of bytes from 0 on")
    limits = _limits(request)
    data = await bodies.read_small(
        request, most_bytes=limits.append_bytes, idle_s=limits.body_idle_s, before_end=mine.still_mine
    )
    await mine.append(path, offset, data)
    return Response(status_code=204)


@_RUNNERS.get("/artifacts/{path:path}")
async def _get(path: str, mine: _Mine) -> Response:
    return _streamed(await mine.get(path))


@_RUNNERS.head("/artifacts/{path:path}")
async def _head(path: str, mine: _Mine) -> Response:
    found = await mine.stat(path)
    if found is None:
        raise _not_found()
    return Response(headers={"Content-Length": str(found.size_bytes)}, media_type=_BYTES)


@_RUNNERS.post("/progress")
async def _progress(request: Request, mine: _Mine) -> Response:
    body = await _note(request)
    await mine.still_mine()
    mine.progressed(body)
    return Response(status_code=204)


@_RUNNERS.post("/load")
async def _load(request: Request, mine: _Mine) -> Response:
    news = _read(LoadNews, await _note(request))
    await mine.still_mine()
    sharing: Sharing = request.app.state.sharing
    return Response(sharing.tell(mine.pod.owner, news).model_dump_json(by_alias=True), media_type="application/json")


@_RUNNERS.put("/result")
async def _result(request: Request, mine: _Mine) -> Response:
    limits = _limits(request)
    body = await bodies.read_small(
        request, most_bytes=limits.result_bytes, idle_s=limits.body_idle_s, before_end=mine.still_mine
    )
    await mine.deliver(body)
    return JSONResponse({"whole": mine.pod.owner.shards > 1 and await mine.reports.complete()})


@_RUNNERS.get("/whole/results/{of}")
async def _whole_result(of: int, mine: _Mine) -> Response:
    return Response(await mine.reports.result(of), media_type="application/json")


@_RUNNERS.get("/whole/artifacts/{path:path}")
async def _whole_get(path: str, mine: _Mine) -> Response:
    return _streamed(await mine.reports.get(path))


@_RUNNERS.put("/whole/artifacts/{path:path}")
async def _whole_put(request: Request, path: str, mine: _Mine) -> Response:
    await mine.reports.put(path, bodies.length_of(request), _body(request, mine))
    return Response(status_code=204)


@_RUNNERS.put("/receipt")
async def _receipt(request: Request, mine: _Mine) -> Response:
    body = await _note(request)
    await mine.still_mine()
    mine.finished(body)
    return Response(status_code=204)


@_RUNNERS.post("/barrier")
async def _barrier(request: Request, mine: _Mine) -> Response:
    ready = _read(_Ready, await _note(request))
    if not ready.ready:
        raise Refusal(422, "not_ready", "a shard that asks here is ready")
    barriers: Barriers = request.app.state.barriers
    start_at_ns = await barriers.wait(mine.pod, functools.partial(_gone, request), turn=ready.turn)
    return JSONResponse({"start_at_ns": start_at_ns, "server_ns": time.time_ns()})


@_RUNNERS.post("/uploads/{path:path}")
async def _upload(request: Request, path: str, mine: _Mine) -> Response:
    announced = _read(_Announced, await _note(request))
    upload = await mine.upload(path, announced.size_bytes)
    if upload is None:
        raise Refusal(404, "no_uploads", "this store takes artifacts through PUT artifacts only")
    return JSONResponse({"url": upload.url, "method": upload.method, "headers": upload.headers})


@_RUNNERS.put("/uploads/{path:path}")
async def _uploaded(request: Request, path: str, mine: _Mine) -> Response:
    announced = _read(_Announced, await _note(request))
    await mine.uploaded(path, announced.size_bytes)
    return Response(status_code=204)


@_READERS.get("/artifacts")
async def _listing(request: Request, uid: str) -> Response:
    found = await artifacts.listing(_store(request), _run(request, uid))
    shown = [{"path": one.path, "bytes": one.size_bytes, "modified": one.modified.isoformat()} for one in found]
    return Response(orjson.dumps({"artifacts": shown}), media_type="application/json")


@_READERS.get("/artifacts/{path:path}")
async def _artifact(request: Request, uid: str, path: str) -> Response:
    wanted = spans.asked(request.headers.get("range"))
    try:
        found = await artifacts.open_artifact(_store(request), _run(request, uid), path, wanted)
    except artifacts.NoSuchBytes as problem:
        headers = {"Content-Range": f"bytes */{problem.size_bytes}"}
        return JSONResponse({"code": "no_such_bytes", "detail": str(problem)}, 416, headers=headers)
    if found is None:
        raise _not_found()
    answer = _streamed(found.content)
    answer.headers["Artifact-Modified"] = found.modified.isoformat()
    if found.span is not None:
        answer.status_code = 206
        answer.headers["Content-Range"] = spans.told(found.span, found.size_bytes)
    return answer


@_READERS.get("/result")
async def _merged_result(request: Request, uid: str) -> Response:
    key = keys.own(_run(request, uid), keys.MERGED_RESULT)
    return _streamed(await _store(request).get(key), media_type="application/json")


def _body(request: Request, mine: Shard) -> bodies.CheckedBody:
    return bodies.CheckedBody(request, idle_s=_limits(request).body_idle_s, before_end=mine.still_mine)


def _limits(request: Request) -> Limits:
    shards: Shards = request.app.state.shards
    return shards.limits


def _store(request: Request) -> Store:
    shards: Shards = request.app.state.shards
    return shards.store


def _run(request: Request, uid: str) -> RunKey:
    shards: Shards = request.app.state.shards
    run = shards.runs.run(uid)
    if run is None:
        raise Refusal(404, "no_run", "there is no such run")
    return run


async def _note(request: Request) -> bytes:
    limits = _limits(request)
    return await bodies.read_small(request, most_bytes=limits.note_bytes, idle_s=limits.body_idle_s)


def _read(model: type[Model], body: bytes) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as problem:
        raise Refusal(422, "bad_body", str(problem.errors(include_url=False)[0]["msg"])) from None


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _not_found() -> Refusal:
    return Refusal(404, "no_artifact", "there is no such artifact")


def _streamed(content: Content | None, media_type: str = _BYTES) -> Response:
    if content is None:
        raise _not_found()
    headers = {"Content-Length": str(content.size_bytes)}
    return StreamingResponse(content.chunks, headers=headers, media_type=media_type)


async def _refused(request: Request, problem: Exception) -> Response:
    refusal = problem if isinstance(problem, Refusal) else _in_http(problem)
    await bodies.drain(request)
    return JSONResponse(refusal.document, refusal.status, headers=refusal.headers)


def _in_http(problem: Exception) -> Refusal:
    if isinstance(problem, StoreFull):
        return Refusal(507, "store_full", str(problem))
    if isinstance(problem, Unavailable):
        return Refusal(503, "unavailable", str(problem), retry_after_s=problem.retry_after_s or 1)
    if isinstance(problem, keys.BadPath):
        return Refusal(400, "bad_path", str(problem))
    return Refusal(409, "path_taken", str(problem))


_ANSWERS: dict[type[Exception], Any] = dict.fromkeys((Refusal, Unavailable, PathTaken, keys.BadPath), _refused)


class _Observed:
    """Tells `observe` of each request, by the route's pattern rather than its address."""

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            name = getattr(scope.get("endpoint"), "__name__", "none").strip("_")
            self._observe(name, status, time.perf_counter() - began)
