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
