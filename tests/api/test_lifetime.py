"""How a service begins and ends: shutdown, SIGKILL, recovery, turns, secrets. Each test starts its own."""

import concurrent.futures as cf
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalkube_api import run_service
from fakes.bodies import KEY, eval_body, perf_body
from fakes.service import Service, running_service


def until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether the process is no more (or a zombie that no one waits for)."""
    status = Path(f"/proc/{pid}/status")
    with contextlib.suppress(OSError):
        return "State:\tZ" in status.read_text()
    return True


def submitted(service: Service, model: str, word: str = "eval", **more: Any) -> str:
    """The id of a run that was just accepted."""
    body = eval_body(model, **more) if word == "eval" else perf_body(model, **more)
    return str(service.post(word, body, Prefer="respond-async").json()["id"])


def runner_pid(service: Service, run_id: str) -> int:
    """Of a run whose runner waits."""
    path = Path(service.run(run_id)["output_dir"]) / "waiting.pid"
    until(lambda: path.exists() and path.read_text())
    return int(path.read_text())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_runners_and_answers_those_who_wait(outputs: Path, number: signal.Signals) -> None:
    """503 with the reason, nothing left, exit code 0."""
    with running_service(outputs, stop_grace_s=0.5) as service, cf.ThreadPoolExecutor() as pool:
        blocked = [pool.submit(service.post, "eval", eval_body(model)) for model in ("hang", "stubborn")]
        until(lambda: len(list(outputs.glob("*/waiting.pid"))) == 2)
        pids = [int(path.read_text()) for path in outputs.glob("*/waiting.pid")]
        assert service.end(number) == 0
        for answer in (waiting.result() for waiting in blocked):
            assert (answer.status_code, answer.json()["reason"]) == (503, "Interrupted")
            assert "post the same request again" in answer.json()["error"]
        assert all(gone(pid) for pid in pids)


def test_sigkill_leaves_no_orphan_and_shows_interrupted(outputs: Path) -> None:
    """Runners notice by themselves; the next service tells what became of the runs, and goes on in the same folder."""
    with running_service(outputs) as service:
        running = submitted(service, "hang", work_dir="mine")
        pid = runner_pid(service, running)
        waiting = submitted(service, "hang", "perf")
        service.end(signal.SIGKILL)
        until(lambda: gone(pid))
    with running_service(outputs) as service:
        for run_id in (running, waiting):
            document = service.run(run_id)
            assert (document["phase"], document["reason"]) == ("Interrupted", "Interrupted")
        assert service.run(running)["progress"]["done"] == 1
        again = service.post("eval", eval_body(work_dir="mine")).json()
        assert again["output_dir"] == str(outputs / "mine")


def test_a_runner_that_survives_is_ended_by_the_next_service(outputs: Path) -> None:
    """Should it be deaf to the end of its stdin."""
    with running_service(outputs) as service:
        run_id = submitted(service, "deaf")
        pid = runner_pid(service, run_id)
        service.end(signal.SIGKILL)
        assert not gone(pid)
    with running_service(outputs) as service:
        assert gone(pid)
        assert service.run(run_id)["phase"] == "Interrupted"


def test_a_result_that_was_there_is_not_lost(outputs: Path) -> None:
    """The service is killed before it reads what the runner left."""
    with running_service(outputs) as service:
        done = service.post("eval", eval_body()).json()
    path = outputs / ".evalkube" / "runs" / done["id"] / "run.json"
    document = json.loads(path.read_text())
    document["status"]["conditions"] = [one for one in document["status"]["conditions"] if one["type"] == "Accepted"]
    document["status"].update(phase="Running", results=None)
    path.write_text(json.dumps(document))
    with running_service(outputs) as service:
        assert service.client.get(f"/api/v1/runs/{done['id']}/result").json() == done


def test_an_interrupted_run_does_not_hold_its_idempotency_key(outputs: Path) -> None:
    """A client that repeats its request after a crash has it done."""
    with running_service(outputs) as service:
        first = service.post("eval", eval_body("slow-5"), Prefer="respond-async", Idempotency_Key="k").json()["id"]
        kept = service.post("eval", eval_body(), Idempotency_Key="done").json()["id"]
        service.end(signal.SIGKILL)
    with running_service(outputs) as service:
        second = service.post("eval", eval_body("slow-0"), Idempotency_Key="k").json()
        assert (second["status"], second["id"] != first) == ("success", True)
        assert service.post("eval", eval_body(), Idempotency_Key="done").json()["id"] == kept


def test_a_damaged_document_harms_no_other(outputs: Path) -> None:
    """It is left alone, and the service starts."""
    damaged = outputs / ".evalkube" / "runs" / "eval-damaged"
    damaged.mkdir(parents=True)
    (damaged / "run.json").write_text('{"kind": "EvalRun", "spec"')
    with running_service(outputs) as service:
        assert service.client.get("/api/v1/runs").json()["total"] == 0
        assert service.post("eval", eval_body()).status_code == 200
    assert (damaged / "run.json").exists()


def test_two_services_do_not_share_an_output_root(outputs: Path) -> None:
    """The second says so and ends."""
    with (
        running_service(outputs),
        pytest.raises(RuntimeError, match="another evalkube service"),
        running_service(outputs),
    ):
        pass


def test_a_port_in_use_is_said_in_words(tmp_path: Path) -> None:
    """By the command, as by the function."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "evalkube_api.main", "--host", "127.0.0.1", "--port", str(port), "--outputs"]
        ended = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert f"evalkube service: cannot listen on 127.0.0.1:{port}" in ended.stderr
        with pytest.raises(Exception, match="cannot listen"):
            run_service(host="127.0.0.1", port=port, debug=False, outputs=tmp_path)


