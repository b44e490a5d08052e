"""The JSON schemas of requests, from the contract's models, and the security scheme. Pure."""

from collections.abc import Sequence
from typing import Any

from pydantic.json_schema import models_json_schema

from evalkube_api.placement import Beside, ClusterRequest
from evalkube_api.responses import ComparisonRequest
from evalkube_benchmarks.collections import COLLECTIONS
from evalkube_benchmarks.table import BENCHMARKS
from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.requests import EvalRequest, PerfRequest

__all__ = ["with_requests", "with_token"]


def with_requests(document: dict[str, Any]) -> dict[str, Any]:
    """`document` with the schemas of the two submissions, which FastAPI does not read itself (see `bodies`)."""
    _, found = models_json_schema(
        [(model, "validation") for model in (EvalRequest, PerfRequest, Beside, ComparisonRequest)],
        by_alias=False,
        ref_template="#/components/schemas/{model}",
    )
    schemas = {name: _plain(schema) for name, schema in found["$defs"].items()}
    beside = schemas.pop("Beside")["properties"]
    for name in ("EvalRequest", "PerfRequest"):
        schemas[name]["properties"] = _cluster_last(
            schemas[name]["properties"] | beside, (*CLUSTER_ONLY, *ClusterRequest.model_fields)
        )
    one, several = schemas["EvalRequest"]["properties"]["datasets"]["anyOf"]
    known = {"enum": [*BENCHMARKS, *COLLECTIONS], "description": "Of this version"}
    one["anyOf"] = several["items"]["anyOf"] = [known, {"type": "string", "description": "One of `collections`"}]
    document["components"]["schemas"] |= schemas
    return document


def with_token(document: dict[str, Any]) -> dict[str, Any]:
    """`document` for a service that asks for a token, on all paths but `/health`."""
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    refused = {
        "description": "The token is missing or wrong",
        "headers": {"WWW-Authenticate": {"schema": {"const": "Bearer"}}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    for path, operations in document["paths"].items():
        for operation in operations.values() if path != "/health" else ():
            operation["security"] = [{"token": []}]
            operation["responses"]["401"] = refused
    return document


def _plain(value: Any) -> Any:
    """A schema without the parts that only Kubernetes reads."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if not name.startswith("x-kubernetes-")}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _cluster_last(properties: dict[str, Any], cluster_only: Sequence[str]) -> dict[str, Any]:
    """A schema with the fields that only a cluster supports at its end, marked as such."""
    own = {name: schema for name, schema in properties.items() if name not in cluster_only}
    last = {name: properties[name] for name in cluster_only}
    said = {
        name: {**schema, "description": f"On a cluster only. {schema.get('description', '')}"}
        for name, schema in last.items()
    }
    return {**own, **said}
