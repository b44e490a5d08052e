"""Pages of what ended runs came to: an evaluation with its samples, a load test, and runs beside one another.

`page` is the page of one ended run, `router` has the pages and the data that belong to no single run's address alone:

    /ui/runs/{id}/samples/{dataset}/{subset}/{index}    one sample
    /ui/compare?runs=a,b[,c]                            the first is the baseline
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api.backend import Backend
from evalkube_crds.status import Run

__all__ = ["page", "router"]


def router(backend: Backend) -> APIRouter:
    """The routes beside those of the frame."""
    return APIRouter()


async def page(request: Request, backend: Backend, run: Run) -> Response:
    """The page of a run that ended and left a result: `GET /ui/runs/{id}`."""
    raise NotImplementedError
