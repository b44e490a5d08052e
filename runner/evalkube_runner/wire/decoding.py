"""Reads JSON as real servers write it, also where it is not quite to the standard. No I/O.

Three things that a strict parser refuses come from healthy servers: escapes of half a character (servers that cut
UTF-16; RFC 8259, 8.2 leaves them open), bytes that are no UTF-8 (a token that ended within a character), and NaN
(Python's own default).
"""

import json
from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["NotJson", "document", "loads", "readable"]


class NotJson(ValueError):
    """The bytes are no JSON, however they are read."""


def loads(data: bytes) -> object:
    """The value in `data`; bytes that are no UTF-8 become U+FFFD. Raises NotJson.

    Text may hold halves of characters as lone surrogates: their other halves may come with the next event. `readable`
    ends that.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        raise NotJson("not JSON") from None


def readable(text: str) -> str:
    """`text` with halves of characters joined, and U+FFFD for those that stay alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def document(body: bytes) -> Mapping[str, Any]:
    """A request body; empty where it is no JSON object."""
    try:
        found = loads(body)
    except NotJson:
        return {}
    return found if isinstance(found, dict) else {}
