"""How a service begins and ends: shutdown, SIGKILL, recovery, turns, secrets. Each test starts its own."""

import concurrent.futures as cf
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalkube_api import run_service
from fakes.bodies import eval_body, perf_body
from fakes.service import Service, running_service
from fakes.waiting import gone, until


def submitted(service: Service, model: str, word: str = "eval", **more: Any) -> str:
    """The id of a run that was just accepted."""
    body = eval_body(model, **more) if word == "eval" else perf_body(model, **more)
    return str(service.post(word, body, Prefer="respond-async").json()["id"])


def runner_pid(service: Service, run_id: str) -> int:
    """Of a run whose runner waits."""
    path = Path(service.run(run_id)["output_dir"]) / "waiting.pid"
    until(path.exists)
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


def test_an_evaluation_that_was_cut_short_goes_on_in_its_folder(outputs: Path) -> None:
    """The same request finds it, once; any other, and a load test, start afresh."""
    with running_service(outputs) as service:
        first = service.run(service.post("eval", eval_body("slow-0")).json()["id"])  # this one is whole
        long = service.run(submitted(service, "hang"))
        perf = service.run(submitted(service, "hang", "perf"))
        service.end(signal.SIGTERM)
    with running_service(outputs, perf_alone=False) as service:
        again = service.run(submitted(service, "hang"))
        assert (again["output_dir"], again["id"] != long["id"]) == (long["output_dir"], True)
        others = [submitted(service, "hang"), submitted(service, "slow-0"), submitted(service, "hang", "perf")]
        folders = {service.run(run_id)["output_dir"] for run_id in others}
        assert not folders & {first["output_dir"], long["output_dir"], perf["output_dir"]}
        kept = service.client.delete(f"/api/v1/runs/{long['id']}").json()
        assert kept["artifacts"] == "kept"


def test_an_evaluation_whose_runner_was_killed_goes_on_too(outputs: Path) -> None:
    """A failure that its request did not cause; one that it did starts afresh."""
    with running_service(outputs) as service:
        killed = [service.post("eval", eval_body("killed")).json()["output_dir"] for _ in "12"]
        failed = [service.post("eval", eval_body("fail-TargetRefused")).json()["output_dir"] for _ in "12"]
        assert (len(set(killed)), len(set(failed))) == (1, 2)


def test_a_runner_that_cannot_start(outputs: Path) -> None:
    """500 with what is missing; the service goes on."""
    with running_service(outputs, standin=False, runner_command=["/nowhere/runner"]) as service:
        answer = service.post("eval", eval_body())
        assert (answer.status_code, answer.json()["reason"]) == (500, "InternalError")
        assert "/nowhere/runner" in answer.json()["error"]


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
        first = service.post("eval", eval_body("slow-60"), Prefer="respond-async", Idempotency_Key="k").json()["id"]
        kept = service.post("eval", eval_body(), Idempotency_Key="done").json()["id"]
        service.end(signal.SIGKILL)
    with running_service(outputs) as service:
        second = service.post("eval", eval_body("slow-0"), Idempotency_Key="k").json()
        assert (second["status"], second["id"] != first) == ("success", True)
        assert service.post("eval", eval_body(), Idempotency_Key="done").json()["id"] == kept


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
        assert httpx.get(f"{url}/health", trust_env=False, timeout=60).json()["service"] == "evalkube"
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_many_who_wait_cost_little(outputs: Path) -> None:
    """200 blocked requests on one queue: the service stays small and quick."""
    with running_service(outputs, max_evals=1) as service, cf.ThreadPoolExecutor(200) as pool:
        limits = httpx.Limits(max_connections=300)
        with httpx.Client(base_url=service.url, timeout=100, limits=limits, trust_env=False) as client:
            waiting = [pool.submit(client.post, "/api/v1/eval", json=eval_body("hang")) for _ in range(200)]
            until(lambda: service.client.get("/api/v1/runs?limit=1").json()["total"] == 200)
            began = time.monotonic()
            assert service.client.get("/health").status_code == 200
            assert time.monotonic() - began < 20
            resident_pages = int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[1])
            assert resident_pages * os.sysconf("SC_PAGE_SIZE") < 200e6
            assert service.end() == 0
            assert {one.result().status_code for one in waiting} == {503}
