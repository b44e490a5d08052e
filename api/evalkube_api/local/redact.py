"""Removes secrets from a stream of bytes, wherever the stream is cut. Pure."""

from collections.abc import Iterable
from typing import Final

from evalkube_crds import redaction
from evalkube_crds.wording import printable

__all__ = ["Redactor"]

_HELD_BYTES: Final = 64 * 1024
"""A line this long is passed on in parts."""


class Redactor:
    """Removes secrets. `feed` returns printable text without any part of a secret; `flush` returns the rest."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._redactor = redaction.Redactor(secrets)
        self._overlap = max(self._redactor.longest - 1, 0)
        self._held = b""

    def text(self, value: str) -> str:
        """A whole text without the secrets."""
        return printable(self._redactor.text(value))

    def feed(self, data: bytes) -> bytes:
        """The lines that have become complete, without the secrets. A secret contains no line end."""
        self._held += data
        end = self._held.rfind(b"\n") + 1
        if not end and len(self._held) > _HELD_BYTES:
            self._held = self._clean(self._held)
            end = len(self._held) - self._overlap
        ready, self._held = self._held[:end], self._held[end:]
        return self._clean(ready)

    def flush(self) -> bytes:
        """The rest at the end of the stream."""
        rest, self._held = self._clean(self._held), b""
        return rest

    def _clean(self, data: bytes) -> bytes:
        text = self._redactor.text(data.decode(errors="surrogateescape"))
        return printable(text.replace("\r", "\n")).encode()  # bars of progress begin their line anew
