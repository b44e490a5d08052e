"""The runner as its parent sees it: a process with a run's document, secrets on stdin, and a receipt at its end."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalkube_crds.names import EXIT_CODES, MAX_RECEIPT_BYTES, Reason
from evalkube_crds.results import EvalResult, PerfResult
from fakes.mock_model import running_mock
from fakes.runner_process import KEY, Runner


@pytest.fixture
def runners() -> Iterator[list[Runner]]:
    """Those that a test started; none outlives it."""
    started: list[Runner] = []
    yield started
    for runner in started:
        runner.close()


def eval_spec(url: str, **more: Any) -> dict[str, Any]:
    """A small evaluation of our own samples."""
    return {"model": "m", "apiUrl": url, "datasets": ["gsm8k"], "datasetHub": "sample", **more}


def test_an_evaluation_ends_with_a_result_a_report_and_a_receipt(tmp_path: Path, runners: list[Runner]) -> None:
    """And the key that the mock demands is in nothing that was written."""
    with running_mock("--api-key", KEY, "--tokens", "4") as url:
        runners.append(runner := Runner(tmp_path, "EvalRun", eval_spec(url)))
        receipt = runner.end()
    assert (receipt.reason, runner.process.returncode) == (Reason.COMPLETED, 0)
    result = EvalResult.model_validate_json((runner.control / "result.json").read_bytes())
    assert receipt.done == receipt.total == result.datasets[0].subsets[0].requested
    assert runner.told == ("completed", receipt.done, receipt.done)
    response = json.loads((runner.control / "response.json").read_bytes())
    assert response == {"gsm8k": json.loads((runner.artifacts / "reports/m/gsm8k.json").read_bytes())}
    assert b"<html" in (runner.artifacts / "reports/report.html").read_bytes()[:500]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert KEY.encode() not in b"".join(written)


def test_a_load_test_ends_with_a_result_a_report_and_a_receipt(tmp_path: Path, runners: list[Runner]) -> None:
    """The other half of the runner, through the same frame."""
    with running_mock("--tokens", "4") as url:
        spec = {"model": "m", "url": f"{url}/chat/completions", "number": [20], "parallel": [4], "dataSource": "sample"}
        runners.append(runner := Runner(tmp_path, "PerfRun", spec))
        receipt = runner.end()
    assert (receipt.reason, receipt.done) == (Reason.COMPLETED, 20), receipt.message
    assert runner.told == ("completed", 20, 20)
    result = PerfResult.model_validate_json((runner.control / "result.json").read_bytes())
    assert (result.points[0].succeeded, receipt.headline["rps"] > 0) == (20, True)
    assert (runner.artifacts / "perf_report.html").stat().st_size > 1000


def test_a_run_that_was_measured_does_not_fail_for_want_of_a_page(tmp_path: Path, runners: list[Runner]) -> None:
    """Its figures stand; the receipt says that artifacts are missing, and the log why."""
    (tmp_path / "artifacts/reports/report.html").mkdir(parents=True)
    with running_mock("--tokens", "4") as url:
        runners.append(runner := Runner(tmp_path, "EvalRun", eval_spec(url)))
        receipt = runner.end()
    assert (receipt.reason, runner.process.returncode, receipt.artifacts) == (Reason.COMPLETED, 0, False)
    assert (runner.control / "result.json").exists()
    assert "reports/report.html is not left: " in runner.log.read_text()


@pytest.mark.parametrize(
    ("change", "reason", "said"),
    [
        ({"datasets": ["gsm9k"]}, Reason.UNKNOWN_BENCHMARK, "'gsm9k' is not a known benchmark; did you mean 'gsm8k'?"),
        ({"datasets": ["GSM 8K"]}, Reason.INVALID_SPEC, "spec.datasets[0]: "),
        ({"apiUrl": "http://127.0.0.1:9/v1", "targetGrace": 0}, Reason.TARGET_UNREACHABLE, "127.0.0.1:9"),
        ({"datasetHub": "local"}, Reason.DATASET_UNAVAILABLE, "local_path"),
    ],
    ids=["an unknown benchmark", "a spec that is wrong", "nobody listens", "no data"],
)
def test_a_failure_has_its_reason_and_its_exit_code(
    tmp_path: Path, runners: list[Runner], change: dict[str, Any], reason: Reason, said: str
) -> None:
    """What went wrong is in the receipt, for people and for programs."""
    with running_mock() as url:
        runners.append(runner := Runner(tmp_path, "EvalRun", eval_spec(url, **change)))
        receipt = runner.end()
    assert (receipt.reason, runner.process.returncode) == (reason, EXIT_CODES[reason]), receipt.message
    assert said in receipt.message
    if reason is not Reason.INVALID_SPEC:  # which ends a run before anything of it
        assert runner.told[0] == "error"
    assert (runner.control / "receipt.json").stat().st_size <= MAX_RECEIPT_BYTES


@pytest.mark.parametrize("kind", ["EvalRun", "PerfRun"])
def test_a_false_proxy_ends_a_run_before_its_first_request(
    tmp_path: Path, runners: list[Runner], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """With a reason of its own, the variable's name and nothing of its value."""
    monkeypatch.setenv("https_proxy", "http://user:hidden#password@proxy:3128")
    perf = {"model": "m", "url": "http://127.0.0.1:9/v1", "dataSource": "sample"}
    runners.append(runner := Runner(tmp_path, kind, eval_spec("http://127.0.0.1:9/v1") if kind == "EvalRun" else perf))
    receipt = runner.end()
    assert (receipt.reason, runner.process.returncode) == (Reason.PROXY_INVALID, EXIT_CODES[Reason.PROXY_INVALID])
    assert receipt.message.startswith("the environment's https_proxy: is not the URL of a proxy")
    assert "hidden" not in receipt.message + runner.log.read_text()


