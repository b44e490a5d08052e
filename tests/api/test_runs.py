"""/api/v1/runs over HTTP: lists, ends, deletes, progress, logs, artifacts."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.bodies import eval_body, perf_body
from fakes.service import Service
from fakes.waiting import gone, until


def submitted(service: Service, model: str, word: str = "eval", **more: Any) -> str:
    """The id of a run that was just accepted."""
    body = eval_body(model, **more) if word == "eval" else perf_body(model, **more)
    return str(service.post(word, body, Prefer="respond-async").json()["id"])


def cancelled(service: Service, run_id: str) -> httpx.Response:
    """POST cancel."""
    return service.client.post(f"/api/v1/runs/{run_id}/cancel")


def at_work(service: Service, run_id: str) -> dict[str, Any]:
    """The first progress event of a run whose runner has reported something."""
    with service.client.stream(
        "GET", f"/api/v1/runs/{run_id}/progress", headers={"Accept": "text/event-stream"}
    ) as events:
        for line in events.iter_lines():
            if line.startswith("data: ") and json.loads(line[6:])["total"]:
                found: dict[str, Any] = json.loads(line[6:])
                return found
    raise AssertionError("the run ended without progress")


def test_a_run_in_full(service: Service) -> None:
    """What was asked, what became of it; and no secret."""
    run_id = service.post("eval", eval_body(limit=3)).json()["id"]
    document = service.run(run_id)
    assert (document["id"], document["kind"], document["phase"], document["reason"]) == (
        run_id,
        "eval",
        "Succeeded",
        "Completed",
    )
    assert document["spec"]["limit"] == 3
    assert document["spec"]["generation_config"]["max_tokens"] == 2048
    assert document["summary"]["gsm8k/mean_acc"] == 1.0
    assert document["started_at"] <= document["completed_at"]
    assert document["attempts"][0]["exit_code"] == 0
    assert {one["type"]: one["status"] for one in document["conditions"]} == {
        "Accepted": "True",
        "JobCreated": "True",
        "Running": "False",
        "ResultsCollected": "True",
        "Succeeded": "True",
    }
    assert "api_key" not in document["spec"]


def test_runs_are_listed_newest_first_and_paged(service: Service) -> None:
    """By model here, so that other tests' runs do not count."""
    ids = [service.post("eval", eval_body("ok-list")).json()["id"] for _ in range(3)]
    listed = service.client.get("/api/v1/runs", params={"model": "ok-list", "limit": 2}).json()
    assert ([one["id"] for one in listed["runs"]], listed["total"]) == ([ids[2], ids[1]], 3)
    rest = service.client.get(
        "/api/v1/runs", params={"model": "ok-list", "limit": 2, "continue": listed["next"]}
    ).json()
    assert ([one["id"] for one in rest["runs"]], rest["next"]) == ([ids[0]], None)
    second = service.client.get("/api/v1/runs", params={"model": "ok-list", "limit": 2, "page": 2}).json()
    assert second["runs"] == rest["runs"]
    none = service.client.get("/api/v1/runs", params={"model": "ok-list", "kind": "perf"}).json()
    assert (none["runs"], none["total"]) == ([], 0)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "kind=both", "phase=Sleeping", "continue=x", "page=0"])
def test_a_bad_query_is_400(service: Service, query: str) -> None:
    """With the parameter's name."""
    response = service.client.get(f"/api/v1/runs?{query}")
    assert response.status_code == 400
    assert response.json()["problems"][0]["field"] == query.split("=")[0]


@pytest.mark.parametrize("part", ["", "/result", "/progress", "/logs", "/artifacts", "/artifacts/x"])
def test_no_such_run(service: Service, part: str) -> None:
    """404 in JSON, everywhere."""
    response = service.client.get(f"/api/v1/runs/eval-nothing{part}")
    assert (response.status_code, "eval-nothing" in response.json()["error"]) == (404, True)


