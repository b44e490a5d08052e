"""The command as a process, from its arguments to its exit code."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from evalkube_cli import programs
from evalkube_cli.commands import crds
from evalkube_crds import schema
from fakes import waiting
from fakes.mock_model import running_mock
from fakes.service import running_service

_ROOMS = Path(__file__).parents[2]
_PYTHON_PATH = os.pathsep.join(
    str(_ROOMS / room) for room in ("crds", "benchmarks", "report", "runner", "api", "client", "cli", "mock")
)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "evalkube_cli.main", *arguments]


def _run(*arguments: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": _PYTHON_PATH, "COLUMNS": "200", **environment}
    return subprocess.run(_command(*arguments), cwd=folder, env=env, capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    """The URL of a mock model that answers 42."""
    with running_mock("--default-answer", r"The answer is \boxed{42}.", "--ttft-ms", "5") as url:
        yield url.removesuffix("/v1") + "/v1"


def test_help_lists_every_program() -> None:
    """And none of them was imported for it."""
    done = _run("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in programs.PROGRAMS)


def test_help_loads_nothing_heavy() -> None:
    """The root command knows programs by name only: what makes it quick."""
    script = "import sys; from evalkube_cli.main import main; main(['--help']); print(*sys.modules)"
    env = {**os.environ, "PYTHONPATH": _PYTHON_PATH}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {
        "pydantic",
        "httpx",
        "fastapi",
        "yaml",
        "numpy",
        "evalkube_api",
        "evalkube_mock",
        "evalkube_crds",
    }


@pytest.mark.parametrize("name", programs.PROGRAMS)
def test_every_program_explains_itself(name: str) -> None:
    """The full help of a subcommand is its program's own; `-h` asks for it, too."""
    done = _run(name, "-h")
    assert done.returncode == 0
    assert f"evalkube {name}" in done.stdout


def test_a_misspelt_program_is_an_error() -> None:
    """With the nearest name."""
    done = _run("srvice")
    assert done.returncode == 2
    assert "service" in done.stderr


def test_version() -> None:
    """One line."""
    assert _run("--version").stdout.startswith("evalkube ")


