"""Texts of the OpenAPI description about each endpoint. Pure; schemas and examples are in their own modules."""

from functools import reduce
from operator import or_
from typing import Any, Final

from evalkube_api import examples, responses

__all__ = [
    "ARCHIVE",
    "ARTIFACT",
    "ARTIFACTS",
    "BENCHMARKS",
    "BROWSING",
    "CANCELLED",
    "COMPARED",
    "COMPARISON",
    "DELETED",
    "DESCRIPTION",
    "DOCS_POLICY",
    "EVENTS",
    "HEALTH",
    "LOG",
    "METRICS",
    "PROGRESS",
    "RESULT",
    "RUN",
    "RUNS",
    "TASK",
    "invocation",
    "submission",
]

DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)

DESCRIPTION: Final = """\
Evaluates and load-tests LLM endpoints. `POST /api/v1/eval` and `POST /api/v1/perf` take and give what EvalScope's
service does, and block until the run has ended; a client that leaves does not end its run.

**Instead of blocking**: `Prefer: respond-async` answers 202 at once, `Prefer: wait=N` after at most N seconds;
`Location` names the run.

**Repeating safely**: a request with an `Idempotency-Key` that was seen before, and the same body, gets the same run;
another body is 422. A run that the service itself cut short (phase Interrupted) does not count: the same request posted
again is done. With a key or without, an evaluation that was cut short (its runner killed, too) goes on from its
finished samples when the same request comes again.

**Errors** are JSON, with `error` for people: 400 (with `problems`, one per field), 404, 409, 413, 422; 401 without
the service's token, where it has one (`Authorization: Bearer TOKEN`, or the cookie of a login at `/ui/login`), 421 for
a name that it is not known by, 403 for a page of another site that wants to change something; 500 when the run failed
or was cancelled, with a typed `reason`, and `traceback` in debug mode only; 503 when the service stopped before the run
had ended;
429 when the queue is full (`--max-waiting`);
507 when results cannot be written: new runs are then refused, and waiting ones start when there is room again.

**HTTP**: `HEAD` wherever `GET` is; a slash at the end changes nothing; results and files have an `ETag` (304 with
`If-None-Match`), files answer `Range`. Pages of other sites may ask only where `--cors-origin` names them.

**Turns**: runs start in the order they come. Several evaluations run at once (`--max-runs`); a load test runs alone,
because whatever runs beside it on the same machine is in its numbers.

**Paths** in requests are resolved by the service: `work_dir` and `use_cache` under its output root; what is read also
under its data folders.
"""


def _json(description: str, model: Any, example: Any = None) -> dict[str, Any]:
    described: dict[str, Any] = {"description": description, "model": model}
    if example is not None:
        described["content"] = {"application/json": {"example": example}}
    return described


def _text(description: str, media_type: str) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}


_BAD: Final = _json(
    "The request has to change",
    responses.Error,
    {
        "error": "datasetz: is not a known field; did you mean 'datasets'?",
        "problems": [{"field": "datasetz", "reason": "is not a known field; did you mean 'datasets'?"}],
    },
)
_MISSING: Final = _json("No such run", responses.Error, {"error": "there is no run 'x'; GET /api/v1/runs lists them"})
_CONFLICT: Final = _json("The state of a run does not allow it", responses.Error)
_FAILED: Final = _json(
    "The run failed, or was cancelled",
    responses.Failure,
    {
        "status": "error",
        "error": "http://localhost:8000/v1 answered 401: invalid key",
        "reason": "AuthenticationFailed",
        "id": examples.RUN_ID,
        "output_dir": "/path/to/outputs/20251204_100000",
    },
)
_FULL: Final = _json("There is no room for the run's results; send the request again when there is", responses.Failure)
_STOPPED: Final = _json("The service stopped before the run had ended; send the request again", responses.Failure)

Responses = dict[int | str, dict[str, Any]]

