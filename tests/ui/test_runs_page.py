"""The list of runs, in a real browser."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import expect

from fakes.screen import NARROW, Screen
from fakes.service import Service
from fakes.waiting import until

Start = Callable[..., str]


def quick(model: str, url: str) -> dict[str, object]:
    """A request for an evaluation that soon ends."""
    return {"model": model, "api_url": url, "datasets": ["gsm8k"], "dataset_hub": "sample", "limit": 2}


@pytest.mark.timeout(300)  # a run of the real runner, on a machine that may be busy
def test_a_run_appears_in_the_open_list_and_ends_there(screen: Screen, start: Start, model: str) -> None:
    """Nobody loads the page again."""
    with screen.page("/ui?q=appears") as tab:
        tab.wait_for_selector("html[data-following]")
        assert tab.get_by_text("No run matches the filters.").is_visible()
        run_id = start("eval", **quick("appears", model))
        expect(tab.get_by_text(run_id)).to_be_visible(timeout=20_000)
        row = tab.get_by_role("row", name=re.compile(run_id))
        expect(row.get_by_text("Succeeded")).to_be_visible(timeout=200_000)
        expect(row.get_by_text("score")).to_be_visible()


def test_what_was_chosen_stays_chosen_while_the_list_changes(screen: Screen, start: Start, model: str) -> None:
    """And the focus stays where it was."""
    first = start("eval", **quick("chosen", model))
    with screen.page("/ui?q=chosen") as tab:
        box = tab.get_by_label(f"Choose {first}")
        box.check()
        second = start("eval", **quick("chosen", model))
        expect(tab.get_by_text(second)).to_be_visible(timeout=20_000)
        expect(tab.get_by_label(f"Choose {first}")).to_be_checked()
        expect(tab.get_by_text("1 chosen")).to_be_visible()
        assert tab.evaluate("document.activeElement.value") == first


def test_filters_are_in_the_url(screen: Screen, failed_run: str) -> None:
    """A link to a filtered list shows the same list."""
    with screen.page("/ui") as tab:
        tab.get_by_label("Phase").select_option("Failed")
        expect(tab).to_have_url(re.compile(r"[?&]phase=Failed"))
        expect(tab.get_by_text(failed_run)).to_be_visible()
        address = tab.url
    with screen.page(address) as tab:
        assert tab.get_by_label("Phase").input_value() == "Failed"
        assert tab.get_by_text(failed_run).is_visible()
        assert tab.locator("tbody .tag.good").count() == 0


def test_filters_work_without_scripts(screen: Screen, failed_run: str) -> None:
    """As a form that is sent."""
    with screen.page("/ui", script=False) as tab:
        tab.get_by_label("Search").fill("gone")
        tab.get_by_role("button", name="Filter").click()
        assert tab.get_by_text(failed_run).is_visible()


def test_two_runs_lead_to_their_comparison(service: Service, failed_run: str, long_run: str) -> None:
    """The older one is the baseline, because it comes last in the list."""
    chosen = {"run": [long_run, failed_run], "action": "compare", "back": "/ui"}
    answer = service.client.post("/ui/do", data=chosen)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/ui/compare?runs={failed_run},{long_run}"


def test_deleting_asks_first(screen: Screen, service: Service, start: Start, model: str) -> None:
    """Then the run is gone, and the list is there again."""
    run_id = start("eval", **quick("doomed", model))
    service.client.post(f"/api/v1/runs/{run_id}/cancel")
    until(lambda: service.run(run_id)["phase"] in ("Cancelled", "Succeeded"))
    with screen.page("/ui?q=doomed") as tab:
        tab.get_by_label(f"Choose {run_id}").check()
        tab.get_by_role("button", name="Delete").click()
        assert tab.get_by_role("heading", name="Delete 1 run?").is_visible()
        assert service.client.get(f"/api/v1/runs/{run_id}").status_code == 200
        tab.get_by_role("button", name="Delete").click()
        expect(tab).to_have_url(re.compile(r"/ui\?q=doomed"))
    assert service.client.get(f"/api/v1/runs/{run_id}").status_code == 404


def test_a_run_that_goes_on_is_not_deleted(service: Service, long_run: str) -> None:
    """The page says why, and what to do."""
    sure = {"run": long_run, "action": "delete", "sure": "yes", "back": "/ui"}
    answer = service.client.post("/ui/do", data=sure)
    assert "not done" in answer.text
    assert "cancel it first" in answer.text


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "/ui/../api", "javascript:0"])
def test_a_form_leads_back_to_pages_of_ours_alone(service: Service, failed_run: str, back: str) -> None:
    """Whatever the form says."""
    answer = service.client.post("/ui/do", data={"run": failed_run, "action": "cancel", "sure": "yes", "back": back})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/ui"


def test_a_page_of_another_site_does_nothing(service: Service, failed_run: str) -> None:
    """A form there may be sent here, and is refused."""
    sure = {"run": failed_run, "action": "delete", "sure": "yes"}
    answer = service.client.post("/ui/do", data=sure, headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    assert service.client.get(f"/api/v1/runs/{failed_run}").status_code == 200


def test_a_narrow_list_keeps_the_words_beside_the_values(screen: Screen, failed_run: str) -> None:
    """Rows become cards; each value still has its name."""
    with screen.page("/ui?q=gone", width=NARROW) as tab:
        row = tab.get_by_role("row", name=re.compile(failed_run))
        assert row.get_by_text("Failed").first.is_visible()
        assert row.get_by_text("TargetUnreachable").is_visible()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("phase=Faild", "did you mean"),
        ("sort=size", "must be one of created"),
        ("page=0", "must be a whole number"),
        ("kind=x", "must be one of eval, perf"),
        ("fase=Failed", "did you mean"),
    ],
)
def test_a_filter_with_a_slip_is_refused_in_words(service: Service, query: str, words: str) -> None:
    """And not passed over, which would list everything."""
    answer = service.client.get(f"/ui?{query}")
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert words in answer.text
