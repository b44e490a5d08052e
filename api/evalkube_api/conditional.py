"""Conditional requests (RFC 9110, 13): compares the client's copy with the current version. Pure."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

__all__ = ["etag", "http_date", "is_current", "may_continue"]

_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def etag(*parts: object) -> str:
    """The entity tag of an answer. `parts`: everything that its bytes depend on."""
    text = "\0".join(str(part) for part in parts)
    return f'"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


def http_date(at: datetime) -> str:
    """A time in the format of HTTP headers."""
    return format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True)


def is_current(headers: Mapping[str, str], tag: str, modified: datetime | None = None) -> bool:
    """Whether the client's copy is current, so that 304 is the answer (If-None-Match, else If-Modified-Since)."""
    given = headers.get("if-none-match")
    if given is not None:
        return given.strip() == "*" or tag in _TAG.findall(given)
    since = _date(headers.get("if-modified-since"))
    return since is not None and modified is not None and modified.replace(microsecond=0) <= since


def may_continue(headers: Mapping[str, str], tag: str) -> bool:
    """Whether a Range is valid. It is not if If-Range names an earlier version. Only an entity tag counts."""
    given = headers.get("if-range")
    return given is None or given.strip() == tag


def _date(text: str | None) -> datetime | None:
    try:
        found = None if text is None else parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found is None or found.tzinfo is not None else found.replace(tzinfo=UTC)
