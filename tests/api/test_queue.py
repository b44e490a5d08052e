"""Runs that wait for their turn: as many as may, each with what it was asked, and small."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fakes.bodies import eval_body, perf_body
from fakes.service import Service, running_service
from fakes.waiting import until


def posted(service: Service, body: dict[str, Any], word: str = "eval", **headers: str) -> str:
    """The id of a run that was taken."""
    answer = service.post(word, body, Prefer="respond-async", **headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def let_go(service: Service, run_id: str) -> None:
    """The end of a run that is held."""
    until(lambda: service.run(run_id)["phase"] == "Running")
    (Path(service.run(run_id)["output_dir"]) / "go").touch()
    until(lambda: service.run(run_id)["phase"] == "Succeeded")


def document(service: Service, run_id: str) -> Path:
    """Of a run, on the disk."""
    return service.outputs / ".evalkube" / "runs" / run_id / "run.json"


def test_a_full_queue_takes_no_more(outputs: Path) -> None:
    """429 with words and a time, of both kinds; what was taken before is answered, and nothing of the refused stays."""
    with running_service(outputs, max_evals=1, max_waiting=2) as service:
        held = posted(service, eval_body("held"))
        waiting = [posted(service, eval_body("ok"), Idempotency_Key="k"), posted(service, perf_body("ok"), "perf")]
        before = sorted(outputs.iterdir())
        for word, body in (("eval", eval_body()), ("perf", perf_body()), ("eval", eval_body(work_dir="mine"))):
            refused = service.post(word, body)
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
            assert (refused.json()["reason"], "--max-waiting" in refused.json()["error"]) == ("QueueFull", True)
        assert sorted(outputs.iterdir()) == before
        assert posted(service, eval_body("ok"), Idempotency_Key="k") == waiting[0]
        assert service.client.get("/api/v1/runs").json()["total"] == 3
        assert service.client.post(f"/api/v1/runs/{waiting[1]}/cancel").status_code == 200
        waiting.append(posted(service, eval_body("ok")))
        assert service.post("eval", eval_body()).status_code == 429
        let_go(service, held)
        until(lambda: service.run(waiting[2])["phase"] == "Succeeded")
        assert service.post("eval", eval_body()).status_code == 200


def test_a_run_that_waits_is_as_it_was_asked(outputs: Path) -> None:
    """In every answer, to its end."""
    with running_service(outputs, max_evals=1) as service, ThreadPoolExecutor() as pool:
        held = posted(service, eval_body("held"))
        first, second = posted(service, eval_body("ok-1", limit=7)), posted(service, eval_body("ok-2"))
        shown, path = service.run(first), f"/api/v1/runs/{first}"
        assert (shown["phase"], shown["spec"]["limit"], shown["model"]) == ("Queued", 7, "ok-1")
        listed = service.client.get("/api/v1/runs?phase=Queued").json()["runs"]
        assert [run["id"] for run in listed] == [second, first]
        progress = service.client.get(f"{path}/progress").json()
        assert (progress["phase"], progress["message"]) == (
            "Queued",
            "waits for the end of the evaluation that is running (--max-runs)",
        )
        assert service.client.get(f"{path}/result").status_code == 202
        assert service.client.get(f"{path}/result", headers={"Prefer": "wait=1"}).status_code == 202
        assert service.client.get(f"{path}/logs").text == ""
        assert service.client.delete(path).status_code == 409
        blocked = pool.submit(service.post, "eval", eval_body("ok-3"))
        until(lambda: service.client.get("/api/v1/runs").json()["total"] == 4)
        cancelled = service.client.post(f"/api/v1/runs/{second}/cancel")
        assert (cancelled.status_code, service.run(second)["phase"]) == (200, "Cancelled")
        let_go(service, held)
        assert blocked.result(60).json()["status"] == "success"
        assert service.run(first)["phase"] == "Succeeded"
        assert service.run(first)["spec"]["limit"] == 7


def test_a_waiting_run_whose_document_is_damaged_is_let_go(outputs: Path) -> None:
    """Whoever waits for it is told, and those behind it have their turn."""
    with running_service(outputs, max_evals=1) as service, ThreadPoolExecutor() as pool:
        held = posted(service, eval_body("held"))
        blocked = pool.submit(service.post, "eval", eval_body("ok-blocked"))
        until(lambda: service.client.get("/api/v1/runs").json()["total"] == 2)
        gone = service.client.get("/api/v1/runs?model=ok-blocked").json()["runs"][0]["id"]
        cancelled, last = posted(service, eval_body("ok")), posted(service, eval_body("ok"))
        document(service, gone).write_text("null")
        document(service, cancelled).unlink()
        assert service.client.post(f"/api/v1/runs/{cancelled}/cancel").status_code == 404
        let_go(service, held)
        assert blocked.result(60).status_code == 410
        until(lambda: service.run(last)["phase"] == "Succeeded")
        assert {service.client.get(f"/api/v1/runs/{run_id}").status_code for run_id in (gone, cancelled)} == {404}
        assert service.post("eval", eval_body()).status_code == 200


def test_large_requests_that_wait_are_not_kept_in_memory(outputs: Path) -> None:
    """Each is some 4 MB as objects; forty of them are on the disk."""
    large = perf_body("ok", extra_args={f"key-{number}": [number] for number in range(20_000)})
    with running_service(outputs, max_evals=1) as service:
        held = posted(service, eval_body("held"))
        for _ in range(3):
            posted(service, large, "perf")
        before = _resident_bytes(service)
        waiting = [posted(service, large, "perf") for _ in range(40)]
        grown = _resident_bytes(service) - before
        assert grown < 60e6
        for run_id in waiting[1:]:
            service.client.delete(f"/api/v1/runs/{run_id}?force=true")
        let_go(service, held)
        until(lambda: service.run(waiting[0])["phase"] == "Succeeded")
        assert service.run(waiting[0])["spec"]["extra_args"]["key-7"] == [7]


def _resident_bytes(service: Service) -> int:
    pages = int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
