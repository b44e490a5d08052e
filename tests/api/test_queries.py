"""Query parameters: each that a path has, and no other."""

import pytest

from fakes.bodies import eval_body, perf_body
from fakes.service import Service

UNKNOWN = {
    "GET /api/v1/runs?modle=x": ("modle", "did you mean 'model'?"),
    "GET /api/v1/runs?Kind=eval": ("Kind", "did you mean 'kind'?"),
    "GET /api/v1/runs?name_space=x": ("name_space", "did you mean 'namespace'?"),
    "GET /api/v1/runs?after=x": ("after", "valid here: continue, dataset, kind, limit, model, "),
    "GET /api/v1/runs?limit=1&offset=3": ("offset", "not a query parameter"),
    "GET /api/v1/runs?status=Running": ("status", "not a query parameter"),
    "GET /api/v1/runs?": (None, ""),
    "GET /api/v1/runs?=x": ("", "not a query parameter"),
    "GET /api/v1/runs?limit=1&limit=2": ("limit", "more than once"),
    "GET /api/v1/runs?%6Dodel=x": (None, ""),
    "GET /api/v1/runs/{id}?wait=5": ("wait", "takes none"),
    "GET /api/v1/runs/{id}/result?wait=5": ("wait", "takes none"),
    "GET /api/v1/runs/{id}/progress?follow=true": ("follow", "takes none"),
    "GET /api/v1/runs/{id}/logs?tial=5": ("tial", "did you mean 'tail'?"),
    "GET /api/v1/runs/{id}/logs?tail=5&follow=false": (None, ""),
    "GET /api/v1/runs/{id}/artifacts?limit=5": ("limit", "takes none"),
    "GET /api/v1/runs/{id}/artifacts/report.html?v=2": ("v", "takes none"),
    "POST /api/v1/runs/{id}/cancel?force=true": ("force", "takes none"),
    "DELETE /api/v1/runs/{id}?forced=true": ("forced", "did you mean 'force'?"),
    "POST /api/v1/eval?model=x": ("model", "takes none"),
    "POST /api/v1/perf?async=1": ("async", "takes none"),
    "GET /health?verbose": ("verbose", "takes none"),
    "GET /health?verbose=1": ("verbose", "takes none"),
    "GET /docs?lang=en": (None, ""),
    "GET /?x=1": (None, ""),
    "GET /openapi.json?x=1": (None, ""),
}


@pytest.fixture(scope="module")
def run_id(service: Service) -> str:
    """A run that has ended well."""
    return str(service.post("eval", eval_body()).json()["id"])


@pytest.mark.parametrize(("asked", "expected"), UNKNOWN.items(), ids=UNKNOWN.keys())
def test_an_unknown_parameter(service: Service, run_id: str, asked: str, expected: tuple[str | None, str]) -> None:
    """400 with its name and the nearest valid one; nothing else happens."""
    method, url = asked.split()
    body = {"/api/v1/eval": eval_body(), "/api/v1/perf": perf_body()}.get(url.partition("?")[0])
    answer = service.client.request(method, url.format(id=run_id), json=body)
    field, words = expected
    if field is None:
        assert answer.status_code in (200, 307)
        return
    assert answer.status_code == 400
    (problem,) = answer.json()["problems"]
    assert problem["field"] == field
    assert words in problem["reason"]
    assert service.run(run_id)["phase"] == "Succeeded"


def test_many_unknown_parameters(service: Service) -> None:
    """Told as far as a person reads, and without what they hold."""
    query = "&".join(f"p{number}=sk-canary" for number in range(2000))
    answer = service.client.get(f"/api/v1/runs?{query}")
    assert answer.status_code == 400
    assert len(answer.json()["problems"]) == 10
    assert "sk-canary" not in answer.text


def test_a_namespace_is_a_clusters(service: Service) -> None:
    """Here a list of all runs would pass for one of that namespace."""
    answer = service.client.get("/api/v1/runs?namespace=team")
    assert answer.status_code == 400
    (problem,) = answer.json()["problems"]
    assert (problem["field"], "needs the kubernetes backend" in problem["reason"]) == ("namespace", True)
