"""GET /api/v1/benchmarks, and what is said of a name that is not on its list."""

from typing import Any

import pytest

from evalkube_benchmarks.table import BENCHMARKS
from fakes.service import Service


def test_the_list_names_all_that_a_askedmay_name(service: Service) -> None:
    """With what a person asks before a run: category, languages, size, metrics, licence, source."""
    listed = service.client.get("/api/v1/benchmarks").json()["benchmarks"]
    assert {one["name"] for one in listed} == set(BENCHMARKS)
    (gsm8k,) = [one for one in listed if one["name"] == "gsm8k"]
    assert gsm8k["items"] == 1319
    assert gsm8k["metrics"] == [{"name": "acc", "better": "higher"}]
    assert (gsm8k["category"], gsm8k["languages"], gsm8k["licence"]) == ("mathematics", ["en"], "MIT")


def test_an_unknown_name_is_refused_with_the_nearest(service: Service) -> None:
    """Before a run is made of it, and with the field."""
    body = {"model": "m", "api_url": "http://127.0.0.1:9/v1", "datasets": ["gsm8k", "cevall"]}
    refused = service.client.post("/api/v1/eval", json=body)
    assert refused.status_code == 400
    assert refused.json()["problems"] == [
        {"field": "datasets[1]", "reason": "'cevall' is not a known benchmark; did you mean 'ceval'?"}
    ]


def test_collections_are_listed_and_taken(service: Service) -> None:
    """With their members, which are benchmarks; one of the request's own is refused where it names none."""
    answer = service.client.get("/api/v1/benchmarks").json()
    assert {"core_en", "core_zh", "math"} <= {one["name"] for one in answer["collections"]}
    assert all(set(one["members"]) <= set(BENCHMARKS) for one in answer["collections"])
    body = {"model": "m", "api_url": "http://127.0.0.1:9/v1", "datasets": ["own"]}
    refused = service.client.post("/api/v1/eval", json={**body, "collections": {"own": {"gsm8k": 1, "gsm9k": 2}}})
    assert refused.status_code == 400
    assert refused.json()["problems"] == [
        {"field": "collections.own.gsm9k", "reason": "'gsm9k' is not a known benchmark; did you mean 'gsm8k'?"}
    ]
    other = service.client.post("/api/v1/eval", json={**body, "datasets": ["math"], "dataset_args": {"iquiz": {}}})
    assert other.json()["problems"] == [
        {"field": "dataset_args.iquiz", "reason": "is not in datasets or their collections"}
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"category": "mathematics", "q": "GSM8K"}, {"gsm8k"}),
        ({"language": "zh", "q": "ceval"}, {"ceval"}),
        ({"q": "nothing is called so"}, set()),
    ],
)
def test_the_list_is_filtered(service: Service, query: dict[str, str], found: set[str]) -> None:
    """And of the collections those that have one of what is left."""
    answer = service.client.get("/api/v1/benchmarks", params=query).json()
    assert {one["name"] for one in answer["benchmarks"]} == found
    assert all(found & set(one["members"]) for one in answer["collections"])


def test_a_category_that_there_is_not(service: Service) -> None:
    """400 with the nearest."""
    refused = service.client.get("/api/v1/benchmarks", params={"category": "mathematic"})
    assert refused.status_code == 400
    assert "did you mean 'mathematics'" in refused.json()["problems"][0]["reason"]


_JUDGE = {"model": "j", "api_url": "http://127.0.0.1:9/v1"}


@pytest.mark.parametrize(
    ("asked", "field", "judged"),
    [
        pytest.param({"datasets": ["gsm8k", "simple_qa"]}, "judge.models", "simple_qa", id="no judge"),
        pytest.param(
            {"datasets": ["own"], "collections": {"own": {"gsm8k": 1, "general_judge": 1, "simple_qa": 2}}},
            "judge.models",
            "general_judge, simple_qa",
            id="no judge of a collection",
        ),
        pytest.param(
            {"datasets": ["simple_qa"], "judge": {"strategy": "rule"}}, "judge.models", "simple_qa", id="none, by rule"
        ),
        pytest.param(
            {"datasets": ["simple_qa"], "judge": {"strategy": "rule", "models": [_JUDGE]}},
            "judge.strategy",
            "simple_qa",
            id="one that would not be asked",
        ),
        pytest.param({"datasets": ["simple_qa"], "dry_run": True}, "judge.models", "simple_qa", id="a dry run"),
    ],
)
def test_a_benchmark_that_a_judge_grades_needs_one(
    service: Service, asked: dict[str, Any], field: str, judged: str
) -> None:
    """Refused before a run is made of it, with what to do."""
    body = {"model": "m", "api_url": "http://127.0.0.1:9/v1", "dataset_hub": "sample", **asked}
    refused = service.client.post("/api/v1/eval", json=body)
    assert refused.status_code == 400
    reason = f"only a language model grades {judged}; name one in judge.models, with judge.strategy auto"
    assert refused.json()["problems"] == [{"field": field, "reason": reason}]


def test_a_benchmark_that_a_judge_grades_is_taken_with_one(service: Service) -> None:
    """By the same path."""
    body = {"model": "m", "api_url": "http://127.0.0.1:9/v1", "datasets": ["simple_qa"]}
    assert service.post("eval", {**body, "judge": {"models": [_JUDGE]}}).status_code == 200
