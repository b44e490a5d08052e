"""Reads errors that a server sends instead of an answer, in whatever form, as text for people: objects of error, web
pages, compressed bodies. No I/O here.
"""

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

import orjson

from evalkube_crds.redaction import CUT
from evalkube_runner.wire import sse
from evalkube_runner.wire.answer import clip
from evalkube_runner.wire.decoding import NotJson, loads

__all__ = ["foreign", "in_body", "in_object", "shown", "words"]

_SHOWN_BYTES = 1024
_PAGE_BYTES = 8 * 1024

_WORDS = (
    "message",
    "Message",
    "msg",
    "error_msg",
    "err_msg",
    "errmsg",
    "error_message",
    "status_msg",
    "detail",
    "details",
    "error",
    "errors",
    "description",
    "error_description",
    "reason",
    "title",
    "faultstring",
    "text",
)
"""Where the words of an error stand, best first."""

_EXPLICIT = ("error", "errors", "exception", "fault", "error_msg", "error_message", "err_msg", "errmsg")
_CODES = ("code", "error_code", "err_code", "errcode", "status_code", "statusCode", "status")
_FINE = frozenset({"", "0", "200", "201", "ok", "success", "succeeded", "none", "null"})


def shown(data: bytes) -> str:
    """The beginning of a body, for a message."""
    cut = CUT if len(data) > _SHOWN_BYTES else ""
    return clip(data[:_SHOWN_BYTES].decode("utf-8", "replace") + cut)


def in_object(found: Mapping[str, Any], *, answers: bool = False) -> str | None:
    """The words of an object of error; None where it is none. `answers`: it has choices, beside which only an explicit
    error counts.
    """
    if found.get("error"):
        return _told(found["error"], found)
    if found.get("object") == "error" or found.get("type") == "error":
        return words(found)
    if answers:
        return None
    if any(map(found.get, _EXPLICIT)) or found.get("detail") or _refused(found):
        return words(found)
    inner = found.get("base_resp")  # MiniMax
    return words(inner) if isinstance(inner, dict) and _refused(inner) else None


def _told(error: object, around: Mapping[str, Any]) -> str:
    """The words of an error, or those beside it where it is no more than a mark."""
    return words(around) if error is True or isinstance(error, int | float) else words(error)


def _refused(found: Mapping[str, Any]) -> bool:
    """Whether an envelope says by its code, or by a mark, that something went wrong."""
    if found.get("success") is False or found.get("ok") is False:
        return True
    if not any(map(found.get, _WORDS)):
        return False
    return any(_is_bad(name, found.get(name)) for name in _CODES)


def _is_bad(name: str, value: object) -> bool:
    """Whether a code is one of failure. A status in words may be one of progress."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return False
    said = str(value).lower()
    if name == "status" and not said.isdecimal():
        return said in ("error", "failed", "failure", "fail")
    return said not in _FINE


def words(error: object) -> str:
    """The text of an error, for people."""
    return clip("; ".join(_words(error, depth=4)) or _dumped(error))


def _words(error: object, *, depth: int) -> Iterator[str]:
    if isinstance(error, str):
        if error.strip():
            yield error
    elif isinstance(error, list) and depth:
        for one in error[:8]:
            yield from _words(one, depth=depth - 1)
    elif isinstance(error, dict) and depth:
        for name in _WORDS:
            said = list(_words(error.get(name), depth=depth - 1))
            if said:
                place = ".".join(map(str, loc)) + ": " if isinstance(loc := error.get("loc"), list) else ""
                yield from (place + one for one in said)
                return
        if depth < 4:
            yield _dumped(error)


def _dumped(error: object) -> str:
    try:
        return orjson.dumps(error).decode()
    except orjson.JSONEncodeError:
        return repr(error)[:_SHOWN_BYTES]


def foreign(body: bytes) -> str | None:
    """The kind of a body that is neither a stream of events nor JSON, with what a user may do; None for any other."""
    begun = body[:_PAGE_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    if begun.startswith(b"<"):
        said = _page(begun)
        return clip(f"the server answered with a web page{f' ({said})' if said else ''}; is the URL complete?")
    for name, magic in (("gzip", b"\x1f\x8b"), ("zstd", b"\x28\xb5\x2f\xfd"), ("deflate", b"\x78\x9c")):
        if begun.startswith(magic):
            return f"the server compressed its answer ({name}), though it was asked not to"
    return None


def _page(begun: bytes) -> str:
    """The visible text of a page."""
    text = _HIDDEN.sub(" ", begun.decode("utf-8", "replace"))
    return " ".join(unescape(_TAG.sub(" ", text)).split())[:160]


_HIDDEN = re.compile(r"<(script|style)\b[^>]*>[^<]*", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>?")


def in_body(body: bytes) -> str:
    """The text for people in the body of an HTTP error: its error's, its page's, or the beginning of it."""
    try:
        found = loads(body)
    except NotJson:
        return _in_events(body) or _of_page(body) or shown(body)
    if isinstance(found, dict):
        return in_object(found) or (words(found) if any(map(found.get, _WORDS)) else shown(body))
    return words(found) if found and isinstance(found, str | list) else shown(body)


def _of_page(body: bytes) -> str:
    begun = body[:_PAGE_BYTES].lstrip()
    return clip(_page(begun)) if begun.startswith(b"<") else ""


def _in_events(body: bytes) -> str:
    """The error in a body of events."""
    if not body.lstrip().startswith((b"data:", b"event:", b"id:", b":")):
        return ""
    event = sse.parse(body.lstrip().replace(b"\r\n", b"\n").split(b"\n\n")[0])
    return in_body(event.data) if event is not None and event.data else ""
