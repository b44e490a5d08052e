"""What HTTP expects of every path."""

from typing import Any

import httpx
import pytest

from fakes.bodies import eval_body
from fakes.service import Service


@pytest.fixture(scope="module")
def run_id(service: Service) -> str:
    """A run that has ended."""
    found: str = service.post("eval", eval_body()).json()["id"]
    return found


PATHS = [
    "/health",
    "/docs",
    "/openapi.json",
    "/metrics",
    "/api/v1/benchmarks",
    "/api/v1/runs",
    "/api/v1/runs/{id}",
    "/api/v1/runs/{id}/result",
    "/api/v1/runs/{id}/progress",
    "/api/v1/runs/{id}/logs",
    "/api/v1/runs/{id}/artifacts",
    "/api/v1/runs/{id}/artifacts.zip",
    "/api/v1/runs/{id}/artifacts/secrets-seen.txt",
    "/api/v1/runs/none",
    "/nothing",
]


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_its_body(service: Service, run_id: str, path: str) -> None:
    """The same status and headers."""
    path = path.replace("{id}", run_id)
    head, get = service.client.head(path), service.client.get(path)
    passing = {"date", "transfer-encoding"} | ({"content-length"} if path in ("/metrics", "/health") else set())
    kept = [{name: value for name, value in one.headers.items() if name not in passing} for one in (head, get)]
    assert (head.status_code, kept[0]) == (get.status_code, kept[1])
    assert head.content == b""


def test_head_of_a_stream_ends(service: Service) -> None:
    """Also of one that goes on for ever; the run it is of goes on."""
    run_id = service.post("eval", eval_body("hang"), Prefer="respond-async").json()["id"]
    for _ in range(3):
        following = {"Accept": "text/event-stream"}
        answer = service.client.head(f"/api/v1/runs/{run_id}/progress", headers=following)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
        assert service.client.head(f"/api/v1/runs/{run_id}/logs", params={"follow": True}).status_code == 200
    assert service.run(run_id)["phase"] in ("Pending", "Starting", "Running")
    service.client.post(f"/api/v1/runs/{run_id}/cancel")


def test_a_head_needs_no_range(service: Service, run_id: str) -> None:
    """A Range is for GET alone."""
    path = f"/api/v1/runs/{run_id}/artifacts/secrets-seen.txt"
    assert service.client.head(path, headers={"Range": "bytes=0-1"}).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/api/v1/runs", "/api/v1/runs/{id}", "/api/v1/runs/{id}/artifacts"])
def test_a_slash_at_the_end_changes_nothing(service: Service, run_id: str, path: str) -> None:
    """The same answer, and no redirect."""
    path = path.replace("{id}", run_id)
    bare, slashed = service.client.get(path), service.client.get(f"{path}/")
    assert (slashed.status_code, slashed.headers["Content-Type"]) == (200, bare.headers["Content-Type"])
    if path != "/health":
        assert slashed.json() == bare.json()


def test_a_submission_with_a_slash_keeps_its_body(service: Service) -> None:
    """As POST."""
    answer = service.client.post("/api/v1/eval/", json=eval_body())
    assert (answer.status_code, answer.json()["status"]) == (200, "success")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/runs/x", "DELETE, GET, HEAD"),
        ("POST", "/api/v1/runs", "GET, HEAD"),
        ("GET", "/api/v1/eval", "POST"),
        ("DELETE", "/api/v1/compare", "GET, HEAD, POST"),
        ("PATCH", "/health", "GET, HEAD"),
    ],
)
def test_what_is_allowed_instead(service: Service, method: str, path: str, allowed: str) -> None:
    """All methods of a path, also those of several routes."""
    answer = service.client.request(method, path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    assert allowed in answer.json()["error"]


QUERIES: list[tuple[str, dict[str, Any], str, str]] = [
    ("/api/v1/runs", {"limit": "many"}, "limit", "must be a valid integer"),
    ("/api/v1/runs", {"limit": "0"}, "limit", "must be greater than or equal to 1"),
    ("/api/v1/runs", {"sort": "scor"}, "sort", "did you mean 'score'?"),
    ("/api/v1/runs", {"limt": "1"}, "limt", "did you mean 'limit'?"),
    ("/api/v1/runs/x/series", {}, "point", "is required"),
]


@pytest.mark.parametrize(("path", "query", "field", "reason"), QUERIES)
def test_errors_of_a_query_are_those_of_a_body(
    service: Service, path: str, query: dict[str, Any], field: str, reason: str
) -> None:
    """One shape, with the same words."""
    answer = service.client.get(path, params=query)
    body = answer.json()
    assert (answer.status_code, sorted(body)) == (400, ["error", "problems"])
    assert [one["field"] for one in body["problems"]] == [field]
    assert reason in body["problems"][0]["reason"]
    assert body["error"] == f"{field}: {body['problems'][0]['reason']}"


def test_a_result_is_not_sent_again(service: Service, run_id: str) -> None:
    """304 for who has it; what fails or goes on is no such result."""
    here = f"/api/v1/runs/{run_id}/result"
    first = service.client.get(here)
    again = service.client.get(here, headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = service.post("eval", eval_body()).json()["id"]
    fresh = service.client.get(f"/api/v1/runs/{other}/result", headers={"If-None-Match": first.headers["ETag"]})
    assert isinstance(fresh, httpx.Response)
    assert fresh.status_code == 200
    failed = service.post("eval", eval_body("fail"))
    assert failed.status_code == 500
    assert "ETag" not in service.client.get(f"/api/v1/runs/{failed.json()['id']}/result").headers
