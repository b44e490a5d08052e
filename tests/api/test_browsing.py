"""Single samples and requests of a run over HTTP, of real runs."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fakes.service import Service

MISSING = [("samples", {}), ("requests", {"point": "p"}), ("series", {"point": "p"})]


@pytest.fixture(scope="module")
def evaluation(real: Service, model: str) -> str:
    """An evaluation of two data sets."""
    body = {"model": "m", "api_url": model, "datasets": ["gsm8k", "iquiz"], "dataset_hub": "sample", "repeats": 2}
    answer = real.post("eval", body)
    assert answer.status_code == 200
    found: str = answer.json()["id"]
    return found


@pytest.fixture(scope="module")
def load_test(real: Service, model: str) -> str:
    """A load test of two points."""
    body = {"model": "m", "url": f"{model}/chat/completions", "number": [4, 6], "parallel": [1, 2], "max_tokens": 8}
    answer = real.post("perf", body | {"prompt": "hello", "warmup_num": 2})
    assert answer.status_code == 200
    found: str = answer.json()["id"]
    return found


def got(service: Service, path: str, **query: Any) -> Any:
    """What is at a path, which has to be there."""
    answer = service.client.get(path, params=query or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_all_samples_are_listed_page_by_page(real: Service, evaluation: str) -> None:
    """Each once, in the run's order, as many as were asked for."""
    here = f"/api/v1/runs/{evaluation}/samples"
    whole = got(real, here, limit=1000)
    asked = sum(
        subset["num"]
        for report in real.client.get(f"/api/v1/runs/{evaluation}/result").json()["result"].values()
        for subset in report["metrics"][0]["categories"][0]["subsets"]
    )
    assert (whole["total"], whole["next"]) == (len(whole["samples"]), None)
    assert whole["total"] >= asked > 0
    paged, page = [], 1
    while page is not None:
        part = got(real, here, limit=3, page=page)
        assert part["total"] == whole["total"]
        paged += part["samples"]
        page = part["next"]
    assert paged == whole["samples"]


def test_samples_are_chosen_and_sorted(real: Service, evaluation: str) -> None:
    """By data set, subset and state; the slowest first."""
    here = f"/api/v1/runs/{evaluation}/samples"
    whole = got(real, here, limit=1000)["samples"]
    states = Counter(one["state"] for one in whole)
    for state, times in states.items():
        assert got(real, here, state=state)["total"] == times
    assert got(real, here, state=",".join(states))["total"] == len(whole)
    of_one = got(real, here, dataset="gsm8k", subset="main", limit=1000)["samples"]
    assert of_one == [one for one in whole if one["dataset"] == "gsm8k"]
    slowest = [one["latency_s"] for one in got(real, here, sort="slowest", limit=1000)["samples"]]
    assert slowest == sorted(slowest, reverse=True)
    scores = [one["score"] for one in got(real, here, sort="score", limit=1000)["samples"]]
    assert scores == sorted(scores)


def test_a_sample_is_what_its_lines_say(real: Service, evaluation: str) -> None:
    """Prompt, answer, extraction, target and score of each."""
    artifacts = f"/api/v1/runs/{evaluation}/artifacts"
    lines = real.client.get(f"{artifacts}/predictions/m/gsm8k_main.jsonl").text.splitlines()
    predictions = {line["index"]: line for line in map(json.loads, lines)}
    listed = got(real, f"/api/v1/runs/{evaluation}/samples", dataset="gsm8k", limit=1000)["samples"]
    assert {one["index"] for one in listed} == predictions.keys()
    for one in listed:
        shown = got(real, one["href"])
        prediction = predictions[one["index"]]
        choice = prediction["model_output"]["choices"][0]
        assert shown["answer"] == choice["message"]["content"]
        assert shown["prompt"][-1]["content"] == prediction["messages"][-1]["content"]
        assert (shown["state"], shown["score"], shown["total"] > 0) == (one["state"], one["score"], True)
        assert shown["target"]


def test_the_samples_beside_one(real: Service, evaluation: str) -> None:
    """The links lead through all that match, and keep what was asked for."""
    here = f"/api/v1/runs/{evaluation}/samples"
    state = got(real, here)["samples"][0]["state"]
    matching = got(real, here, state=state, limit=1000)["samples"]
    path, seen = f"{matching[0]['href']}?state={state}", []
    while path is not None:
        shown = got(real, path)
        assert shown["place"] == len(seen)
        seen.append(shown["href"])
        path = shown["next"]
    assert seen == [one["href"] for one in matching]
    last = got(real, f"{seen[-1]}?state={state}")
    assert last["previous"] == (f"{seen[-2]}?state={state}" if len(seen) > 1 else None)


def test_requests_of_a_point(real: Service, load_test: str) -> None:
    """Measured ones, with the warm-up on request; each with its times and tokens."""
    here = f"/api/v1/runs/{load_test}/requests"
    found = got(real, here, point="parallel_2_number_6")
    assert (found["total"], len(found["requests"]), found["next"]) == (6, 6, None)
    for one in found["requests"]:
        assert (one["status"], one["error"], one["warmup"]) == (200, None, False)
        assert 0 < one["ttft_s"] <= one["latency_s"]
        assert one["output_tokens"] == 8
    assert got(real, here, point="parallel_2_number_6", warmup="true")["total"] == 8
    assert got(real, here, point="parallel_2_number_6", state="failed")["total"] == 0
    page = got(real, here, point="parallel_1_number_4", sort="slowest", limit=3)
    assert (len(page["requests"]), page["total"], page["next"]) == (3, 4, 2)
    slowest = [one["latency_s"] for one in page["requests"]]
    assert slowest == sorted(slowest, reverse=True)


