"""The service as people meet it, over a cluster: the same routes, answers and headers as on one machine."""

import base64
import contextlib
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fakes.api_server import ApiServer, Fault, running_api_server
from fakes.bodies import KEY, eval_body, perf_body
from fakes.cluster_runs import ENDED, applied, condition
from fakes.service import Service, running_service
from fakes.waiting import until


@contextlib.contextmanager
def on_cluster(server: ApiServer, folder: Path) -> Iterator[Service]:
    """The service as a process, in the namespace `evals` of that API server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(server.kubeconfig(folder / "kubeconfig")))
        with running_service(folder / "outputs", backend="kubernetes", namespace="evals") as running:
            yield running


@pytest.fixture(scope="module")
def server() -> Iterator[ApiServer]:
    """One API server for all: a test may add runs, and must not count them."""
    with running_api_server() as running:
        yield running


@pytest.fixture(scope="module")
def service(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service over it."""
    with on_cluster(server, tmp_path_factory.mktemp("service")) as running:
        yield running


@contextlib.contextmanager
def blocked(service: Service, server: ApiServer, word: str, body: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The name of a new run, and the future of the answer to the request that waits for it."""
    resource = f"{word}runs"
    before = {one["metadata"]["name"] for one in server.objects(resource)}
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(service.post, word, body)
        until(lambda: len(server.objects(resource)) > len(before))
        (name,) = {one["metadata"]["name"] for one in server.objects(resource)} - before
        yield name, answer


def test_an_evaluation(service: Service, server: ApiServer) -> None:
    """The seed's keys and no others but the id and the summary; the API key is in the Secret alone."""
    with blocked(service, server, "eval", eval_body(shards=2, deadlines={"startup": 60})) as (name, answer):
        server.set_status("evalruns", name, **ENDED)
        response = answer.result(60)
    assert response.status_code == 200
    assert response.json() == {
        "status": "success",
        "id": name,
        "message": "Evaluation completed",
        "result": {"gsm8k": {"score": 1.0}},
        "output_dir": "volume://evals/x",
        "summary": {"gsm8k/mean_acc": 1.0},
    }
    raw, secret = server.one("evalruns", name), server.one("secrets", f"{name}-key")
    assert raw is not None
    assert secret is not None
    assert (raw["spec"]["shards"], raw["spec"]["deadlines"]) == (2, {"startup": 60})
    assert base64.b64decode(secret["data"]["api-key"]).decode() == KEY
    shown = json.dumps(service.run(name)) + service.client.get("/api/v1/runs").text
    assert KEY not in json.dumps(raw) + shown + response.text


def test_a_load_test(service: Service, server: ApiServer) -> None:
    """The seed's word for its results is another."""
    points = {"parallel_2_number_10": {"metrics": {"Request throughput (req/s)": 1.5}, "percentiles": {}}}
    with blocked(service, server, "perf", perf_body()) as (name, answer):
        server.set_status("perfruns", name, **{**ENDED, "results": points})
        body = answer.result(60).json()
    assert (body["status"], body["results"], body["output_dir"]) == ("success", points, "volume://evals/x")


def test_a_failed_run_shows_its_stack_trace_in_debug_mode(service: Service, server: ApiServer) -> None:
    """From the log of its pod."""
    with blocked(service, server, "eval", eval_body(debug=True)) as (name, answer):
        raw = server.one("evalruns", name)
        assert raw is not None
        labels = {"evalkube.io/run-uid": raw["metadata"]["uid"], "evalkube.io/attempt": "1"}
        state = {"containerStatuses": [{"name": "runner", "state": {"terminated": {}}}], "phase": "Failed"}
        server.put("pods", {"kind": "Pod", "metadata": {"name": "p", "labels": labels}, "status": state})
        server.write_log("p", b'x\nTraceback (most recent call last):\n  File "x"\nValueError: no\nbye\n')
        conditions = [condition("Succeeded", "False", "AuthenticationFailed", "answered 401")]
        server.set_status("evalruns", name, phase="Failed", conditions=conditions, outputDir="volume://x")
        response = answer.result(60)
    assert response.status_code == 500
    assert response.json() == {
        "status": "error",
        "error": "answered 401",
        "reason": "AuthenticationFailed",
        "id": name,
        "output_dir": "volume://x",
        "traceback": 'Traceback (most recent call last):\n  File "x"\nValueError: no',
    }


@pytest.mark.parametrize("failures", [0, 3], ids=["at once", "while its Secret is still made"])
def test_a_run_that_is_deleted_under_a_waiting_client(service: Service, server: ApiServer, failures: int) -> None:
    """410, as long as someone waits; also where it went before the service had begun to wait for its end."""
    server.fail(Fault("create", "secrets", 503, times=failures))
    with blocked(service, server, "eval", eval_body()) as (name, answer):
        server.remove("evalruns", name)
        response = answer.result(60)
    assert (response.status_code, list(response.json())) == (410, ["error"])
    assert service.client.get(f"/api/v1/runs/{name}").status_code == 404


def test_refusals(service: Service, server: ApiServer) -> None:
    """By RBAC: 403 with the permission. By the schema: 400 with the field, as the request calls it."""
    causes = [{"field": "spec.evalBatchSize", "message": "Invalid value: 0: must be positive"}]
    server.fail(Fault("create", "evalruns", 422, {"reason": "Invalid", "details": {"causes": causes}}))
    response = service.post("eval", eval_body())
    assert response.status_code == 400
    assert response.json()["problems"] == [{"field": "eval_batch_size", "reason": "must be positive"}]
    server.deny("create", "evalruns")
    response = service.post("eval", eval_body())
    server.allow()
    assert (response.status_code, response.json()["reason"]) == (403, "Forbidden")
    assert "create evalruns.evalkube.io in the namespace evals" in response.json()["error"]


def test_the_place_of_a_run(service: Service, server: ApiServer) -> None:
    """Its namespace, its priority and its resources stand beside what the seed has."""
    resources = {"limits": {"memory": "1Gi"}}
    body = eval_body(namespace="team", priority="low", resources=resources)
    response = service.post("eval", body, Prefer="respond-async")
    run_id = response.json()["id"]
    assert (response.status_code, response.headers["Location"]) == (202, f"/api/v1/runs/{run_id}")
    raw = server.one("evalruns", run_id.removeprefix("team:"), "team")
    assert raw is not None
    assert raw["spec"]["runner"] == {"priorityClassName": "low", "resources": resources}
    assert service.client.get(response.headers["Location"]).json()["id"] == run_id
    server.deny("create", "perfruns", "closed")
    response = service.post("perf", perf_body(namespace="closed"))
    server.allow()
    assert response.status_code == 403
    assert "create perfruns.evalkube.io in the namespace closed" in response.json()["error"]


def test_the_runs_of_one_namespace(service: Service, server: ApiServer) -> None:
    """And of no other; one that the service may not see is 403, a name that none can have 400."""
    placed = service.post("eval", eval_body("m-lists", namespace="lists"), Prefer="respond-async").json()["id"]
    own = service.post("eval", eval_body("m-lists"), Prefer="respond-async").json()["id"]

    def listed(**query: str) -> list[str]:
        answer = service.client.get("/api/v1/runs", params={"model": "m-lists", **query}).json()
        assert answer["total"] == len(answer["runs"])
        return [run["id"] for run in answer["runs"]]

    assert sorted(listed()) == sorted([placed, own])
    assert (listed(namespace="lists"), listed(namespace="evals")) == ([placed], [own])
    server.put("evalruns", applied("unseen", namespace="unwatched"))
    seen = service.client.get("/api/v1/runs?namespace=unwatched").json()
    assert [run["id"] for run in seen["runs"]] == ["unwatched:unseen"]
    server.deny("list", "evalruns", "shut")
    refused = service.client.get("/api/v1/runs?namespace=shut")
    server.allow()
    assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
    assert "list evalruns.evalkube.io in the namespace shut" in refused.json()["error"]
    for name in ("", "A", "a/b", "-a", "a" * 64, "a.b"):
        bad = service.client.get("/api/v1/runs", params={"namespace": name})
        assert (bad.status_code, bad.json()["problems"][0]["field"]) == (400, "namespace"), name


def test_only_names_that_are_its_own(service: Service, server: ApiServer) -> None:
    """As on one machine: in a cluster the names that pass are the chart's to give."""
    before = len(server.objects("evalruns"))
    for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)):
        assert service.post("eval", eval_body(), Prefer="respond-async", **headers).status_code == status
    assert len(server.objects("evalruns")) == before


