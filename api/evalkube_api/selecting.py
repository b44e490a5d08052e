"""Filters, sorts and pages lists of runs, the same for every backend. Pure.

In the order of creation, a page starts after a position, so new and deleted runs do not shift pages. In any other order
pages are numbered.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar, get_args

from evalkube_api import errors
from evalkube_api.backend import Line, RunQuery, Sort
from evalkube_crds import tags as tagging
from evalkube_crds.names import Phase
from evalkube_crds.problems import Problem, nearest

__all__ = ["SORTS", "Selection", "matches", "page", "tags_in", "words_in"]

SORTS: Final[Sequence[str]] = get_args(Sort)
_SEPARATOR: Final = "~"
_COURSE: Final = {phase: place for place, phase in enumerate(Phase)}

_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Selection:
    """The runs of a page, the number of all matches, and the start of the next page."""

    lines: list[Line]
    total: int
    next: str | None


def page(lines: Iterable[Line], query: RunQuery, now: datetime) -> Selection:
    """One page of runs. `now`: the end time for the duration of active runs.

    Raises errors.InvalidRequest for a position that is not the end of a page.
    """
    found = [line for line in lines if matches(line, query)]
    if query.sort != "created":
        return _by_number(_sorted(found, query, now), query)
    found.sort(key=lambda line: line.place, reverse=query.descending)
    return _by_place(found, query)


def _by_number(found: list[Line], query: RunQuery) -> Selection:
    if query.after is not None:
        reason = f"is of lists sorted by created; page those sorted by {query.sort} with 'page'"
        raise errors.InvalidRequest.because(reason, "continue")
    return Selection(found[query.offset : query.offset + query.limit], len(found), None)


def _by_place(found: list[Line], query: RunQuery) -> Selection:
    rest = found[query.offset :]
    if query.after is not None:
        last, down = _parsed(query.after), query.descending
        rest = [line for line in found if (line.place < last if down else line.place > last)]
    shown = rest[: query.limit]
    more = len(rest) > len(shown)
    return Selection(shown, len(found), _SEPARATOR.join(shown[-1].place) if more and shown else None)


def _parsed(token: str) -> tuple[str, str, str]:
    parts = token.split(_SEPARATOR)
    if len(parts) != 3 or not all(parts):
        raise errors.InvalidRequest.because("is not the 'next' of an earlier page", "continue")
    return parts[0], parts[1], parts[2]


# -------------------------------------------------------------------------------------------------------------- filters


def matches(line: Line, query: RunQuery) -> bool:
    """Whether a run matches a query."""
    return (
        query.kind in (None, line.kind)
        and (not query.phases or line.phase in query.phases)
        and query.model in (None, line.model)
        and query.namespace in (None, line.namespace)
        and (not query.verdicts or line.verdict in query.verdicts)
        and (query.dataset is None or query.dataset in line.datasets)
        and all(_has(line, name, value) for name, value in query.tags.items())
        and (query.text is None or _holds(line, query.text.casefold()))
    )


def _has(line: Line, name: str, value: str | None) -> bool:
    return name in line.tags and value in (None, line.tags[name])


def _holds(line: Line, text: str) -> bool:
    return (
        text in line.run_id.casefold()
        or text in line.model.casefold()
        or any(text in f"{name}={value}".casefold() for name, value in line.tags.items())
    )


def words_in(text: str | None, words: type[_Word], field: str) -> frozenset[_Word]:
    """The words of a comma-separated list. Raises errors.InvalidRequest, with the nearest word, for an unknown one."""
    known = [str(word) for word in words]
    given = [] if text is None else [part.strip() for part in text.split(",")]
    for word in given:
        if word not in known:
            near = nearest(word, known) or f"; one of {', '.join(known)}"
            raise errors.InvalidRequest.because(f"{word[:80]!r} is not a valid value{near}", field)
    return frozenset(words(word) for word in given)


def tags_in(text: str | None, field: str = "tag") -> dict[str, str | None]:
    """The tags of a list such as `team=a,nightly`. None stands for any value. Raises errors.InvalidRequest."""
    found: dict[str, str | None] = {}
    for part in [] if text is None else text.split(","):
        name, mark, value = part.strip().partition("=")
        found[name] = value if mark else None
    wrong = tagging.problems({name: value or "" for name, value in found.items()}, field)
    if wrong:
        raise errors.InvalidRequest([Problem(one.field, one.reason) for one in wrong])
    return found


# -------------------------------------------------------------------------------------------------------------- sorting


def _sorted(found: list[Line], query: RunQuery, now: datetime) -> list[Line]:
    """Sorted runs. Runs without the value come last in both directions; equal ones are sorted newest first."""
    found.sort(key=lambda line: line.place, reverse=True)
    values = [(_VALUES[query.sort](line, now), line) for line in found]
    known = [pair for pair in values if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=query.descending)
    return [line for _, line in known] + [line for value, line in values if value is None]


def _duration_s(line: Line, now: datetime) -> float | None:
    return None if line.started is None else ((line.completed or now) - line.started).total_seconds()


_VALUES: Final[dict[Sort, Callable[[Line, datetime], Any]]] = {
    "model": lambda line, _: line.model.casefold(),
    "score": lambda line, _: line.headline.get("score"),
    "rps": lambda line, _: line.headline.get("rps"),
    "failed": lambda line, _: line.failed,
    "duration": _duration_s,
    "phase": lambda line, _: _COURSE[line.phase],
}
