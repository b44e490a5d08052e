"""Puts together what a request says before its body: the headers and the query that a spec, its secrets and we give. No
I/O here.
"""

from collections.abc import Mapping
from urllib.parse import unquote_plus, urlencode, urlsplit, urlunsplit

__all__ = ["joined", "with_query"]


def joined(*parts: Mapping[str, str]) -> dict[str, str]:
    """The headers of several sources; of one name, in whatever case, the last one's."""
    found: dict[str, tuple[str, str]] = {}
    for part in parts:
        found.update({name.lower(): (name, value) for name, value in part.items()})
    return dict(found.values())


def with_query(url: str, more: Mapping[str, str]) -> str:
    """`url` with the parameters of `more` behind its own, which keep their spelling; of one name those of `more`."""
    there = urlsplit(url)
    kept = [part for part in there.query.split("&") if part and unquote_plus(part.partition("=")[0]) not in more]
    return urlunsplit(there._replace(query="&".join([*kept, *([urlencode(more)] if more else [])])))
