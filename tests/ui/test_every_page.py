"""What holds for every page of the dashboard, in a real browser."""

import pytest

from fakes.screen import Screen, flaws, fold_out
from fakes.service import Service

PAGES = ["/ui", "/ui/new", "/ui/new?kind=perf", "/ui/service", "/ui/runs/{failed}", "/ui/runs/{long}"]


def address(page: str, failed_run: str, long_run: str) -> str:
    """With the ids of the runs."""
    return page.format(failed=failed_run, long=long_run)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_no_flaws(screen: Screen, page: str, failed_run: str, long_run: str) -> None:
    """No barriers by axe, in both themes; nothing but tables scrolls sideways, in narrow and in wide windows."""
    with screen.page(address(page, failed_run, long_run)) as tab:
        fold_out(tab)
        assert flaws(tab) == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_what_it_shows_without_scripts(screen: Screen, page: str, failed_run: str, long_run: str) -> None:
    """A heading, and a way to the other pages."""
    with screen.page(address(page, failed_run, long_run), script=False) as tab:
        assert tab.locator("h1").count() == 1
        assert tab.get_by_role("navigation", name="Main").get_by_role("link", name="Runs").is_visible()


def test_the_first_tab_stop_leads_to_the_content(screen: Screen) -> None:
    """Past the links that are the same on every page."""
    with screen.page("/ui") as tab:
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
        tab.keyboard.press("Enter")
        assert tab.evaluate("location.hash") == "#content"


def test_what_has_the_focus_is_marked(screen: Screen) -> None:
    """Also a link, which has no frame of its own."""
    with screen.page("/ui") as tab:
        link = tab.get_by_role("link", name="Service")
        link.focus()
        tab.keyboard.press("Shift+Tab")
        tab.keyboard.press("Tab")
        assert link.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"


def test_a_page_that_is_not_there_says_so(service: Service) -> None:
    """As a page, with its status."""
    for path in ("/ui/nothing", "/ui/runs/none"):
        answer = service.client.get(path)
        assert answer.status_code == 404
        assert "There is no such page" in answer.text


def test_a_page_lets_nothing_run_but_files_of_the_service(service: Service) -> None:
    """No script and no style in the page itself."""
    answer = service.client.get("/ui/new")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert " style=" not in answer.text
    assert "<style" not in answer.text


@pytest.mark.parametrize(("accept", "leads_to"), [("text/html,*/*;q=0.8", "/ui"), ("*/*", "/docs")])
def test_the_root_leads_browsers_to_the_dashboard(service: Service, accept: str, leads_to: str) -> None:
    """Everyone else to the description of the API, as before."""
    answer = service.client.get("/", headers={"accept": accept})
    assert answer.status_code == 307
    assert answer.headers["location"] == leads_to
