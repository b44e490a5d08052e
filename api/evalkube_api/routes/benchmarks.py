"""The benchmarks that an evaluation may name."""

from fastapi import APIRouter

from evalkube_benchmarks.catalogue import Catalogue, catalogue

__all__ = ["router"]


def router() -> APIRouter:
    """``/api/v1/benchmarks``."""
    routes = APIRouter()
    listed = catalogue()

    @routes.get("/api/v1/benchmarks", tags=["service"])
    async def read_benchmarks() -> Catalogue:
        """The benchmarks of this version: names, sizes, metrics, and the sources and licences of their data."""
        return listed

    return routes
