"""Refuses unknown query parameters: a misspelt filter would silently list everything.

The known parameters are those of the route. The pages for people (`/`, `/docs`) and `/openapi.json` take any; those
below `/ui` check their own.
"""

from collections.abc import Iterator
from typing import Final

from fastapi.routing import APIRoute
from starlette.requests import Request

from evalkube_api import errors
from evalkube_crds.problems import Problem, nearest

__all__ = ["check"]

_MOST: Final = 10
_LONGEST_NAME: Final = 80


async def check(request: Request) -> None:
    """Checks the query of every route.

    Raises errors.InvalidRequest for a parameter that is unknown there, or is given twice.
    """
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or not route.include_in_schema or request.url.path.startswith("/ui"):
        return
    valid = [str(parameter.alias) for parameter in route.dependant.query_params]
    found = [problem for problem, _ in zip(_problems(request, valid), range(_MOST), strict=False)]
    if found:
        raise errors.InvalidRequest(found)


def _problems(request: Request, valid: list[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in valid:
            yield Problem(name[:_LONGEST_NAME], _unknown(name, valid))
        elif name in seen:
            yield Problem(name, "was given more than once; give one value")
        seen.add(name)


def _unknown(name: str, valid: list[str]) -> str:
    if not valid:
        return "is not a query parameter here; this path takes none"
    return "is not a query parameter here" + (nearest(name, valid) or f"; valid here: {', '.join(sorted(valid))}")
