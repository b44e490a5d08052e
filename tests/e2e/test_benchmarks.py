"""Benchmarks of several kinds in one evaluation: what it answers, what it costs, how it differs from another one."""

from typing import Any

import httpx
import pytest

from e2e.documents import MODEL_PORT, eval_run
from e2e.kube import Kube, condition

JUDGE = {"model": "judge", "apiUrl": f"http://judge:{MODEL_PORT}/v1", "apiKeySecretRef": {"name": "judges"}}
PRICES = {"input": 0.5, "output": 2.0}
COMMON = ["gsm8k", "mmlu"]
PROGRAMS = 3
"""Of humaneval's sample data."""


@pytest.fixture(scope="module")
def runs(kube: Kube) -> dict[str, dict[str, Any]]:
    """Three runs that go on at the same time, at their end: of several kinds in two shards, one of a model that says
    the same to everything, and a dry one.
    """
    broad = eval_run(
        "broad",
        "model",
        datasets=["core", "math_500", "ifeval", "humaneval", "simple_qa"],
        collections={"core": {"gsm8k": 1, "mmlu": 2}},
        judge={"models": [{**JUDGE, "prices": PRICES}]},
        prices=PRICES,
        evalBatchSize="auto",
        shards=2,
    )
    guessing = eval_run("guessing", "judge", datasets=COMMON, apiKeySecretRef={"name": "judges"})
    dry = eval_run("dry", "nobody", datasets=COMMON, prices=PRICES, dryRun=True)
    made = [broad, guessing, dry]
    kube.create(*made)
    ended = {run["metadata"]["name"]: kube.ended("evalrun", run["metadata"]["name"]) for run in made}
    assert {name: run["status"]["phase"] for name, run in ended.items()} == dict.fromkeys(ended, "Succeeded"), [
        condition(run) for run in ended.values()
    ]
    return ended


def test_benchmarks_of_several_kinds(runs: dict[str, dict[str, Any]], rest: httpx.Client, kube: Kube) -> None:
    """Every sample is scored, programs in a sandbox and free answers by a judge with a key of its own."""
    summary = runs["broad"]["status"]["summary"]
    assert {name: count for name, count in summary.items() if name.endswith("/errored") and count} == {}
    results = rest.get("/api/v1/runs/broad").json()["results"]
    assert results["humaneval"]["score"] == 1
    assert summary["humaneval/scored"] == PROGRAMS
    assert {"landlock:files", "seccomp:sockets"} <= set(results["sandbox"])
    log = kube.run("logs", "-l", "evalkube.io/run=broad", "--tail=-1")
    assert "run in a sandbox that holds landlock:files" in log
    judged = results["simple_qa"]["judge_summary"]
    assert (judged["judgements"], judged["excluded"]) == (results["simple_qa"]["scored"], 0)
    low, high = results["mmlu"]["interval"]
    assert low < results["mmlu"]["score"] < high
    scores = {name: results[name]["score"] for name in COMMON}
    assert results["collections"]["core"]["index"] == pytest.approx(
        (scores["gsm8k"] + 2 * scores["mmlu"]) / 3, abs=1e-4
    )
    assert (
        summary["cost"]
        == results["cost"]["total"]
        == pytest.approx(results["cost"]["model"] + results["cost"]["judges"][0]["cost"])
    )


def test_a_dry_run_asks_nobody(runs: dict[str, dict[str, Any]]) -> None:
    """Its endpoint does not exist; it says how many calls there would be and what they cost at most."""
    status = runs["dry"]["status"]
    assert status["summary"]["estimate/calls"] == runs["guessing"]["status"]["progress"]["total"]
    assert 0 < status["summary"]["estimate/most_cost"] == status["results"]["estimate"]["most_cost"]


def test_two_runs_are_compared(runs: dict[str, dict[str, Any]], rest: httpx.Client) -> None:
    """From the reviews in the store: the questions that both were asked, and which of them went wrong."""
    answer = rest.post("/api/v1/compare", json={"baseline": "broad", "candidate": "guessing"})
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["benchmarks"]) == set(COMMON)
    told = answer.json()["benchmarks"]["gsm8k"]
    assert told["difference"] == -told["baseline_score"], told
    assert len(told["changed"]) == told["right_to_wrong"] > told["wrong_to_right"] == 0
    missing = rest.post("/api/v1/compare", json={"baseline": "broad", "candidate": "nothing"})
    assert (missing.status_code, "nothing" in missing.text) == (404, True)


def test_the_service_lists_benchmarks(rest: httpx.Client) -> None:
    """Those that its image has, and collections of them."""
    listed = rest.get("/api/v1/benchmarks").json()
    assert {"gsm8k", "humaneval", "simple_qa"} <= {each["name"] for each in listed["benchmarks"]}
    assert "core_en" in {each["name"] for each in listed["collections"]}
