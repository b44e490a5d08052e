"""Tasks as current EvalScope clients submit, watch, stop and read them."""

import threading
from typing import Any

import httpx
import pytest

from fakes.bodies import eval_body, perf_body
from fakes.service import Service
from fakes.waiting import until


def invoked(service: Service, word: str, body: dict[str, Any], task_id: str) -> httpx.Response:
    """A submission as EvalScope's client makes it: an id in a header, and an answer at the end."""
    headers = {"EvalScope-Task-Id": task_id}
    return service.client.post(f"/api/v1/{word}/invoke", json=body, headers=headers)


def got(service: Service, path: str, task_id: str, **more: Any) -> httpx.Response:
    """One of the paths beside it."""
    return service.client.get(f"/api/v1/{path}", params={"task_id": task_id, **more})


def test_an_evaluation_as_their_client_sends_it(real: Service, model: str) -> None:
    """With what their service sets by itself, and the keys of its answer."""
    body = {
        "model": "mock",
        "api_url": model,
        "api_key": "EMPTY",
        "datasets": ["gsm8k"],
        "dataset_hub": "sample",
        "eval_type": "openai_api",
        "limit": 2,
        "eval_batch_size": 2,
        "generation_config": {"max_tokens": 16},
        "no_timestamp": True,
        "enable_progress_tracker": True,
        "analysis_report": False,
        "work_dir": "theirs",
    }
    answer = invoked(real, "eval", body, "task-1")
    shown = answer.json()
    assert (answer.status_code, sorted(shown)) == (200, ["result", "status", "table", "task_id"])
    assert (shown["status"], shown["task_id"]) == ("completed", "task-1")
    assert shown["result"]["gsm8k"]["dataset_name"] == "gsm8k"
    assert shown["table"].splitlines()[0] == "| Model | Dataset | Metric | Subset | Num | Score |"
    assert any(row.startswith("| mock | gsm8k | ") for row in shown["table"].splitlines())
    progress = got(real, "eval/progress", "task-1").json()
    assert sorted(progress) == ["percent", "pipeline", "processed_count", "status", "total_count", "updated_at"]
    assert (progress["status"], progress["pipeline"], progress["percent"]) == ("completed", "eval", 100.0)
    report = got(real, "eval/report", "task-1")
    assert (report.status_code, report.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "gsm8k" in report.text
    assert "sandbox" in report.headers["Content-Security-Policy"]


def test_a_load_test_as_their_client_sends_it(real: Service, model: str) -> None:
    """The same for points of a load."""
    body = {
        "model": "mock",
        "url": f"{model}/chat/completions",
        "api": "openai",
        "number": 4,
        "parallel": 2,
        "prompt": "hello",
        "max_tokens": 8,
        "name": "perf",
        "no_test_connection": True,
    }
    answer = invoked(real, "perf", body, "task-2")
    shown = answer.json()
    assert (answer.status_code, sorted(shown)) == (200, ["result", "status", "table", "task_id"])
    (point,) = shown["result"].values()
    assert point["metrics"]["Total requests"] == 4
    assert "| parallel_2_number_4 | Total requests | 4 |" in shown["table"]
    assert got(real, "perf/report", "task-2").status_code == 200
    assert got(real, "perf/progress", "task-2").json()["pipeline"] == "perf"
    assert got(real, "eval/report", "task-2").status_code == 404


@pytest.mark.parametrize(("word", "body"), [("eval", eval_body("hang")), ("perf", perf_body("hang"))])
def test_a_task_is_stopped_by_its_id(service: Service, word: str, body: dict[str, Any]) -> None:
    """The one who waits for it is told so; there is nothing to stop then."""
    task_id = f"stopped.{word}_1"
    found: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: found.append(invoked(service, word, body, task_id)))
    waiting.start()
    until(lambda: got(service, f"{word}/progress", task_id).json().get("processed_count") == 1)
    progress = got(service, f"{word}/progress", task_id).json()
    assert (progress["status"], progress["total_count"], progress["percent"]) == ("running", 4, 25.0)
    assert invoked(service, word, body, task_id).status_code == 409
    stopped = service.client.post(f"/api/v1/{word}/stop", params={"task_id": task_id})
    assert (stopped.status_code, stopped.json()) == (200, {"status": "stopped", "task_id": task_id})
    waiting.join(timeout=60)
    assert (found[0].status_code, found[0].json()) == (200, {"status": "stopped", "task_id": task_id})
    again = service.client.post(f"/api/v1/{word}/stop", params={"task_id": task_id})
    assert (again.status_code, again.json()) == (404, {"error": f"No running task found for task_id: {task_id}"})
    assert got(service, f"{word}/progress", task_id).json()["status"] == "stopped"