def test_the_password_of_a_proxy_is_in_nothing_that_is_left(
    tmp_path: Path, runners: list[Runner], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though an endpoint says it, in any of its spellings; an entry of NO_PROXY that means nothing is told."""
    proxy = "http://user:canary%2Fproxy%20word@127.0.0.1:9"
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/99,127.0.0.0/8")
    spellings = ["canary/proxy word", "canary%2Fproxy%20word", "dXNlcjpjYW5hcnkvcHJveHkgd29yZA=="]
    with running_mock("--tokens", "4") as url:
        spec = eval_spec(url, generationConfig={"stopSeqs": ["shown", *spellings]})
        runners.append(runner := Runner(tmp_path, "EvalRun", spec))
        receipt = runner.end()
    assert receipt.reason is Reason.COMPLETED, receipt.message
    assert "NO_PROXY: 10.0.0.0/99 is no host" in runner.log.read_text()
    left = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "run.json")
    assert b"shown" in left
    assert not [word for word in spellings if word.encode() in left]


PLACES = {
    "a system file": "/etc/passwd",
    "the process's environment": "/proc/self/environ",
    "a link out": "{data}/link",
    "a parent": "{data}/../outside",
    "a relative path": "../outside",
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("options", [(), ("--readable", "{data}")], ids=["nothing readable", "one folder"])
def test_a_file_that_may_not_be_read_goes_nowhere(
    tmp_path: Path, runners: list[Runner], place: str, options: tuple[str, ...]
) -> None:
    """The run ends with its own reason, which no further try would change, before anything is sent."""
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "outside").write_text("sk-outside\n")
    (data / "link").symlink_to(tmp_path / "outside")
    with running_mock() as url:
        spec = {"model": "m", "url": f"{url}/chat/completions", "number": [1], "dataset": "line_by_line"}
        spec["datasetPath"] = place.format(data=data)
        filled = [option.format(data=data) for option in options]
        runners.append(runner := Runner(tmp_path, "PerfRun", spec, *filled))
        receipt = runner.end()
        seen = httpx.get(f"{url.removesuffix('/v1')}/stats").json()
    assert (receipt.reason, runner.process.returncode) == (Reason.PATH_FORBIDDEN, 74), receipt.message
    assert receipt.message.startswith("dataset_path: ")
    assert "sk-outside" not in receipt.message
    assert seen["total"] == 0


@pytest.mark.parametrize("kind", ["EvalRun", "PerfRun"])
def test_a_forbidden_target_is_told_and_reached_by_nothing(tmp_path: Path, runners: list[Runner], kind: str) -> None:
    """By the rules on the command line: the receipt names the address and what the installer can do."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://localhost:{server.getsockname()[1]}/v1"
        load = {"model": "m", "url": url, "number": [4], "parallel": [2], "dataSource": "sample"}
        spec = eval_spec(url) if kind == "EvalRun" else load
        rules = json.dumps({"denied": ["127.0.0.0/8", "::1"]})
        runners.append(runner := Runner(tmp_path, kind, spec, "--targets", rules))
        receipt = runner.end()
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert (receipt.reason, runner.process.returncode) == (Reason.TARGET_FORBIDDEN, 73), receipt.message
    assert re.search(r"localhost \((127\.0\.0\.1|::1)\).*targets\.allow", receipt.message)


def test_a_wrong_key_fails_soon_and_is_not_repeated(tmp_path: Path, runners: list[Runner]) -> None:
    """The server's status and message are in the receipt; the key is not, even where the server echoes it."""
    with running_mock("--api-key", "another-key") as url:
        runners.append(runner := Runner(tmp_path, "EvalRun", eval_spec(url)))
        receipt = runner.end()
    assert receipt.reason is Reason.AUTHENTICATION_FAILED
    assert "401" in receipt.message
    assert KEY not in (runner.control / "receipt.json").read_text()


def test_sigterm_cancels(tmp_path: Path, runners: list[Runner]) -> None:
    """What is finished is kept; the receipt says Cancelled."""
    with running_mock("--latency-ms", "150") as url:
        runners.append(runner := Runner(tmp_path, "EvalRun", eval_spec(url, repeats=100)))
        runner.wait_for("predictions/m/*.jsonl")
        runner.process.send_signal(signal.SIGTERM)
        receipt = runner.end()
    assert (receipt.reason, runner.process.returncode) == (Reason.CANCELLED, EXIT_CODES[Reason.CANCELLED])


def test_the_end_of_stdin_means_that_the_parent_is_gone(tmp_path: Path, runners: list[Runner]) -> None:
    """The runner stops by itself, and says that it was interrupted."""
    with running_mock("--latency-ms", "150") as url:
        runners.append(runner := Runner(tmp_path, "EvalRun", eval_spec(url, repeats=100)))
        runner.wait_for("predictions/m/*.jsonl")
        runner.stdin.close()
        receipt = runner.end()
    assert receipt.reason is Reason.INTERRUPTED


def test_a_killed_evaluation_goes_on_where_it_was(tmp_path: Path, runners: list[Runner]) -> None:
    """SIGKILL, a torn last line, and the same run again: no finished sample is asked twice."""
    with running_mock("--latency-ms", "60") as url:
        runners.append(first := Runner(tmp_path, "EvalRun", eval_spec(url, repeats=4, evalBatchSize=2)))
        first.wait_for("predictions/m/*.jsonl")
        time.sleep(0.3)
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait()
        (path,) = first.artifacts.glob("predictions/m/*.jsonl")
        finished = path.read_bytes().count(b"\n")
        with path.open("ab") as file:
            file.write(b'{"index": 3, "torn')
        runners.append(second := Runner(tmp_path, "EvalRun", eval_spec(url, repeats=4, evalBatchSize=5)))
        receipt = second.end()
    result = EvalResult.model_validate_json((second.control / "result.json").read_bytes())
    assert receipt.reason is Reason.COMPLETED
    assert sum(subset.reused for subset in result.datasets[0].subsets) >= finished > 0
    assert result.datasets[0].subsets[0].scored == receipt.total


def test_process_one_can_be_stopped_before_it_has_loaded() -> None:
    """Told to stop while it still imports, a pod's runner exits as one that was terminated, and at once."""
    command = [sys.executable, "-X", "importtime", "-m", "evalkube_runner", "--run", "/nowhere"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "evalkube_crds" in line:  # of what main imports: the handler stands, main does not run yet
                break
        process.terminate()
        process.stderr.read()
        assert process.wait(timeout=60) == 143


def test_no_import_keeps_process_one_from_stopping(tmp_path: Path) -> None:
    """Not even a module that takes every exception for its own."""
    (tmp_path / "argparse.py").write_text(
        "import os, signal, time\n"
        "try:\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(1)\n"
        "except BaseException:\n    pass\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "evalkube_runner", "--run", "/nowhere"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (143, "")
