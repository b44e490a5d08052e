"""All pages of the dashboard below `/ui`."""

from fastapi import APIRouter

from evalkube_api.backend import Backend
from evalkube_api.metrics import Metrics
from evalkube_api.settings import Settings
from evalkube_api.ui import assets, live, new_run, pages, results, runs, service

__all__ = ["router"]


def router(backend: Backend, settings: Settings, metrics: Metrics) -> APIRouter:
    """The pages, and the files that they load."""
    pages.prepare("base.html.j2", "runs.html.j2", "run_parts.html.j2")
    routes = APIRouter(include_in_schema=False)
    routes.include_router(assets.router())
    routes.include_router(runs.router(backend, settings))
    routes.include_router(new_run.router(backend, settings, metrics))
    routes.include_router(results.router(backend))
    routes.include_router(live.router(backend))
    routes.include_router(service.router(backend, settings))
    return routes