def test_of_two_at_once_one_is_taken(service: Service) -> None:
    """The other is told so, however close they are."""
    found: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(invoked(service, "eval", eval_body("hang"), "at-once").status_code)
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(found) == 3)
    assert found == [409, 409, 409]
    service.client.post("/api/v1/eval/stop", params={"task_id": "at-once"})
    for thread in threads:
        thread.join(timeout=60)
    assert found[3] == 200


def test_the_newest_run_of_an_id_counts(service: Service) -> None:
    """A task may be submitted again once it has ended."""
    assert invoked(service, "eval", eval_body("fail-DatasetUnavailable"), "twice").status_code == 500
    assert got(service, "eval/progress", "twice").json()["status"] == "error"
    assert invoked(service, "eval", eval_body(), "twice").json()["status"] == "completed"
    assert got(service, "eval/progress", "twice").json()["status"] == "completed"


def test_a_failed_task(service: Service) -> None:
    """500 with their keys, and no stack trace."""
    answer = invoked(service, "eval", eval_body("trace"), "failed")
    body = answer.json()
    assert (answer.status_code, sorted(body)) == (500, ["error", "status", "task_id"])
    assert (body["status"], body["task_id"], body["error"]) == ("error", "failed", "ValueError: the cause")


def test_a_log_in_parts(service: Service) -> None:
    """From a line on, or the last ones; lines are counted from 0."""
    invoked(service, "eval", eval_body("trace"), "logged")
    whole = got(service, "eval/log", "logged").json()
    lines = whole["text"].splitlines(keepends=True)
    assert (whole["head_line"], whole["tail_line"], whole["total_lines"]) == (0, len(lines), len(lines))
    assert "ValueError: the cause\n" in lines
    last = got(service, "eval/log", "logged", page=2).json()
    assert (last["text"], last["head_line"]) == ("".join(lines[-2:]), len(lines) - 2)
    part = got(service, "eval/log", "logged", page=2, start_line=1).json()
    assert (part["text"], part["head_line"], part["tail_line"]) == ("".join(lines[1:3]), 1, 3)
    beyond = got(service, "eval/log", "logged", start_line=99_999).json()
    assert (beyond["text"], beyond["head_line"], beyond["tail_line"]) == ("", len(lines), len(lines))


def test_what_is_missing_is_told_in_their_words(service: Service) -> None:
    """The header, a valid id, a task, its parameters."""
    answer = service.client.post("/api/v1/eval/invoke", json=eval_body())
    assert (answer.status_code, answer.json()["error"]) == (400, "EvalScope-Task-Id header is required")
    for bad in ("../x", "..", "a/b", "-", "x" * 64):
        assert invoked(service, "eval", eval_body(), bad).status_code == 400
        assert got(service, "eval/progress", bad).status_code == 400
    assert got(service, "eval/progress", "unknown").json() == {"percent": 0.0}
    for path in ("eval/log", "eval/report", "perf/log", "perf/report"):
        assert got(service, path, "unknown").status_code == 404
    assert service.client.get("/api/v1/eval/log").json()["error"] == "task_id: is required"
    nothing = service.client.post("/api/v1/eval/invoke", headers={"EvalScope-Task-Id": "x"})
    assert nothing.status_code == 400
    assert "Request body is required" in nothing.json()["error"]


def test_the_list_of_benchmarks(service: Service) -> None:
    """By kind, with their keys."""
    found = service.client.get("/api/v1/eval/benchmarks").json()
    assert sorted(found) == ["multimodal", "text"]
    (gsm8k,) = [entry for entry in found["text"] if entry["name"] == "gsm8k"]
    assert {"pretty_name", "tags", "category", "dataset_id", "paper_url", "meta"} <= gsm8k.keys()
    assert (gsm8k["total_samples"], gsm8k["few_shot_num"], gsm8k["subset_list"]) == (1319, 4, ["main"])
    assert gsm8k["metrics"][0] == "acc"
    assert gsm8k["description"]["en"]["full"]
    everything = service.client.get("/api/v1/eval/benchmarks", params={"all": "true"}).json()
    assert sorted(everything) == ["agent", "aigc", "multimodal", "text"]
    assert list(service.client.get("/api/v1/eval/benchmarks", params={"type": "text"}).json()) == ["text"]
