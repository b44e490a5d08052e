"""Who may ask a running service: the name it is asked under, and the page that asks."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.bodies import eval_body
from fakes.raw_client import asked
from fakes.service import Service, running_service

PATHS = ["/health", "/", "/docs", "/openapi.json", "/api/v1/runs", "/api/v1/runs/none", "/nothing"]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that listens on a name, and may be asked under others."""
    root = tmp_path_factory.mktemp("named")
    allowed = ["Evals.example.org", "*.team.example"]
    with running_service(root / "outputs", host="localhost", allowed_hosts=allowed) as running:
        yield running


HOSTS = {
    "the address": ("127.0.0.1", 200),
    "another address": ("10.1.2.3:80", 200),
    "six": ("[::1]:9000", 200),
    "localhost": ("LOCALHOST.:1", 200),
    "below localhost": ("evals.localhost", 200),
    "the machine": (socket.gethostname(), 200),
    "the machine, in its network": (f"{socket.gethostname().partition('.')[0]}.local", 200),
    "an allowed name": ("evals.example.org:9000", 200),
    "below an allowed domain": ("a.b.team.example", 200),
    "the domain itself": ("team.example", 421),
    "a rebound name": ("evil.example:9000", 421),
    "a rebound name that looks like ours": ("localhost.evil.example", 421),
    "an address that browsers do not write": ("127.1", 421),
    "garbage": ("local host", 400),
    "empty": ("", 400),
}


@pytest.mark.parametrize(("host", "status"), HOSTS.values(), ids=HOSTS)
def test_the_name_it_is_asked_under(named: Service, host: str, status: int) -> None:
    """On /health as on everything; a refusal is JSON and says what to do."""
    answer = named.client.get("/health", headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        name = host.partition(":")[0]
        assert answer.json() == {
            "error": f"this service is not known as {name}: if it should be, start it with --allowed-host {name};"
            " an address, localhost and the machine's own names always pass"
        }
    if status == 400:
        assert [one["field"] for one in answer.json()["problems"]] == ["Host"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
def test_no_path_and_no_method_is_left_out(named: Service, method: str, path: str) -> None:
    """And what proxies add is not believed."""
    headers = {"Host": "evil.example", "X-Forwarded-Host": "localhost", "Forwarded": "host=localhost"}
    answer = named.client.request(method, path, headers=headers)
    assert answer.status_code == 421
    assert not [name for name in answer.headers if name.startswith("access-control")]


RAW = {
    "no host": (["GET /health HTTP/1.1"], 400),
    "no host before 1.1": (["GET /health HTTP/1.0"], 200),
    "a host before 1.1": (["GET /health HTTP/1.0", "Host: evil.example"], 421),
    "two hosts": (["GET /health HTTP/1.1", "Host: localhost", "Host: localhost"], 400),
    "two hosts, one foreign": (["GET /health HTTP/1.1", "Host: localhost", "host: evil.example"], 400),
    "a whole URL": (["GET http://localhost/health HTTP/1.1", "Host: localhost"], 400),
    "a whole URL, foreign": (["GET http://evil.example/health HTTP/1.1", "Host: localhost"], 400),
    "a whole URL without a path": (["GET http://evil.example HTTP/1.1", "Host: localhost"], 400),
    "a star": (["OPTIONS * HTTP/1.1", "Host: localhost"], 400),
    "a tunnel": (["CONNECT evil.example:80 HTTP/1.1", "Host: localhost"], 400),
    "a folded header": (["GET /health HTTP/1.1", "Host: localhost", " evil.example"], 400),
    "a space before the colon": (["GET /health HTTP/1.1", "Host : localhost"], 400),
    "latin": (["GET /health HTTP/1.1", "Host: loc\xe4lhost"], 400),
    "white space around": (["GET /health HTTP/1.1", "Host: \t localhost \t "], 200),
}


@pytest.mark.parametrize(("lines", "status"), RAW.values(), ids=RAW)
def test_odd_requests(named: Service, lines: list[str], status: int) -> None:
    """One host, or none of it."""
    assert asked(named.url, *lines).status == status


def test_a_second_request_of_a_connection_is_asked_too(named: Service) -> None:
    """Requests are judged, not connections."""
    with contextlib.closing(
        socket.create_connection(("127.0.0.1", int(named.url.rpartition(":")[2])), 10)
    ) as connection:
        one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        other = b"GET http://x/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        connection.sendall(one + other + last)
        answers = b""
        while part := connection.recv(65_536):
            answers += part
    assert [int(part.split()[0]) for part in answers.split(b"HTTP/1.1 ")[1:]] == [200, 400, 421]


PAGES = {
    "no browser": ({}, 202),
    "our own": ({"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1"}, 202),
    "another site": ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
    "another port": ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:3000"}, 403),
    "an older browser": ({"Origin": "https://evil.example"}, 403),
    "a hidden origin": ({"Origin": "null"}, 403),
}


@pytest.mark.parametrize(("headers", "status"), PAGES.values(), ids=PAGES)
def test_pages_of_other_sites_start_nothing(named: Service, headers: dict[str, str], status: int) -> None:
    """403 in words; a program that is no browser is not asked where it is from."""
    answer = named.post(
        "eval", eval_body(), Prefer="respond-async", **{k.replace("-", "_"): v for k, v in headers.items()}
    )
    assert answer.status_code == status
    if status == 403:
        assert "other than browsers" in answer.json()["error"]
        assert named.client.get("/api/v1/runs", headers=headers).status_code == 200


def test_pages_of_other_sites_end_nothing(named: Service) -> None:
    """Nor by a request without a body, nor by a preflight: the run is still there."""
    run_id = named.post("eval", eval_body("hang"), Prefer="respond-async").json()["id"]
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert named.client.post(f"/api/v1/runs/{run_id}/cancel", headers=foreign).status_code == 403
    assert named.client.delete(f"/api/v1/runs/{run_id}?force=true", headers=foreign).status_code == 403
    asking = {**foreign, "Access-Control-Request-Method": "DELETE"}
    assert "access-control-allow-origin" not in named.client.options(f"/api/v1/runs/{run_id}", headers=asking).headers
    assert named.run(run_id)["phase"] in ("Pending", "Queued", "Starting", "Running")
    named.client.post(f"/api/v1/runs/{run_id}/cancel")


def test_a_name_that_is_none_is_said_at_the_start(tmp_path: Path) -> None:
    """And no run was begun."""
    with (
        pytest.raises(RuntimeError, match="--allowed-host"),
        running_service(tmp_path / "outputs", allowed_hosts=["*"]),
    ):
        pass
