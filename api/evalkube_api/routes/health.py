"""Health of the service, and the way to its documentation."""

from datetime import UTC, datetime
from importlib import resources

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from evalkube_api import openapi
from evalkube_api.responses import Health

__all__ = ["router"]


def router() -> APIRouter:
    """`/health`, `/docs` and `/`."""
    routes = APIRouter()
    page = (resources.files("evalkube_api") / "pages" / "docs.html").read_text(encoding="utf-8")

    @routes.get("/health", tags=["service"], responses=openapi.HEALTH)
    async def health() -> Health:
        """Whether the service answers."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        return Health(timestamp=at)

    @routes.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": openapi.DOCS_POLICY})

    @routes.get("/", include_in_schema=False)
    async def root(request: Request) -> Response:
        """Redirects browsers to the dashboard; other clients get the description of the API."""
        wanted = "/ui" if "text/html" in request.headers.get("accept", "") else "/docs"
        return RedirectResponse(wanted, headers={"Vary": "Accept"})

    return routes
