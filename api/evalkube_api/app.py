"""Assembles the service: routes over a backend."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Any

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evalkube_api import manners, openapi, problems, queries, responses, schemas
from evalkube_api.access import cors, hosts, login
from evalkube_api.access.guard import Guard
from evalkube_api.access.sessions import Sessions
from evalkube_api.access.tokens import TokenFile
from evalkube_api.backend import Backend
from evalkube_api.documents import Documents
from evalkube_api.indexes import Indexes
from evalkube_api.metrics import Metrics
from evalkube_api.routes import (
    benchmarks,
    browsing,
    comparisons,
    evalscope,
    events,
    figures,
    files,
    health,
    runs,
    submissions,
)
from evalkube_api.settings import Settings
from evalkube_api.ui import pages, refusals
from evalkube_api.ui import router as ui
from evalkube_api.ui.pages import Shell

__all__ = ["create_app"]

_ACCESS = logging.getLogger("evalkube.access")


def create_app(backend: Backend, settings: Settings, *, place: str = "", exposed: bool = False) -> FastAPI:
    """The service as an ASGI application. Its lifespan starts and closes `backend`.

    Pages show `place`. They show a warning if the service is `exposed` (others can reach it) without a token. Raises
    errors.ServiceError for an unusable token file or an invalid name.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await backend.start()
        try:
            yield
        finally:
            await backend.close()

    app = FastAPI(
        title="evalkube",
        version=_version(),
        description=openapi.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=problems.JsonResponse,
        responses={"default": {"model": responses.Error, "description": "Any other refusal"}},
        dependencies=[Depends(queries.check)],
        lifespan=lifespan,
    )
    problems.install(app, debug=settings.debug)
    refusals.install(app)
    metrics = Metrics(backend.census)
    app.state.indexes = indexes = Indexes(backend, most_bytes=settings.most_index_bytes)
    app.state.documents = documents = Documents(backend)
    app.include_router(health.router())
    app.include_router(figures.router(metrics))
    app.include_router(benchmarks.router())
    app.include_router(submissions.router(backend, settings, metrics))
    app.include_router(evalscope.router(backend, settings, metrics))
    app.include_router(comparisons.router(backend, settings, documents))
    app.include_router(runs.router(backend, settings, metrics))
    app.include_router(events.router(backend))
    app.include_router(files.router(backend))
    app.include_router(browsing.router(indexes))
    app.include_router(ui.router(backend, settings, metrics))
    app.state.shell = Shell(
        _version(),
        place,
        token=settings.token_file is not None,
        exposed=exposed and settings.token_file is None,
        read_only=settings.backend == "folder",
    )
    _describe(app, token=settings.token_file is not None)
    _guard(app, settings)
    app.add_middleware(manners.Head)
    app.add_middleware(manners.Slashes)
    app.add_middleware(_Noted, metrics=metrics)  # the outermost: it notes refusals too
    return app


def _guard(app: FastAPI, settings: Settings) -> None:
    """Access control and the login. Raises errors.ServiceError."""
    token = None if settings.token_file is None else TokenFile(settings.token_file)
    sessions = None if token is None else Sessions(token.current)
    allowed = cors.origins(settings.cors_origins, token=token is not None)
    app.include_router(login.router(token, sessions, pages.login))
    names = _names(settings)
    app.add_middleware(Guard, names=names, page=refusals.refusal, token=token, sessions=sessions, allowed=allowed)
    if allowed:
        cors.install(app, allowed)


def _names(settings: Settings) -> hosts.Hosts:
    """The allowed host names: those of the command line, `--host` among them, and those of the machine."""
    asked_for = hosts.plain_name(settings.host)
    allowed = {hosts.pattern(name) for name in settings.allowed_hosts} | ({asked_for} if asked_for else set())
    return hosts.Hosts(hosts.MachineNames(), frozenset(allowed))


def _describe(app: FastAPI, *, token: bool) -> None:
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = schemas.with_requests(plain())
            app.openapi_schema = schemas.with_token(document) if token else document
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way to extend its document


def _version() -> str:
    try:
        return metadata.version("evalkube")
    except metadata.PackageNotFoundError:  # run from a source tree
        return "0"


class _Noted:
    """Counts and logs each request. The query is not logged, because it may contain keys."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            status = status or 500  # the answer is written outside of this
            raise
        finally:
            took_s = time.monotonic() - began
            self._metrics.answered(scope, status, took_s)
            path = ascii(scope["path"][:200])[1:-1]
            _ACCESS.info("%s %s %d %.0f ms", scope["method"], path, status, 1000 * took_s)
