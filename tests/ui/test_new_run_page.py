"""The form that starts a run, in a real browser."""

import json
import re
import shlex
from collections.abc import Callable

from playwright.sync_api import Page, expect

from fakes.screen import Screen, barriers
from fakes.service import Service

Start = Callable[..., str]
SECRET = "sk-entered-in-the-form-0123456789"


def fill(tab: Page, url: str, model: str = "entered") -> None:
    """The fewest fields of an evaluation that soon ends."""
    tab.get_by_label("model required").fill(model)
    tab.get_by_label("api_url required").fill(url)
    tab.get_by_label("gsm8k").check()
    tab.get_by_label("dataset_hub").select_option("sample")
    tab.get_by_label("limit", exact=True).fill("2")


def test_a_filled_form_starts_a_run(screen: Screen, service: Service, model: str) -> None:
    """With what was entered, and nothing else."""
    with screen.page("/ui/new") as tab:
        fill(tab, model)
        tab.get_by_label("max_tokens", exact=True).fill("64")
        tab.get_by_role("button", name="Start the run").click()
        expect(tab).to_have_url(re.compile(r"/ui/runs/eval-"))
        run_id = tab.url.rpartition("/")[2]
    spec = service.run(run_id)["spec"]
    assert (spec["model"], spec["datasets"], spec["limit"]) == ("entered", ["gsm8k"], 2)
    assert spec["generation_config"]["max_tokens"] == 64


def test_errors_stand_beside_their_fields(screen: Screen) -> None:
    """What was entered stays, the summary has the focus, and leads to the fields."""
    screen_complaints = screen.complaints
    with screen.page("/ui/new") as tab:
        fill(tab, "ftp://wrong")
        tab.get_by_label("repeats").fill("0")
        tab.get_by_role("button", name="Start the run").click()
        tab.wait_for_selector("#problems")
        assert tab.get_by_label("api_url required").get_attribute("aria-invalid") == "true"
        assert "http://" in tab.locator("#f-api-url-problem").inner_text()
        assert tab.get_by_label("model required").input_value() == "entered"
        assert tab.evaluate("document.activeElement.id") == "problems"
        assert barriers(tab) == []
        tab.locator("#problems").get_by_role("link", name="repeats").click()
        assert tab.evaluate("location.hash") == "#f-repeats"
    assert all("400" in one for one in screen_complaints)  # the browser notes the status of the page
    screen_complaints.clear()


def test_a_key_never_comes_back_into_a_page(screen: Screen, service: Service) -> None:
    """Neither with the errors nor in what is beside the form, and not in the run."""
    with screen.page("/ui/new") as tab:
        sent: list[str] = []
        tab.on("request", lambda request: sent.append(f"{request.url} {request.post_data}"))
        fill(tab, "ftp://wrong")
        tab.get_by_label("api_key", exact=True).fill(SECRET)
        expect(tab.locator("#text-1")).to_contain_text("$EVALKUBE_API_KEY")
        assert not any(SECRET in one for one in sent)
        tab.get_by_role("button", name="Start the run").click()
        tab.wait_for_selector("#problems")
        assert SECRET not in tab.content()
        assert tab.get_by_label("api_key", exact=True).input_value() == ""
    screen.complaints.clear()  # the browser notes the status of the page
    assert SECRET not in service.outputs.with_name("outputs.log").read_text()


def test_the_same_request_stands_beside_the_form(screen: Screen, model: str) -> None:
    """For curl, for the command line and as a resource, as it is filled."""
    with screen.page("/ui/new") as tab:
        fill(tab, model, "o'model")
        expect(tab.locator("#text-1")).to_contain_text('"limit": 2')  # which was entered last
        curl = shlex.split(tab.locator("#text-1").inner_text().replace("\\\n", " "))
        assert json.loads(curl[curl.index("-d") + 1]) == {
            "model": "o'model",
            "api_url": model,
            "datasets": ["gsm8k"],
            "dataset_hub": "sample",
            "limit": 2,
        }
        tab.get_by_text("Command line", exact=True).click()
        assert "--datasets gsm8k" in tab.locator("#text-2").inner_text()
        tab.get_by_text("YAML", exact=True).click()
        assert "kind: EvalRun" in tab.locator("#text-3").inner_text()


def test_a_clone_has_what_the_run_was_asked(screen: Screen, start: Start, model: str) -> None:
    """Of a load test, with its lists of values and its tags."""
    run_id = start(
        "perf", model="cloned", url=model, data_source="sample", parallel=[1, 2], number=[4, 8], max_tokens=8,
        sleep_interval=0, tags={"team": "a"},
    )  # fmt: skip
    with screen.page(f"/ui/new?clone={run_id}") as tab:
        assert tab.get_by_label("model required").input_value() == "cloned"
        assert tab.get_by_label("parallel", exact=True).input_value() == "1, 2"
        assert tab.get_by_label("tags", exact=True).input_value() == "team: a"
        tab.get_by_role("button", name="Start the run").click()
        expect(tab).to_have_url(re.compile(r"/ui/runs/perf-"))
        assert not tab.url.endswith(run_id)


def test_the_form_works_without_scripts(screen: Screen, model: str) -> None:
    """Only what is beside it does not change."""
    with screen.page("/ui/new", script=False) as tab:
        fill(tab, model)
        tab.get_by_role("button", name="Start the run").click()
        expect(tab).to_have_url(re.compile(r"/ui/runs/eval-"))


def test_the_form_is_filled_from_its_url(screen: Screen) -> None:
    """But for a key: addresses are kept by browsers and proxies."""
    with screen.page(f"/ui/new?kind=perf&model=linked&parallel=8&api_key={SECRET}") as tab:
        assert tab.get_by_label("model required").input_value() == "linked"
        assert tab.get_by_label("parallel", exact=True).input_value() == "8"
        assert SECRET not in tab.content()
