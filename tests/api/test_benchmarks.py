"""GET /api/v1/benchmarks, and what is said of a name that is not on its list."""

from evalkube_benchmarks.table import BENCHMARKS
from fakes.service import Service


def test_the_list_names_all_that_a_request_may_name(service: Service) -> None:
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
    assert other.json()["problems"] == [{"field": "dataset_args.iquiz", "reason": "only of the run's own datasets"}]
