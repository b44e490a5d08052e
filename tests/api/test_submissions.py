"""POST /api/v1/eval and /api/v1/perf over HTTP, with a stand-in for the runner: answers, refusals, preferences."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from fakes.bodies import eval_body, perf_body
from fakes.service import Service

REQUIRED = {"eval": ["model", "api_url", "datasets"], "perf": ["model", "url"]}
BODIES: dict[str, Any] = {"eval": eval_body, "perf": perf_body}


def test_health(service: Service) -> None:
    """The seed's three keys."""
    answer = service.client.get("/health").json()
    assert list(answer) == ["status", "service", "timestamp"]
    assert (answer["status"], answer["service"]) == ("ok", "evalkube")
    assert dt.datetime.fromisoformat(answer["timestamp"]).tzinfo is not None


def test_an_evaluation_blocks_and_answers_as_the_seed_does(service: Service) -> None:
    """The seed's keys, and the id and the summary beside them."""
    response = service.post("eval", eval_body())
    answer = response.json()
    assert response.status_code == 200
    assert set(answer) == {"status", "message", "result", "output_dir", "id", "summary"}
    assert (answer["status"], answer["message"]) == ("success", "Evaluation completed")
    assert answer["result"]["gsm8k"]["score"] == 1.0
    assert Path(answer["output_dir"]).parent == service.outputs
    assert (Path(answer["output_dir"]) / "report.html").is_file()


def test_a_load_test_blocks_and_answers_as_the_seed_does(service: Service) -> None:
    """The point's name, metrics and percentiles."""
    answer = service.post("perf", perf_body()).json()
    assert set(answer) == {"status", "message", "output_dir", "results", "id", "summary"}
    assert (answer["status"], answer["message"]) == ("success", "Performance test completed")
    assert set(answer["results"]["parallel_2_number_10"]) == {"metrics", "percentiles"}


@pytest.mark.parametrize(("word", "field"), [(word, field) for word, fields in REQUIRED.items() for field in fields])
def test_a_missing_field_is_named(service: Service, word: str, field: str) -> None:
    """400, and which."""
    body = {name: value for name, value in BODIES[word]().items() if name != field}
    response = service.post(word, body)
    assert response.status_code == 400
    assert response.json() == {
        "error": f"{field}: is required",
        "problems": [{"field": field, "reason": "is required"}],
    }


BAD_FIELDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "misspelt": ("eval", {"dataset": ["gsm8k"]}, "did you mean 'datasets'"),
    "misspelt inside": ("eval", {"generation_config": {"max_token": 1}}, "did you mean 'max_tokens'"),
    "camel case": ("eval", {"evalBatchSize": 1}, "evalBatchSize: is not a known field"),
    "a string for a number": ("eval", {"limit": "5"}, "limit: must be a number"),
    "zero": ("eval", {"limit": 0}, "limit: "),
    "negative": ("perf", {"parallel": -1}, "parallel[0]: "),
    "a fraction of a request": ("perf", {"number": 1.5}, "number[0]: must be a whole number"),
    "unequal lists": ("perf", {"number": [1, 2], "parallel": [1]}, "parallel: give one value for each number"),
    "unknown data set": ("eval", {"datasets": ["gsm8"]}, "did you mean 'gsm8k'"),
    "not http": ("eval", {"api_url": "ftp://h/v1"}, "api_url: must be an http"),
    "credentials": ("perf", {"url": "http://u:p@h/v1"}, "url: must not contain credentials"),
    "too hot": ("perf", {"temperature": 3}, "temperature: "),
    "unknown dialect": ("perf", {"api": "smoke"}, "api: 'smoke' is not one of"),
    "unknown dialect of an evaluation": ("eval", {"api": "smoke"}, "api: 'smoke' is not one of"),
    "a field that its dialect lacks": (
        "perf",
        {"api": "openai_responses", "top_k": 3},
        "top_k: is not a parameter of openai_responses",
    ),
    "a field that its dialect lacks, by another name": ("perf", {"api": "responses", "stop": ["x"]}, "stop: is no"),
    "a field of an evaluation that its dialect lacks": (
        "eval",
        {"api": "dashscope", "generation_config": {"logit_bias": {"1": 1}}},
        "generation_config.logit_bias: is not a parameter of",
    ),
    "a value that its dialect has no word for": (
        "eval",
        {"api": "anthropic", "generation_config": {"reasoning_effort": "minimal"}},
        "generation_config.reasoning_effort: anthropic has no 'minimal'",
    ),
    "a field that Gemini lacks": ("perf", {"api": "gemini", "min_tokens": 3}, "min_tokens: is not a parameter of"),
    "token ids": (
        "perf",
        {"api": "dashscope", "tokenize_prompt": True, "tokenizer_path": "/t.json"},
        "tokenize_prompt: is not a parameter of",
    ),
    "an address that speaks another dialect": (
        "perf",
        {"api": "dashscope", "url": "http://h/compatible-mode/v1/chat/completions"},
        "url: /compatible-mode/ is a URL of the openai API; set api to openai",
    ),
    "only on a cluster": ("perf", {"shards": 2}, "shards: needs the kubernetes backend"),
    "a path outside": ("perf", {"dataset_path": "/etc/passwd"}, "dataset_path: is outside"),
    "work_dir outside": ("eval", {"work_dir": "../up"}, "work_dir: is outside"),
    "null for a string": ("eval", {"model": None}, "model: must be a string"),
}


