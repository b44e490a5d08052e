"""What the tests of the running mock share: a client that speaks plainly and parts a stream into its events."""

import contextlib
import functools
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from fakes.mock_model import running_mock


class Mock:
    """A running mock and a client of it."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.url = url
        self.root = url.removesuffix("/v1")
        self.client = client

    def chat(self, text: str = "hi", **more: Any) -> httpx.Response:
        """Post a chat request; a streamed answer is read to its end."""
        body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
        return self.client.post(f"{self.url}/chat/completions", json=body)

    def record(self) -> dict[str, Any]:
        """Read the server's record."""
        document: dict[str, Any] = self.client.get(f"{self.root}/record", params={"format": "json"}).json()
        return document

    def stats(self, until: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """Read the counters, again for up to 60 s until they are as expected."""
        deadline = time.monotonic() + 60
        while True:
            document: dict[str, Any] = self.client.get(f"{self.root}/stats").json()
            if until(document) or time.monotonic() > deadline:
                return document
            time.sleep(0.01)

    def connect(self) -> socket.socket:
        """Open a bare connection."""
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        return socket.create_connection((parts.hostname, parts.port or 80), timeout=60)


@pytest.fixture
def mock_of() -> Iterator[Callable[..., Mock]]:
    """Start mocks by their options; they end with the test."""
    with httpx.Client(timeout=60) as client:
        running = []

        def start(*args: str) -> Mock:
            manager = running_mock(*args)
            url = manager.__enter__()
            running.append(manager)
            return Mock(url, client)

        yield start
        for manager in running:
            manager.__exit__(None, None, None)


@pytest.fixture(scope="module")
def plain_mock() -> Iterator[Mock]:
    """One mock without options for all tests that leave nothing behind in it."""
    with running_mock() as url, httpx.Client(timeout=60) as client:
        yield Mock(url, client)


@pytest.fixture(scope="session")
def shared_mock() -> Iterator[Callable[..., Mock]]:
    """Start mocks by their options, each once for all tests: for those that look at no record."""
    with httpx.Client(timeout=60) as client, contextlib.ExitStack() as stack:

        @functools.cache
        def start(*args: str) -> Mock:
            return Mock(stack.enter_context(running_mock(*args)), client)

        yield start


@pytest.fixture
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients look up and reach nothing but this machine, whatever the environment says of proxies."""
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def guarded_look_up(host: Any, *args: Any, **more: Any) -> Any:
        assert host in ("127.0.0.1", "localhost"), f"a client looked up {host}"
        return look_up(host, *args, **more)

    def guarded_connect(self: socket.socket, address: Any) -> None:
        assert self.family not in (socket.AF_INET, socket.AF_INET6) or address[0] == "127.0.0.1", address
        connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
