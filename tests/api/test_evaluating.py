"""Evaluations over REST with the real runner: what they cost, what they would, how many at once, and collections."""

import pytest

from evalkube_benchmarks.collections import COLLECTIONS
from fakes.service import Service

PRICES = {"input": 1.5, "output": 6.0}


def test_a_dry_run_is_answered_on_the_same_path(real: Service) -> None:
    """Nobody listens at the endpoint, and nobody is missed; the run's summary and files have the estimate, too."""
    body = {"model": "m", "api_url": "http://127.0.0.1:9/v1", "datasets": ["gsm8k"], "dataset_hub": "sample"}
    answer = real.post("eval", {**body, "dry_run": True, "prices": PRICES}).json()
    assert (answer["status"], answer["message"]) == ("success", "Dry run completed: nothing was asked")
    assert answer["result"] == {}
    estimate = answer["estimate"]
    assert (estimate["counted_by"], estimate["calls"]) == ("characters", estimate["datasets"]["gsm8k"]["samples"])
    assert 0 < estimate["model"]["prompt_cost"] < estimate["most_cost"]
    run = real.run(answer["id"])
    assert run["summary"]["estimate/calls"] == estimate["calls"]
    files = real.client.get(f"/api/v1/runs/{answer['id']}/artifacts").json()["artifacts"]
    assert "reports/estimate.json" in {file["path"] for file in files}
    assert not any(file["path"].endswith((".html", ".jsonl")) for file in files)


def test_cost_index_and_batch_size_stand_beside_the_reports(real: Service, model: str) -> None:
    """Only where they are asked for; and in the report for people."""
    body = {"model": "m", "api_url": model, "datasets": ["core_zh", "mine"], "dataset_hub": "sample"}
    more = {"collections": {"mine": {"iquiz": 3, "gsm8k": 1}}, "prices": PRICES, "eval_batch_size": "auto"}
    answer = real.post("eval", {**body, **more}).json()
    assert set(answer["result"]) == {*COLLECTIONS["core_zh"].weights, "iquiz", "gsm8k"}
    assert set(answer["collections"]) == {"core_zh", "mine"}
    assert answer["cost"]["total"] == pytest.approx(sum(answer["cost"]["datasets"].values()), abs=1e-5)
    assert answer["at_once"][0]["highest"] >= 1
    run = real.run(answer["id"])
    assert run["summary"]["index/mine"] == pytest.approx(answer["collections"]["mine"]["index"], abs=1e-4)
    page = real.client.get(f"/api/v1/runs/{answer['id']}/artifacts/reports/report.html").text
    assert "Cost, in the currency of the prices" in page
    assert "Collections" in page
