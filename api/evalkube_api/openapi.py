"""The description of the API for programs and for /docs: schemas from the contract, examples from the seed. Pure."""

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.names import Phase, Reason
from evalkube_crds.requests import EvalRequest, PerfRequest

__all__ = [
    "ARTIFACT",
    "ARTIFACTS",
    "CANCELLED",
    "DELETED",
    "DESCRIPTION",
    "DOCS_POLICY",
    "HEALTH",
    "LOG",
    "PROGRESS",
    "RESULT",
    "RUN",
    "RUNS",
    "submission",
    "with_schemas",
]

DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'"
)

DESCRIPTION: Final = """\
Evaluates and load-tests LLM endpoints. `POST /api/v1/eval` and `POST /api/v1/perf` take and give what EvalScope's
service does, and block until the run has ended; a client that leaves does not end its run.

**Instead of blocking**: `Prefer: respond-async` answers 202 at once, `Prefer: wait=N` after at most N seconds;
`Location` names the run.

**Repeating safely**: a request with an `Idempotency-Key` that was seen before, and the same body, gets the same run;
another body is 422. A run that the service itself cut short (phase Interrupted) does not count: the same request posted
again, with a key or without, is done, and an evaluation goes on from the samples that were finished.

**Errors** are JSON, with `error` for people: 400 (with `problems`, one per field), 404, 409, 413, 422; 500 when the
run failed or was cancelled, with a typed `reason`, and `traceback` in debug mode only; 503 when the service stopped
before the run had ended.

**Turns**: runs start in the order they come. Several evaluations run at once (`--max-runs`); a load test runs alone,
because whatever runs beside it on the same machine is in its numbers.

**Paths** in requests are resolved by the service: `work_dir` and `use_cache` under its output root; what is read also
under its data folders.
"""

_EVAL: Final = {
    "model": "qwen-plus",
    "api_url": "https://dashscope.aliyuncs.com/compatible-mode/v1",
    "api_key": "your-api-key",
    "datasets": ["gsm8k", "iquiz"],
    "limit": 10,
    "generation_config": {"temperature": 0.0, "max_tokens": 2048},
}
_PERF: Final = {
    "model": "qwen-plus",
    "url": "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions",
    "api": "openai",
    "api_key": "your-api-key",
    "number": 100,
    "parallel": 10,
    "dataset": "openqa",
    "max_tokens": 2048,
    "temperature": 0.0,
}
_REQUESTS: Final[dict[str, Any]] = {
    "eval": {
        "An evaluation": _EVAL,
        "Without a network": {**_EVAL, "api_url": "http://localhost:8000/v1", "dataset_hub": "sample"},
        "Three data sets": {
            "model": "qwen-plus",
            "api_url": "https://dashscope.aliyuncs.com/compatible-mode/v1",
            "datasets": ["gsm8k", "iquiz", "ceval"],
            "limit": 50,
            "eval_batch_size": 4,
        },
    },
    "perf": {
        "A load test": _PERF,
        "A model on this machine": {
            "model": "qwen2.5",
            "url": "http://localhost:8000/v1/chat/completions",
            "api": "openai",
            "number": 1000,
            "parallel": 20,
            "max_tokens": 2048,
        },
        "A sweep": {
            "model": "qwen2.5",
            "url": "http://localhost:8000/v1/chat/completions",
            "number": [50, 100, 200],
            "parallel": [1, 10, 50],
        },
    },
}
_ID: Final = "eval-20251204t100000000-k2x7q9pa"
_ANSWERS: Final[dict[str, Any]] = {
    "eval": {
        "status": "success",
        "id": _ID,
        "message": "Evaluation completed",
        "result": {"gsm8k": {"score": 0.9}},
        "output_dir": "/path/to/outputs/20251204_100000",
    },
    "perf": {
        "status": "success",
        "id": "perf-20251204t100000000-k2x7q9pa",
        "message": "Performance test completed",
        "output_dir": "/path/to/outputs/20251204_100000",
        "results": {
            "parallel_10_number_100": {
                "metrics": {"Total requests": 100, "Succeed requests": 100},
                "percentiles": {"Percentiles": ["50%", "99%"], "Latency (s)": [1.2, 2.3]},
            }
        },
    },
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, schema: str, example: Any = None) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": _ref(schema)}
    if example is not None:
        content["example"] = example
    return {"description": description, "content": {"application/json": content}}


