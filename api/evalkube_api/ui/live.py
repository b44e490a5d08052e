"""The page of one run. For an active run: figures, curves and log. Results are shown by `results.page`."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api import lines
from evalkube_api.backend import Backend
from evalkube_api.ui import live_view, pages, results
from evalkube_api.ui.course import Courses
from evalkube_crds.names import Kind, Phase
from evalkube_crds.status import Run
from evalkube_report import configuration

__all__ = ["router"]

_TAIL_LINES: Final = 200
_MOST_LOG_BYTES: Final = 256 * 1024


def router(backend: Backend) -> APIRouter:
    """`/ui/runs/{id}`."""
    courses = Courses(backend)

    @contextlib.asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        following = courses.begin()
        try:
            yield
        finally:
            following.cancel()

    routes = APIRouter(lifespan=lifespan, include_in_schema=False)

    @routes.get("/ui/runs/{run_id}")
    async def run_page(request: Request, run_id: str) -> Response:
        run = await backend.get(run_id)
        is_part = request.headers.get("hx-request") == "true" and "hx-boosted" not in request.headers
        if run.status.phase is Phase.SUCCEEDED:
            if is_part:  # of the page before the end: now it is another page at the same address
                return Response(headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
            return await results.page(request, backend, run)
        context = await _state(backend, run)
        if is_part:
            return pages.fragment(request, "live.html.j2", context, block="state")
        plots, course = live_view.curves(Kind(run.kind), courses.of(run_id))
        context |= {
            "plots": plots if context["row"].active else [],
            "course": course,
            "settings": configuration.settings_of(run.spec),
            "log": await _log(backend, run_id),
        }
        return pages.page(request, "live.html.j2", context)

    return routes


async def _state(backend: Backend, run: Run) -> dict[str, Any]:
    run_id = run.metadata.name
    line = lines.line_of(run)
    found = live_view.page_of(run, replace(line, queue=backend.queue(run)), datetime.now(UTC))
    found["api"] = "/api/v1/runs/" + quote(run_id, safe="")
    found["files"] = [] if found["row"].active else (await backend.artifacts(run_id)).entries
    return found


async def _log(backend: Backend, run_id: str) -> str:
    """The end of the log."""
    data = bytearray()
    async for chunk in backend.log(run_id, tail_lines=_TAIL_LINES, follow=False):
        data += chunk
        del data[:-_MOST_LOG_BYTES]
    return data.decode("utf-8", "replace")
