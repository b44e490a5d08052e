"""A client that sends exactly the bytes it is told to, and reads one answer."""

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["RawAnswer", "asked"]


@dataclass(frozen=True)
class RawAnswer:
    """An answer: its status, its head as it came, and its body."""

    status: int
    head: str
    body: str


def asked(url: str, *lines: str, body: bytes = b"") -> RawAnswer:
    """What the server at `url` answers to the request of these lines (the first is the request line).

    `Connection: close` is added, so that the answer has an end.
    """
    place = urlsplit(url)
    request = "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body
    with socket.create_connection((place.hostname or "", place.port or 80), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
    head, _, rest = answer.partition(b"\r\n\r\n")
    text = head.decode("latin-1")
    return RawAnswer(int(text.split()[1]), text, rest.decode())
