"""The dashboard as people see it: Playwright with the system's own chromium, which reaches nothing but this machine."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

from fakes.browser import BROWSER

__all__ = ["NARROW", "WIDE", "Screen", "Theme", "barriers", "flaws", "fold_out", "needed_browser", "opened_browser"]

WIDE: Final = 1400
NARROW: Final = 420
Theme = Literal["light", "dark"]
_FORMS: Final[tuple[tuple[int, Theme], ...]] = ((NARROW, "light"), (WIDE, "dark"))
_HEIGHT: Final = 900
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def needed_browser() -> str:
    """Path of the browser. Where there is none the test is skipped, or fails where EVALKUBE_BROWSER_REQUIRED=1."""
    if BROWSER is not None:
        return BROWSER
    missing = "no chromium is installed (apt-get install chromium)"
    if os.environ.get("EVALKUBE_BROWSER_REQUIRED") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


@contextlib.contextmanager
def opened_browser() -> Iterator[Browser]:
    """One browser without a window."""
    path = needed_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--no-proxy-server"]
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Screen:
    """Tabs of one browser. What goes wrong in a page (an error, a refused script) is in `complaints`; what it asked of
    other machines, which is blocked, in `elsewhere`."""

    browser: Browser
    base_url: str
    complaints: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def page(self, path: str, *, width: int = WIDE, theme: Theme = "light", script: bool = True) -> Iterator[Page]:
        """A tab with nothing remembered, at `path` of the service."""
        context = self.browser.new_context(
            base_url=self.base_url,
            viewport={"width": width, "height": _HEIGHT},
            color_scheme=theme,
            reduced_motion="reduce",
            java_script_enabled=script,
        )
        try:
            context.route("**/*", self._only_loopback)
            page = context.new_page()
            page.on("pageerror", lambda problem: self.complaints.append(str(problem)))
            page.on("console", self._heard)
            page.goto(path)
            yield page
        finally:
            context.close()

    def picture(self, path: str, file: Path, *, width: int = WIDE, theme: Theme = "light") -> None:
        """A PNG of the whole page, for people."""
        with self.page(path, width=width, theme=theme) as page:
            page.wait_for_load_state("load")
            page.wait_for_timeout(400)
            page.screenshot(path=file, full_page=True)

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(said.text)

    def _only_loopback(self, route: Route) -> None:
        if urlsplit(route.request.url).hostname in _LOOPBACK:
            route.continue_()
        else:
            self.elsewhere.append(route.request.url)
            route.abort()


def fold_out(page: Page) -> None:
    """Opens everything that is folded."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


def flaws(page: Page) -> list[str]:
    """Barriers, and a page that is wider than its window; in a narrow light window and in a wide dark one."""
    found = []
    for width, theme in _FORMS:
        page.set_viewport_size({"width": width, "height": _HEIGHT})
        page.emulate_media(color_scheme=theme)
        found += [f"{width} px, {theme}: {barrier}" for barrier in barriers(page)]
        if (needed := page.evaluate("document.documentElement.scrollWidth")) > width:
            found.append(f"the page is {needed} px wide in a window of {width} px")
    return found


def barriers(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is now, a line each."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": _RULES}})
    return [
        f"{one['id']}: {one['help']}: {node['html'][:200]}: {node.get('failureSummary', '')[:300]}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]