def test_progress_as_events(service: Service, server: ApiServer) -> None:
    """Pushed as the watch brings them."""
    name = service.post("eval", eval_body(), Prefer="respond-async").json()["id"]
    lines: list[str] = []
    with service.client.stream(
        "GET", f"/api/v1/runs/{name}/progress", headers={"Accept": "text/event-stream"}
    ) as events:
        for line in events.iter_lines():
            lines.append(line)
            if line.startswith("data:"):
                done = json.loads(line[5:])["done"]
                status = {"phase": "Running", "progress": {"done": done + 1, "total": 2}} if done < 2 else ENDED
                server.set_status("evalruns", name, **status)
    assert [line[7:] for line in lines if line.startswith("event:")] == ["progress", "progress", "progress", "end"]


def test_figures_for_prometheus(service: Service, server: ApiServer) -> None:
    """The runs of the watched namespaces, and what was passed over; there is no queue of its own."""
    before = _figures(service)
    name = service.post("eval", eval_body(), Prefer="respond-async").json()["id"].rpartition(".")[2]
    assert service.client.get("/api/v1/runs").status_code == 200
    after = _figures(service)
    pending = 'evalkube_api_runs{kind="eval",phase="Pending"}'
    assert after[pending] == before.get(pending, 0) + 1, name
    unread = "evalkube_api_unreadable_objects_total"
    server.put("evalruns", {"metadata": {"name": "odd", "namespace": "evals", "creationTimestamp": "never"}, "spec": 7})
    until(lambda: _figures(service)[unread] == before[unread] + 1)
    assert "evalkube_api_queued_runs" not in after


