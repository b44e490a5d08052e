"""POST /api/v1/compare, of real runs, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fakes.bodies import eval_body, perf_body
from fakes.compared import Compared, two_evaluations
from fakes.service import Service


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    """Two evaluations that were done."""
    with two_evaluations(tmp_path_factory.mktemp("compared") / "outputs") as runs:
        yield runs


def test_two_runs_are_compared(compared: Compared) -> None:
    """One question was lost, one was won: no difference, and the test says that there is none to explain."""
    body = dict(zip(("baseline", "candidate"), compared.ids, strict=True))
    answer = compared.service.client.post("/api/v1/compare", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["baseline"] == {"run": compared.ids[0], "model": "base"}
    one = found["benchmarks"]["gsm8k"]
    assert (one["questions"], one["right_to_wrong"], one["wrong_to_right"]) == (4, 1, 1)
    assert (one["baseline_score"], one["candidate_score"], one["difference"], one["p_value"]) == (0.25, 0.25, 0.0, 1.0)
    assert (one["metric"], one["test"], one["warnings"]) == ("acc", "mcnemar", [])
    assert [(change["target"], change["candidate"]["score"]) for change in one["changed"]] == [("1980", 0), ("10", 1)]
    assert one["changed"][0]["question"].startswith("A lighthouse keeper")


def test_a_short_list_of_changes(compared: Compared) -> None:
    """None, where none is wanted; the counts stay."""
    body: dict[str, Any] = dict(zip(("baseline", "candidate"), compared.ids, strict=True))
    one = compared.service.client.post("/api/v1/compare", json=body | {"most_changed": 0}).json()["benchmarks"]["gsm8k"]
    assert (one["changed"], one["lower"], one["higher"]) == ([], 1, 1)


def test_reviews_that_are_gone(compared: Compared) -> None:
    """409, with the run that lacks them."""
    reviews = compared.folders[1] / "reviews"
    reviews.rename(reviews.with_name("moved"))
    body = dict(zip(("baseline", "candidate"), compared.ids, strict=True))
    answer = compared.service.client.post("/api/v1/compare", json=body)
    reviews.with_name("moved").rename(reviews)
    assert answer.status_code == 409
    assert answer.json()["run"] == compared.ids[1]
    assert "reviews" in answer.json()["error"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({}, ["baseline", "candidate"], id="nothing"),
        pytest.param({"baseline": "a"}, ["candidate"], id="one run"),
        pytest.param({"baseline": "a", "candidate": 7}, ["candidate"], id="a number"),
        pytest.param({"baseline": "", "candidate": "b" * 600}, ["baseline", "candidate"], id="no ids"),
        pytest.param({"baseline": "a", "candidate": "b", "most_changed": -1}, ["most_changed"], id="negative"),
        pytest.param({"baseline": "a", "candidate": "b", "most_changed": True}, ["most_changed"], id="no number"),
        pytest.param({"baseline": "a", "candidate": "b", "candidat": "c"}, ["candidat"], id="misspelt"),
    ],
)
def test_a_request_that_has_to_change(service: Service, body: dict[str, Any], fields: list[str]) -> None:
    """400, with each field."""
    answer = service.client.post("/api/v1/compare", json=body)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["problems"]] == fields


def test_runs_that_cannot_be_compared(service: Service) -> None:
    """404 for one that is not there, 400 for a load test, 409 for one that failed, asked nothing or goes on."""
    load = service.post("perf", perf_body()).json()["id"]
    failed = service.post("eval", eval_body("fail-TargetUnreachable")).json()["id"]
    dry = service.post("eval", eval_body(dry_run=True)).json()["id"]
    going = service.post("eval", eval_body("hang"), Prefer="respond-async").json()["id"]
    cases = {"nobody": 404, "../../etc": 404, load: 400, failed: 409, dry: 409, going: 409}
    found = {
        run_id: service.client.post("/api/v1/compare", json={"baseline": run_id, "candidate": run_id})
        for run_id in cases
    }
    service.client.post(f"/api/v1/runs/{going}/cancel")
    assert {run_id: answer.status_code for run_id, answer in found.items()} == cases
    assert found[load].json()["problems"][0]["field"] == "baseline"
    assert found[failed].json()["run"] == failed
    assert "dry run" in found[dry].json()["error"]


def test_load_tests_without_a_result_document(service: Service) -> None:
    """409, with the run and the file that it lacks."""
    ids = [service.post("perf", perf_body()).json()["id"] for _ in range(2)]
    Path(service.run(ids[0])["output_dir"], "perf_result.json").unlink()
    answer = service.client.get("/api/v1/compare", params={"baseline": ids[0], "candidate": ids[1]})
    assert answer.status_code == 409
    assert answer.json()["run"] == ids[0]
    assert "perf_result.json" in answer.json()["error"]