HEALTH: Final[Responses] = {200: _json("It answers", responses.Health)}
METRICS: Final[Responses] = {200: _text("The figures, in Prometheus' text format", "text/plain")}
BENCHMARKS: Final[Responses] = {400: _BAD}
RUNS: Final[Responses] = {200: _json("A page of runs", responses.RunList), 400: _BAD}
RUN: Final[Responses] = {200: _json("The run", responses.RunDetail), 404: _MISSING}
DELETED: Final[Responses] = {200: _json("Deleted", responses.Deleted), 400: _BAD, 404: _MISSING, 409: _CONFLICT}
CANCELLED: Final[Responses] = {
    200: _json("Cancelled", responses.Cancelled),
    202: _json("Its runner takes long to end", responses.Cancelled),
    404: _MISSING,
    409: _CONFLICT,
}
PROGRESS: Final[Responses] = {
    200: {
        "description": "How far the run is",
        "model": responses.RunProgress,
        "content": {
            "text/event-stream": {"schema": {"type": "string"}},
        },
    },
    404: _MISSING,
}
EVENTS: Final[Responses] = {200: _text("Server-sent events, without an end", "text/event-stream"), 400: _BAD}
LOG: Final[Responses] = {200: _text("The log", "text/plain"), 400: _BAD, 404: _MISSING}
ARTIFACTS: Final[Responses] = {200: _json("The files", responses.ArtifactList), 404: _MISSING}
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
ARTIFACT: Final[Responses] = {
    200: {"description": "The file", "content": {"*/*": _BINARY}},
    206: {"description": "The part of it that `Range` names", "content": {"*/*": _BINARY}},
    304: {"description": "It is still what `If-None-Match` or `If-Modified-Since` name"},
    404: _MISSING,
    416: _json("The file has none of the bytes of the `Range`", responses.Error),
}
ARCHIVE: Final[Responses] = {
    200: {
        "description": "The archive",
        "content": {"application/zip": _BINARY},
    },
    404: _MISSING,
    409: _CONFLICT,
}
BROWSING: Final[Responses] = {
    400: _BAD,
    404: _json("No such run or sample, or the run left no index of them", responses.Error),
    409: _json("The run is of the other kind, or its files have changed since its end", responses.Error),
}
_ANSWERS: Final[dict[str, Any]] = {"eval": responses.EvalResponse, "perf": responses.PerfResponse}


def _ended(*words: str) -> Responses:
    shown = {word: {"value": examples.ANSWERS[word]} for word in words}
    return {
        200: {
            "description": "The run succeeded",
            "model": reduce(or_, [_ANSWERS[word] for word in words]),
            "content": {"application/json": {"examples": shown}},
        },
        202: {
            **_json("The run goes on", responses.Accepted),
            "headers": {"Location": {"description": "The run", "schema": {"type": "string"}}},
        },
        500: _FAILED,
        503: _STOPPED,
        507: _FULL,
    }


RESULT: Final[Responses] = {**_ended("eval", "perf"), 404: _MISSING}


def _request(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def submission(word: str) -> dict[str, Any]:
    """The description of a submission, as keyword arguments of a route."""
    shown = {name: {"value": value} for name, value in examples.REQUESTS[word].items()}
    body = {
        "required": True,
        "content": {"application/json": {"schema": _request(f"{word.title()}Request"), "examples": shown}},
    }
    refused = {
        400: _BAD,
        408: _json("The body did not arrive in time", responses.Error),
        403: _json("The cluster does not allow it; the answer names the missing permission", responses.Error),
        409: _json("Another run writes to this work_dir", responses.Error),
        410: _json("The run was deleted before its end", responses.Error),
        413: _json("The body is too large", responses.Error),
        422: _json("The Idempotency-Key belongs to another request", responses.Error),
        429: _json("The queue is full; send the request again later", responses.Error),
    }
    headers = [
        _header("Prefer", "`respond-async`: answer 202 at once; `wait=N`: after at most N seconds"),
        _header("Idempotency-Key", "The same key and body again get the same run"),
    ]
    return {"responses": {**_ended(word), **refused}, "openapi_extra": {"requestBody": body, "parameters": headers}}


COMPARED: Final[Responses] = {
    400: _BAD,
    404: _MISSING,
    409: _json("A run has no results, or the runs have nothing in common", responses.Error),
}
COMPARISON: Final[dict[str, Any]] = {
    "tags": ["runs"],
    "responses": {
        200: _json("The differences, their sizes, and whether chance explains them", responses.Comparison),
        400: _BAD,
        404: _MISSING,
        408: _json("The body did not arrive in time", responses.Error),
        409: _json("A run has no results or no reviews, or the runs have no question in common", responses.Error),
        413: _json("The body is too large", responses.Error),
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _request("ComparisonRequest"),
                    "example": {"baseline": examples.RUN_ID, "candidate": f"{examples.RUN_ID}-2"},
                }
            },
        }
    },
}


TASK: Final[Responses] = {400: _BAD, 404: _json("No such task", responses.Error)}


def invocation(word: str) -> dict[str, Any]:
    """The description of a submission by EvalScope's clients, as keyword arguments of a route."""
    described = submission(word)
    extra = described["openapi_extra"]
    header = _header("EvalScope-Task-Id", "The id that the client gives its task") | {"required": True}
    ended = {200: _json("The task has ended, or was stopped", dict[str, Any])}
    refused = {status: said for status, said in described["responses"].items() if status not in (200, 202, 422)}
    return {"responses": ended | refused, "openapi_extra": {**extra, "parameters": [header]}}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": {"type": "string"}}
