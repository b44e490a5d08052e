"""How people log in to a service that asks for a token, and what a cookie is good for."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fakes.bodies import eval_body
from fakes.service import Service, running_service
from fakes.waiting import until

TOKEN = "tok-0123456789abcdef"
COOKIE = "evalkube_session"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for a token."""
    root = tmp_path_factory.mktemp("login")
    (root / "token").write_text(TOKEN)
    with running_service(root / "outputs", token_file=str(root / "token"), log=root / "log") as running:
        yield running


@pytest.fixture
def browser(locked: Service) -> Iterator[httpx.Client]:
    """A browser that nobody has logged in with: it keeps cookies, and says where requests come from."""
    headers = {"Origin": locked.url, "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(base_url=locked.url, headers=headers, trust_env=False, timeout=60) as client:
        yield client


def logged_in(browser: httpx.Client, token: str = TOKEN, next_page: str = "/ui") -> httpx.Response:
    """What the form of the login page sends."""
    return browser.post("/ui/login", data={"token": token, "next": next_page})


@pytest.mark.parametrize(
    ("path", "login"),
    [
        ("/ui", "/ui/login"),
        ("/ui/runs/x", "/ui/login?next=/ui/runs/x"),
        ("/ui?kind=eval&page=2", "/ui/login?next=/ui%3Fkind%3Deval%26page%3D2"),
    ],
)
def test_a_page_leads_to_the_login(browser: httpx.Client, path: str, login: str) -> None:
    """And from there back to where one was going."""
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, login)
    page = browser.get(login)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert logged_in(browser, next_page=path).headers["Location"] == path
    assert browser.get("/ui").status_code == 200


def test_the_cookie_is_for_this_service_alone(browser: httpx.Client) -> None:
    """No script reads it, no other site's page sends it, and it holds no token; it ends by itself."""
    cookie = logged_in(browser).headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"):
        assert part in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie


def test_behind_tls_the_cookie_is_for_tls(browser: httpx.Client, locked: Service) -> None:
    """The browser's Origin says that it came that way."""
    over_tls = {"Origin": locked.url.replace("http://", "https://")}
    answer = browser.post("/ui/login", data={"token": TOKEN}, headers=over_tls)
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("token", ["", "wrong", f"{TOKEN}x", "é"])
def test_a_wrong_token_lets_nobody_in(browser: httpx.Client, token: str) -> None:
    """The page says so and comes again, without what was typed."""
    answer = logged_in(browser, token)
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (401, False)
    assert "not the service&#39;s token" in answer.text
    assert "wrong" not in answer.text
    assert browser.get("/ui").status_code == 303


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/uix", "/api/v1/runs", "/ui\\..", "/ui/login", ""],
)
def test_a_login_leads_to_no_other_place(browser: httpx.Client, wanted: str) -> None:
    """But to the first page."""
    assert logged_in(browser, next_page=wanted).headers["Location"] == "/ui"


def test_the_pages_may_ask_the_rest(browser: httpx.Client) -> None:
    """Runs are read, submitted and deleted with the cookie."""
    assert browser.get("/api/v1/runs").status_code == 401
    logged_in(browser)
    run_id = browser.post("/api/v1/eval", json=eval_body()).json()["id"]
    assert browser.get(f"/api/v1/runs/{run_id}").status_code == 200
    assert browser.delete(f"/api/v1/runs/{run_id}").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_cookie_changes_nothing_for_another_site(
    browser: httpx.Client, locked: Service, headers: dict[str, str]
) -> None:
    """Nor for who does not say where a request comes from, as every browser does."""
    logged_in(browser)
    foreign = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}", **headers}
    for path in ("/api/v1/eval", "/ui/logout"):
        answer = locked.client.post(path, json=eval_body(), headers=foreign)
        assert answer.status_code == 403
    assert browser.get("/ui").status_code == 200


def test_a_login_from_another_site_is_refused(locked: Service) -> None:
    """As a page, for it is one who would see it."""
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = locked.client.post("/ui/login", data={"token": TOKEN}, headers=foreign)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "Set-Cookie" not in answer.headers


def test_after_a_logout_the_cookie_counts_no_more(browser: httpx.Client, locked: Service) -> None:
    """Also for who kept it."""
    logged_in(browser)
    kept = browser.cookies[COOKIE]
    answer = browser.post("/ui/logout")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/ui/login")
    assert COOKIE not in browser.cookies
    old = locked.client.get("/ui", headers={"Cookie": f"{COOKIE}={kept}"})
    assert (old.status_code, old.headers["Location"]) == (303, "/ui/login")


def test_a_part_of_a_page_leads_all_of_it_to_the_login(browser: httpx.Client) -> None:
    """Where the cookie ended while the page was open: htmx follows its own header."""
    answer = browser.get("/ui", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/ui/login")


def test_the_files_of_the_login_page_are_open(browser: httpx.Client) -> None:
    """They hold no data."""
    page = browser.get("/ui/login").text
    files = [part.split('"')[0] for part in page.split('href="')[1:] + page.split('src="')[1:]]
    found = [path for path in files if path.startswith("/ui/static/")]
    assert found
    assert {browser.get(path).status_code for path in found} == {200}


def test_a_new_token_ends_every_login(tmp_path: Path) -> None:
    """As it ends what programs have."""
    (tmp_path / "token").write_text(TOKEN)
    with running_service(tmp_path / "outputs", token_file=str(tmp_path / "token")) as service:
        service.client.post("/ui/login", data={"token": TOKEN})
        assert service.client.get("/api/v1/runs").status_code == 200
        (tmp_path / "token").write_text("new-0123456789abcdef")
        until(lambda: service.client.get("/api/v1/runs").status_code == 401)


def test_without_a_token_there_is_nothing_to_log_in_to(service: Service) -> None:
    """The paths lead to the pages."""
    assert service.client.get("/ui/login").headers["Location"] == "/ui"
    assert service.client.post("/ui/logout").headers["Location"] == "/ui"
