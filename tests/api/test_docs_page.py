"""The page /docs in a real browser."""

import contextlib
import functools
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.bodies import eval_body
from fakes.browser import BROWSER, Page, browser_page
from fakes.service import Service, running_service
from fakes.waiting import until

TOKEN = "tok-0123456789abcdef"
ENTER = """(() => {
  const form = document.querySelector("#access form");
  form.querySelector("input").value = %s;
  form.requestSubmit();
})()"""
SEND = """(() => {
  const health = [...document.querySelectorAll("details")].find((each) => each.innerText.includes(%s));
  health.open = true;
  return new Promise((done) => setTimeout(() => {
    [...health.querySelectorAll("button")].find((each) => each.innerText === "Send").click();
    done();
  }, 50));
})()"""

needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome is installed")


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab."""
    with browser_page() as opened:
        yield opened


def shown(text: str) -> str:
    """JavaScript: whether the page shows it."""
    return f"document.body.innerText.includes({json.dumps(text)})"


@needs_browser
def test_the_page_asks_for_the_token_and_brings_it(page: Page, tmp_path: Path) -> None:
    """A wrong one is said to be; the right one is kept for the tab, sent with each request, and can be forgotten."""
    path = tmp_path / "token"
    path.write_text(TOKEN)
    with running_service(tmp_path / "outputs", token_file=str(path)) as service:
        page.open(f"{service.url}/docs")
        page.until(shown("This service asks for a token."))
        page.run(ENTER % '"t\u00f6ken, of no use"')
        page.until(shown("That is no token"))
        page.run(ENTER % '"not-the-token-0123456789"')
        page.until(shown("That is not the service's token."))
        page.run(ENTER % json.dumps(f" {TOKEN} "))
        page.until(shown("/api/v1/eval"))
        page.run(SEND % '"Runs, newest first"')
        page.until(shown('"total": 0'))
        page.open(f"{service.url}/docs")
        page.until(shown("Requests bring the token."))
        assert page.run("[localStorage.length, document.cookie, location.href]") == [0, "", f"{service.url}/docs"]
        page.run("document.querySelector('#access button').click()")
        page.until(shown("This service asks for a token."))
        assert page.run("sessionStorage.length") == 0


@needs_browser
def test_without_a_token_the_page_asks_for_none(page: Page, tmp_path: Path) -> None:
    """Its requests are its own: they start runs."""
    with running_service(tmp_path / "outputs") as service:
        page.open(f"{service.url}/docs")
        page.until(shown("/api/v1/eval"))
        assert not page.run("document.querySelector('#access').innerText")
        posting = "fetch('/api/v1/eval', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: %s})"
        body = json.dumps(json.dumps(eval_body()))
        assert page.run(f"{posting % body}.then((answer) => answer.status)") == 200


@contextlib.contextmanager
def site(folder: Path) -> Iterator[int]:
    """The port of another site on this machine."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


def ended_and_started(service: Service, run_id: str) -> tuple[str, int]:
    """The phase of the run, and how many there are."""
    return service.run(run_id)["phase"], service.client.get("/api/v1/runs").json()["total"]


@needs_browser
def test_a_page_of_another_site_starts_ends_and_reads_nothing(page: Page, tmp_path: Path) -> None:
    """Whatever a browser lets it send: simple requests go out, and are refused."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<title>another site</title>")
    with running_service(tmp_path / "outputs") as service, site(tmp_path / "site") as port:
        run_id = service.post("eval", eval_body("hang"), Prefer="respond-async").json()["id"]
        until(lambda: service.run(run_id)["phase"] == "Running")
        for host in ("127.0.0.1", "localhost", "a.localhost"):
            page.open(f"http://{host}:{port}/index.html")
            page.until("document.title === 'another site'")
            body = json.dumps(json.dumps(eval_body()))
            for request in (
                f"fetch('{service.url}/api/v1/eval', {{method: 'POST', mode: 'no-cors', body: {body}}})",
                f"fetch('{service.url}/api/v1/runs/{run_id}/cancel', {{method: 'POST', mode: 'no-cors'}})",
                f"fetch('{service.url}/api/v1/runs/{run_id}?force=true', {{method: 'DELETE'}})",
                f"fetch('{service.url}/api/v1/runs')",
            ):
                page.run(f"{request}.catch(() => 0).then(() => 1)")
            assert page.run(f"fetch('{service.url}/api/v1/runs').then(() => 'read', () => 'not read')") == "not read"
        assert ended_and_started(service, run_id) == ("Running", 1)


@needs_browser
def test_a_page_that_has_its_name_lead_here_reads_nothing(tmp_path: Path) -> None:
    """DNS rebinding: for the browser the foreign name is one origin with the service."""
    with (
        running_service(tmp_path / "outputs") as service,
        browser_page("--host-resolver-rules=MAP rebound.example 127.0.0.1") as page,
    ):
        page.open(service.url.replace("127.0.0.1", "rebound.example") + "/docs")
        page.until(shown("this service is not known as rebound.example"))
        assert page.run("fetch('/api/v1/runs').then((answer) => answer.status)") == 421
