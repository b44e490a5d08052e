"""The page that starts a run: a form made of the request's schema."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api.backend import Backend
from evalkube_api.settings import Settings
from evalkube_api.ui import pages

__all__ = ["router"]


def router(backend: Backend, settings: Settings) -> APIRouter:
    """`/ui/new`."""
    routes = APIRouter()

    @routes.get("/ui/new")
    async def form(request: Request) -> Response:
        return pages.page(request, "new_run.html.j2", {})

    return routes
