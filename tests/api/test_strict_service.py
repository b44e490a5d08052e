"""A service in debug mode that gives one evaluation a turn: queueing, secrets, environment, slow clients."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.bodies import KEY, eval_body, perf_body
from fakes.service import Service, running_service
from fakes.waiting import until


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Shared by these tests, which end what they start."""
    root = tmp_path_factory.mktemp("strict")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVALKUBE_API_KEY", "sk-of-the-service")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "aws-of-the-service")
        options: dict[str, Any] = {"debug": True, "max_evals": 1, "body_timeout_s": 1.0, "stop_grace_s": 0.5}
        with running_service(root / "outputs", log=root / "log", **options) as running:
            yield running


def submitted(service: Service, model: str, word: str = "eval", **more: Any) -> str:
    """The id of a run that was just accepted."""
    body = eval_body(model, **more) if word == "eval" else perf_body(model, **more)
    return str(service.post(word, body, Prefer="respond-async").json()["id"])


def runner_pid(service: Service, run_id: str) -> int:
    """Of a run whose runner waits."""
    path = Path(service.run(run_id)["output_dir"]) / "waiting.pid"
    until(path.exists)
    return int(path.read_text())


def cancel(service: Service, run_id: str) -> str:
    """The phase after POST cancel."""
    return str(service.client.post(f"/api/v1/runs/{run_id}/cancel").json()["phase"])


def test_a_load_test_runs_alone(strict: Service) -> None:
    """It waits for what runs, and what comes later waits for it."""
    first = submitted(strict, "hang")
    perf = submitted(strict, "slow-0.1", "perf")
    last = submitted(strict, "slow-0.1")
    runner_pid(strict, first)
    assert [strict.run(run_id)["phase"] for run_id in (first, perf, last)] == ["Running", "Queued", "Queued"]
    for phase, ids in (("Running", [first]), ("Queued", [last, perf])):
        listed = strict.client.get("/api/v1/runs", params={"phase": phase}).json()["runs"]
        assert [one["id"] for one in listed] == ids
    cancel(strict, first)
    for run_id in (perf, last):
        assert strict.client.get(f"/api/v1/runs/{run_id}/result", headers={"Prefer": "wait=50"}).status_code == 200
    assert strict.run(perf)["completed_at"] <= strict.run(last)["started_at"]


def test_a_queued_run_can_be_cancelled(strict: Service) -> None:
    """It never starts."""
    first, second = submitted(strict, "hang"), submitted(strict, "ok")
    assert cancel(strict, second) == "Cancelled"
    assert strict.run(second)["started_at"] is None
    cancel(strict, first)


def test_a_client_that_leaves_does_not_lose_its_run(strict: Service) -> None:
    """Its result is there when it comes back."""
    with pytest.raises(httpx.ReadTimeout):
        strict.client.post("/api/v1/eval", json=eval_body("slow-0.51"), timeout=0.2)
    mine = {"model": "slow-0.51"}
    until(lambda: strict.client.get("/api/v1/runs", params=mine).json()["runs"])
    run_id = strict.client.get("/api/v1/runs", params=mine).json()["runs"][0]["id"]
    final = strict.client.get(f"/api/v1/runs/{run_id}/result", headers={"Prefer": "wait=50"})
    assert (final.status_code, final.json()["status"]) == (200, "success")


def test_the_key_is_nowhere_but_with_the_runner(strict: Service) -> None:
    """Not in files, logs, answers, errors, command lines or environments; while the run goes on and after."""
    answers = [strict.post("eval", eval_body(model)).text for model in ("leak", "ok", "trace")]
    answers.append(strict.post("eval", eval_body(api_keys=KEY)).text)
    answers.append(strict.post("eval", eval_body(limit="x", judge_api_key=[KEY])).text)
    answers.append(strict.client.post("/api/v1/eval", content=f'{{"api_key": "{KEY}",}}').text)
    answers.append(strict.client.get("/health", params={"api_key": KEY}).text)
    run_id = submitted(strict, "hang")
    pid = runner_pid(strict, run_id)
    for name in ("cmdline", "environ"):
        assert KEY.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
    answers += [strict.client.get(f"/api/v1/runs/{run_id}{part}").text for part in ("", "/logs", "/progress")]
    cancel(strict, run_id)
    assert "Bearer ***" in strict.client.get(f"/api/v1/runs/{json.loads(answers[0])['id']}/logs").text
    files = [path for path in strict.outputs.parent.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert not [answer for answer in answers if KEY in answer]
    assert (strict.outputs / ".evalkube").stat().st_mode & 0o077 == 0


def test_the_runner_gets_its_keys_and_a_small_environment(strict: Service) -> None:
    """Other secrets of the service's environment stay there."""
    run_id = submitted(strict, "hang", judge_api_key="sk-judge-123456")
    environ = Path(f"/proc/{runner_pid(strict, run_id)}/environ").read_bytes()
    seen = Path(strict.run(run_id)["output_dir"]) / "secrets-seen.txt"
    cancel(strict, run_id)
    assert b"of-the-service" not in environ
    assert seen.read_text() == "api_key,judge_api_key"


def test_debug_shows_stack_traces(strict: Service) -> None:
    """Of runs, in every failed answer."""
    assert strict.post("perf", perf_body("trace")).json()["traceback"].endswith("ValueError: the cause")
    assert "last words" in strict.post("perf", perf_body("crash")).json()["traceback"]


def test_a_slow_body_is_not_waited_for(strict: Service) -> None:
    """408 in JSON."""
    host, port = strict.url.removeprefix("http://").split(":")
    kind = b"Content-Type: application/json\r\nContent-Length: 9"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(b"POST /api/v1/eval HTTP/1.1\r\nHost: localhost\r\n" + kind + b"\r\n\r\n{")
        answer = connection.recv(65_536)
        while b"}" not in answer:
            answer += connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'{"error":"the body did not arrive within 1 s"}' in answer
