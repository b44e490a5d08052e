"""The page about the service itself: version, backend, queue, benchmarks, data."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api.backend import Backend
from evalkube_api.settings import Settings
from evalkube_api.ui import pages

__all__ = ["router"]


def router(backend: Backend, settings: Settings) -> APIRouter:
    """`/ui/service`."""
    routes = APIRouter()

    @routes.get("/ui/service")
    async def about(request: Request) -> Response:
        return pages.page(request, "service.html.j2", {})

    return routes
