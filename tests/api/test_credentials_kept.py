"""Headers, query parameters and body keys that carry secrets, through the real service and the real runner: where they
go, and where they do not."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from fakes.service import Service, running_service

HEADER = "hush+header/0123456789"
EVIL = "\x1b]0;owned\x07\x9b31m\u202e"
QUERY = "hush query/9876543210"
BODY = "hush&body/1029384756"
KEYS = {"tools": [{"type": "mcp", "authorization": BODY}], "user": "u"}
SPELT = [
    *(spelt for value in (HEADER, QUERY, BODY) for spelt in (value, quote(value), quote(value, safe=""))),
    base64.b64encode(HEADER.encode()).decode(),
    HEADER[:12],
]


class _Echoing(BaseHTTPRequestHandler):
    """An endpoint that sends back what it was sent, as error messages and models do."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, str]]
    status = 200

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        keys = {name: value for name, value in asked.items() if name in KEYS}
        self.seen.append((self.headers["X-Auth-Token"], self.path, json.dumps(keys, sort_keys=True)))
        encoded = f"{quote(HEADER, safe='')} {base64.b64encode(HEADER.encode()).decode()}"
        said = f"{EVIL} {HEADER} {QUERY} {BODY} {encoded} {self.path}"
        said += "x" * (295 - len(said)) + HEADER
        usage = {"prompt_tokens": 1, "completion_tokens": 1}
        choice = {"index": 0, "message": {"content": said}, "finish_reason": HEADER}
        answer = {"choices": [choice], "usage": usage} if self.status == 200 else {"error": {"message": said}}
        body = json.dumps(answer).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture(params=[200, 401])
def endpoint(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Its URL, and what it was sent."""
    seen: list[tuple[str, str, str]] = []
    handler = type("Handler", (_Echoing,), {"seen": seen, "status": request.param})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", seen
        server.shutdown()
        thread.join()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """With the real runner."""
    with running_service(tmp_path / "outputs", standin=False) as running:
        yield running


def test_they_reach_only_the_endpoint(service: Service, endpoint: tuple[str, list[tuple[str, str, str]]]) -> None:
    """Of both kinds of run, whether it answers or refuses: no file, log or answer holds them, not even in part."""
    url, seen = endpoint
    generation = {"extra_headers": {"X-Auth-Token": HEADER}, "extra_body": KEYS, "retries": 1}
    texts = [
        service.post(
            "eval",
            {
                "model": "m",
                "api_url": f"{url}?v=1&api_key={quote(QUERY)}",
                "datasets": ["general_qa"],
                "dataset_hub": "sample",
                "limit": 1,
                "generation_config": generation,
            },
        ).text,
        service.post(
            "perf",
            {
                "model": "m",
                "url": f"{url}/chat/completions?v=1&api_key={quote(QUERY)}",
                "headers": {"X-Auth-Token": HEADER},
                "extra_args": KEYS,
                "number": 2,
                "stream": False,
                "data_source": "sample",
            },
        ).text,
    ]
    runs = service.client.get("/api/v1/runs").json()["runs"]
    texts += [service.client.get(f"/api/v1/runs/{run['id']}").text for run in runs]
    texts += [service.client.get(f"/api/v1/runs/{run['id']}/logs").text for run in runs]
    assert len(texts) == 6
    assert {token for token, _, _ in seen} == {HEADER}
    assert {path.partition("?")[2] for _, path, _ in seen} == {f"v=1&api_key={quote_plus(QUERY)}"}
    assert {keys for _, _, keys in seen} == {json.dumps(KEYS, sort_keys=True)}
    files = [path for path in service.outputs.parent.rglob("*") if path.is_file()]
    held = [(str(path), spelt) for path in files for spelt in SPELT if spelt.encode() in path.read_bytes()]
    assert held == []
    logs = [path.read_text() for path in files if path.suffix == ".log"]
    assert [command for text in logs for command in "\x1b\x07\x9b\u202e" if command in text] == []
    assert [(text, spelt) for text in texts for spelt in SPELT if spelt in text] == []
