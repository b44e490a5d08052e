"""/api/v1/compare: compares runs with a baseline, evaluations by question and load tests by load."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import ValidationError
from starlette.requests import Request

from evalkube_api import bodies, browsing, comparing, errors, openapi
from evalkube_api.backend import Backend
from evalkube_api.documents import Documents
from evalkube_api.responses import Comparison, ComparisonRequest
from evalkube_api.settings import Settings
from evalkube_crds.names import Kind
from evalkube_crds.problems import problems_of
from evalkube_report import comparison as loads

__all__ = ["router"]

_MOST_CANDIDATES: Final = 8

Baseline = Annotated[str, Query(min_length=1, max_length=512, description="Id of a run")]
Candidates = Annotated[
    str, Query(min_length=1, max_length=4096, description=f"Ids of at most {_MOST_CANDIDATES} other runs, with commas")
]
MostChanged = Annotated[
    int, Query(ge=0, le=10_000, description="Highest number of changed questions that are listed for a benchmark")
]


def router(backend: Backend, settings: Settings, documents: Documents) -> APIRouter:
    """`/api/v1/compare`."""
    routes = APIRouter()

    @routes.get("/api/v1/compare", tags=["runs"], responses=openapi.COMPARED)
    async def compare_runs(
        baseline: Baseline, candidate: Candidates, most_changed: MostChanged = 100
    ) -> browsing.EvalComparisons | browsing.LoadComparison:
        """Compare runs with a baseline of the same kind: of evaluations the scores over the questions that both were
        asked, of load tests every figure of the loads that both measured."""
        others = _candidates(candidate)
        if (await backend.get(baseline)).kind == Kind.PERF_RUN:
            return await _loads(backend, documents, baseline, others)
        found = await comparing.evaluations(backend, baseline, others, most_changed=most_changed)
        return browsing.EvalComparisons(comparisons=[Comparison.model_validate(one) for one in found])

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
        (found,) = await comparing.evaluations(
            backend, wanted.baseline, [wanted.candidate], most_changed=wanted.most_changed
        )
        return Comparison.model_validate(found)

    return routes


def _candidates(text: str) -> list[str]:
    found = list(dict.fromkeys(part.strip() for part in text.split(",")))
    if not all(found) or len(found) > _MOST_CANDIDATES:
        raise errors.InvalidRequest.because(
            f"must be 1 to {_MOST_CANDIDATES} run ids, separated by commas", "candidate"
        )
    return found


async def _loads(backend: Backend, documents: Documents, baseline: str, others: list[str]) -> browsing.LoadComparison:
    runs = [await comparing.load_of(backend, documents, baseline, "baseline")]
    runs += [await comparing.load_of(backend, documents, other, "candidate") for other in others]
    try:
        found = await asyncio.to_thread(loads.load_tests, runs)
    except loads.Incomparable as problem:
        raise errors.Conflict(str(problem), baseline) from None
    return browsing.LoadComparison.model_validate(found.document())
