"""A running service that asks for a token."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.bodies import eval_body
from fakes.raw_client import asked
from fakes.service import Service, running_service
from fakes.waiting import until

TOKEN = "tok-0123456789abcdef"
LET_IN = {"Authorization": f"Bearer {TOKEN}"}
METHODS = ["GET", "HEAD", "POST", "OPTIONS", "DELETE", "PUT", "PATCH"]
CLOSED = [
    *(
        "/openapi.json",
        "/api/v1/eval",
        "/api/v1/perf",
        "/api/v1/runs",
        "/api/v1/runs/none",
        "/api/v1/runs/none/progress",
        "/metrics",
    ),
    *("/api/v1/runs/none/artifacts/x", "/nothing", "/health//", "//docs", "/docs/x", "/health/../api/v1/runs"),
]


@pytest.fixture(scope="module")
def token_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the token."""
    path = tmp_path_factory.mktemp("token") / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def locked(token_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on every address; its client has no token."""
    root = tmp_path_factory.mktemp("locked")
    with running_service(
        root / "outputs", log=root / "log", host="0.0.0.0", token_file=str(token_file), debug=True
    ) as running:
        yield running


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("method", METHODS)
def test_nothing_without_a_token(locked: Service, method: str, path: str) -> None:
    """The same answer for what is there and what is not, which says what to do."""
    for headers in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = locked.client.request(method, httpx.URL(locked.url + path), headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert TOKEN not in answer.text
        if method != "HEAD":
            assert list(answer.json()) == ["error"]
            assert "Authorization" in answer.json()["error"]


@pytest.mark.parametrize(("path", "status"), [("/health", 200), ("/health/", 200), ("/docs", 200), ("/", 307)])
def test_what_holds_no_data_is_open(locked: Service, path: str, status: int) -> None:
    """To look at."""
    assert locked.client.get(path).status_code == status
    assert locked.client.post(path).status_code == 401


def test_a_run_with_the_token(locked: Service) -> None:
    """Submitted, followed, read and deleted."""
    with httpx.Client(base_url=locked.url, headers=LET_IN, timeout=30, trust_env=False) as client:
        run_id = client.post("/api/v1/eval", json=eval_body()).json()["id"]
        here = f"/api/v1/runs/{run_id}"
        paths = [here, f"{here}/result", f"{here}/progress", f"{here}/logs", f"{here}/artifacts", "/openapi.json"]
        for path in [*paths, f"{here}/artifacts/secrets-seen.txt"]:
            assert client.get(path).status_code == 200
            assert locked.client.get(path).status_code == 401
        following = {"Accept": "text/event-stream"}
        assert "event: end" in client.get(f"{here}/progress", headers=following).text
        assert locked.client.get(f"{here}/progress", headers=following).status_code == 401
        assert locked.client.delete(here).status_code == 401
        assert client.delete(here).status_code == 200
        assert client.get("/nothing").status_code == 404


def test_it_says_so_in_its_description(locked: Service) -> None:
    """Programs read there that a token is needed, and where not."""
    document = locked.client.get("/openapi.json", headers=LET_IN).json()
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    assert document["paths"]["/api/v1/eval"]["post"]["security"] == [{"token": []}]
    assert "401" in document["paths"]["/api/v1/runs"]["get"]["responses"]
    assert "security" not in document["paths"]["/health"]["get"]


def test_the_name_and_the_page_come_first(locked: Service) -> None:
    """A token opens nothing to a foreign name or page."""
    assert locked.client.get("/api/v1/runs", headers={**LET_IN, "Host": "evil.example"}).status_code == 421
    foreign = {**LET_IN, "Origin": "https://evil.example"}
    assert locked.client.post("/api/v1/eval", json=eval_body(), headers=foreign).status_code == 403


def test_two_tokens_are_none(locked: Service) -> None:
    """Whichever proxy would take the other."""
    line = f"Authorization: Bearer {TOKEN}"
    head = ["GET /api/v1/runs HTTP/1.1", "Host: localhost"]
    assert asked(locked.url, *head, line).status == 200
    assert asked(locked.url, *head, line, line).status == 401
    assert asked(locked.url, *head, "Authorization: Bearer x", line).status == 401


def test_the_token_is_nowhere(locked: Service, token_file: Path) -> None:
    """In no log, file, answer, command line or environment of a runner; and there is nothing to warn of."""
    locked.client.get("/nothing", params={"token": "x"}, headers=LET_IN)
    run_id = locked.client.post(
        "/api/v1/eval", json=eval_body("hang"), headers={**LET_IN, "Prefer": "respond-async"}
    ).json()["id"]

    def document() -> dict[str, Any]:
        found: dict[str, Any] = locked.client.get(f"/api/v1/runs/{run_id}", headers=LET_IN).json()
        return found

    until(lambda: document()["phase"] == "Running")
    pid_file = Path(document()["output_dir"]) / "waiting.pid"
    until(lambda: pid_file.exists() and pid_file.read_text())
    for pid in (int(pid_file.read_text()), locked.process.pid):
        for name in ("cmdline", "environ"):
            assert TOKEN.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()
    assert TOKEN not in json.dumps(document())
    locked.client.post(f"/api/v1/runs/{run_id}/cancel", headers=LET_IN)
    files = [path for path in locked.outputs.parent.rglob("*") if path.is_file() and path != token_file]
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]
    assert "without a token" not in (locked.outputs.parent / "log").read_text()


def test_a_token_can_be_replaced_while_runs_go_on(tmp_path: Path) -> None:
    """The new one lets in within a second or two, and the one before no more."""
    path = tmp_path / "token"
    path.write_text(TOKEN)
    with running_service(tmp_path / "outputs", token_file=str(path)) as service:
        posted = service.client.post(
            "/api/v1/eval", json=eval_body("hang"), headers={**LET_IN, "Prefer": "respond-async"}
        )
        path.write_text("new-0123456789abcdef")
        new = {"Authorization": "Bearer new-0123456789abcdef"}
        until(lambda: service.client.get("/api/v1/runs", headers=new).status_code == 200)
        assert service.client.get("/api/v1/runs", headers=LET_IN).status_code == 401
        run = service.client.get(f"/api/v1/runs/{posted.json()['id']}", headers=new).json()
        assert run["phase"] in ("Pending", "Queued", "Starting", "Running")
        assert service.end(signal.SIGTERM) == 0


def test_the_file_can_be_named_in_the_environment(token_file: Path, tmp_path: Path) -> None:
    """EVALKUBE_TOKEN_FILE, as for the client."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVALKUBE_TOKEN_FILE", os.fspath(token_file))
        with running_service(tmp_path / "outputs") as service:
            assert service.client.get("/api/v1/runs").status_code == 401
            assert service.client.get("/api/v1/runs", headers=LET_IN).status_code == 200


def test_without_a_token_in_its_file_it_does_not_start(tmp_path: Path) -> None:
    """Rather than serve everybody."""
    (tmp_path / "token").touch()
    for name in ("token", "none"):
        with (
            pytest.raises(RuntimeError, match=f"--token-file .*{name}"),
            running_service(tmp_path / "outputs", token_file=str(tmp_path / name)),
        ):
            pass