@pytest.mark.parametrize(("word", "fields", "words"), BAD_FIELDS.values(), ids=BAD_FIELDS.keys())
def test_a_bad_field_is_refused_by_name(service: Service, word: str, fields: dict[str, Any], words: str) -> None:
    """400 with a sentence, and the fields for programs."""
    response = service.post(word, BODIES[word](**fields))
    assert response.status_code == 400
    assert words in response.json()["error"]
    assert response.json()["problems"]


BAD_BODIES: dict[str, tuple[bytes, str | None, str]] = {
    "empty": (b"", "application/json", "Request body is required"),
    "empty without a type": (b"", None, "Request body is required"),
    "white space": (b" \n", "application/json", "Request body is required"),
    "malformed": (b'{"model": ', "application/json", "not valid JSON"),
    "a list": (b"[]", "application/json", "must be a JSON object"),
    "no content type": (b"{}", None, "Content-Type must be application/json"),
    "a form": (b"model=x", "application/x-www-form-urlencoded", "Content-Type must be application/json"),
    "text": (b"{}", "text/plain", "Content-Type must be application/json"),
    "a charset": (b"{}", "application/json; charset=utf-16", "utf-8"),
    "an empty object": (b"{}", 'Application/JSON; charset="UTF-8"', "model: is required"),
}


