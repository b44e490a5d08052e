"""The page of a run at work, in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, expect

from fakes.screen import Screen, barriers
from fakes.service import Service, running_service
from fakes.waiting import until

Start = Callable[..., str]
LOAD = {"data_source": "sample", "rate": [20.0], "parallel": [4], "max_tokens": 8, "sleep_interval": 0}


def test_figures_curves_and_the_log_grow(screen: Screen, long_run: str) -> None:
    """Each curve has its values as a table."""
    with screen.page(f"/ui/runs/{long_run}") as tab:
        expect(tab.get_by_text("Requests/s")).to_be_visible(timeout=30_000)
        plot = tab.locator(".live-plot", has_text="Requests per second")
        expect(plot.locator("canvas")).to_be_visible(timeout=30_000)
        plot.get_by_text("As a table").click()
        expect(plot.locator("tbody tr").nth(1)).to_be_visible(timeout=30_000)
        expect(tab.get_by_role("log")).to_contain_text("prompts from sample")
        assert barriers(tab) == []


def test_what_was_folded_out_stays_so(screen: Screen, long_run: str) -> None:
    """While the state is fetched anew with each event."""
    with screen.page(f"/ui/runs/{long_run}") as tab:
        tab.get_by_text("About this run").click()
        before = tab.locator("#state .now").inner_text()
        expect(tab.locator("#state .now")).not_to_have_text(before, timeout=30_000)
        expect(tab.get_by_text("Conditions of the run")).to_be_visible()


def test_a_later_page_has_the_curves_from_before(screen: Screen, long_run: str) -> None:
    """The service remembers them while the run is at work."""
    with screen.page(f"/ui/runs/{long_run}") as tab:
        expect(tab.get_by_text("Requests/s")).to_be_visible(timeout=30_000)
    with screen.page(f"/ui/runs/{long_run}") as tab:
        assert tab.evaluate("JSON.parse(document.querySelector('#course').textContent).at.length") >= 1


def test_a_run_is_cancelled_from_its_page(screen: Screen, service: Service, start: Start, model: str) -> None:
    """After a question; the page then says so."""
    run_id = start("perf", model="to-cancel", url=model, number=[100_000], **LOAD)
    with screen.page(f"/ui/runs/{run_id}") as tab:
        tab.get_by_role("button", name="Cancel").click()
        assert tab.get_by_role("heading", name="Cancel 1 run?").is_visible()
        tab.get_by_role("button", name="Cancel").click()
        expect(tab.locator(".now").get_by_text("Cancelled")).to_be_visible(timeout=30_000)
    assert service.run(run_id)["phase"] == "Cancelled"


def test_the_page_becomes_that_of_the_end(screen: Screen, start: Start) -> None:
    """Nobody loads it again."""
    url = "http://127.0.0.1:9/v1"
    run_id = start(
        "eval", model="ends", api_url=url, datasets=["gsm8k"], dataset_hub="sample", target_grace=4.0
    )  # fmt: skip
    with screen.page(f"/ui/runs/{run_id}") as tab:
        expect(tab.locator(".banner")).to_contain_text("TargetUnreachable", timeout=60_000)
        expect(tab.get_by_role("button", name="Delete")).to_be_visible()


def test_a_list_goes_on_after_the_service_was_away(browser: Browser, tmp_path: Path) -> None:
    """The stream is opened again at the service that is back at the same place, and tells what changed."""
    body = {"model": "ok", "api_url": "http://127.0.0.1:9/v1", "datasets": ["gsm8k"]}
    with running_service(tmp_path / "outputs") as service:
        port = int(service.url.rpartition(":")[2])
        screen = Screen(browser, service.url)
        with screen.page("/ui") as tab:
            tab.wait_for_selector("html[data-following]")
            service.end()
            with running_service(tmp_path / "outputs", port=port) as again:
                run_id = again.post("eval", body).json()["id"]
                expect(tab.get_by_text(run_id)).to_be_visible(timeout=60_000)
                expect(tab.get_by_role("row", name=re.compile(run_id)).get_by_text("Succeeded")).to_be_visible(
                    timeout=60_000
                )
                until(lambda: not screen.elsewhere)
