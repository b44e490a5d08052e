"""What the project is for: through REST and through kubectl, both kinds, whole and in shards; results and artifacts."""

import json
import time
from typing import Any

import httpx
import pytest

from e2e.documents import MODEL_PORT, config_map, eval_run, perf_run
from e2e.kube import Kube, condition

EVAL = {
    "model": "mock-model",
    "api_url": f"http://model:{MODEL_PORT}/v1",
    "datasets": ["gsm8k"],
    "dataset_hub": "sample",
    "limit": 4,
    "generation_config": {"temperature": 0.0, "max_tokens": 256},
}
PERF = {
    "model": "mock-model",
    "url": f"http://model:{MODEL_PORT}/v1/chat/completions",
    "number": 40,
    "parallel": 4,
    "dataset": "openqa",
    "data_source": "sample",
    "max_tokens": 32,
}
SHARDS = pytest.mark.parametrize("shards", [1, 4])


@SHARDS
def test_an_evaluation_through_rest(rest: httpx.Client, shards: int) -> None:
    """The seed's request gets the seed's answer, whatever the number of pods."""
    answer = rest.post("/api/v1/eval", json={**EVAL, "shards": shards})
    body = answer.json()
    assert answer.status_code == 200, body
    assert body["status"] == "success"
    assert body["message"] == "Evaluation completed"
    assert {"result", "output_dir"} <= set(body)


@SHARDS
def test_a_load_test_through_rest(rest: httpx.Client, shards: int) -> None:
    """The same for load tests: one point, all requests counted once."""
    answer = rest.post("/api/v1/perf", json={**PERF, "shards": shards})
    body = answer.json()
    assert answer.status_code == 200, body
    point = body["results"]["parallel_4_number_40"]
    assert {"metrics", "percentiles"} <= set(point)


@SHARDS
def test_an_evaluation_through_kubectl(kube: Kube, shards: int) -> None:
    """Every sample once; `kubectl wait` sees the end; the results are collected."""
    name = f"eval-{shards}"
    kube.create(eval_run(name, "model", limit=8, shards=shards))
    kube.run("wait", "--for=condition=Succeeded", f"evalrun/{name}", "--timeout=90s")
    run = kube.get("evalrun", name)
    assert run is not None
    assert run["status"]["summary"]["gsm8k/scored"] == run["status"]["progress"]["total"]
    assert run["status"]["summary"]["score"] == 7 / 8, "the mock's answer to one of the questions is wrong"
    assert condition(run, "ResultsCollected")["status"] == "True", condition(run, "ResultsCollected")
    jobs = kube.select("jobs", f"evalkube.io/run={name}")
    assert [job["spec"]["completions"] for job in jobs] == [shards]


@SHARDS
def test_a_load_test_through_kubectl(kube: Kube, shards: int) -> None:
    """All requests are made, none twice, and merged."""
    name = f"perf-{shards}"
    kube.create(perf_run(name, "model", number=[40], parallel=[4], shards=shards))
    run = kube.ended("perfrun", name)
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert condition(run, "ResultsCollected")["status"] == "True", condition(run, "ResultsCollected")
    assert run["status"]["summary"]["parallel_4_number_40/success_rate"] == 1
    assert run["status"]["progress"]["done"] == 40
    skew_s = run["status"].get("startSkewSeconds")
    print(f"\n{shards} shards: starts at most {skew_s} s apart")
    if shards > 1:
        assert 0 < skew_s < 1, "bench/start_skew.py has the bar; this one works on a busy machine"
    else:
        assert skew_s is None


def test_shards_add_up_to_what_one_pod_reports(kube: Kube) -> None:
    """The results of an evaluation do not depend on the number of its pods."""

    def results(name: str) -> Any:
        run = kube.get("evalrun", name)
        assert run is not None
        return run["status"]["summary"]

    assert results("eval-4") == results("eval-1")


def test_artifacts_and_logs(rest: httpx.Client) -> None:
    """The API serves what a run left: listing, files, log; and deletes it with the run."""
    answer = rest.post("/api/v1/eval", json={**EVAL, "shards": 2}).json()
    here = f"/api/v1/runs/{answer['id']}"
    listed = [each["path"] for each in rest.get(f"{here}/artifacts").json()["artifacts"]]
    predictions = next(path for path in listed if "predictions" in path and path.endswith(".jsonl"))
    lines = rest.get(f"{here}/artifacts/{predictions}").text.splitlines()
    assert len([json.loads(line) for line in lines]) == 4
    assert any(path.endswith(".html") for path in listed)
    assert "evalkube.runner" in rest.get(f"{here}/logs").text
    assert rest.delete(here).status_code == 200
    assert rest.get(here).status_code == 404


