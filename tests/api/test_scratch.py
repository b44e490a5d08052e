"""Scratch folders of runners: gone when the run has ended, however it ended; and nothing else ever is."""

import fcntl
import os
import signal
from pathlib import Path

import pytest

from fakes.bodies import eval_body, perf_body
from fakes.mock_model import running_mock
from fakes.service import Service, running_service
from fakes.waiting import gone, until

ENDS = {
    "well": ("ok", False),
    "a failure": ("fail-TargetRefused", False),
    "a crash": ("crash", False),
    "a kill": ("killed", False),
    "processes that it leaves": ("orphans", False),
    "no result": ("nothing", False),
    "cancelled": ("hang", True),
    "cancelled in vain": ("stubborn", True),
}


def scratch_of(service: Service) -> Path:
    """Where the runners of a service have theirs."""
    return service.outputs / ".evalkube" / "scratch"


def at_work(service: Service, model: str = "held") -> str:
    """The id of a run that has written to its scratch folder."""
    run_id: str = service.post("eval", eval_body(model), Prefer="respond-async").json()["id"]
    until((scratch_of(service) / run_id / "bodies" / "0").exists)
    return run_id


@pytest.mark.parametrize(("model", "cancel"), ENDS.values(), ids=ENDS.keys())
def test_it_goes_with_its_run(service: Service, model: str, cancel: bool) -> None:
    """When the end is told, and that of a run at work stays."""
    other = at_work(service)
    if cancel:
        run_id = at_work(service, model)
        service.client.post(f"/api/v1/runs/{run_id}/cancel")
    else:
        run_id = str(service.post("eval", eval_body(model), Prefer="respond-async").json()["id"])
    until(lambda: service.run(run_id)["phase"] in ("Succeeded", "Failed", "Cancelled"))
    assert not (scratch_of(service) / run_id).exists()
    assert (scratch_of(service) / other / "bodies" / "0").exists()
    (Path(service.run(other)["output_dir"]) / "go").touch()
    until(lambda: service.run(other)["phase"] == "Succeeded")
    assert not (scratch_of(service) / other).exists()


@pytest.mark.parametrize("model", ["held", "deaf"])
def test_the_next_service_removes_what_a_killed_one_left(outputs: Path, model: str) -> None:
    """Whether its runner ended by itself or not."""
    with running_service(outputs) as first:
        run_id = at_work(first, model)
        first.end(signal.SIGKILL)
        assert (scratch_of(first) / run_id).exists()
    with running_service(outputs) as second:
        assert second.run(run_id)["phase"] == "Interrupted"
        assert list(scratch_of(second).iterdir()) == []


def test_another_services_are_not_touched(outputs: Path) -> None:
    """Neither at the start nor at the end of a run."""
    with running_service(outputs) as first, running_service(outputs.with_name("others")) as second:
        run_id = at_work(first)
        assert second.post("eval", eval_body()).status_code == 200
        assert (scratch_of(first) / run_id / "bodies" / "0").exists()


RUN = "eval-20261128t120000000-0123abc"


def test_only_what_is_certainly_a_scratch_folder_is_removed(outputs: Path) -> None:
    """Beside the left one of a dead runner lies what is not: all of that stays, and what links lead to."""
    precious = outputs.with_name("precious")
    (precious / "folder").mkdir(parents=True)
    (precious / "file").touch()
    scratch = outputs / ".evalkube" / "scratch"
    (scratch / f"{RUN}0").mkdir(parents=True)
    (scratch / f"{RUN}0" / "file").touch()
    (scratch / f"{RUN}0" / "link").symlink_to(precious)
    (scratch / f"{RUN}1").symlink_to(precious)
    (scratch / f"{RUN}2").touch()
    (scratch / f"{RUN}3").mkdir()
    kept = ["mine", ".hidden", "evalkube-x1y2z3", f"{RUN}0.old", f"x{RUN}0", RUN, RUN.upper() + "0"]
    for name in kept:
        (scratch / name).mkdir()
        (scratch / name / "file").touch()
    handle = os.open(scratch / f"{RUN}3", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with running_service(outputs) as service:
        assert service.post("eval", eval_body()).status_code == 200
        assert {path.name for path in scratch.iterdir()} == {*kept, f"{RUN}1", f"{RUN}2", f"{RUN}3"}
        assert all((scratch / name / "file").exists() for name in kept)
        assert sorted(path.name for path in precious.iterdir()) == ["file", "folder"]
        os.close(handle)  # its process has ended
        assert service.post("eval", eval_body()).status_code == 200
        assert not (scratch / f"{RUN}3").exists()


@pytest.mark.parametrize("name", ["scratch", "trash"])
def test_a_link_in_the_place_of_ours(outputs: Path, name: str) -> None:
    """What is behind it has the right names and is another's all the same."""
    theirs = outputs.with_name("theirs")
    (theirs / f"{RUN}0").mkdir(parents=True)
    (theirs / f"{RUN}0" / "file").touch()
    (outputs / ".evalkube").mkdir(parents=True)
    (outputs / ".evalkube" / name).symlink_to(theirs)
    with running_service(outputs) as service:
        answer = service.post("eval", eval_body())
        assert (answer.status_code == 200) == (name == "trash")
        assert name == "trash" or "must be a folder, not a link" in answer.json()["error"]
    assert [path.name for path in theirs.iterdir()] == [f"{RUN}0"]
    assert (theirs / f"{RUN}0" / "file").exists()


def test_a_folder_is_kept_unless_it_is_of_a_run_that_never_was(outputs: Path) -> None:
    """One that is empty, or has a half-written document and nothing else."""
    runs = outputs / ".evalkube" / "runs"
    for name, inside in ((f"{RUN}0", []), (f"{RUN}1", [".run.json.new"]), (f"{RUN}2", ["result.json"]), ("mine", [])):
        (runs / name).mkdir(parents=True)
        for file in inside:
            (runs / name / file).touch()
    with running_service(outputs):
        assert {path.name for path in runs.iterdir()} == {f"{RUN}2", "mine"}


def test_a_real_runner_that_is_killed_leaves_nothing(outputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load test with its rendered bodies: they lie in its scratch folder and nowhere else."""
    temporary = outputs.with_name("temporary")
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with running_mock() as url, running_service(outputs, standin=False) as service:
        body = perf_body("m", url=f"{url}/chat/completions", number=100_000, prompt="hello")
        run_id = service.post("perf", body, Prefer="respond-async").json()["id"]
        until(lambda: list((scratch_of(service) / run_id).rglob("*")))
        os.killpg(_runner_of(service, run_id), signal.SIGKILL)
        until(lambda: service.run(run_id)["phase"] == "Failed")
        assert list(scratch_of(service).iterdir()) == []
    assert list(temporary.glob("evalkube-*")) == []


def _runner_of(service: Service, run_id: str) -> int:
    pid = int(next(line for line in _log(service) if f"{run_id}: started, process" in line).rpartition(" ")[2])
    assert not gone(pid)
    return pid


def _log(service: Service) -> list[str]:
    return service.outputs.with_name(f"{service.outputs.name}.log").read_text().splitlines()
