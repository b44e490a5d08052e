"""A folder of outputs that is only looked at: `evalkube view` as a process, over what runs of the real runner left."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkube_api.folder.backend import FolderBackend
from fakes.many_runs import ended_run, unfinished_run, written
from fakes.mock_model import running_mock
from fakes.service import Service, running_service
from fakes.waiting import until


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """An output root with one evaluation and one load test, whose service has ended."""
    outputs = tmp_path_factory.mktemp("done") / "outputs"
    with running_mock() as url, running_service(outputs, standin=False) as service:
        hub = {"dataset_hub": "sample", "datasets": ["gsm8k"], "limit": 3}
        evaluation = service.post("eval", {"model": "m", "api_url": url, **hub})
        load = {"data_source": "sample", "number": 4, "max_tokens": 4, "sleep_interval": 0}
        load_test = service.post("perf", {"model": "m", "url": url, **load})
        assert (evaluation.status_code, load_test.status_code) == (200, 200)
        yield outputs, evaluation.json()["id"], load_test.json()["id"]


def listed(service: Service) -> dict[str, str]:
    """The phase of each run."""
    return {run["id"]: run["phase"] for run in service.client.get("/api/v1/runs").json()["runs"]}


def test_the_runs_of_a_service_are_there(done: tuple[Path, str, str]) -> None:
    """With their results, files and logs."""
    outputs, evaluation, load_test = done
    with running_service(outputs, backend="folder") as service:
        assert listed(service) == {evaluation: "Succeeded", load_test: "Succeeded"}
        result = service.client.get(f"/api/v1/runs/{evaluation}/result").json()
        assert result["result"]["gsm8k"]["model_name"] == "m"
        files = service.client.get(f"/api/v1/runs/{load_test}/artifacts").json()["artifacts"]
        assert "perf_report.html" in {file["path"] for file in files}
        assert service.client.get(f"/api/v1/runs/{evaluation}/logs").text


def test_a_copy_without_the_services_own_files_shows_the_same(done: tuple[Path, str, str], tmp_path: Path) -> None:
    """By the documents that runs leave beside their results."""
    outputs, evaluation, load_test = done
    shutil.copytree(outputs, tmp_path / "copy", ignore=shutil.ignore_patterns(".evalkube"))
    with (
        running_service(outputs, backend="folder") as whole,
        running_service(tmp_path / "copy", backend="folder") as copy,
    ):
        assert listed(copy) == listed(whole)
        for run_id in (evaluation, load_test):
            ours, theirs = copy.run(run_id), whole.run(run_id)
            assert ours["summary"] == theirs["summary"]
            assert ours["verdict"] == theirs["verdict"]
            assert ours["output_dir"].startswith(str(tmp_path))
        answers = [one.client.get(f"/api/v1/runs/{evaluation}/result").json() for one in (copy, whole)]
        assert answers[0]["result"] == answers[1]["result"]


def test_nothing_is_changed(done: tuple[Path, str, str]) -> None:
    """What would is refused, and no file is another one after it all."""
    outputs, evaluation, _ = done
    before = {path: path.stat().st_mtime_ns for path in outputs.rglob("*")}
    with running_service(outputs, backend="folder") as service:
        run = f"/api/v1/runs/{evaluation}"
        body = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"]}
        refused = [service.post("eval", body), service.client.delete(run)]
        assert [answer.status_code for answer in refused] == [403, 403]
        assert "read-only" in refused[0].json()["error"]
        for path in ("/ui", "/ui/service", run):
            assert service.client.get(path).status_code == 200
    assert {path: path.stat().st_mtime_ns for path in outputs.rglob("*")} == before


def test_a_run_that_comes_later_is_seen(tmp_path: Path) -> None:
    """A damaged document is passed over."""
    written(tmp_path, [ended_run(1)])
    (tmp_path / ".evalkube" / "runs" / "damaged").mkdir()
    (tmp_path / ".evalkube" / "runs" / "damaged" / "run.json").write_text("{}")
    with running_service(tmp_path, backend="folder") as service:
        assert len(listed(service)) == 1
        (later,) = written(tmp_path, [ended_run(2)])
        until(lambda: later in listed(service))


def test_a_path_leads_out_of_no_folder(tmp_path: Path) -> None:
    """Neither by dots nor by a link."""
    (run_id,) = written(tmp_path, [ended_run(1)])
    folder = tmp_path / "1"
    folder.mkdir()
    (folder / "own.txt").write_text("own")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    with running_service(tmp_path, backend="folder") as service:
        files = f"/api/v1/runs/{run_id}/artifacts"
        assert service.client.get(f"{files}/own.txt").text == "own"
        for path in ("../secret.txt", "%2e%2e/secret.txt", "link.txt"):
            assert "secret" not in service.client.get(f"{files}/{path}").text.replace("secret.txt", "")


@pytest.mark.parametrize("name", ["runner.log", "response.json"])
def test_a_link_of_a_strangers_folder_shows_nothing(tmp_path: Path, name: str) -> None:
    """The log and the results of a run may be links to files of this machine."""
    run = ended_run(1)
    run = run.model_copy(update={"status": run.status.model_copy(update={"results": None})})
    (run_id,) = written(tmp_path / "outputs", [run])
    (tmp_path / "own").write_text('{"own": "secret"}')
    link = tmp_path / "outputs" / ".evalkube" / "runs" / run_id / name
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path / "own")
    with running_service(tmp_path / "outputs", backend="folder") as service:
        for path in ("logs", "result"):
            assert "secret" not in service.client.get(f"/api/v1/runs/{run_id}/{path}").text


def test_a_document_names_no_folder_outside(tmp_path: Path) -> None:
    """The folder that it names may be a link to one of this machine."""
    names = written(tmp_path / "outputs", [ended_run(1), ended_run(2)])
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "key.txt").write_text("secret")
    (tmp_path / "outputs" / "1").symlink_to(tmp_path / "own")
    with running_service(tmp_path / "outputs", backend="folder") as service:
        assert listed(service) == {names[1]: "Succeeded"}
        answer = service.client.get(f"/api/v1/runs/{names[0]}/artifacts/key.txt")
        assert answer.status_code == 404
        assert "secret" not in answer.text


def test_the_end_of_the_service_ends_those_who_follow(tmp_path: Path) -> None:
    """Also where the run has not ended: its progress and its log are followed without an end."""
    (run_id,) = written(tmp_path, [unfinished_run(1)])

    async def test() -> None:
        runs = FolderBackend(tmp_path)
        await runs.start()
        moments = runs.moments(run_id)
        first = await anext(moments)
        assert first is not None
        assert not first.phase.terminal
        await runs.close()
        async with asyncio.timeout(60):
            assert not [moment async for moment in moments if moment not in (None, first)]
            assert not [chunk async for chunk in runs.log(run_id, tail_lines=None, follow=True)]

    asyncio.run(test())


def test_a_folder_without_runs_is_said_to_be_one(tmp_path: Path) -> None:
    """The command ends, with what to name instead."""
    command = [sys.executable, "-m", "evalkube_cli.main", "view", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "has no runs" in ended.stderr
    assert "Traceback" not in ended.stderr
