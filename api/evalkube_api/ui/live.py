"""The page of one run. While it goes on: its figures, curves and log. What it came to is shown by `results.page`."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api.backend import Backend
from evalkube_api.ui import pages, results
from evalkube_crds.names import Phase

__all__ = ["router"]


def router(backend: Backend) -> APIRouter:
    """`/ui/runs/{id}`."""
    routes = APIRouter()

    @routes.get("/ui/runs/{run_id}")
    async def run_page(request: Request, run_id: str) -> Response:
        run = await backend.get(run_id)
        if run.status.phase is Phase.SUCCEEDED:
            return await results.page(request, backend, run)
        return pages.page(request, "live.html.j2", {"run": run})

    return routes
