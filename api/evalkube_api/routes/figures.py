"""Metrics of the service."""

from fastapi import APIRouter
from starlette.responses import Response

from evalkube_api import openapi
from evalkube_api.metrics import MEDIA_TYPE, Metrics

__all__ = ["router"]


def router(metrics: Metrics) -> APIRouter:
    """`/metrics`."""
    routes = APIRouter()

    @routes.get("/metrics", tags=["service"], responses=openapi.METRICS, response_class=Response)
    async def read_metrics() -> Response:
        """Metrics of the service for Prometheus: requests, submissions, runs by phase, and waiting clients."""
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    return routes
