"""Connections: heads and bodies that are too large, too slow or no HTTP, and more of them than there is room for."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from fakes.bodies import eval_body
from fakes.service import Service, running_service
from fakes.waiting import until

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/v1/eval HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One that is soon out of patience."""
    options: dict[str, Any] = {"head_timeout_s": 1.0, "body_timeout_s": 1.0, "max_connections": 24, "max_evals": 8}
    with running_service(tmp_path_factory.mktemp("connections") / "outputs", **options) as running:
        yield running


def connect(service: Service) -> socket.socket:
    """A connection to it."""
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def read_all(connection: socket.socket) -> bytes:
    """What comes until the service ends the connection."""
    received = b""
    while part := connection.recv(65_536):
        received += part
    return received


def answer(received: bytes) -> tuple[int, Any]:
    """Status and JSON body."""
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    return int(head.split()[1]), json.loads(body)


TOO_LARGE = {
    "one long header": GET + b"X-A: " + b"y" * 40_000 + b"\r\n\r\n",
    "one header without end": GET + b"X-A: " + b"y" * 2_000_000,
    "a name without end": GET + b"y" * 2_000_000,
    "a path without end": b"GET /" + b"y" * 2_000_000,
    "a long path": b"GET /" + b"y" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a long query": b"GET /health?a=" + b"y" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "long headers": GET + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(60)) + b"\r\n",
    "many headers": GET + b"".join(b"A%d:\r\n" % n for n in range(500)) + b"\r\n",
    "one header many times": POST + b"Prefer: wait=1\r\n" * 300 + b"\r\n",
    "headers without end": GET + b"A:\r\n" * 500_000,
}


@pytest.mark.parametrize("sent", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_a_head_that_is_too_large_is_431(service: Service, sent: bytes) -> None:
    """In JSON, and the client gets to read it."""
    with closing(connect(service)) as connection:
        connection.sendall(sent)
        status, body = answer(read_all(connection))
    assert (status, "larger than 32768 bytes" in body["error"]) == (431, True)


def test_a_head_of_the_usual_size_is_served(service: Service) -> None:
    """With long cookies, byte by byte."""
    sent = GET + b"Cookie: " + b"y" * 16_000 + b"\r\nConnection: close\r\n\r\n"
    with closing(connect(service)) as connection:
        for at in range(0, len(sent), 1000):
            connection.sendall(sent[at : at + 1000])
        assert answer(read_all(connection))[0] == 200


def test_one_connection_serves_many_heads(service: Service) -> None:
    """The limit is a head's, not a connection's."""
    with closing(connect(service)) as connection:
        for _ in range(5):
            connection.sendall(GET + b"Cookie: " + b"y" * 16_000 + b"\r\n\r\n")
            received = connection.recv(65_536)
            while not received.endswith(b"}"):
                received += connection.recv(65_536)
            assert received.startswith(b"HTTP/1.1 200")


TOO_SLOW = {
    "nothing at all": (b"", b""),
    "half a first line": (b"GET /hea", b"HTTP/1.1 408"),
    "half a header": (GET + b"X-a: ", b"HTTP/1.1 408"),
    "a head without its end": (GET, b"HTTP/1.1 408"),
    "half a body": (POST + b"Content-Length: 9\r\n\r\n{", b"HTTP/1.1 408"),
    "half a chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{", b"HTTP/1.1 408"),
    "half a body that nobody reads": (GET + b"Content-Length: 9\r\n\r\n{", b"HTTP/1.1 200"),
    "half a body for no route": (
        b"PUT /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{",
        b"HTTP/1.1 404",
    ),
    "a second head": (GET + b"\r\n" + b"GET /hea", b"HTTP/1.1 200"),
}


@pytest.mark.parametrize(("sent", "begin"), TOO_SLOW.values(), ids=TOO_SLOW.keys())
def test_what_does_not_arrive_in_time_ends_the_connection(service: Service, sent: bytes, begin: bytes) -> None:
    """With words, where there was a request."""
    with closing(connect(service)) as connection:
        connection.sendall(sent)
        assert read_all(connection)[: len(begin)] == begin


def test_a_head_byte_by_byte_has_one_deadline(service: Service) -> None:
    """Each byte more is no reason to wait on."""
    with closing(connect(service)) as connection:
        connection.settimeout(0.1)
        connection.sendall(GET + b"X-a: ")
        received, began = b"", time.monotonic()
        while not received:
            assert time.monotonic() - began < 60
            try:
                connection.sendall(b"y")
                received = connection.recv(65_536)
            except TimeoutError:
                continue
    assert received.startswith(b"HTTP/1.1 408")


NO_HTTP = {
    "words": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no version": b"GET /health\r\n\r\n",
    "a length that is none": POST + b"Content-Length: x\r\n\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "a bad chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a blank in a name": GET + b"X a: 1\r\n\r\n",
}


@pytest.mark.parametrize("sent", NO_HTTP.values(), ids=NO_HTTP.keys())
def test_what_is_no_http_is_400(service: Service, sent: bytes) -> None:
    """In JSON, too."""
    with closing(connect(service)) as connection:
        connection.sendall(sent)
        received = read_all(connection)
    assert (answer(received)[0], service.client.get("/health").status_code) == (400, 200)


def test_many_silent_connections_keep_nobody_out(service: Service) -> None:
    """The one that has waited longest makes room; a run that is waited for keeps its place."""
    with ExitStack() as stack:
        waiting = stack.enter_context(closing(connect(service)))
        body = json.dumps(eval_body("held", work_dir="waited-for")).encode()
        waiting.sendall(POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        until(lambda: (service.outputs / "waited-for").is_dir())
        silent = [stack.enter_context(closing(connect(service))) for _ in range(60)]
        assert service.client.get("/health").status_code == 200
        assert read_all(silent[0]) == b""
        (service.outputs / "waited-for" / "go").touch()
        assert answer(read_all(waiting))[0] == 200


def test_a_connection_too_many_is_told(service: Service, tmp_path: Path) -> None:
    """503 in JSON, where all the others wait for their runs."""
    with ExitStack() as stack:
        body = json.dumps(eval_body("held")).encode()
        for _ in range(24):
            connection = stack.enter_context(closing(connect(service)))
            connection.sendall(POST + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        refused = until_refused(service)
        assert answer(refused)[0] == 503
        assert b"Retry-After: 5" in refused
    until(lambda: service.client.get("/health").status_code == 200)


def until_refused(service: Service) -> bytes:
    """What a connection is told that finds no room: the others may still be in their heads at first."""
    while True:
        with closing(connect(service)) as connection:
            connection.settimeout(0.3)
            try:
                received = read_all(connection)
            except TimeoutError:
                continue
            if received:
                return received