def test_cancel_a_run_at_work(service: Service) -> None:
    """Its runner is gone when the answer comes; the blocked request learns why."""
    run_id = submitted(service, "hang")
    waiting = Path(service.run(run_id)["output_dir"]) / "waiting.pid"
    until(waiting.exists)
    response = cancelled(service, run_id)
    assert (response.status_code, response.json()["status"]) == (200, "cancelled")
    result = service.client.get(f"/api/v1/runs/{run_id}/result")
    assert (result.status_code, result.json()["reason"]) == (500, "Cancelled")
    assert gone(int(waiting.read_text()))
    assert service.run(run_id)["attempts"][0]["exit_code"] == 143
    assert cancelled(service, run_id).status_code == 200


def test_cancel_a_runner_that_does_not_listen(service: Service) -> None:
    """It is killed after the grace."""
    run_id = submitted(service, "stubborn")
    at_work(service, run_id)
    assert cancelled(service, run_id).json()["phase"] == "Cancelled"
    assert service.run(run_id)["attempts"][0]["exit_code"] == -9


def test_cancel_at_once(service: Service) -> None:
    """Before its runner has even begun."""
    run_id = submitted(service, "hang")
    assert cancelled(service, run_id).json()["phase"] == "Cancelled"


def test_cancel_what_has_ended(service: Service) -> None:
    """409: there is nothing to cancel."""
    run_id = service.post("eval", eval_body()).json()["id"]
    assert cancelled(service, run_id).status_code == 409


def test_what_a_runner_leaves_behind_is_ended(service: Service) -> None:
    """Processes of its group that outlive it."""
    answer = service.post("eval", eval_body("orphans")).json()
    pid = int((Path(answer["output_dir"]) / "child.pid").read_text())
    until(lambda: gone(pid))  # killed when the answer was given; the kernel may still be at it


def test_delete_takes_files_away(service: Service) -> None:
    """Documents and artifacts; a second time it is 404."""
    answer = service.post("eval", eval_body()).json()
    gone = service.client.delete(f"/api/v1/runs/{answer['id']}")
    assert gone.json() == {"id": answer["id"], "status": "deleted", "artifacts": "deleted", "message": ""}
    assert not Path(answer["output_dir"]).exists()
    assert not list((service.outputs / ".evalkube").rglob(f"*{answer['id']}*"))
    assert service.client.delete(f"/api/v1/runs/{answer['id']}").status_code == 404
    assert service.client.get(f"/api/v1/runs/{answer['id']}").status_code == 404


def test_delete_a_run_at_work(service: Service) -> None:
    """409, or with force cancelled first."""
    run_id = submitted(service, "hang")
    assert service.client.delete(f"/api/v1/runs/{run_id}").status_code == 409
    assert service.client.delete(f"/api/v1/runs/{run_id}?force=true").json()["artifacts"] == "deleted"


def test_delete_keeps_a_shared_folder(service: Service) -> None:
    """Until the last run that uses it goes."""
    first, second = (service.post("eval", eval_body(work_dir="shared")).json() for _ in "12")
    kept = service.client.delete(f"/api/v1/runs/{first['id']}").json()
    assert (kept["artifacts"], second["id"] in kept["message"]) == ("kept", True)
    assert Path(first["output_dir"]).exists()
    assert service.client.delete(f"/api/v1/runs/{second['id']}").json()["artifacts"] == "deleted"
    assert not Path(first["output_dir"]).exists()


def test_delete_keeps_what_was_there_before(service: Service) -> None:
    """A folder with a user's own files is not the service's to delete."""
    (service.outputs / "mine").mkdir()
    (service.outputs / "mine" / "notes.txt").write_text("n")
    answer = service.post("eval", eval_body(work_dir="mine")).json()
    assert service.client.delete(f"/api/v1/runs/{answer['id']}").json()["artifacts"] == "kept"
    assert (service.outputs / "mine" / "notes.txt").exists()


def test_progress(service: Service) -> None:
    """As the runner reports it, then as it ended."""
    run_id = submitted(service, "hang")
    at_work(service, run_id)
    seen = service.client.get(f"/api/v1/runs/{run_id}/progress").json()
    assert (seen["done"], seen["total"], seen["percent"], seen["eta_seconds"]) == (1, 4, 25.0, 3.0)
    assert (seen["stage"], seen["phase"]) == ("gsm8k", "Running")
    assert (service.run(run_id)["progress"]["done"], service.run(run_id)["progress"]["total"]) == (1, 4)
    cancelled(service, run_id)
    seen = service.client.get(f"/api/v1/runs/{run_id}/progress").json()
    assert (seen["phase"], seen["done"], seen["eta_seconds"]) == ("Cancelled", 1, None)