def test_an_evaluation_from_the_shell(model: str, tmp_path: Path) -> None:
    """With a service of its own: a table, the report's path, and nothing left running."""
    done = _run(
        *("eval", "--model", "m", "--api-url", model, "--datasets", "gsm8k", "iquiz", "--dataset-hub", "sample"),
        *("--limit", "2", "--eval-batch-size", "4"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "mean_acc" in done.stdout
    report = next(line for line in done.stdout.splitlines() if line.startswith("Report: "))
    assert Path(report.removeprefix("Report: ")).read_text("utf-8").startswith("<!DOCTYPE html>")
    assert "Succeeded: " in done.stderr


def test_a_load_test_with_a_key_from_the_environment(tmp_path: Path) -> None:
    """The answer as JSON on standard output, alone; the key arrived and is in no file."""
    with running_mock("--api-key", "sk-of-the-environment") as url:
        done = _run(
            *("perf", "--model", "m", "--url", url.removesuffix("/v1") + "/v1/chat/completions", "--number", "4", "8"),
            *("--parallel", "1", "2", "--data-source", "sample", "--sleep-interval", "0", "--set", "max_tokens=8"),
            *("--json", "--fail-on", "none"),
            folder=tmp_path,
            EVALKUBE_API_KEY="sk-of-the-environment",
        )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {name: point["metrics"]["Succeed requests"] for name, point in answer["results"].items()} == {
        "parallel_1_number_4": 4,
        "parallel_2_number_8": 8,
    }
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if b"sk-of-the-environment" in path.read_bytes()]


def test_a_refused_request_is_exit_code_2(tmp_path: Path) -> None:
    """One line a problem, and no service was started."""
    done = _run("eval", "--model", "m", "--api-url", "ftp://x", "--datasets", "gsm9k", folder=tmp_path)
    assert done.returncode == 2
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["--api-url", "--datasets"]
    assert list(tmp_path.iterdir()) == []


def test_a_failed_run_is_exit_code_1(tmp_path: Path) -> None:
    """With the reason."""
    done = _run(
        *("perf", "--model", "m", "--url", "http://127.0.0.1:9/v1", "--number", "1", "--data-source", "sample"),
        *("--target-grace", "0"),
        folder=tmp_path,
    )
    assert done.returncode == 1
    assert "TargetUnreachable" in done.stderr


def test_a_server_that_is_not_there_is_exit_code_7(tmp_path: Path) -> None:
    """Named by its URL."""
    done = _run(
        *("perf", "--model", "m", "--url", "http://127.0.0.1:9/v1", "--server", "http://127.0.0.1:9"), folder=tmp_path
    )
    assert done.returncode == 7
    assert "http://127.0.0.1:9" in done.stderr


@pytest.mark.parametrize(("condition", "code"), [("<1e-9", 3), ("<60", 0)], ids=["met by no load", "met"])
def test_a_search_for_a_service_level(model: str, tmp_path: Path, condition: str, code: int) -> None:
    """None that meets it is exit code 3, with why; what was tried is in the answer and in the tables."""
    options = [
        "--sla-auto-tune",
        "--sla-params",
        json.dumps([{"avg_latency": condition}]),
        "--sla-num-runs",
        "1",
        "--fail-on",
        "none",
    ]
    options += ["--parallel", "2", "--sla-upper-bound", "2", "--data-source", "sample"]
    done = _run("perf", "--model", "m", "--url", f"{model}/chat/completions", *options, folder=tmp_path)
    assert done.returncode == code, done.stderr
    assert ("no load meets avg_latency <1e-9: the lower bound 1 does not meet" in done.stderr) is (code == 3)
    assert "What the search found" in done.stdout
    as_json = _run("perf", "--model", "m", "--url", f"{model}/chat/completions", *options, "--json", folder=tmp_path)
    answer = json.loads(as_json.stdout)
    (group,) = answer["sla"]["groups"]
    assert (as_json.returncode, group["best"]) == (code, None if code else 2)
    assert {probe["point"] for probe in group["probes"]} == set(answer["results"])


def test_a_missed_threshold_is_exit_code_4(model: str, tmp_path: Path) -> None:
    """The figures are shown all the same, and each threshold with a tick or a cross."""
    done = _run(
        *("perf", "--model", "m", "--url", f"{model}/chat/completions", "--number", "2", "--data-source", "sample"),
        *("--threshold", "parallel_1_number_2/rps > 1e9", "--threshold", "success_rate>=1", "--fail-on", "none"),
        folder=tmp_path,
    )
    assert done.returncode == 4, done.stderr
    assert "thresholds missed: parallel_1_number_2/rps is " in done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["parallel_1_number_2/success_rate", "✓", "met", ">=", "1", "1"] in lines
    assert ["parallel_1_number_2/rps", "✗", "missed", ">", "1e+09"] in [line[:5] for line in lines]


def test_errors_above_a_limit_are_exit_code_6(tmp_path: Path) -> None:
    """Of an endpoint that refuses every third request."""
    with running_mock("--fail-rate", "0.5") as url:
        asked = ("perf", "--model", "m", "--url", f"{url.removesuffix('/v1')}/v1", "--number", "40", "-q")
        more = ("--data-source", "sample", "--parallel", "4", "--no-test-connection", "--fail-on", "errors>1%")
        done = _run(*asked, *more, folder=tmp_path)
    assert done.returncode == 6, done.stderr
    assert "of 40 failed" in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--threshold", "ttft_p98_s<1"),
            "--threshold: no result has a figure 'ttft_p98_s'; did you mean 'ttft_p99_s'?",
        ),
        (("--threshold", "rps"), "--threshold: 'rps' is not of the form"),
        (("--fail-on", "invald"), "--fail-on: 'invald' is not one of"),
        (("--set", "sed=1"), "--set sed: is not a known field; did you mean 'seed'?"),
        (("--tag", "a=b c"), "--tag a: its value must have"),
    ],
)
def test_what_is_wrong_is_said_of_the_option(tmp_path: Path, options: tuple[str, str], said: str) -> None:
    """Before anything is sent or started."""
    done = _run("perf", "--model", "m", "--url", "http://127.0.0.1:9/v1", *options, folder=tmp_path)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["eval", "perf"])
