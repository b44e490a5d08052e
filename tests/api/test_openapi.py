"""The API's description: what it says is what the service does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from evalkube_api import seed
from evalkube_api.app import create_app
from evalkube_api.local.backend import LocalBackend
from evalkube_api.settings import Settings
from evalkube_crds import requests
from fakes.service import Service

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
_CONFIG = SchemathesisConfig.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": [400, 404, 413, 422]}}}  # also one that is too long
)
_FEW = settings(max_examples=25, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))


def described(tmp_path: Path) -> dict[str, Any]:
    """The document, without a server."""
    options = Settings(outputs=tmp_path)
    return create_app(LocalBackend(options), options).openapi()


def test_every_endpoint_is_in_the_list_of_endpoints(tmp_path: Path) -> None:
    """404 names what there is: no more and no less."""
    paths = described(tmp_path)["paths"]
    known = {f"{verb.upper()} {path.replace('{run_id}', '{id}')}" for path, verbs in paths.items() for verb in verbs}
    assert known | {"GET /docs", "GET /openapi.json"} == set(seed.ENDPOINTS)


def test_every_reference_leads_somewhere(tmp_path: Path) -> None:
    """No schema is missing, and none speaks to Kubernetes."""
    document = described(tmp_path)
    text = json.dumps(document)
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= set(document["components"]["schemas"])
    assert "x-kubernetes" not in text
    assert "ValidationError" not in text


def test_the_examples_are_valid_requests(tmp_path: Path) -> None:
    """Each of them parses."""
    paths = described(tmp_path)["paths"]
    for word in ("eval", "perf"):
        content = paths[f"/api/v1/{word}"]["post"]["requestBody"]["content"]["application/json"]
        for example in content["examples"].values():
            if word == "eval":
                requests.parse_request(requests.EvalRequest, example["value"])
            else:
                requests.parse_request(requests.PerfRequest, example["value"])


@pytest.mark.parametrize(
    ("path", "verb"),
    [
        ("/api/v1/runs", "GET"),
        ("/api/v1/runs/{run_id}", "GET"),
        ("/api/v1/runs/{run_id}", "DELETE"),
        ("/api/v1/runs/{run_id}/cancel", "POST"),
        ("/api/v1/runs/{run_id}/result", "GET"),
        ("/api/v1/runs/{run_id}/progress", "GET"),
        ("/api/v1/runs/{run_id}/logs", "GET"),
        ("/api/v1/runs/{run_id}/artifacts", "GET"),
        ("/api/v1/runs/{run_id}/artifacts/{path}", "GET"),
        ("/health", "GET"),
        ("/metrics", "GET"),
    ],
)
def test_answers_are_as_described(service: Service, path: str, verb: str) -> None:
    """Whatever is asked."""
    _explore(service, path, verb, negative=False)


@pytest.mark.parametrize("path", ["/api/v1/eval", "/api/v1/perf", "/api/v1/compare"])
def test_no_bad_request_gets_through(service: Service, path: str) -> None:
    """Bodies that break the schema are refused as described; only such are sent, so that no run begins."""
    _explore(service, path, "POST", negative=True)


def _explore(service: Service, path: str, verb: str, *, negative: bool) -> None:
    operation = schemathesis.openapi.from_url(f"{service.url}/openapi.json", config=_CONFIG)[path][verb]
    if negative:
        cases = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE, headers={})
    else:
        cases = operation.as_strategy()

    @settings(max_examples=25, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(cases)
    def explore(case: Any) -> None:
        case.call_and_validate(checks=[*CHECKS, negative_data_rejection] if negative else CHECKS, timeout=60)

    explore()