def test_progress_as_events(service: Service) -> None:
    """One for each change, and 'end' as the last."""
    run_id = submitted(service, "held")
    go = Path(service.run(run_id)["output_dir"]) / "go"
    path, text = f"/api/v1/runs/{run_id}/progress", ""
    with service.client.stream("GET", path, headers={"Accept": "text/event-stream"}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for part in response.iter_text():
            text += part
            if '"percent":25.0' in text:
                go.touch()
    events = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    assert [event["id"] for event in events] == [str(number + 1) for number in range(len(events))]
    assert [event["event"] for event in events] == ["progress"] * (len(events) - 1) + ["end"]
    last = json.loads(events[-1]["data"])
    assert (last["phase"], last["percent"]) == ("Succeeded", 100.0)
    assert any(json.loads(event["data"])["done"] == 1 for event in events)


def test_logs(service: Service) -> None:
    """Whole, its tail, and while it grows."""
    run_id = submitted(service, "slow-0.4")
    followed = service.client.get(f"/api/v1/runs/{run_id}/logs?follow=true")
    assert followed.headers["content-type"] == "text/plain; charset=utf-8"
    assert followed.text == f"run {run_id} of slow-0.4\n"
    assert service.client.get(f"/api/v1/runs/{run_id}/logs").text == followed.text
    assert service.client.get(f"/api/v1/runs/{run_id}/logs?tail=0").text == ""


def test_a_compressed_artifact_is_a_file_and_no_encoding(service: Service) -> None:
    """What is saved is what other programs open: nobody takes the compression off on the way."""
    answer = service.post("perf", perf_body()).json()
    rows = service.client.get(f"/api/v1/runs/{answer['id']}/artifacts/rows.jsonl.gz")
    assert (rows.headers["content-type"], "content-encoding" in rows.headers) == ("application/gzip", False)
    assert gzip.decompress(rows.content) == b'{"index":0}\n'
    assert int(rows.headers["content-length"]) == len(rows.content)


def test_artifacts_are_listed_and_read(service: Service) -> None:
    """With types from their names, and no power to their pages."""
    answer = service.post("eval", eval_body()).json()
    listed = service.client.get(f"/api/v1/runs/{answer['id']}/artifacts").json()
    by_path = {one["path"]: one for one in listed["artifacts"]}
    assert listed["complete"]
    page = service.client.get(by_path["report.html"]["href"])
    assert (page.text, page.headers["content-type"]) == ("<script>1</script>", "text/html; charset=utf-8")
    assert page.headers["content-security-policy"].startswith("sandbox")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert int(page.headers["content-length"]) == by_path["report.html"]["bytes"]


ESCAPES = [
    "../../etc/passwd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "out",
    "out/x",
    "fifo",
    "folder",
    "%00",
    "%20",
]


@pytest.mark.parametrize("path", ESCAPES)
def test_artifacts_do_not_lead_out(service: Service, tmp_path: Path, path: str) -> None:
    """Not by dots, not by links, not by special files."""
    answer = service.post("eval", eval_body(work_dir="escape")).json()
    folder = Path(answer["output_dir"])
    if not (folder / "fifo").exists():
        os.mkfifo(folder / "fifo")
        (folder / "out").symlink_to("/etc")
        (folder / "folder").mkdir()
    target = f"/api/v1/runs/{answer['id']}/artifacts/{path}"
    raw = service.client.build_request("GET", service.url)
    raw.url = raw.url.copy_with(raw_path=target.encode())
    response = service.client.send(raw)
    assert (response.status_code, "error" in response.json()) == (404, True)
    names = {one["path"] for one in service.client.get(f"/api/v1/runs/{answer['id']}/artifacts").json()["artifacts"]}
    assert not names & {"out", "fifo", "folder"}
