"""A service whose disk is full, on a real file system: what it says, what it takes, and what it makes good."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.bodies import eval_body
from fakes.service import Service, running_service
from fakes.small_disk import SmallDisk, small_disk
from fakes.waiting import until


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A megabyte."""
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


@pytest.fixture
def service(disk: SmallDisk, tmp_path: Path) -> Iterator[Service]:
    """Its output root is on that disk, its log is not."""
    with running_service(disk.root / "outputs", log=tmp_path / "service.log", stop_grace_s=1.0) as running:
        yield running


def _started(service: Service) -> str:
    run_id: str = service.post("eval", eval_body("held"), Prefer="respond-async").json()["id"]
    until(lambda: service.run(run_id)["phase"] == "Running")
    until(lambda: service.client.get(f"/api/v1/runs/{run_id}/artifacts").json()["artifacts"])
    return run_id


def _ended_without_room(service: Service, disk: SmallDisk) -> str:
    run_id = _started(service)
    disk.fill()
    (Path(service.run(run_id)["output_dir"]) / "go").touch()
    until(lambda: service.run(run_id)["phase"] != "Running")
    return run_id


def _on_disk(service: Service, run_id: str) -> str:
    document = json.loads((service.outputs / ".evalkube" / "runs" / run_id / "run.json").read_bytes())
    return str(document["status"]["phase"])


def test_a_run_that_ends_on_a_full_disk_has_ended(service: Service, disk: SmallDisk) -> None:
    """For all who ask, though its document still says that it runs; it is written once there is room."""
    run_id = _ended_without_room(service, disk)
    assert (service.run(run_id)["phase"], _on_disk(service, run_id)) == ("Failed", "Running")
    assert service.client.post(f"/api/v1/runs/{run_id}/cancel").status_code == 409
    accept = {"Accept": "text/event-stream"}
    with service.client.stream("GET", f"/api/v1/runs/{run_id}/progress", headers=accept) as events:
        assert "Failed" in "".join(events.iter_text())
    disk.empty()
    until(lambda: _on_disk(service, run_id) == "Failed")


def test_a_run_is_cancelled_on_a_full_disk(service: Service, disk: SmallDisk) -> None:
    """That it cannot be written down keeps nobody waiting."""
    run_id = _started(service)
    disk.fill()
    cancelled = service.client.post(f"/api/v1/runs/{run_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["phase"]) == (200, "Cancelled")
    assert service.run(run_id)["phase"] == "Cancelled"


def test_nothing_is_taken_while_the_disk_is_full(service: Service, disk: SmallDisk) -> None:
    """507 with words, and nothing is left of what was not taken; after that it goes on."""
    _ended_without_room(service, disk)
    before = sorted(service.outputs.iterdir())
    refused = service.post("eval", eval_body())
    assert (refused.status_code, refused.json()["reason"]) == (507, "StoreFull")
    assert "No space left" in refused.json()["error"]
    assert sorted(service.outputs.iterdir()) == before
    disk.empty()
    until(lambda: service.post("eval", eval_body()).status_code == 200)


def test_a_full_disk_is_found_by_the_request_itself(service: Service, disk: SmallDisk) -> None:
    """No run has to fail first."""
    assert service.post("eval", eval_body()).status_code == 200
    disk.fill()
    assert service.post("eval", eval_body()).status_code == 507
    assert len(service.client.get("/api/v1/runs").json()["runs"]) == 1


def test_deleting_a_run_makes_room(service: Service, disk: SmallDisk) -> None:
    """Also where there is none for what deleting itself writes."""
    run_id = service.post("eval", eval_body()).json()["id"]
    disk.fill()
    assert service.client.delete(f"/api/v1/runs/{run_id}").status_code == 200
    assert service.client.get(f"/api/v1/runs/{run_id}").status_code == 404


def test_a_service_starts_on_a_full_disk(disk: SmallDisk, tmp_path: Path) -> None:
    """And says of the runs of the one before what it knows."""
    with running_service(disk.root / "outputs", log=tmp_path / "service.log") as first:
        run_id = _started(first)
        disk.fill()
        first.process.kill()
        first.process.wait()
    with running_service(disk.root / "outputs", log=tmp_path / "service.log") as second:
        assert second.run(run_id)["phase"] == "Interrupted"
        disk.empty()
        until(lambda: _on_disk(second, run_id) == "Interrupted")
