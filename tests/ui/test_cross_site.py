"""A page of another site in a real browser, whose person is logged in to a service."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from fakes.bodies import eval_body
from fakes.screen import Screen
from fakes.service import Service, running_service

TOKEN = "tok-0123456789abcdef"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for a token, with one run."""
    root = tmp_path_factory.mktemp("locked")
    (root / "token").write_text(TOKEN)
    with running_service(root / "outputs", token_file=str(root / "token")) as running:
        running.client.headers["Authorization"] = f"Bearer {TOKEN}"
        running.post("eval", eval_body())
        yield running


@pytest.fixture
def screen(browser: Browser, locked: Service) -> Screen:
    """Tabs over that service."""
    return Screen(browser, locked.url)


def test_another_sites_page_changes_nothing(screen: Screen, locked: Service, tmp_path: Path) -> None:
    """Not with the cookie of a person who is logged in: its form is refused."""
    before = locked.client.get("/api/v1/runs").json()["total"]
    form = (
        f'<form id="f" method="post" action="{locked.url}/api/v1/eval" enctype="text/plain">'
        f'<input name=\'{{"model": "x", "a\' value=\'": 1}}\'></form><script>f.submit()</script>'
    )
    (tmp_path / "index.html").write_text(form)
    handler = lambda *given: http.server.SimpleHTTPRequestHandler(*given, directory=str(tmp_path))  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        with screen.page("/ui/login") as page:
            page.fill("input[name=token]", TOKEN)
            page.click("main button")
            page.wait_for_url("**/ui")
            with page.expect_navigation(url="**/api/v1/eval") as sent:
                page.goto(f"http://localhost:{site.server_port}/index.html")
            assert sent.value is not None
            assert sent.value.status in (401, 403)
        site.shutdown()
    assert locked.client.get("/api/v1/runs").json()["total"] == before