def test_a_point_over_time(real: Service, load_test: str) -> None:
    """Every measured request is in one interval."""
    found = got(real, f"/api/v1/runs/{load_test}/series", point="parallel_2_number_6", buckets=5)
    assert 1 <= len(found["sent"]) <= 5
    assert (sum(found["sent"]), sum(found["succeeded"]), sum(found["failed"])) == (6, 6, 0)
    assert sum(found["output_tokens"]) == 48
    assert found["interval_s"] > 0


WRONG: list[tuple[str, dict[str, str], int, str]] = [
    ("samples", {"dataset": "gsm8"}, 400, "did you mean 'gsm8k'?"),
    ("samples", {"state": "wrnog"}, 400, "did you mean 'wrong'?"),
    ("samples", {"sort": "fast"}, 400, "is not one of order, slowest, score"),
    ("samples", {"limit": "1001"}, 400, "must be less than or equal to 1000"),
    ("samples/gsm8k/main/99999", {}, 404, "has no sample 99999"),
    ("samples/gsm8k/none/0", {}, 404, "has no sample 0"),
    ("samples/gsm8k/main/x", {}, 400, "must be a valid integer"),
    ("requests", {"point": "x"}, 409, "is an evaluation"),
]


@pytest.mark.parametrize(("path", "query", "status", "words"), WRONG)
def test_what_is_wrong_is_told(
    real: Service, evaluation: str, path: str, query: dict[str, str], status: int, words: str
) -> None:
    """With what would be right."""
    answer = real.client.get(f"/api/v1/runs/{evaluation}/{path}", params=query)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.text


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("samples", {}, 409, "is a load test"),
        ("requests", {"point": "parallel_9"}, 400, "must be one of parallel_1_number_4, parallel_2_number_6"),
        ("requests", {"point": "../x"}, 400, "must be one of"),
        ("requests", {}, 400, "point: is required"),
        ("requests", {"point": "parallel_1_number_4", "error": "timeuot"}, 400, "error"),
    ],
)
def test_what_is_wrong_of_a_load_test(
    real: Service, load_test: str, path: str, query: dict[str, str], status: int, words: str
) -> None:
    """The same."""
    answer = real.client.get(f"/api/v1/runs/{load_test}/{path}", params=query)
    assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.text


@pytest.mark.parametrize(("path", "query"), MISSING)
def test_no_run_has_no_samples(real: Service, path: str, query: dict[str, str]) -> None:
    """404."""
    assert real.client.get(f"/api/v1/runs/none/{path}", params=query).status_code == 404


def test_files_that_changed_are_told_from_those_that_were_indexed(real: Service, model: str) -> None:
    """A line that is another one's is never shown as a sample's; an index that was replaced is read again."""
    body = {"model": "m", "api_url": model, "datasets": ["gsm8k"], "dataset_hub": "sample", "limit": 3}
    answer = real.post("eval", body).json()
    here, folder = f"/api/v1/runs/{answer['id']}/samples", Path(answer["output_dir"])
    first = got(real, here)["samples"][0]["href"]
    lines = folder / "predictions" / "m" / "gsm8k_main.jsonl"
    kept = lines.read_bytes()
    lines.write_bytes(kept[len(kept) // 2 :])
    damaged = real.client.get(first)
    assert (damaged.status_code, damaged.json()["run"]) == (409, answer["id"])
    lines.write_bytes(kept)
    assert got(real, first)["answer"]
    (folder / "reports" / "samples.npy").write_bytes(b"no index")
    assert real.client.get(here).status_code == 409
    (folder / "reports" / "samples.npy").unlink()
    gone = real.client.get(here)
    assert (gone.status_code, "reports/samples.npy" in gone.json()["error"]) == (404, True)


def test_load_tests_are_compared(real: Service, model: str, load_test: str) -> None:
    """Load by load, with every figure of both; evaluations are another thing."""
    body = {"model": "other", "url": f"{model}/chat/completions", "number": 6, "parallel": 2, "max_tokens": 8}
    other = real.post("perf", body | {"prompt": "hello"}).json()["id"]
    found = got(real, "/api/v1/compare", baseline=load_test, candidate=other)
    assert (found["kind"], found["baseline"]["run"], found["confidence"]) == ("perf", load_test, 0.95)
    (candidate,) = found["candidates"]
    assert candidate["candidate"]["model"] == "other"
    (point,) = candidate["points"]
    assert point["candidate"]["point"] == "parallel_2_number_6"
    assert {"rps", "latency_p50_s"} & point["figures"].keys()
    assert candidate["only_baseline"] == ["parallel_1_number_4"]


def test_evaluations_are_compared_with_several(real: Service, evaluation: str, load_test: str) -> None:
    """One comparison for each candidate; another kind of run is refused by name."""
    found = got(real, "/api/v1/compare", baseline=evaluation, candidate=evaluation)
    assert (found["kind"], len(found["comparisons"])) == ("eval", 1)
    assert set(found["comparisons"][0]["benchmarks"]) == {"gsm8k", "iquiz"}
    mixed = real.client.get("/api/v1/compare", params={"baseline": evaluation, "candidate": load_test})
    assert (mixed.status_code, mixed.json()["problems"][0]["field"]) == (400, "candidate")
    mixed = real.client.get("/api/v1/compare", params={"baseline": load_test, "candidate": evaluation})
    assert (mixed.status_code, mixed.json()["problems"][0]["field"]) == (400, "candidate")
    for wrong in ("", ",", ",".join(map(str, range(9)))):
        answer = real.client.get("/api/v1/compare", params={"baseline": evaluation, "candidate": wrong})
        assert answer.status_code == 400
