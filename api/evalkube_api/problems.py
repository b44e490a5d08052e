"""Turns every exception into a JSON answer: errors of the client, missing things, and our own faults. Never HTML."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from evalkube_api import errors, seed
from evalkube_crds.names import Reason
from evalkube_crds.problems import problems_in

__all__ = ["JsonResponse", "install", "json_response"]

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_LOG = logging.getLogger("evalkube.service")


class JsonResponse(JSONResponse):
    """A body as JSON. A number that JSON does not support becomes null."""

    def render(self, content: Any) -> bytes:
        """`content` as bytes."""
        return orjson.dumps(content)


def json_response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with `body`."""
    return JsonResponse(body, status, dict(headers or {}))


def install(app: FastAPI, *, debug: bool) -> None:
    """Gives `app` an answer to every exception."""

    async def api_error(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, errors.ApiError)
        return json_response(problem.status, problem.body(), problem.headers)

    async def bad_parameter(_: Request, problem: Exception) -> Response:
        assert isinstance(problem, RequestValidationError)
        return json_response(400, errors.InvalidRequest(problems_in(problem.errors())).body())

    async def http(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, HTTPException)
        if problem.status_code == 404:
            return json_response(404, seed.unknown_endpoint())
        if problem.status_code == 405:
            allowed = ", ".join(_allowed(request))
            words = f"{request.method} is not allowed here; allowed: {allowed}"
            return json_response(405, {"error": words}, {"Allow": allowed})
        return json_response(problem.status_code, {"error": str(problem.detail)}, problem.headers)

    async def own_fault(request: Request, problem: Exception) -> Response:
        _LOG.error("%s %s: a fault of the service's own: %s", request.method, request.url.path, type(problem).__name__)
        body = {
            "status": "error",
            "error": f"a fault of the service's own ({type(problem).__name__}); its log has the details",
            "reason": Reason.INTERNAL_ERROR,
        }
        if debug:
            body["traceback"] = "".join(traceback.format_exception(problem))
        return json_response(500, body)

    app.add_exception_handler(errors.ApiError, api_error)
    app.add_exception_handler(RequestValidationError, bad_parameter)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, own_fault)


def _allowed(request: Request) -> list[str]:
    """All methods of a path. Each may have its own route."""
    found = [method for method in _METHODS if _answers(request, method)]
    return sorted([*found, "HEAD"] if "GET" in found else found)


def _answers(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)