def test_the_answer_may_be_fetched_later(rest: httpx.Client) -> None:
    """202 at once with the run's place; the same key gives the same run; its place gives the seed's answer."""
    headers = {"Prefer": "respond-async", "Idempotency-Key": "e2e-later"}
    first = rest.post("/api/v1/eval", json=EVAL, headers=headers)
    again = rest.post("/api/v1/eval", json=EVAL, headers=headers)
    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])
    answer = rest.get(f"{first.headers['Location']}/result", headers={"Prefer": "wait=90"})
    assert answer.status_code == 200
    assert answer.json()["status"] == "success"


def test_three_samples_take_seconds(rest: httpx.Client) -> None:
    """From POST to response, the image present; the bar of bench/ is 6 s on an idle cluster, and this one works."""
    began = time.monotonic()
    answer = rest.post("/api/v1/eval", json={**EVAL, "limit": 3})
    seconds = time.monotonic() - began
    print(f"\n3 samples over REST: {seconds:.2f} s")
    assert answer.status_code == 200
    assert seconds < 15


def test_a_missed_threshold_is_no_failure_of_the_run(kube: Kube) -> None:
    """The run succeeds, and says that its gate is not met."""
    gate = {"metric": "gsm8k/mean_acc", "op": ">", "value": 1.0}
    kube.create(eval_run("gated", "model", limit=2, thresholds=[gate]))
    run = kube.ended("evalrun", "gated")
    assert run["status"]["phase"] == "Succeeded"
    assert condition(run, "ThresholdsMet")["status"] == "False"


def test_a_recorded_load_and_conversations_from_a_config_map(kube: Kube) -> None:
    """Two pods share a trace and a file of conversations, begin together, and say what each was."""
    trace: list[object] = [
        {"timestamp": 100 * at, "input_length": 40, "output_length": 8, "hash_ids": [0]} for at in range(20)
    ]
    talk = [{"role": role, "content": f"{role} {turn}"} for turn in range(3) for role in ("user", "assistant")]
    files: dict[str, list[object]] = {"trace.jsonl": trace, "talks.jsonl": [talk] * 8}
    data = {name: "".join(json.dumps(line) + "\n" for line in lines) for name, lines in files.items()}
    kube.apply(config_map("recorded", data, opted_in=True))
    both: dict[str, Any] = {"shards": 2, "data": [{"name": "mine", "configMap": "recorded"}], "goodput": {"ttft": 5.0}}
    trace_run = perf_run("trace", "model", dataset="workload_trace", datasetPath="/data/mine/trace.jsonl", **both)
    for field in ("dataSource", "number", "parallel", "maxTokens"):  # the trace says all of this
        del trace_run["spec"][field]
    talks = {"dataset": "custom_multi_turn", "datasetPath": "/data/mine/talks.jsonl", "dataSource": "local"}
    kube.create(trace_run, perf_run("talks", "model", **talks, number=[8], parallel=[2], **both))
    figures: dict[str, float] = {}
    for name, total in (("trace", 20), ("talks", 8)):
        status = kube.ended("perfrun", name)["status"]
        assert status["phase"] == "Succeeded", status["conditions"]
        figures = {key.partition("/")[2]: value for key, value in status["summary"].items()}
        assert (status["progress"]["done"], figures["success_rate"], figures["goodput"]) == (total, 1, 1)
        assert 0 <= status["startSkewSeconds"] < 1
    assert figures["conversations_completed"] == 1


def test_own_data_from_a_config_map(kube: Kube) -> None:
    """What `spec.data` names is at /data/<name> for `localPath`."""
    row = json.dumps({"query": "How many legs has a spider?", "response": "8"})
    kube.apply(config_map("own", {"own.jsonl": f"{row}\n"}, opted_in=True))
    arguments = {"general_qa": {"localPath": "/data/mine", "subsetList": ["own"]}}
    mount = {"name": "mine", "configMap": "own"}
    kube.create(
        eval_run(
            "own-data",
            "model",
            datasets=["general_qa"],
            datasetHub="local",
            datasetArgs=arguments,
            data=[mount],
            limit=1,
        )
    )
    run = kube.ended("evalrun", "own-data")
    assert run["status"]["phase"] == "Succeeded", condition(run)
    assert run["status"]["progress"]["total"] == 1