def test_a_missing_path_is_suggested(model: str, tmp_path: Path, word: str) -> None:
    """Where the endpoint answers 404 and its URL has no /v1."""
    root = model.removesuffix("/v1")
    asked = {
        "eval": ("--api-url", root, "--datasets", "gsm8k", "--dataset-hub", "sample"),
        "perf": ("--url", root, "--data-source", "sample"),
    }
    done = _run(word, "--model", "m", *asked[word], "--target-grace", "0", "-q", folder=tmp_path)
    assert done.returncode == 1
    assert f"did you mean {asked[word][0]} {model} ?" in done.stderr


RESOURCE = """
apiVersion: evalkube.io/v1alpha1
kind: EvalRun
metadata: {name: mine}
spec: {model: m, apiUrl: 'http://127.0.0.1:9/v1', datasets: [gsm8k], datasetHub: sample, limit: 1}
"""
REQUEST = "{model: m, api_url: 'http://127.0.0.1:9/v1', datasets: [gsm8k], dataset_hub: sample}"


@pytest.mark.parametrize("text", [RESOURCE, REQUEST], ids=["a resource", "a request"])
def test_a_file_of_yaml(model: str, tmp_path: Path, text: str) -> None:
    """A request or a resource; what is typed goes before it. CSV is the file's scores."""
    (tmp_path / "run.yaml").write_text(text)
    done = _run(
        *("eval", "-f", "run.yaml", "--api-url", model, "--limit", "2", "-o", "csv", "--eval-batch-size", "4"),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    head, whole, *_ = done.stdout.splitlines()
    row = dict(zip(head.split(","), whole.split(","), strict=True))
    assert (row["dataset"], row["metric"], row["requested"]) == ("gsm8k", "mean_acc", "2")


def test_completion_knows_subcommands_and_options() -> None:
    """Typer's own, of a command whose programs are loaded only where they are asked about."""
    words = {"evalkube ru": "runs", "evalkube eval --dataset-h": "--dataset-hub", "evalkube runs wa": "watch"}
    for typed, wanted in words.items():
        asked = {"_EVALKUBE_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
        assert wanted in _run(folder=None, **asked).stdout.split()


def test_a_run_on_a_service_that_is_there_already(tmp_path: Path) -> None:
    """Followed to its end, or detached from with its id; nothing is started or written here."""
    arguments = ("eval", "--model", "ok", "--api-url", "http://127.0.0.1:9/v1", "--datasets", "gsm8k")
    here = tmp_path / "here"
    here.mkdir()
    with running_service(tmp_path / "outputs") as service:
        followed = _run(*arguments, "--json", folder=here, EVALKUBE_SERVER=service.url)
        detached = _run(*arguments, "--server", service.url, "--detach", folder=here)
        phase = service.run(detached.stdout.strip())["phase"]
    assert json.loads(followed.stdout)["status"] == "success"
    assert phase in ("Pending", "Queued", "Starting", "Running", "Succeeded")
    assert list(here.iterdir()) == []


TOKEN = "tok-0123456789abcdef"
_ASKED = ("eval", "--model", "ok", "--api-url", "http://127.0.0.1:9/v1", "--datasets", "gsm8k", "--json")


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of a service that asks for a token, and a folder with files: the token's and others."""
    root = tmp_path_factory.mktemp("locked")
    for name, text in (("token", f"{TOKEN}\n"), ("other", "another-0123456789"), ("empty", ""), ("two", "a b")):
        (root / name).write_text(text)
    with running_service(root / "outputs", token_file=str(root / "token")) as service:
        yield service.url, root


TOKENS = {
    "the option": (["--token-file", "token"], {}, 0, ""),
    "its file in the environment": ([], {"EVALKUBE_TOKEN_FILE": "token"}, 0, ""),
    "the environment": ([], {"EVALKUBE_TOKEN": TOKEN}, 0, ""),
    "the option first": (["--token-file", "token"], {"EVALKUBE_TOKEN_FILE": "none", "EVALKUBE_TOKEN": "x"}, 0, ""),
    "none": ([], {}, 7, "--token-file FILE or EVALKUBE_TOKEN_FILE"),
    "another": (["--token-file", "other"], {}, 7, "is not the one in the service's --token-file"),
    "a file that is not there": (["--token-file", "none"], {}, 2, "none cannot be read: No such file"),
    "a folder": (["--token-file", "."], {}, 2, "cannot be read: Is a directory"),
    "an empty file": (["--token-file", "empty"], {}, 2, "empty must be printable ASCII"),
    "two words": (["--token-file", "two"], {}, 2, "two must be printable ASCII"),
    "a line end in the environment": ([], {"EVALKUBE_TOKEN": "tok\nX: y"}, 2, "token: must be printable ASCII"),
}


@pytest.mark.parametrize(("options", "environment", "code", "said"), TOKENS.values(), ids=TOKENS)
def test_a_service_that_asks_for_a_token(
    locked: tuple[str, Path], options: list[str], environment: dict[str, str], code: int, said: str
) -> None:
    """It is brought from a file or the environment; what is wrong with it is said, and it is not shown."""
    url, folder = locked
    done = _run(*_ASKED, "--server", url, *options, folder=folder, **environment)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert TOKEN not in done.stderr + done.stdout
    assert "X: y" not in done.stderr
    if code == 0:
        assert json.loads(done.stdout)["status"] == "success"


def test_a_token_without_a_server_is_a_mistake(tmp_path: Path) -> None:
    """A service of one's own has a token of its own; the environment's is for the other."""
    done = _run(*_ASKED, "--token-file", "token", folder=tmp_path, EVALKUBE_SERVER="")
    assert done.returncode == 2
    assert "needs --server" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_detaching_needs_a_server(tmp_path: Path) -> None:
    """A service of one's own would end with the command."""
    arguments = ("--model", "m", "--url", "http://127.0.0.1:9/v1", "--detach")
    assert _run("perf", *arguments, folder=tmp_path, EVALKUBE_SERVER="").returncode == 2


def _spawned(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        _command(*arguments),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": _PYTHON_PATH, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # pytest may itself run with SIGINT ignored, which children inherit
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def _started(folder: Path, model: str, **environment: str) -> subprocess.Popen[str]:
    asked = ("perf", "--model", "m", "--url", f"{model}/chat/completions", "--number", "100000")
    process = _spawned(folder, *asked, "--data-source", "sample", **environment)
    assert process.stderr is not None
    for line in process.stderr:
        if "parallel_1_number_100000" in line:
            break
    return process


def _processes_in(folder: Path) -> list[str]:
    """Command lines of processes that name `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found += [line] if entry.name.isdigit() and str(folder) in line else []
    return found


def _gone(folder: Path) -> bool:
    until = time.monotonic() + 60
    while _processes_in(folder) and time.monotonic() < until:
        time.sleep(0.1)
    return not _processes_in(folder)


def _ports_in(folder: Path) -> set[int]:
    """The ports that processes in `folder` listen on."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink() != folder:
                continue
            listening = [line.split() for line in (entry / "net" / "tcp").read_text().splitlines() if " 0A " in line]
            ports = {f"socket:[{words[9]}]": int(words[1].rpartition(":")[2], 16) for words in listening}
            for link in (entry / "fd").iterdir():
                with contextlib.suppress(OSError):
                    found.add(ports.get(str(link.readlink()), 0))
    return found - {0}


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at /proc")
def test_nobody_else_uses_a_service_of_one_s_own(model: str, tmp_path: Path) -> None:
    """Other users of this machine reach its port, and have no token; the environment's is not it."""
    process = _started(tmp_path, model, EVALKUBE_TOKEN=TOKEN)
    try:
        (port,) = _ports_in(tmp_path)
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
            answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/runs", headers=headers, trust_env=False)
            assert answer.status_code == 401
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert _gone(tmp_path)


def test_ctrl_c_cancels_a_load_test(model: str, tmp_path: Path) -> None:
    """130, the run is Cancelled in its records, nothing is left running, and it is said that it would start anew."""
    process = _started(tmp_path, model)
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=100)
    assert process.returncode == 130, complaints
    records = [path.read_text() for path in (tmp_path / "outputs" / ".evalkube").rglob("*.json")]
    assert any('"Cancelled"' in text for text in records)
    assert "this starts it anew:" in complaints
    (partial,) = (tmp_path / "outputs").glob("2*/partial.json")
    assert json.loads(partial.read_text())["partial"] is True
    assert _gone(tmp_path)


def test_ctrl_c_of_an_evaluation_names_the_command_that_goes_on(tmp_path: Path) -> None:
    """Run as it stands it asks only what is missing; the key is not in it."""
    with running_mock("--ttft-ms", "150", "--default-answer", r"\boxed{1}") as url:
        asked = ("eval", "--model", "m", "--api-url", f"{url.removesuffix('/v1')}/v1", "--datasets", "gsm8k")
        more = ("--dataset-hub", "sample", "--repeats", "5", "--api-key", "sk-hidden")
        process = _spawned(tmp_path, *asked, *more)
        waiting.until(lambda: any(path.stat().st_size for path in tmp_path.glob("outputs/2*/reviews/*/*.jsonl")))
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=100)
        assert process.returncode == 130, complaints
        assert "partial, not a result: gsm8k " in complaints
        assert "sk-hidden" not in complaints
        words = shlex.split(complaints.splitlines()[-1])
        assert words[0].endswith("evalkube")
        again = _run(*words[1:], "-o", "csv", "--eval-batch-size", "8", folder=tmp_path)
    assert again.returncode == 0, again.stderr
    head, whole, *_ = again.stdout.splitlines()
    assert int(dict(zip(head.split(","), whole.split(","), strict=True))["reused"]) > 0


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at /proc")
def test_a_killed_command_leaves_nothing_running(model: str, tmp_path: Path) -> None:
    """Its service notices that the cord is cut, and ends its runs and itself."""
    process = _started(tmp_path, model)
    assert _processes_in(tmp_path)
    process.kill()
    process.communicate(timeout=100)
    assert _gone(tmp_path)


def test_crds_are_written_and_checked(tmp_path: Path) -> None:
    """What is written is what the models generate; a change is noticed, and nothing is touched by a check."""
    assert _run("crds", "--output", str(tmp_path)).returncode == 0
    for name, crd in schema.crds().items():
        text = (tmp_path / name).read_text()
        assert yaml.safe_load(text) == crd
        assert text.startswith("# Generated")
    assert _run("crds", "--output", str(tmp_path), "--check").returncode == 0
    changed = next(tmp_path.glob("*.yaml"))
    changed.write_text("changed")
    done = _run("crds", "--output", str(tmp_path), "--check")
    assert done.returncode == 1
    assert str(changed) in done.stderr
    assert changed.read_text() == "changed"


def test_yaml_has_no_anchors() -> None:
    """Two equal parts are written twice: reviewers read text, not references."""
    part = {"type": "object"}
    assert "&" not in crds.yaml_of({"a": part, "b": part})
