"""Pages for errors below /ui, where the REST API answers in JSON."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from evalkube_api import errors
from evalkube_api.ui import pages
from evalkube_crds.problems import problems_in

__all__ = ["install", "refusal"]

_TITLES: Final = {
    400: "The request is not valid",
    403: "Refused",
    404: "There is no such page",
    405: "Refused",
    409: "Not now",
    429: "Not now",
}


def install(app: FastAPI) -> None:
    """Installs the pages for errors. Comes after `problems.install`, whose answers stay for all other paths."""
    for kind in (errors.ApiError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _for_people(app.exception_handlers[kind]))


def _for_people(plain: Callable[[Request, Any], Any]) -> Callable[[Request, Exception], Any]:
    async def answer(request: Request, problem: Exception) -> Response:
        said: Response = await plain(request, problem)  # which logs errors of our own
        if not request.url.path.startswith("/ui") or request.url.path.startswith("/ui/static/"):
            return said
        found = refusal(request, said.status_code, _words(problem, said.status_code))
        found.headers.update({name: value for name, value in said.headers.items() if name in ("allow", "retry-after")})
        return found

    return answer


def _words(problem: Exception, status: int) -> str:
    if isinstance(problem, errors.ApiError):
        return str(problem)
    if isinstance(problem, RequestValidationError):
        return str(errors.InvalidRequest(problems_in(problem.errors())))
    return "" if status < 500 else "This is an error in the service. Its log has the details."


def refusal(request: Request, status: int, words: str) -> Response:
    """A page that explains an error."""
    title = _TITLES.get(status, "The service failed" if status >= 500 else "Refused")
    return pages.page(request, "refusal.html.j2", {"title": title, "words": words}, status=status)
