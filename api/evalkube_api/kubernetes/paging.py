"""Pages of runs, newest first. Pure.

A resource's time of creation has whole seconds; among those of one second the service's own names, which hold
milliseconds, decide. The place to go on from is such a position, so that runs which come or go do not shift pages.
"""

from collections.abc import Iterable
from typing import Final

from evalkube_api import errors
from evalkube_api.backend import RunQuery
from evalkube_api.kubernetes.cache import Entry
from evalkube_api.kubernetes.ids import Key

__all__ = ["page"]

_NAME_CHARS: Final = 80
_SEPARATOR: Final = "~"

Position = tuple[str, str, str]


def page(entries: Iterable[tuple[Key, Entry]], query: RunQuery) -> tuple[list[Entry], int, str | None]:
    """The page's runs, how many match, and where the next page begins. Raises errors.InvalidRequest."""
    matching = sorted(
        ((_position(key, entry), entry) for key, entry in entries if _matches(key, entry, query)),
        key=lambda item: item[0],
        reverse=True,
    )
    if query.after is not None:
        after = _parsed(query.after)
        rest = [item for item in matching if item[0] < after]
    else:
        rest = matching[query.offset :]
    shown = rest[: query.limit]
    more = len(rest) > len(shown)
    return [entry for _, entry in shown], len(matching), _SEPARATOR.join(shown[-1][0]) if more and shown else None


def _matches(key: Key, entry: Entry, query: RunQuery) -> bool:
    return (
        query.kind in (None, key.kind)
        and query.phase in (None, entry.phase)
        and query.namespace in (None, key.namespace)
        and (query.model is None or query.model == entry.model)
    )


def _position(key: Key, entry: Entry) -> Position:
    stem = key.name.partition("-")[2] or key.name
    return entry.created, stem[:_NAME_CHARS], entry.uid


def _parsed(token: str) -> Position:
    parts = token.split(_SEPARATOR)
    if len(parts) != 3:
        raise errors.InvalidRequest.because("is not the `next` of a page", "continue")
    return parts[0], parts[1], parts[2]
