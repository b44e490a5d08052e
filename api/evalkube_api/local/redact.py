"""Takes secrets out of a stream of bytes, wherever the stream is cut. Pure."""

import json
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

__all__ = ["Redactor"]

_SHORTEST: Final = 8
"""Shorter "keys" are placeholders such as EMPTY or test; replacing those would mangle honest text. The runner has the
same rule."""

_HELD_BYTES: Final = 64 * 1024
"""A line this long is passed on in parts."""


class Redactor:
    """``feed`` returns what is sure to hold no part of a secret; ``flush`` the rest."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = {secret for secret in secrets if len(secret) >= _SHORTEST}
        spelt = known | {json.dumps(secret)[1:-1] for secret in known} | {quote(secret, safe="") for secret in known}
        self._secrets = sorted((text.encode() for text in spelt), key=len, reverse=True)
        self._overlap = max((len(secret) for secret in self._secrets), default=1) - 1
        self._held = b""

    def text(self, value: str) -> str:
        """A whole text without the secrets."""
        return self._clean(value.encode(errors="replace")).decode(errors="replace")

    def feed(self, data: bytes) -> bytes:
        """Whole lines that have become complete, without the secrets (which hold no line end)."""
        self._held += data
        end = self._held.rfind(b"\n") + 1
        if not end and len(self._held) > _HELD_BYTES:
            self._held = self._clean(self._held)
            end = len(self._held) - self._overlap
        ready, self._held = self._held[:end], self._held[end:]
        return self._clean(ready)

    def flush(self) -> bytes:
        """What is left at the end of the stream."""
        rest, self._held = self._clean(self._held), b""
        return rest

    def _clean(self, data: bytes) -> bytes:
        for secret in self._secrets:
            data = data.replace(secret, b"***")
        return data
