"""Finish reasons. Every server has its own words; their meaning is decided here. No I/O."""

import functools

import orjson

__all__ = ["cut_off", "failed", "reason_of"]

MAX_CHARS = 64
"""Of a word that is kept; longer ones are clipped."""

_NONE = frozenset({"", "null", "none", "nil"})
_CUT_OFF = frozenset(
    {
        "length",
        "lengthlimit",
        "maxlength",
        "maxtokens",
        "maxnewtokens",
        "maxoutputtokens",
        "maxcompletiontokens",
        "modellength",
        "modelcontextwindowexceeded",
        "contextlength",
        "contextlengthexceeded",
        "contextwindow",
        "tokenlimit",
        "tokenlimitreached",
        "truncated",
        "truncation",
    }
)
_FAILED = frozenset(
    {
        "abort",
        "aborted",
        "cancel",
        "cancelled",
        "canceled",
        "crash",
        "crashed",
        "disconnected",
        "error",
        "engineerror",
        "exception",
        "fail",
        "failed",
        "failure",
        "generationerror",
        "insufficientsystemresource",
        "internalerror",
        "interrupted",
        "modelerror",
        "networkerror",
        "overloaded",
        "servererror",
        "timeout",
    }
)


def reason_of(value: object) -> str | None:
    """The finish reason in a field of JSON, clipped and without control characters; None where there is none yet (an
    empty string and "null" say so as well as null).
    """
    if value is None:
        return None
    if isinstance(value, str) and len(value) <= MAX_CHARS:
        return _word(value)
    if isinstance(value, dict):
        value = value.get("reason") or value.get("type") or value.get("finish_reason") or value
    if value is None or value is False:
        return None
    return _word(value[: 4 * MAX_CHARS] if isinstance(value, str) else _dumped(value))


@functools.lru_cache(maxsize=256)  # servers have a few, and say them with every answer
def _word(text: str) -> str | None:
    text = " ".join("".join(char if char.isprintable() else " " for char in text).split())[:MAX_CHARS]
    return None if text.lower() in _NONE else text


def _dumped(value: object) -> str:
    try:
        return orjson.dumps(value).decode("utf-8", "replace")[: 4 * MAX_CHARS]
    except orjson.JSONEncodeError:  # halves of characters, or a number of a hundred digits
        return "other"


def cut_off(reason: str | None) -> bool:
    """Whether a limit of tokens ended the answer."""
    return _plain(reason) in _CUT_OFF


def failed(reason: str | None) -> bool:
    """Whether the server gave up: what came before is no answer."""
    return _plain(reason) in _FAILED


@functools.lru_cache(maxsize=256)
def _plain(reason: str | None) -> str:
    return "".join(char for char in (reason or "").lower() if char.isalnum())
