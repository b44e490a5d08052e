"""/metrics of a running service."""

import shutil
import subprocess
import threading
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fakes.bodies import eval_body, perf_body
from fakes.service import Service, running_service
from fakes.waiting import until

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of this module's own: what others ask would be counted too."""
    root = tmp_path_factory.mktemp("counted")
    with running_service(root / "outputs", stop_grace_s=1.0, max_evals=1) as running:
        yield running


def _samples(service: Service) -> Samples:
    answer = service.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _value(service: Service, name: str, **labels: str) -> float | None:
    return _samples(service).get((f"evalkube_api_{name}", frozenset(labels.items())))


def test_a_request_counts_under_its_template(counted: Service) -> None:
    """Whatever the path has in it; all that leads nowhere is one route, and what no route takes is one method."""
    for path in ("/api/v1/runs/a", "/api/v1/runs/b", "/nothing", "/no/thing", "/openapi.json"):
        counted.client.get(path)
    counted.client.request("PROPFIND", "/api/v1/runs/a")
    counted.client.get("/health", headers={"Host": "elsewhere.example"})
    counted.client.put("/api/v1/eval")
    for method, route, status, times in [
        ("GET", "/api/v1/runs/{run_id}", "404", 2),
        ("GET", "other", "404", 2),
        ("GET", "/openapi.json", "200", 1),
        ("other", "/api/v1/runs/{run_id}", "405", 1),
        ("GET", "other", "421", 1),
        ("PUT", "/api/v1/eval", "405", 1),
    ]:
        found = _value(counted, "http_requests_total", method=method, route=route, status=status)
        assert found == times, (method, route, status)
    seconds = "http_request_duration_seconds_count"
    assert _value(counted, seconds, method="GET", route="/api/v1/runs/{run_id}") == 2


def test_submissions_by_what_became_of_them(counted: Service) -> None:
    """Both kinds are there from the start, with nothing."""
    accepted, refused = ({"kind": "perf", "outcome": outcome} for outcome in ("accepted", "refused"))
    assert _value(counted, "submissions_total", **accepted) == 0
    assert counted.post("perf", perf_body()).status_code == 200
    assert counted.post("perf", perf_body(datasetz=1)).status_code == 400
    assert _value(counted, "submissions_total", **accepted) == 1
    assert _value(counted, "submissions_total", **refused) == 1
    assert _value(counted, "runs", kind="perf", phase="Succeeded") == 1


def test_who_waits(counted: Service) -> None:
    """A request for its run, and a run for its turn."""
    folder = counted.outputs / "held"
    body = eval_body("held", work_dir=str(folder), no_timestamp=True)
    asking = threading.Thread(target=httpx.post, args=(f"{counted.url}/api/v1/eval",), kwargs={"json": body})
    asking.start()
    until(lambda: _value(counted, "runs", kind="eval", phase="Running") == 1)
    counted.post("eval", eval_body(), Prefer="respond-async")
    assert _value(counted, "waiting_requests") == 1
    assert _value(counted, "queued_runs") == 1
    (folder / "go").touch()
    asking.join(timeout=60)
    until(lambda: _value(counted, "runs", kind="eval", phase="Succeeded") == 2)
    assert _value(counted, "waiting_requests") == 0
    assert _value(counted, "queued_runs") == 0


def test_prometheus_reads_it(counted: Service) -> None:
    """As its own linter sees it; each name is ours, with a help text."""
    text = counted.client.get("/metrics").text
    families = list(text_string_to_metric_families(text))
    assert families
    assert all(family.name.startswith("evalkube_api_") and family.documentation for family in families)
    promtool = shutil.which("promtool")
    if promtool is not None:
        checked = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")
