"""POST /api/v1/compare: two evaluations of the same questions, by a test of pairs."""

import asyncio
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api import bodies, comparing, errors, openapi, problems
from evalkube_api.backend import Backend
from evalkube_api.settings import Settings
from evalkube_benchmarks.statistics import comparison
from evalkube_crds.problems import Problem, nearest

__all__ = ["router"]

_FIELDS: Final = ("baseline", "candidate", "most_changed")
_MOST_CHANGED: Final = 10_000
_LONGEST_ID: Final = 512
_LONGEST_NAME: Final = 80


def router(backend: Backend, settings: Settings) -> APIRouter:
    """``/api/v1/compare``."""
    routes = APIRouter()

    @routes.post("/api/v1/compare", **openapi.COMPARISON)
    async def compare(request: Request) -> Response:
        """Compare two evaluations over the questions that both were asked: scores, their difference with its interval
        and p-value, and what changed from right to wrong and back.
        """
        body = await bodies.read_object(request, most_bytes=settings.max_body_bytes, timeout_s=settings.body_timeout_s)
        baseline, candidate, most_changed = _checked(body)
        sides = [
            await comparing.side_of(backend, run_id, name)
            for name, run_id in (("baseline", baseline), ("candidate", candidate))
        ]
        try:
            found = await asyncio.to_thread(comparison.compare, *sides, most_changed=most_changed)
        except comparison.Incomparable as problem:
            raise errors.Conflict(str(problem), candidate) from None
        return problems.json_response(200, found)

    return routes


def _checked(body: dict[str, Any]) -> tuple[str, str, int]:
    strange = [name for name in body if name not in _FIELDS]
    found = [Problem(name[:_LONGEST_NAME], f"is not a known field{nearest(name, _FIELDS)}") for name in strange]
    for name in ("baseline", "candidate"):
        if name not in body:
            found.append(Problem(name, "is required: the id of a run"))
        elif not isinstance(body[name], str) or not 0 < len(body[name]) <= _LONGEST_ID:
            found.append(Problem(name, "must be the id of a run"))
    most = body.get("most_changed", comparison.MOST_CHANGED)
    if type(most) is not int or not 0 <= most <= _MOST_CHANGED:
        found.append(Problem("most_changed", f"must be a whole number from 0 to {_MOST_CHANGED}"))
    if found:
        raise errors.InvalidRequest([found[0], *found[1:]])
    return body["baseline"], body["candidate"], most