def test_the_command_serves(tmp_path: Path) -> None:
    """`python -m evalkube_api.main` is `evalkube service`."""
    command = [
        sys.executable,
        "-m",
        "evalkube_api.main",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--outputs",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        assert httpx.get(f"{url}/health", trust_env=False).json()["service"] == "evalkube"
        process.terminate()
        assert process.wait(timeout=10) == 0


def test_a_load_test_runs_alone(outputs: Path) -> None:
    """It waits for what runs, and what comes later waits for it."""
    with running_service(outputs) as service:
        first = submitted(service, "hang")
        perf = submitted(service, "slow-0.1", "perf")
        last = submitted(service, "slow-0.1")
        runner_pid(service, first)
        assert [service.run(run_id)["phase"] for run_id in (first, perf, last)] == ["Running", "Queued", "Queued"]
        service.client.post(f"/api/v1/runs/{first}/cancel")
        for run_id in (perf, last):
            assert service.client.get(f"/api/v1/runs/{run_id}/result", headers={"Prefer": "wait=10"}).status_code == 200
        assert service.run(perf)["completed_at"] <= service.run(last)["started_at"]


def test_a_queued_run_can_be_cancelled(outputs: Path) -> None:
    """It never starts."""
    with running_service(outputs, max_evals=1) as service:
        first, second = submitted(service, "hang"), submitted(service, "ok")
        assert service.client.post(f"/api/v1/runs/{second}/cancel").json()["phase"] == "Cancelled"
        assert service.run(second)["started_at"] is None
        service.client.post(f"/api/v1/runs/{first}/cancel")


def test_a_client_that_leaves_does_not_lose_its_run(outputs: Path) -> None:
    """Its result is there when it comes back."""
    with running_service(outputs) as service:
        with pytest.raises(httpx.ReadTimeout):
            service.client.post("/api/v1/eval", json=eval_body("slow-0.5"), timeout=0.2)
        run_id = service.client.get("/api/v1/runs").json()["runs"][0]["id"]
        final = service.client.get(f"/api/v1/runs/{run_id}/result", headers={"Prefer": "wait=10"})
        assert (final.status_code, final.json()["status"]) == (200, "success")


def test_the_key_is_nowhere_but_with_the_runner(outputs: Path, tmp_path: Path) -> None:
    """Not in files, logs, answers, errors, command lines or environments; while the run goes on and after."""
    log = tmp_path / "service.log"
    with running_service(outputs, log=log, debug=True) as service:
        answers = [service.post("eval", eval_body(model)).text for model in ("leak", "ok", "trace")]
        answers.append(service.post("eval", eval_body(api_keys=KEY)).text)
        answers.append(service.post("eval", eval_body(limit="x", judge_api_key=[KEY])).text)
        answers.append(service.client.post("/api/v1/eval", content=f'{{"api_key": "{KEY}",}}').text)
        answers.append(service.client.get("/health", params={"api_key": KEY}).text)
        run_id = submitted(service, "hang")
        pid = runner_pid(service, run_id)
        for name in ("cmdline", "environ"):
            assert KEY.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
        answers += [service.client.get(f"/api/v1/runs/{run_id}{part}").text for part in ("", "/logs", "/progress")]
        assert "Bearer ***" in service.client.get(f"/api/v1/runs/{json.loads(answers[0])['id']}/logs").text
    files = [path for path in outputs.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert not [answer for answer in answers if KEY in answer]
    assert KEY not in log.read_text()
    assert (outputs / ".evalkube").stat().st_mode & 0o077 == 0


def test_the_runner_gets_its_key_and_a_small_environment(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other secrets of the service's environment stay there."""
    monkeypatch.setenv("EVALKUBE_API_KEY", "sk-of-the-service")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-of-the-service")
    with running_service(outputs) as service:
        run_id = submitted(service, "hang", judge_api_key="sk-judge-123456")
        environ = Path(f"/proc/{runner_pid(service, run_id)}/environ").read_bytes()
        assert b"of-the-service" not in environ
        seen = Path(service.run(run_id)["output_dir"]) / "secrets-seen.txt"
        assert seen.read_text() == "api_key,judge_api_key"


def test_debug_shows_stack_traces(outputs: Path) -> None:
    """Of runs, in every failed answer."""
    with running_service(outputs, debug=True) as service:
        assert service.post("perf", perf_body("trace")).json()["traceback"].endswith("ValueError: the cause")
        assert "last words" in service.post("perf", perf_body("crash")).json()["traceback"]


def test_a_slow_body_is_not_waited_for(outputs: Path) -> None:
    """408 in JSON."""
    with running_service(outputs, body_timeout_s=0.2) as service:
        host, port = service.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            kind = b"Content-Type: application/json\r\nContent-Length: 9"
            connection.sendall(b"POST /api/v1/eval HTTP/1.1\r\nHost: h\r\n" + kind + b"\r\n\r\n{")
            answer = connection.recv(65_536)
            while b"}" not in answer:
                answer += connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'{"error":"the body did not arrive within 0.2 s"}' in answer


def test_many_who_wait_cost_little(outputs: Path) -> None:
    """200 blocked requests on one queue: the service stays small and quick."""
    with running_service(outputs, max_evals=1) as service, cf.ThreadPoolExecutor(200) as pool:
        limits = httpx.Limits(max_connections=300)
        with httpx.Client(base_url=service.url, timeout=30, limits=limits, trust_env=False) as client:
            waiting = [pool.submit(client.post, "/api/v1/eval", json=eval_body("hang")) for _ in range(200)]
            until(lambda: service.client.get("/api/v1/runs?limit=1").json()["total"] == 200, 20)
            began = time.monotonic()
            assert service.client.get("/health").status_code == 200
            assert time.monotonic() - began < 0.5
            resident_pages = int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[1])
            assert resident_pages * os.sysconf("SC_PAGE_SIZE") < 200e6
            assert service.end() == 0
            assert {one.result().status_code for one in waiting} == {503}
