"""The page of all runs: a table with filters."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api.backend import Backend, RunQuery
from evalkube_api.ui import pages

__all__ = ["router"]


def router(backend: Backend) -> APIRouter:
    """`/ui`."""
    routes = APIRouter()

    @routes.get("/ui")
    async def runs(request: Request) -> Response:
        found = await backend.list(RunQuery())
        return pages.page(request, "runs.html.j2", {"found": found})

    return routes
