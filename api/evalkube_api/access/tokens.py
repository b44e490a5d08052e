"""The service's token and its file. The value of the token is in no log, message, answer or repr."""

import hmac
import logging
import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from evalkube_api import errors

__all__ = ["TokenFile", "Unusable", "bearer", "usable"]

_LOG = logging.getLogger("evalkube.service")
_SHORTEST: Final = 16
_LONGEST: Final = 4096
_READ_AGAIN_S: Final = 1.0
_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH


class Unusable(Exception):
    """The file has no usable token. The message completes "the file ..."."""


class TokenFile:
    """The token in the file `path`. Raises errors.ServiceError if it is missing or not usable.

    A changed file is read again, at most once a second: a token can be replaced (a mounted Secret) without ending runs.
    If the new content is not usable, the old token stays valid. So a half-written file neither opens the service nor
    locks everyone out. A pipe is read once.
    """

    def __init__(self, path: Path, *, now: Callable[[], float] = time.monotonic) -> None:
        self._path, self._now = path, now
        self._complaint = ""
        try:
            mode = path.stat().st_mode
            self._token = usable(_read(path))
        except (OSError, ValueError, Unusable) as problem:
            raise errors.ServiceError(f"--token-file {path}: {_reason(problem)}") from None
        self._may_change = stat.S_ISREG(mode)
        self._read_at = now()
        if self._may_change and mode & _OTHERS:
            _LOG.warning(
                "--token-file %s: others on this machine may read or change it; chmod 600 keeps them out", path
            )

    def check(self, authorization: Sequence[bytes]) -> None:
        """Raises errors.Unauthorized unless one of the Authorization headers has the token."""
        if not self.admits(bearer(authorization)):
            raise errors.Unauthorized(
                "the token of the Authorization header is not the one in the service's --token-file"
            )

    def admits(self, token: bytes) -> bool:
        """Whether a text is the token. The comparison takes the same time for every other text."""
        return hmac.compare_digest(token, self.current())

    def current(self) -> bytes:
        """The current token of the file."""
        if self._may_change and self._now() - self._read_at >= _READ_AGAIN_S:
            self._read_at = self._now()
            self._renew()
        return self._token

    def _renew(self) -> None:
        try:
            if not stat.S_ISREG(self._path.stat().st_mode):  # a pipe would keep us waiting
                raise Unusable("is no longer a file")
            token = usable(_read(self._path))
        except (OSError, ValueError, Unusable) as problem:
            self._complain(_reason(problem))
            return
        self._complaint = ""
        if token != self._token:
            self._token = token
            _LOG.info("--token-file %s: read again; the old token is no longer valid", self._path)

    def _complain(self, reason: str) -> None:
        """Logs the problem once, not with every request."""
        if reason != self._complaint:
            _LOG.warning("--token-file %s: %s; the old token stays valid", self._path, reason)
        self._complaint = reason


def bearer(authorization: Sequence[bytes]) -> bytes:
    """The token of a request (RFC 6750), from all its Authorization headers. Raises errors.Unauthorized."""
    if not authorization:
        raise errors.Unauthorized(
            "a token is needed: send `Authorization: Bearer TOKEN` with what the service's --token-file holds"
            " (evalkube eval and perf: --token-file FILE or EVALKUBE_TOKEN_FILE; the page /docs asks for it)"
        )
    if len(authorization) > 1:
        raise errors.Unauthorized(f"Authorization must be given once, not {len(authorization)} times")
    scheme, _, token = authorization[0].strip().partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise errors.Unauthorized("Authorization must be `Bearer TOKEN`")
    return token.strip()


def usable(content: bytes) -> bytes:
    """The token in `content`, without white space around it. Raises Unusable."""
    token = content.strip()
    if not token:
        raise Unusable("is empty; `openssl rand -hex 32` makes a token")
    if not all(0x21 <= byte <= 0x7E for byte in token):
        raise Unusable("must hold one token of printable ASCII characters, without spaces or line ends inside")
    if not _SHORTEST <= len(token) <= _LONGEST:
        raise Unusable(f"must hold a token of {_SHORTEST} to {_LONGEST} characters; `openssl rand -hex 32` makes one")
    return token


def _read(path: Path) -> bytes:
    """The content of the file, or more than a token can have. The limit protects against endless devices."""
    with path.open("rb", buffering=0) as file:
        parts = bytearray()
        while len(parts) <= 2 * _LONGEST and (part := os.read(file.fileno(), _LONGEST)):
            parts += part
    return bytes(parts)


def _reason(problem: Exception) -> str:
    return f"cannot be read: {problem.strerror or problem}" if isinstance(problem, OSError) else str(problem)
