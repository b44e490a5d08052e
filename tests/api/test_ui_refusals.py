"""Pages of the dashboard that say why there is no other, and what can be done from the page of a result."""

import re
from pathlib import Path

import pytest

from fakes import many_samples
from fakes.service import Service, running_service


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/ui/runs/r/samples/gsm8k/main/first", "text/html"), ("/api/v1/runs/r/samples/gsm8k/main/first", "json")],
    ids=["page", "document"],
)
def test_an_address_with_a_word_for_a_number(service: Service, path: str, kind: str) -> None:
    """400 with the part that is wrong: a page below /ui, and JSON elsewhere."""
    answer = service.client.get(path)
    assert answer.status_code == 400
    assert kind in answer.headers["content-type"]
    assert "index" in answer.text


@pytest.mark.parametrize(("backend", "offered"), [("local", True), ("folder", False)])
def test_a_result_can_be_cloned_and_deleted_where_it_may_be(backend: str, offered: bool, tmp_path: Path) -> None:
    """By a form that asks once more; a folder that is only looked at offers neither."""
    run_id = many_samples.evaluated(tmp_path, 5)
    with running_service(tmp_path, backend=backend) as service:
        page = service.client.get(f"/ui/runs/{run_id}").text
        assert (f'href="/ui/new?clone={run_id}"' in page) is offered
        forms = re.findall(r'<form method="post" action="/ui/do">.*?</form>', page, re.DOTALL)
        assert [f'name="run" value="{run_id}"' in one and 'value="delete"' in one for one in forms] == [True] * offered
        if offered:
            sent = {"run": run_id, "action": "delete", "back": "/ui"}
            asked = service.client.post("/ui/do", data=sent)
            assert "Delete 1 run?" in asked.text
            assert service.client.post("/ui/do", data=sent | {"sure": "yes"}).status_code < 400
            assert service.client.get(f"/ui/runs/{run_id}").status_code == 404


def test_runs_of_a_folder_are_compared_and_not_deleted(tmp_path: Path) -> None:
    """The form of the list leads to the comparison. It changes nothing in a service that only shows runs."""
    ids = [many_samples.evaluated(tmp_path, 5, name=name) for name in ("one", "two")]
    with running_service(tmp_path, backend="folder") as service:
        chosen = {"run": ids, "back": "/ui"}
        compared = service.client.post("/ui/do", data={**chosen, "action": "compare"})
        assert (compared.status_code, compared.headers["location"]) == (303, "/ui/compare?runs=two,one")
        assert service.client.post("/ui/do", data={**chosen, "action": "delete", "sure": "yes"}).status_code == 403


def test_too_many_runs_at_once_are_refused(service: Service) -> None:
    """None of them is left out in silence."""
    sent = {"run": [f"run-{number}" for number in range(501)], "action": "cancel", "sure": "yes"}
    answer = service.client.post("/ui/do", data=sent)
    assert answer.status_code == 400
    assert "at most 500" in answer.text


def test_the_live_page_of_a_run_that_succeeded_is_loaded_again(tmp_path: Path) -> None:
    """Its part that changes is answered with a refresh. A link on the page of the result gets the page."""
    run_id = many_samples.evaluated(tmp_path, 5)
    with running_service(tmp_path, backend="folder") as service:
        part = service.client.get(f"/ui/runs/{run_id}", headers={"hx-request": "true"})
        assert (part.headers["hx-refresh"], part.text) == ("true", "")
        boosted = service.client.get(
            f"/ui/runs/{run_id}?view=samples", headers={"hx-request": "true", "hx-boosted": "true"}
        )
        assert "1 to 5 of 5" in boosted.text
