"""Reports as people see them, in a real browser: both themes, narrow and wide, with and without script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page

from evalkube_report import html
from fakes import pages
from fakes.screen import flaws, opened_browser

SHOWN = ["eval", "perf sweep", "perf not valid"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Started once."""
    with opened_browser() as opened:
        yield opened


def opened(browser: Browser, page: str, folder: Path) -> Page:
    """The page as a file, as reports are opened."""
    file = folder / "report.html"
    file.write_text(page)
    tab = browser.new_page(reduced_motion="reduce")
    tab.goto(file.as_uri())
    return tab


@pytest.mark.parametrize("name", SHOWN)
def test_a_report_has_no_flaws(browser: Browser, name: str, tmp_path: Path) -> None:
    """No barriers by axe, in both themes; nothing but tables scrolls sideways, in narrow and in wide windows.

    One of each kind of what folds is open: a load, a sample, the values behind a plot.
    """
    tab = opened(browser, pages.PAGES[name](), tmp_path)
    tab.evaluate(
        "['details.card', '.samples details', 'figure details'].forEach((kind) => {"
        " const one = document.querySelector(kind); if (one) one.open = true; })"
    )
    assert flaws(tab) == []
    tab.close()


def test_samples_are_filtered_by_their_class(browser: Browser, tmp_path: Path) -> None:
    """A button for each class that there is; one shows its samples alone."""
    tab = opened(browser, pages.PAGES["eval"](), tmp_path)
    tab.get_by_role("button", name="errored 1").click()
    assert tab.locator(".samples tbody:visible").count() == 1
    tab.close()


def test_what_a_model_said_runs_nowhere(browser: Browser, tmp_path: Path) -> None:
    """A script in an answer, a name or an error is text."""
    samples = [pages.sample(0, pages.EVIL), pages.sample(1, pages.EVIL, None)]
    page = html.eval_report(pages.eval_result(name=pages.EVIL), spec=pages.eval_spec(), samples=samples)
    asked: list[str] = []

    def noted(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    file = tmp_path / "report.html"
    file.write_text(page)
    tab = browser.new_page()
    tab.on("dialog", noted)
    tab.goto(file.as_uri())
    assert asked == []
    assert tab.get_by_text("alert(1)").count() > 0
    tab.close()