def _figures(service: Service) -> dict[str, float]:
    lines = service.client.get("/metrics").text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_cancel_and_delete(service: Service, server: ApiServer) -> None:
    """Over REST, by the resource."""
    name = service.post("eval", eval_body(), Prefer="respond-async").json()["id"]
    assert service.client.delete(f"/api/v1/runs/{name}").status_code == 409
    with ThreadPoolExecutor(1) as pool:
        cancelling = pool.submit(service.client.post, f"/api/v1/runs/{name}/cancel")
        until(lambda: (server.one("evalruns", name) or {})["spec"].get("cancel"))
        server.set_status("evalruns", name, phase="Cancelled")
        assert cancelling.result(60).json() == {"id": name, "status": "cancelled", "phase": "Cancelled"}
    assert service.client.delete(f"/api/v1/runs/{name}").json()["status"] == "deleted"
    assert server.one("evalruns", name) is None
    assert server.one("secrets", f"{name}-key") is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_service_that_stops_loses_nothing(server: ApiServer, tmp_path: Path, number: signal.Signals) -> None:
    """A blocked request learns where its run goes on; the next service goes on waiting for it."""
    with on_cluster(server, tmp_path) as first, blocked(first, server, "eval", eval_body()) as (name, answer):
        assert first.end(number) == (0 if number == signal.SIGTERM else -9)
        if number == signal.SIGTERM:
            response = answer.result(60)
            assert (response.status_code, response.headers["Location"]) == (202, f"/api/v1/runs/{name}")
            assert response.headers["Retry-After"] == "1"
        else:
            assert answer.exception(60) is not None
    (tmp_path / "second").mkdir()
    with on_cluster(server, tmp_path / "second") as second, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.client.get, f"/api/v1/runs/{name}/result", headers={"Prefer": "wait=50"})
        server.set_status("evalruns", name, **ENDED)
        assert waiting.result(60).json()["result"] == ENDED["results"]


def test_it_does_not_start_without_a_cluster(tmp_path: Path) -> None:
    """And says what to do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(tmp_path / "none"))
        with (
            pytest.raises(RuntimeError, match="run in a pod, or set KUBECONFIG"),
            running_service(tmp_path / "outputs", backend="kubernetes"),
        ):
            pass