def _text(description: str, media_type: str) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}


_BAD: Final = _json(
    "The request has to change",
    "Error",
    {
        "error": "datasetz: is not a known field; did you mean 'datasets'?",
        "problems": [{"field": "datasetz", "reason": "is not a known field; did you mean 'datasets'?"}],
    },
)
_MISSING: Final = _json("No such run", "Error", {"error": "there is no run 'x'; GET /api/v1/runs lists them"})
_CONFLICT: Final = _json("The state of a run stands against it", "Error")
_FAILED: Final = _json(
    "The run failed, or was cancelled",
    "Failure",
    {
        "status": "error",
        "error": "http://localhost:8000/v1 answered 401: invalid key",
        "reason": "AuthenticationFailed",
        "id": _ID,
        "output_dir": "/path/to/outputs/20251204_100000",
    },
)
_STOPPED: Final = _json("The service stopped before the run had ended; the request is welcome again", "Failure")

Responses = dict[int | str, dict[str, Any]]

HEALTH: Final[Responses] = {
    200: _json(
        "It answers", "Health", {"status": "ok", "service": "evalkube", "timestamp": "2025-12-04T10:00:00+00:00"}
    )
}
RUNS: Final[Responses] = {200: _json("Runs, newest first", "RunList"), 400: _BAD}
RUN: Final[Responses] = {200: _json("The run", "Run"), 404: _MISSING}
DELETED: Final[Responses] = {200: _json("Deleted", "Deleted"), 400: _BAD, 404: _MISSING, 409: _CONFLICT}
CANCELLED: Final[Responses] = {
    200: _json("Cancelled", "Cancelled"),
    202: _json("Its runner takes long to end", "Cancelled"),
    404: _MISSING,
    409: _CONFLICT,
}
PROGRESS: Final[Responses] = {
    200: {
        "description": "How far the run is",
        "content": {
            "application/json": {"schema": _ref("Progress")},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    },
    404: _MISSING,
}
LOG: Final[Responses] = {200: _text("The log", "text/plain"), 400: _BAD, 404: _MISSING}
ARTIFACTS: Final[Responses] = {200: _json("The files", "ArtifactList"), 404: _MISSING}
ARTIFACT: Final[Responses] = {
    200: {"description": "The file", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    404: _MISSING,
}


def _ended(*words: str) -> Responses:
    schema = {"anyOf": [_ref(f"{word.title()}Response") for word in words]}
    examples = {word: {"value": _ANSWERS[word]} for word in words}
    return {
        200: {
            "description": "The run succeeded",
            "content": {"application/json": {"schema": schema, "examples": examples}},
        },
        202: {
            **_json("The run goes on", "Accepted"),
            "headers": {"Location": {"description": "The run", "schema": {"type": "string"}}},
        },
        500: _FAILED,
        503: _STOPPED,
    }


RESULT: Final[Responses] = {**_ended("eval", "perf"), 404: _MISSING}


def submission(word: str) -> dict[str, Any]:
    """What describes one of the two submissions: keyword arguments of a route."""
    examples = {name: {"value": value} for name, value in _REQUESTS[word].items()}
    body = {
        "required": True,
        "content": {"application/json": {"schema": _ref(f"{word.title()}Request"), "examples": examples}},
    }
    refused = {
        400: _BAD,
        408: _json("The body did not arrive in time", "Error"),
        409: _json("Another run writes to this work_dir", "Error"),
        413: _json("The body is too large", "Error"),
        422: _json("The Idempotency-Key belongs to another request", "Error"),
    }
    headers = [
        _header("Prefer", "`respond-async`: answer 202 at once; `wait=N`: after at most N seconds"),
        _header("Idempotency-Key", "The same key and body again get the same run"),
    ]
    return {"responses": {**_ended(word), **refused}, "openapi_extra": {"requestBody": body, "parameters": headers}}


def _header(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": {"type": "string"}}


def with_schemas(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` with every schema it refers to, and without answers that the service never gives."""
    _, found = models_json_schema(
        [(EvalRequest, "validation"), (PerfRequest, "validation")],
        by_alias=False,
        ref_template="#/components/schemas/{model}",
    )
    schemas = {name: _plain(schema) for name, schema in found["$defs"].items()}
    for name in ("EvalRequest", "PerfRequest"):
        schemas[name]["properties"] = _cluster_last(schemas[name]["properties"])
    own = document.get("components", {}).get("schemas", {})
    parameters = {name: schema for name, schema in own.items() if "ValidationError" not in name}
    document["components"] = {"schemas": {**parameters, **schemas, **_schemas()}}
    for path in document["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422", "")):
                del operation["responses"]["422"]  # FastAPI's own; here bad parameters are 400
                operation["responses"].setdefault("400", _BAD)
    return document


def _plain(value: Any) -> Any:
    """A schema without what only Kubernetes reads."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if not name.startswith("x-kubernetes-")}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _cluster_last(properties: dict[str, Any]) -> dict[str, Any]:
    """What only a cluster can do after everything else, and said so."""
    own = {name: schema for name, schema in properties.items() if name not in CLUSTER_ONLY}
    last = {name: properties[name] for name in CLUSTER_ONLY}
    said = {
        name: {**schema, "description": f"On a cluster only. {schema.get('description', '')}"}
        for name, schema in last.items()
    }
    return {**own, **said}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


def _schemas() -> dict[str, Any]:
    text, number, free = {"type": "string"}, {"type": "number"}, {"type": "object", "additionalProperties": True}
    maybe = {"type": ["string", "null"]}
    phase = {"type": "string", "enum": [phase.value for phase in Phase]}
    reason = {"type": ["string", "null"], "enum": [*(reason.value for reason in Reason), None]}
    line = {
        "id": text, "kind": {"type": "string", "enum": ["eval", "perf"]}, "phase": phase, "reason": reason,
        "message": text, "model": text, "created_at": text, "started_at": maybe, "completed_at": maybe,
        "output_dir": maybe, "summary": {"type": "object", "additionalProperties": number},
    }  # fmt: skip
    progress = {
        "id": text, "phase": phase, "done": {"type": "integer"}, "total": {"type": "integer"}, "percent": number,
        "eta_seconds": {"type": ["number", "null"]}, "stage": maybe, "message": text, "updated_at": text,
    }  # fmt: skip
    problem = _object("field reason", field=text, reason=text)
    file = _object("path bytes modified_at href", path=text, bytes={"type": "integer"}, modified_at=text, href=text)
    point = _object("metrics percentiles", metrics=free, percentiles=free)
    listed, maybe_object = {"type": "array", "items": free}, {"type": ["object", "null"]}
    gates = _object("met message", met={"type": "boolean"}, message=text)
    return {
        "Health": _object("status service timestamp", status=text, service=text, timestamp=text),
        "Error": _object(
            "error", error=text, problems={"type": "array", "items": problem}, run=text, available_endpoints=free
        ),
        "Failure": _object(
            "status error reason", status={"const": "error"}, error=text, reason=reason, id=text, output_dir=maybe,
            traceback=text,
        ),
        "EvalResponse": _object(
            "status message result output_dir", status={"const": "success"}, id=text, message=text, result=free,
            output_dir=text, thresholds=gates,
        ),
        "PerfResponse": _object(
            "status message output_dir results", status={"const": "success"}, id=text, message=text, output_dir=text,
            results={"type": "object", "additionalProperties": point},
            thresholds=gates,
        ),
        "Accepted": _object(
            "status id phase links", status={"const": "accepted"}, message=text, id=text, kind=text, phase=phase,
            output_dir=maybe, links={"type": "object", "additionalProperties": text},
        ),
        "Progress": _object(" ".join(progress), **progress),
        "RunLine": _object(" ".join(line), **line),
        "Run": _object(
            " ".join(line), **line, spec=free, conditions=listed, attempts=listed, progress=maybe_object,
            results=maybe_object, result_ref=maybe_object,
        ),
        "RunList": _object(
            "runs total next", runs={"type": "array", "items": _ref("RunLine")}, total={"type": "integer"}, next=maybe
        ),
        "Deleted": _object(
            "id status artifacts message", id=text, status=text, artifacts={"enum": ["deleted", "kept"]}, message=text
        ),
        "Cancelled": _object("id status phase", id=text, status={"enum": ["cancelled", "cancelling"]}, phase=phase),
        "ArtifactList": _object(
            "id artifacts complete", id=text, artifacts={"type": "array", "items": file}, complete={"type": "boolean"}
        ),
    }  # fmt: skip
