"""The filters, order and page in the URL of the page of all runs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlencode

from evalkube_api import errors, selecting
from evalkube_api.backend import KINDS, RunQuery, Sort
from evalkube_crds.names import Phase, Verdict

__all__ = ["ACTIVE", "PER_PAGE", "Asked", "Pages", "asked_for", "pages_of"]

PER_PAGE: Final = 50
_MOST_PAGE: Final = 1_000_000
_FILTERS: Final = ("kind", "phase", "verdict", "model", "dataset", "tag", "namespace", "q")
ACTIVE: Final = ",".join(str(phase) for phase in Phase if not phase.terminal)
"""The phases of runs that have not ended, as a filter has them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A parsed URL: the words of its filters, and its query."""

    words: Mapping[str, str]
    query: RunQuery
    page: int

    @property
    def filtered(self) -> bool:
        """Whether there is any filter."""
        return any(self.words.get(name) for name in _FILTERS)

    def word(self, name: str) -> str:
        """The word of one filter; empty if it is not set."""
        return self.words.get(name, "")

    def url(self, **changes: str | int | None) -> str:
        """The address of the list with one change. It is the first page, unless the page itself is changed."""
        words: dict[str, str | int | None] = {**self.words, "page": None, **changes}
        kept = {name: value for name, value in words.items() if value not in (None, "")}
        return "/ui?" + urlencode(kept) if kept else "/ui"

    def sorted_url(self, sort: str) -> str:
        """The address of the list sorted by that, the largest or newest first; reversed if it is sorted so already."""
        again = self.query.sort == sort and self.query.descending
        return self.url(sort=sort, order="asc" if again else "desc")

    def direction(self, sort: str) -> str:
        """The sort direction in the words of `aria-sort`."""
        if self.query.sort != sort:
            return "none"
        return "descending" if self.query.descending else "ascending"


def asked_for(given: Mapping[str, str]) -> Asked:
    """The parsed URL. Raises errors.InvalidRequest for an unknown word of a filter."""
    words = {name: given[name].strip() for name in (*_FILTERS, "sort", "order") if given.get(name, "").strip()}
    page = _page(given.get("page", "1"))
    kind = words.get("kind")
    if kind is not None and kind not in KINDS:
        raise errors.InvalidRequest.because("must be eval or perf", "kind")
    sort = words.get("sort", "created")
    if sort not in selecting.SORTS:
        raise errors.InvalidRequest.because(f"must be one of {', '.join(selecting.SORTS)}", "sort")
    query = RunQuery(
        kind=None if kind is None else KINDS[kind],
        phases=selecting.words_in(words.get("phase"), Phase, "phase"),
        verdicts=selecting.words_in(words.get("verdict"), Verdict, "verdict"),
        model=words.get("model"),
        dataset=words.get("dataset"),
        tags=selecting.tags_in(words.get("tag")),
        namespace=words.get("namespace"),
        text=words.get("q"),
        sort=cast("Sort", sort),
        descending=words.get("order") != "asc",
        limit=PER_PAGE,
        offset=(page - 1) * PER_PAGE,
    )
    return Asked(words, query, page)


def _page(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST_PAGE:
        raise errors.InvalidRequest.because(f"must be a whole number from 1 to {_MOST_PAGE}", "page")
    return int(text[:9])


@dataclass(frozen=True, slots=True)
class Pages:
    """The position of a page in the list: its first and last run, from 1, and the addresses of its neighbours."""

    first: int
    last: int
    total: int
    before: str | None
    after: str | None


def pages_of(asked: Asked, shown: int, total: int) -> Pages:
    """The position of a page with `shown` runs of `total`."""
    first = asked.query.offset + 1
    last = asked.query.offset + shown
    return Pages(
        first=first if shown else 0,
        last=last if shown else 0,
        total=total,
        before=asked.url(page=asked.page - 1 if asked.page > 2 else None) if asked.page > 1 else None,
        after=asked.url(page=asked.page + 1) if last < total else None,
    )
