"""Reports as people see them, in a real browser: both themes, narrow and wide, with and without script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page

from evalkube_report import html
from fakes import pages
from fakes.screen import NARROW, WIDE, Theme, barriers, opened_browser

SHOWN = ["eval", "perf sweep", "perf not valid"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Started once."""
    with opened_browser() as opened:
        yield opened


def opened(browser: Browser, page: str, folder: Path, *, width: int = WIDE, theme: Theme = "light") -> Page:
    """The page as a file, as reports are opened."""
    file = folder / "report.html"
    file.write_text(page)
    viewport = {"width": width, "height": 900}
    tab = browser.new_page(viewport=viewport, color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]  # a TypedDict of the same fields
    tab.goto(file.as_uri())
    return tab


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", SHOWN)
def test_a_report_has_no_barriers(browser: Browser, name: str, theme: Theme, tmp_path: Path) -> None:
    """By axe, with everything that folds opened."""
    tab = opened(browser, pages.PAGES[name](), tmp_path, theme=theme)
    tab.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert barriers(tab) == []
    tab.close()


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("name", SHOWN)
def test_a_report_is_no_wider_than_the_window(browser: Browser, name: str, width: int, tmp_path: Path) -> None:
    """Nothing but tables scrolls sideways."""
    tab = opened(browser, pages.PAGES[name](), tmp_path, width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
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
