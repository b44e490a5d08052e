"""Adds an API's one path to a URL that a user gave. No I/O here."""

from collections.abc import Collection
from urllib.parse import urlsplit, urlunsplit

__all__ = ["completed"]


def completed(given: str, path: str, known: Collection[str], *, base: bool) -> str:
    """The URL to post to: `given` with `/path` where it is a base URL (`base`, or to all appearance: it ends in /v1, or
    has no path), unless its last part is one of `known` already. Any other URL stands as it is.
    """
    parts = urlsplit(given)
    found = parts.path.rstrip("/")
    if found.rpartition("/")[2] in known:
        return urlunsplit((parts.scheme, parts.netloc, found, parts.query, ""))
    if base or not found or found.endswith("/v1"):
        return urlunsplit((parts.scheme, parts.netloc, f"{found}/{path}", parts.query, ""))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, parts.query, ""))
