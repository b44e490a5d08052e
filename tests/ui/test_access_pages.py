"""Who may see the pages: with a token, without one, and in a folder that is only looked at."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from fakes.many_runs import ended_run, many_runs, written
from fakes.screen import Screen, barriers
from fakes.service import running_service

TOKEN = "tok-0123456789abcdef0123"


def test_a_service_with_a_token_asks_for_it_once(browser: Browser, tmp_path: Path) -> None:
    """A wrong one is said to be; the right one leads to the page that was asked for; the list stays live; logging out
    ends it."""
    (tmp_path / "token").write_text(TOKEN)
    with running_service(tmp_path / "outputs", token_file=str(tmp_path / "token")) as service:
        screen = Screen(browser, service.url)
        with screen.page("/ui?kind=eval") as tab:
            assert barriers(tab) == []
            tab.get_by_label("Token").fill("not-the-token-0123456789")
            tab.get_by_role("button", name="Log in").click()
            expect(tab.get_by_role("alert")).to_contain_text("not the service's token")
            tab.get_by_label("Token").fill(TOKEN)
            tab.get_by_role("button", name="Log in").click()
            expect(tab).to_have_url(f"{service.url}/ui?kind=eval")
            tab.wait_for_selector("html[data-following]")
            body = {"model": "ok", "api_url": "http://h/v1", "datasets": ["gsm8k"]}
            bearer = {"authorization": f"Bearer {TOKEN}"}
            service.client.post("/api/v1/eval", json=body, headers=bearer)
            expect(tab.get_by_text("eval-")).to_be_visible(timeout=20_000)
            assert TOKEN not in tab.content()
            tab.get_by_role("button", name="Log out").click()
            tab.goto("/ui")
            expect(tab.get_by_role("heading", name="Log in")).to_be_visible()


def test_an_open_service_that_others_reach_says_so(browser: Browser, tmp_path: Path) -> None:
    """On every page, with what to do."""
    with running_service(tmp_path / "outputs", host="0.0.0.0") as service:
        screen = Screen(browser, service.url.replace("0.0.0.0", "127.0.0.1"))
        for path in ("/ui", "/ui/new"):
            with screen.page(path, theme="dark") as tab:
                assert tab.get_by_text("This service is open.").is_visible()
                assert barriers(tab) == []


def test_a_service_of_this_machine_alone_does_not(tmp_path: Path) -> None:
    """It needs no token."""
    with running_service(tmp_path / "outputs") as service:
        assert "This service is open" not in service.client.get("/ui").text


def test_a_folder_that_is_looked_at_has_nothing_that_changes_it(browser: Browser, tmp_path: Path) -> None:
    """Neither in the list nor on a run's page; runs can still be compared."""
    (run_id,) = written(tmp_path, [ended_run(1, failed="no")])
    with running_service(tmp_path, backend="folder") as service:
        screen = Screen(browser, service.url)
        for path in ("/ui", f"/ui/runs/{run_id}"):
            with screen.page(path) as tab:
                assert tab.get_by_role("button", name="Delete").count() == 0
                assert tab.get_by_role("button", name="Cancel").count() == 0
                assert tab.get_by_role("link", name="New run").count() == 0
                assert barriers(tab) == []
        with screen.page("/ui") as tab:
            assert tab.get_by_role("button", name="Compare").is_visible()
        assert service.client.get("/ui/new").status_code == 403
        sure = {"run": run_id, "action": "delete", "sure": "yes"}
        assert service.client.post("/ui/do", data=sure).status_code == 403


def test_thousands_of_runs_are_paged(browser: Browser, tmp_path: Path) -> None:
    """Fifty on a page, with the way to the next ones in the URL."""
    written(tmp_path / "outputs", many_runs(1_010))
    with running_service(tmp_path / "outputs") as service:
        screen = Screen(browser, service.url)
        with screen.page("/ui") as tab:
            assert tab.get_by_text("1 to 50 of 1,010").first.is_visible()
            tab.get_by_role("link", name="Next").click()
            assert tab.get_by_text("51 to 100 of 1,010").first.is_visible()
            tab.get_by_role("link", name="Model", exact=True).click()
            assert tab.get_by_text("1 to 50 of 1,010").first.is_visible()
            assert "sort=model" in tab.url
        assert screen.complaints == []
