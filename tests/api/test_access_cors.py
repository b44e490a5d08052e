"""Pages of other sites that a service was told to trust."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkube_api import errors
from evalkube_api.access import cors
from fakes.bodies import eval_body
from fakes.service import Service, running_service

OURS = "https://board.example.org"
TOKEN = "tok-0123456789abcdef"


@pytest.fixture(scope="module")
def open_to(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that two origins may ask."""
    root = tmp_path_factory.mktemp("cors")
    with running_service(root / "outputs", cors_origins=[OURS, "http://localhost:3000"]) as running:
        yield running


@pytest.mark.parametrize("origin", [OURS, "http://localhost:3000"])
def test_an_allowed_page_asks_and_reads(open_to: Service, origin: str) -> None:
    """The browser's question before it, the request, and its answer."""
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type, prefer"}
    before = open_to.client.options("/api/v1/eval", headers={"Origin": origin, **wanted})
    assert (before.status_code, before.headers["Access-Control-Allow-Origin"]) == (200, origin)
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    from_page = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    answer = open_to.client.post("/api/v1/eval", json=eval_body(), headers=from_page)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)
    assert "Location" in answer.headers["Access-Control-Expose-Headers"]
    assert "Origin" in answer.headers["Vary"]
    missing = open_to.client.get("/api/v1/runs/none", headers=from_page)
    assert (missing.status_code, missing.headers["Access-Control-Allow-Origin"]) == (404, origin)
    for one in (before, answer, missing):
        assert "Access-Control-Allow-Credentials" not in one.headers


def test_another_page_reads_nothing(open_to: Service) -> None:
    """And changes nothing."""
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    before = open_to.client.options("/api/v1/eval", headers={**headers, "Access-Control-Request-Method": "POST"})
    assert before.status_code == 400
    assert "Access-Control-Allow-Origin" not in before.headers
    assert open_to.client.post("/api/v1/eval", json=eval_body(), headers=headers).status_code == 403
    assert "Access-Control-Allow-Origin" not in open_to.client.get("/api/v1/runs", headers=headers).headers


def test_no_page_unless_told(service: Service) -> None:
    """The default."""
    headers = {"Origin": OURS, "Access-Control-Request-Method": "POST"}
    answer = service.client.options("/api/v1/eval", headers=headers)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_all_pages_bring_the_token(tmp_path: Path) -> None:
    """A cookie is of no use to them, also where it comes along."""
    (tmp_path / "token").write_text(TOKEN)
    options = {"token_file": str(tmp_path / "token"), "cors_origins": ["*"]}
    with running_service(tmp_path / "outputs", **options) as service:
        page = {"Origin": "https://any.example", "Sec-Fetch-Site": "cross-site"}
        ask = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        assert service.client.options("/api/v1/eval", headers=ask).status_code == 200
        let_in = {**page, "Authorization": f"Bearer {TOKEN}"}
        answer = service.client.post("/api/v1/eval", json=eval_body(), headers=let_in)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
        service.client.post("/ui/login", data={"token": TOKEN})
        assert service.client.post("/api/v1/eval", json=eval_body(), headers=page).status_code == 403
        assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://Board.Example.org/", "https://board.example.org"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_origin_is_read(given: str, expected: str) -> None:
    """As browsers write it."""
    assert cors.origins([given], token=False) == {expected}


@pytest.mark.parametrize("given", ["board.example.org", "https://a.example/path", "null", "*.example.org", "", "*"])
def test_what_is_no_origin_does_not_start(given: str) -> None:
    """Nor all of them where no token is asked for."""
    with pytest.raises(errors.ServiceError, match="--cors-origin"):
        cors.origins([given], token=False)
