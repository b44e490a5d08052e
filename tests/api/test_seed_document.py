"""The lines of EvalScope's service document, against the real runner and a model on this machine.

Only the URLs and the source of the data differ from the document: neither the hubs nor its endpoint are here.
"""

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests

from fakes.mock_model import running_mock
from fakes.service import Service, running_service

EVAL_KEYS = {"status", "message", "result", "output_dir"}
PERF_KEYS = {"status", "message", "output_dir", "results"}


def curl(url: str, body: dict[str, Any]) -> Any:
    """As in the document: -X POST, -H, -d."""
    command = ["curl", "-s", "--noproxy", "*", "-X", "POST", url, "-H", "Content-Type: application/json"]
    done = subprocess.run([*command, "-d", json.dumps(body, indent=2)], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_the_evaluation_with_curl(real: Service, model: str) -> None:
    """The first curl line."""
    answer = curl(
        f"{real.url}/api/v1/eval",
        {
            "model": "qwen-plus",
            "api_url": model,
            "api_key": "your-api-key",
            "datasets": ["gsm8k"],
            "dataset_hub": "sample",
            "limit": 5,
        },
    )
    assert set(answer) == EVAL_KEYS | {"id", "summary"}
    assert answer["result"]["gsm8k"]["dataset_name"] == "gsm8k"
    assert answer["result"]["gsm8k"]["requested"] == 5
    assert (Path(answer["output_dir"]) / "reports" / "report.html").is_file()


def test_the_load_test_with_curl(real: Service, model: str) -> None:
    """The second curl line."""
    answer = curl(
        f"{real.url}/api/v1/perf",
        {
            "model": "qwen-plus",
            "url": f"{model}/chat/completions",
            "api": "openai",
            "number": 50,
            "parallel": 5,
            "data_source": "sample",
        },
    )
    assert set(answer) == PERF_KEYS | {"id", "summary"}
    point = answer["results"]["parallel_5_number_50"]
    assert set(point) == {"metrics", "percentiles"}
    assert point["metrics"]["Succeed requests"] == 50


def test_the_python_lines(real: Service, model: str) -> None:
    """With `requests`, as they stand."""
    eval_response = requests.post(
        f"{real.url}/api/v1/eval",
        json={
            "model": "qwen-plus",
            "api_url": model,
            "api_key": "your-api-key",
            "datasets": ["gsm8k", "iquiz"],
            "dataset_hub": "sample",
            "limit": 10,
            "generation_config": {"temperature": 0.0, "max_tokens": 2048},
        },
        timeout=60,
    )
    assert list(eval_response.json()["result"]) == ["gsm8k", "iquiz"]
    perf_response = requests.post(
        f"{real.url}/api/v1/perf",
        json={
            "model": "qwen-plus",
            "url": f"{model}/chat/completions",
            "api": "openai",
            "number": 100,
            "parallel": 10,
            "dataset": "openqa",
            "data_source": "sample",
        },
        timeout=60,
    )
    assert list(perf_response.json()["results"]) == ["parallel_10_number_100"]


def test_scenario_three(real: Service, model: str) -> None:
    """Several data sets, no key."""
    body = {"model": "qwen-plus", "api_url": model, "datasets": ["gsm8k", "iquiz", "ceval"], "dataset_hub": "sample"}
    answer = curl(f"{real.url}/api/v1/eval", {**body, "limit": 50, "eval_batch_size": 4})
    assert list(answer["result"]) == ["gsm8k", "iquiz", "ceval"]
    assert all(report["errored"] == 0 for report in answer["result"].values())


def test_no_endpoint_there(real: Service) -> None:
    """500, with the endpoint in the reason; without a grace soon."""
    body = {"model": "m", "api_url": "http://127.0.0.1:9/v1", "datasets": ["gsm8k"], "dataset_hub": "sample"}
    answer = curl(f"{real.url}/api/v1/eval", {**body, "target_grace": 0, "generation_config": {"retries": 1}})
    assert (answer["status"], answer["reason"]) == ("error", "TargetUnreachable")
    assert "127.0.0.1:9" in answer["error"]
    assert "traceback" not in answer


def test_a_killed_service_resumes_from_its_checkpoints(tmp_path: Path) -> None:
    """What was answered before is not asked again."""
    body = {
        "model": "m",
        "datasets": ["gsm8k"],
        "dataset_hub": "sample",
        "eval_batch_size": 1,
        "work_dir": "mine",
        "generation_config": {"stream": True},
    }
    with running_mock("--ttft-ms", "2000") as url, running_service(tmp_path / "outputs", standin=False) as service:
        # so slow that the news of the first answers comes long before the last, on any machine
        run_id = service.post("eval", {**body, "api_url": url}, Prefer="respond-async").json()["id"]
        done = _done_of_first_samples(service, run_id)
        service.process.kill()
        service.process.wait()
    with (
        running_mock("--port", str(urlsplit(url).port)) as again,
        running_service(tmp_path / "outputs", standin=False) as service,
    ):
        assert again == url
        assert service.run(run_id)["phase"] == "Interrupted"
        report = service.post("eval", {**body, "api_url": url}).json()["result"]["gsm8k"]
        assert report["reused"] >= done
        assert report["scored"] == report["requested"]


def test_an_earlier_run_is_used(real: Service, model: str) -> None:
    """With use_cache in a new folder, as with work_dir in the old one."""
    body = {"model": "m", "api_url": model, "datasets": ["gsm8k"], "dataset_hub": "sample"}
    first = real.post("eval", {**body, "work_dir": "first"}).json()
    reused = first["result"]["gsm8k"]["scored"]
    for more in ({"use_cache": "first"}, {"work_dir": first["output_dir"]}):
        answer = real.post("eval", {**body, **more}).json()
        assert answer["result"]["gsm8k"]["reused"] == reused > 0


def test_answers_are_compared_with_those_of_an_earlier_run(real: Service, model: str) -> None:
    """By the id of that run, or by its folder; a judge that prefers what stands first prefers neither."""
    body = {"model": "m", "api_url": model, "datasets": ["gsm8k"], "dataset_hub": "sample"}
    first = real.post("eval", {**body, "work_dir": "reference"}).json()
    with running_mock("--default-answer", "[[A]]") as judge_url:
        judge: dict[str, Any] = {"strategy": "llm", "models": [{"model": "j", "api_url": judge_url}]}
        for name in (first["id"], "reference", first["output_dir"]):
            judge["contract"] = {"score_type": "pairwise", "reference": {"answers": name}}
            made = real.post("eval", {**body, "judge": judge}).json()["result"]["gsm8k"]
            scores = {metric["name"]: metric["score"] for metric in made["metrics"]}
            assert (scores["mean_win_rate"], scores["mean_tie"]) == (0.5, 1.0)
            assert made["judge_summary"]["inconsistent"] == made["scored"] > 0
    judge["contract"]["reference"]["answers"] = "eval-of-nobody"
    refused = real.post("eval", {**body, "judge": judge})
    assert refused.status_code == 400
    assert refused.json()["problems"][0]["field"] == "judge.contract.reference.answers"


def test_a_prompt_from_a_file(real: Service, model: str) -> None:
    """Found under the output root by its relative name."""
    (real.outputs / "prompt.txt").write_text("hello")
    body = {"model": "m", "url": f"{model}/chat/completions", "number": 5, "dataset": "custom", "prompt": "@prompt.txt"}
    assert real.post("perf", body).json()["status"] == "success"


def _done_of_first_samples(service: Service, run_id: str) -> int:
    accept = {"Accept": "text/event-stream"}
    with service.client.stream("GET", f"/api/v1/runs/{run_id}/progress", headers=accept) as events:
        for line in events.iter_lines():
            if line.startswith("data: ") and json.loads(line[6:])["done"] > 0:
                return int(json.loads(line[6:])["done"])
    raise AssertionError("the run ended before it was killed")


def test_prompts_that_were_left_out_are_told(real: Service, model: str) -> None:
    """Beside the points, and only where there are some."""
    load = {"model": "m", "url": f"{model}/chat/completions", "number": 2, "data_source": "sample"}
    answer = real.post("perf", {**load, "max_prompt_length": 60}).json()
    assert list(answer["results"]) == ["parallel_1_number_2"]
    told = answer["data"]
    assert told["left_out"]["too_long"] + told["prompts"] == 24
    assert (told["source"], told["length_basis"], told["cut"]) == ("sample", "characters", 0)


def test_the_key_reaches_only_the_endpoint(real: Service, model: str) -> None:
    """Nothing that the real runner or the service writes holds it."""
    key = "sk-canary-real-5e1f"
    body = {"model": "m", "api_key": key, "debug": True}
    more: dict[str, Any] = {"api_url": model, "datasets": ["iquiz"], "dataset_hub": "sample", "judge_api_key": key}
    load = {"url": f"{model}/chat/completions", "number": 5, "data_source": "sample"}
    judges = [{"model": "j", "api_url": model, "api_key": key}]
    more |= {"judge": {"models": judges}, "analysis_report": True}
    texts = [real.post("eval", {**body, **more}).text, real.post("perf", {**body, **load}).text]
    texts.append(real.client.get("/api/v1/runs").text)
    assert all('"success"' in text for text in texts[:2])
    files = [path for path in real.outputs.parent.rglob("*") if path.is_file()]
    assert real.outputs.with_name("outputs.log") in files
    assert not [path for path in files if key.encode() in path.read_bytes()]
    assert not [text for text in texts if key in text]


def test_documentation_needs_no_internet(real: Service) -> None:
    """The page loads nothing but the API's own description."""
    page = httpx.get(f"{real.url}/", follow_redirects=True, trust_env=False, timeout=60)
    assert page.url.path == "/docs"
    assert "connect-src 'self'" in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "://" not in page.text
