"""Errors in the bodies of answers, whatever form a provider gives them, as text for people. No I/O here."""

from collections.abc import Mapping
from typing import Any

import orjson

from evalkube_runner.wire.answer import clip
from evalkube_runner.wire.decoding import NotJson, loads

__all__ = ["in_body", "in_object", "shown", "words"]

_SHOWN_BYTES = 1024


def shown(data: bytes) -> str:
    """The beginning of a body, for a message."""
    return clip(data[:_SHOWN_BYTES].decode("utf-8", "replace"))


def in_object(found: Mapping[str, Any]) -> str | None:
    """The message of an error object: OpenAI's `{"error": {"message"}}`, a bare string, vLLM's `{"object": "error"}`;
    None where there is no error.
    """
    if found.get("error"):
        return words(found["error"])
    if found.get("object") == "error":
        return clip(str(found.get("message", "error")))
    return None


def words(error: object) -> str:
    """What an error says."""
    if isinstance(error, dict):
        error = error.get("message") or orjson.dumps(error).decode()
    return clip(str(error))


def in_body(body: bytes) -> str:
    """The text for people in the body of an HTTP error: its error object's, FastAPI's `detail`, or all of it."""
    try:
        found = loads(body)
    except NotJson:
        return shown(body)
    if isinstance(found, dict):
        error = in_object(found)
        if error is not None:
            return error
        for key in ("message", "detail"):
            if found.get(key):
                return clip(str(found[key]))
    return shown(body)