@pytest.mark.parametrize(("data", "kind", "words"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
@pytest.mark.parametrize("word", ["eval", "perf"])
def test_a_bad_body_is_refused(service: Service, word: str, data: bytes, kind: str | None, words: str) -> None:
    """400 with JSON, whatever was sent."""
    response = service.client.post(f"/api/v1/{word}", content=data, headers={"content-type": kind} if kind else {})
    assert response.status_code == 400
    assert words in response.json()["error"]


@pytest.mark.parametrize("size", [65_537, 400_000, 2_000_000])
def test_a_body_that_is_too_large(service: Service, size: int) -> None:
    """413, also where the client never says how much is to come."""
    headers = {"content-type": "application/json"}
    assert service.client.post("/api/v1/eval", content=b" " * size, headers=headers).status_code == 413
    parts = (b" " * 4096 for _ in range(size // 4096 + 1))
    response = service.client.post("/api/v1/eval", content=parts, headers=headers)
    assert response.status_code == 413
    assert "65536 bytes" in response.json()["error"]


@pytest.mark.parametrize("key", ["two\nlines", "sp ace", "\u00fc", "x" * 9000, 5, None, ["a"]])
def test_a_key_that_no_header_takes(service: Service, key: Any) -> None:
    """400 that names the field and does not repeat the key."""
    response = service.post("eval", eval_body(api_key=key))
    assert response.status_code == 400
    assert response.json()["problems"][0]["field"] == "api_key"
    assert str(key) not in response.json()["error"]


FAILURES = {
    "its own reason": ("fail-TargetUnreachable", "TargetUnreachable", "made to fail"),
    "crash": ("crash", "RunnerCrashed", "the last words of a runner"),
    "killed": ("killed", "RunnerKilled", "SIGKILL"),
    "success without a result": ("nothing", "ResultMissing", "cannot be read"),
}


@pytest.mark.parametrize(("model", "reason", "words"), FAILURES.values(), ids=FAILURES.keys())
def test_a_failed_run_is_500_with_its_reason(service: Service, model: str, reason: str, words: str) -> None:
    """In words a person can act on, and without a stack trace."""
    response = service.post("perf", perf_body(model))
    answer = response.json()
    assert response.status_code == 500
    assert (answer["status"], answer["reason"]) == ("error", reason)
    assert words in answer["error"]
    assert "traceback" not in answer
    assert service.run(answer["id"])["phase"] == "Failed"


def test_a_stack_trace_for_those_who_ask(service: Service) -> None:
    """Only where the request says debug."""
    assert "traceback" not in service.post("eval", eval_body("trace")).json()
    assert service.post("eval", eval_body("trace", debug=True)).json()["traceback"].endswith("ValueError: the cause")


def test_a_huge_result_comes_whole(service: Service) -> None:
    """The document refers to it, the answer holds it."""
    answer = service.post("eval", eval_body("huge")).json()
    assert len(answer["result"]["gsm8k"]["padding"]) == 200_000
    document = service.run(answer["id"])
    assert document["results"] is None
    assert document["result_ref"]["bytes"] > 2_000_000
    assert service.client.get(f"/api/v1/runs/{answer['id']}/result").json() == answer


def test_respond_async(service: Service) -> None:
    """202 with a place to look, and the result there in the end."""
    response = service.post("eval", eval_body("held"), Prefer="respond-async")
    place = response.headers["location"]
    assert (response.status_code, response.headers["preference-applied"]) == (202, "respond-async")
    assert response.json()["status"] == "accepted"
    assert place == f"/api/v1/runs/{response.json()['id']}"
    assert service.client.get(f"{place}/result").status_code == 202
    (Path(service.client.get(place).json()["output_dir"]) / "go").touch()
    final = service.client.get(f"{place}/result", headers={"Prefer": "wait=50"})
    assert (final.status_code, final.json()["status"]) == (200, "success")


def test_prefer_wait(service: Service) -> None:
    """200 when it is done in time, else 202."""
    assert service.post("eval", eval_body(), Prefer="wait=50").status_code == 200
    late = service.post("eval", eval_body("hang"), Prefer="wait=1")
    assert (late.status_code, late.headers["preference-applied"]) == (202, "wait=1")
    assert service.client.post(f"/api/v1/runs/{late.json()['id']}/cancel").status_code == 200


def test_the_same_key_and_body_is_the_same_run(service: Service) -> None:
    """Also while it runs, also with another secret; another body is 422."""
    first = service.post("eval", eval_body("slow-0.2"), Prefer="respond-async", Idempotency_Key="k-1").json()
    again = service.post("eval", eval_body("slow-0.2", api_key="sk-another"), Idempotency_Key="k-1")
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    other = service.post("eval", eval_body("ok"), Idempotency_Key="k-1")
    assert (other.status_code, first["id"] in other.json()["error"]) == (422, True)
    assert service.post("perf", perf_body(), Idempotency_Key="k-1").json()["id"] != first["id"]


def test_a_work_dir_in_use_is_409(service: Service) -> None:
    """With the run that holds it; free again once that has ended."""
    first = service.post("eval", eval_body("hang", work_dir="busy/one"), Prefer="respond-async").json()
    for name in ("busy/one", "busy", "busy/one/deeper"):
        refused = service.post("eval", eval_body(work_dir=name))
        assert (refused.status_code, refused.json()["run"]) == (409, first["id"])
    assert service.client.post(f"/api/v1/runs/{first['id']}/cancel").status_code == 200
    answer = service.post("eval", eval_body(work_dir="busy/one")).json()
    assert answer["output_dir"] == str(service.outputs / "busy" / "one") == first["output_dir"]


def test_a_timestamp_inside_work_dir(service: Service) -> None:
    """no_timestamp false makes a new folder each time."""
    folders = [
        service.post("eval", eval_body(work_dir="stamped", no_timestamp=False)).json()["output_dir"] for _ in "12"
    ]
    assert len(set(folders)) == 2
    assert {Path(folder).parent for folder in folders} == {service.outputs / "stamped"}


def test_thresholds_are_judged(service: Service) -> None:
    """Beside the result; the run itself succeeded."""
    gate = {"metric": "mean_acc", "op": ">=", "value": 1.5}
    answer = service.post("eval", eval_body(thresholds=[gate])).json()
    assert answer["status"] == "success"
    assert answer["thresholds"] == {"met": False, "message": "gsm8k/mean_acc is 1, wanted >= 1.5"}


def test_unknown_endpoints(service: Service) -> None:
    """404 and 405 are JSON, with the way on."""
    missing = service.client.get("/api/v2/eval")
    assert missing.status_code == 404
    assert missing.json()["error"] == "Endpoint not found"
    assert "POST /api/v1/eval" in missing.json()["available_endpoints"]
    wrong = service.client.get("/api/v1/eval")
    assert (wrong.status_code, wrong.headers["allow"], "error" in wrong.json()) == (405, "POST", True)
