"""`evalkube runs` and `evalkube report`: what is there, of a service and of a folder."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from evalkube import Client, evaluate
from fakes import waiting
from fakes.mock_model import running_mock
from fakes.service import Service, running_service

_REQUEST: dict[str, Any] = {"api_url": "http://127.0.0.1:9/v1", "datasets": ["gsm8k"], "dataset_hub": "sample"}


def _run(*arguments: str, folder: Path | None = None, columns: int = 200) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evalkube_cli.main", *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith("EVALKUBE_")}
    env["COLUMNS"] = str(columns)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose runner is the stand-in."""
    with running_service(tmp_path_factory.mktemp("runs") / "outputs") as running:
        yield running


def _submitted(service: Service, model: str, **more: object) -> str:
    with Client(service.url) as client:
        return client.submit("eval", {**_REQUEST, "model": model, **more})


def test_list_filters_and_sorts(service: Service) -> None:
    """By tag and model; as CSV and as a table."""
    for model in ("ok", "slow-0.1"):
        run = _submitted(service, model, tags={"listed": "yes"})
        with Client(service.url) as client:
            client.wait(run)
    where = ("--server", service.url, "--tag", "listed=yes")
    done = _run("runs", "list", *where, "-o", "csv", "--sort", "model", "--ascending")
    assert done.returncode == 0, done.stderr
    assert [row["model"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["ok", "slow-0.1"]
    table = _run("runs", "list", *where, "--model", "ok")
    (line,) = [line for line in table.stdout.splitlines() if "eval-" in line]
    assert line.split()[1:4] == ["Succeeded", "ok", "gsm8k"]
    assert "1.0000" in line


@pytest.mark.parametrize("columns", [80, 60, 40])
def test_an_id_is_never_cut(service: Service, columns: int) -> None:
    """It is there to be copied."""
    run = _submitted(service, "ok")
    done = _run("runs", "list", "--server", service.url, "--limit", "3", columns=columns)
    assert run in done.stdout.split()
    assert "…" not in done.stdout


@pytest.mark.parametrize(
    ("options", "flag"),
    [(["--phase", "Done"], "--phase"), (["--sort", "age"], "--sort"), (["--verdict", "good"], "--verdict")],
)
def test_what_the_service_refuses_is_said_of_the_option(service: Service, options: list[str], flag: str) -> None:
    """Exit code 2."""
    done = _run("runs", "list", "--server", service.url, *options)
    assert (done.returncode, done.stderr.partition(":")[0]) == (2, flag)


def test_show_as_yaml_and_for_people(service: Service) -> None:
    """What was asked, where it stands, what it found."""
    run = _submitted(service, "ok")
    watched = _run("runs", "watch", run, "--server", service.url)
    assert watched.returncode == 0, watched.stderr
    assert "Succeeded" in watched.stderr
    shown = _run("runs", "show", run, "--server", service.url)
    assert ["Model", "ok"] in [line.split() for line in shown.stdout.splitlines()]
    assert "mean_acc" in shown.stdout
    assert yaml.safe_load(_run("runs", "show", run, "--server", service.url, "-o", "yaml").stdout)["id"] == run


def test_logs_cancel_and_rm(service: Service) -> None:
    """Of a run that would go on for ever."""
    where = ("--server", service.url)
    run = _submitted(service, "hang")
    waiting.until(lambda: run in service.client.get(f"/api/v1/runs/{run}/logs").text)
    assert run in _run("runs", "logs", run, "--tail", "5", *where).stdout
    refused = _run("runs", "rm", run, "nobody", *where)
    assert refused.returncode == 2
    assert "nobody" in refused.stderr
    assert _run("runs", "cancel", run, *where).stdout == f"{run}: cancelled\n"
    assert _run("runs", "watch", run, *where).returncode == 1
    assert _run("runs", "rm", run, *where).stdout.startswith(f"{run}: deleted")
    assert _run("runs", "show", run, *where).returncode == 2


def test_logs_are_followed_to_the_end(service: Service) -> None:
    """And then the command ends."""
    run = _submitted(service, "slow-1")
    done = _run("runs", "logs", run, "--follow", "--server", service.url)
    assert (done.returncode, run in done.stdout) == (0, True)


def test_watching_ends_by_ctrl_c_and_the_run_goes_on(service: Service) -> None:
    """Exit code 130."""
    run = _submitted(service, "hang")
    command = [sys.executable, "-m", "evalkube_cli.main", "runs", "watch", run, "--server", service.url]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    assert process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert service.run(run)["phase"] == "Running"
    with Client(service.url) as client:
        client.cancel(run)


def test_a_server_that_is_no_url() -> None:
    """Exit code 2, by the option's name."""
    done = _run("runs", "list", "--server", "localhost:9000")
    assert (done.returncode, done.stderr.partition(":")[0]) == (2, "--server")


def test_nothing_there_to_look_at(tmp_path: Path) -> None:
    """No service, no folder: exit code 2, and nothing is made."""
    done = _run("runs", "list", folder=tmp_path)
    assert (done.returncode, done.stderr.partition(":")[0]) == (2, "--outputs")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_runs_has_an_empty_list(tmp_path: Path) -> None:
    """No error: the first run is still to come. A run that is asked for is not there, which is one."""
    done = _run("runs", "list", "--outputs", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[:2] == ["Runs", "Run"]
    assert _run("runs", "list", "--outputs", str(tmp_path), "-o", "json").stdout == "[]\n"
    assert _run("runs", "show", "nobody", "--outputs", str(tmp_path)).returncode == 2


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that an evaluation left in its outputs, and the run's id."""
    outputs = tmp_path_factory.mktemp("left") / "outputs"
    with running_mock("--default-answer", r"\boxed{1980}") as url:
        found = evaluate(
            **{**_REQUEST, "model": "m", "api_url": f"{url.removesuffix('/v1')}/v1"}, limit=2, outputs=outputs
        )
    assert found.output_dir is not None
    return Path(found.output_dir), found.id


def test_a_report_of_a_folder_and_of_a_run_are_the_same(left: tuple[Path, str]) -> None:
    """Without a service, and by one over the folder's parent."""
    folder, run = left
    by_folder = _run("report", str(folder))
    by_id = _run("report", run, "--outputs", str(folder.parent))
    assert (by_folder.returncode, by_id.returncode) == (0, 0), by_folder.stderr + by_id.stderr
    assert by_folder.stdout == by_id.stdout
    assert f"Report: {folder}/reports/report.html" in by_folder.stdout
    document = json.loads(_run("report", str(folder), "-o", "json").stdout)
    assert (document["id"], document["summary"]["gsm8k/mean_acc"]) == (run, 0.5)


def test_a_folder_without_a_result(tmp_path: Path) -> None:
    """Refused, with what is missing."""
    done = _run("report", str(tmp_path))
    assert (done.returncode, "has no result of a run" in done.stderr) == (2, True)


def _has_progress(service: Service, run: str) -> bool:
    return bool((service.run(run)["progress"] or {}).get("total"))


def test_a_folder_is_looked_at_beside_its_service(tmp_path: Path) -> None:
    """Listed, shown, read and watched to the end while a service works there; what changes something needs it."""
    outputs = tmp_path / "outputs"
    where = ("--outputs", str(outputs))
    with running_service(outputs) as busy:
        hanging, passing = _submitted(busy, "hang"), _submitted(busy, "slow-5")
        waiting.until(lambda: hanging in busy.client.get(f"/api/v1/runs/{hanging}/logs").text)
        watching = [
            subprocess.Popen(
                [sys.executable, "-m", "evalkube_cli.main", "runs", *words, passing, *where],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for words in (("watch",), ("logs", "--follow"))
        ]
        for run in (hanging, passing):
            waiting.until(partial(_has_progress, busy, run))
        listed = _run("runs", "list", *where, "-o", "csv")
        assert listed.returncode == 0, listed.stderr
        rows = {row["id"]: row for row in csv.DictReader(io.StringIO(listed.stdout))}
        assert set(rows) == {hanging, passing}
        assert int(rows[passing]["total"]) > 0
        shown = _run("runs", "show", hanging, *where)
        assert ["Phase", "Running"] in [line.split()[:2] for line in shown.stdout.splitlines()]
        assert hanging in _run("runs", "logs", hanging, *where).stdout
        (watched, said), (log, _) = [process.communicate(timeout=100) for process in watching]
        assert [process.returncode for process in watching] == [0, 0], said
        assert "Succeeded" in said
        assert "mean_acc" in watched
        assert passing in log
        reported = _run("report", passing, *where)
        assert (reported.returncode, "mean_acc" in reported.stdout) == (0, True), reported.stderr
        assert busy.run(hanging)["phase"] == "Running"


@pytest.mark.parametrize("command", ["cancel", "rm"])
def test_what_changes_a_run_needs_its_service(command: str, left: tuple[Path, str]) -> None:
    """Exit code 2, and the run is still there."""
    folder, run = left
    done = _run("runs", command, run, folder=folder.parent.parent)
    assert (done.returncode, done.stderr.partition(":")[0]) == (2, "--server")
    assert folder.is_dir()
