"""Requests and answers as JSON schema: requests from the contract's models, answers written here. Pure."""

from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from evalkube_api.kubernetes.placement import ClusterRequest
from evalkube_benchmarks.collections import COLLECTIONS
from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.names import Phase, Reason
from evalkube_crds.requests import EvalRequest, PerfRequest

__all__ = ["ref", "with_schemas", "with_token"]


def ref(name: str) -> dict[str, str]:
    """A reference to a schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def with_schemas(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` with every schema it refers to, and without answers that the service never gives."""
    _, found = models_json_schema(
        [(EvalRequest, "validation"), (PerfRequest, "validation"), (ClusterRequest, "validation")],
        by_alias=False,
        ref_template="#/components/schemas/{model}",
    )
    schemas = {name: _plain(schema) for name, schema in found["$defs"].items()}
    place = schemas.pop("ClusterRequest")["properties"]
    for name in ("EvalRequest", "PerfRequest"):
        schemas[name]["properties"] = _cluster_last(schemas[name]["properties"] | place, (*CLUSTER_ONLY, *place))
    one, several = schemas["EvalRequest"]["properties"]["datasets"]["anyOf"]
    known = {"enum": [*BENCHMARKS, *COLLECTIONS], "description": "Of this version"}
    one["anyOf"] = several["items"]["anyOf"] = [known, {"type": "string", "description": "One of `collections`"}]
    own = document.get("components", {}).get("schemas", {})
    parameters = {name: schema for name, schema in own.items() if "ValidationError" not in name}
    document["components"] = {"schemas": {**parameters, **schemas, **_schemas()}}
    for path in document["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422", "")):
                del operation["responses"]["422"]  # FastAPI's own; here bad parameters are 400
                operation["responses"].setdefault(
                    "400", {"description": "Bad parameter", "content": {"application/json": {"schema": ref("Error")}}}
                )
    return document


def with_token(document: dict[str, Any]) -> dict[str, Any]:
    """``document`` of a service that asks for a token, everywhere but in ``/health``."""
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    refused = {
        "description": "The token is missing or another",
        "headers": {"WWW-Authenticate": {"schema": {"const": "Bearer"}}},
        "content": {"application/json": {"schema": ref("Error")}},
    }
    for path, operations in document["paths"].items():
        for operation in operations.values() if path != "/health" else ():
            operation["security"] = [{"token": []}]
            operation["responses"]["401"] = refused
    return document


def _plain(value: Any) -> Any:
    """A schema without what only Kubernetes reads."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if not name.startswith("x-kubernetes-")}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _cluster_last(properties: dict[str, Any], cluster_only: Sequence[str]) -> dict[str, Any]:
    """What only a cluster can do after everything else, and said so."""
    own = {name: schema for name, schema in properties.items() if name not in cluster_only}
    last = {name: properties[name] for name in cluster_only}
    said = {
        name: {**schema, "description": f"On a cluster only. {schema.get('description', '')}"}
        for name, schema in last.items()
    }
    return {**own, **said}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


def _beside() -> dict[str, Any]:
    """What stands beside the reports of an evaluation, where there is something to say."""
    text, whole = {"type": "string"}, {"type": "integer"}
    money: dict[str, Any] = {"type": ["number", "null"]}
    counted = dict.fromkeys(("calls", "prompt_tokens", "most_output_tokens"), whole)
    costs = {"prompt_cost": money, "most_cost": money}
    dataset = dict.fromkeys(("samples", "kept", "judged"), whole) | counted
    spent = _object("model cost usage", model=text, cost=money, usage={"type": "object", "additionalProperties": whole})
    member = _object("weight score", weight={"type": "number"}, score=money)
    found = dict.fromkeys(("shard", "last", "lowest", "highest", "refused", "slowed"), whole)
    called = _object("model calls prompt_tokens most_output_tokens", model=text, **counted, **costs)
    return {
        "Cost": _object(
            "total model datasets judges answers_with_usage answers_scored", total=money, model=money,
            datasets={"type": "object", "additionalProperties": money}, judges={"type": "array", "items": spent},
            answers_with_usage=whole, answers_scored=whole,
        ),
        "Estimate": _object(
            "counted_by calls most_cost model judges datasets", counted_by={"enum": ["tokenizer", "characters"]},
            calls=whole, most_cost=money, model=called, judges={"type": "array", "items": called},
            datasets={"type": "object", "additionalProperties": _object(" ".join(dataset), **dataset, **costs)},
        ),
        "CollectionIndex": _object(
            "index without_score members", index=money, without_score={"type": "array", "items": text},
            members={"type": "object", "additionalProperties": member},
        ),
        "AtOnce": _object(" ".join(found), **found),
    }  # fmt: skip


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
    point = _object("metrics percentiles", metrics=free, percentiles=free, server=free)
    listed, maybe_object = {"type": "array", "items": free}, {"type": ["object", "null"]}
    gates = _object("met message", met={"type": "boolean"}, message=text)
    texts, compared = {"type": "array", "items": text}, _object("run model", run=text, model=text)
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
            output_dir=text, thresholds=gates, cost=ref("Cost"), estimate=ref("Estimate"),
            collections={"type": "object", "additionalProperties": ref("CollectionIndex")},
            at_once={"type": "array", "items": ref("AtOnce")}, sandbox={"type": "array", "items": text},
        ),
        **_beside(),
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
            "runs total next", runs={"type": "array", "items": ref("RunLine")}, total={"type": "integer"}, next=maybe
        ),
        "Deleted": _object(
            "id status artifacts message", id=text, status=text, artifacts={"enum": ["deleted", "kept"]}, message=text
        ),
        "Cancelled": _object("id status phase", id=text, status={"enum": ["cancelled", "cancelling"]}, phase=phase),
        "ComparisonRequest": {
            **_object(
                "baseline candidate",
                baseline={"type": "string", "minLength": 1, "maxLength": 512, "description": "Id of a run"},
                candidate={
                    "type": "string", "minLength": 1, "maxLength": 512, "description": "Id of the run beside it",
                },
                most_changed={
                    "type": "integer", "minimum": 0, "maximum": 10_000, "default": 100,
                    "description": "Most questions of a benchmark that are listed as changed",
                },
            ),
            "additionalProperties": False,
        },
        "Comparison": _object(
            "baseline candidate confidence benchmarks only_baseline only_candidate differences warnings",
            baseline=compared, candidate=compared, confidence=number,
            benchmarks={"type": "object", "additionalProperties": free}, only_baseline=texts, only_candidate=texts,
            differences=listed, warnings=texts,
        ),
        "ArtifactList": _object(
            "id artifacts complete", id=text, artifacts={"type": "array", "items": file}, complete={"type": "boolean"}
        ),
    }  # fmt: skip
