"""Puts together what a request says before its body: the headers and the query that a spec, its secrets and we give. No
I/O here.
"""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

__all__ = ["joined", "with_query"]


def joined(*parts: Mapping[str, str]) -> dict[str, str]:
    """Headers of several givers; of one name, however its letters are, the last one's."""
    found: dict[str, tuple[str, str]] = {}
    for part in parts:
        found.update({name.lower(): (name, value) for name, value in part.items()})
    return dict(found.values())


def with_query(url: str, *parts: Mapping[str, str]) -> str:
    """`url` with further parameters behind its own."""
    further = urlencode({name: value for part in parts for name, value in part.items()})
    there = urlsplit(url)
    return urlunsplit(there._replace(query="&".join(filter(None, (there.query, further)))))
