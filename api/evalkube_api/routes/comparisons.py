"""POST /api/v1/compare: two evaluations of the same questions, by a test of pairs."""

import asyncio

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request

from evalkube_api import bodies, comparing, errors, openapi
from evalkube_api.backend import Backend
from evalkube_api.responses import Comparison, ComparisonRequest
from evalkube_api.settings import Settings
from evalkube_benchmarks.statistics import comparison
from evalkube_crds.problems import problems_of

__all__ = ["router"]


def router(backend: Backend, settings: Settings) -> APIRouter:
    """``/api/v1/compare``."""
    routes = APIRouter()

    @routes.post("/api/v1/compare", **openapi.COMPARISON)
    async def compare(request: Request) -> Comparison:
        """Compare two evaluations over the questions that both were asked: scores, their difference with its interval
        and p-value, and what changed from right to wrong and back.
        """
        body = await bodies.read_object(request, most_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s)
        try:
            wanted = ComparisonRequest.model_validate(body)
        except ValidationError as problem:
            raise errors.InvalidRequest(problems_of(problem, ComparisonRequest)) from None
        sides = [
            await comparing.side_of(backend, run_id, name)
            for name, run_id in (("baseline", wanted.baseline), ("candidate", wanted.candidate))
        ]
        try:
            found = await asyncio.to_thread(comparison.compare, *sides, most_changed=wanted.most_changed)
        except comparison.Incomparable as problem:
            raise errors.Conflict(str(problem), wanted.candidate) from None
        return Comparison.model_validate(found)

    return routes
