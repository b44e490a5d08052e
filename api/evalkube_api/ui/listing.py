"""The filters, order and page in the URL of the page of all runs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from starlette.datastructures import QueryParams

from evalkube_api import selecting
from evalkube_api.backend import KINDS, RunQuery, Sort
from evalkube_api.ui import addresses, paging
from evalkube_api.ui.addresses import Address
from evalkube_crds.names import Phase, Verdict

__all__ = ["ACTIVE", "PER_PAGE", "Asked", "asked_for"]

PER_PAGE: Final = 50
_FILTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": tuple(KINDS),
    **dict.fromkeys(("phase", "verdict", "model", "dataset", "tag", "namespace", "q"), ()),
}
_PARAMETERS: Final = {**_FILTERS, "sort": tuple(selecting.SORTS), "order": ("asc", "desc"), "page": ()}
ACTIVE: Final = ",".join(str(phase) for phase in Phase if not phase.terminal)
"""The phases of runs that have not ended, as a filter has them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A parsed URL: the address with its filters, and its query."""

    here: Address
    query: RunQuery

    @property
    def filtered(self) -> bool:
        """Whether there is any filter."""
        return any(self.word(name) for name in _FILTERS)

    def word(self, name: str) -> str:
        """The word of one filter; empty if it is not set."""
        return self.here.query.get(name, "")

    def sorted_url(self, sort: str) -> str:
        """The address of the list sorted by that, the largest or newest first; reversed if it is sorted so already."""
        again = self.query.sort == sort and self.query.descending
        return str(self.here.but(sort=sort, order="asc" if again else "desc", page=None))

    def direction(self, sort: str) -> str:
        """The sort direction in the words of `aria-sort`."""
        if self.query.sort != sort:
            return "none"
        return "descending" if self.query.descending else "ascending"


def asked_for(given: QueryParams) -> Asked:
    """The parsed URL. Raises errors.InvalidRequest for an unknown parameter, and for an unknown word of a filter."""
    asked = addresses.asked(given, _PARAMETERS)
    words = {name: word for name, text in asked.items() if (word := text.strip())}
    kind = words.get("kind")
    query = RunQuery(
        kind=None if kind is None else KINDS[kind],
        phases=selecting.words_in(words.get("phase"), Phase, "phase"),
        verdicts=selecting.words_in(words.get("verdict"), Verdict, "verdict"),
        model=words.get("model"),
        dataset=words.get("dataset"),
        tags=selecting.tags_in(words.get("tag")),
        namespace=words.get("namespace"),
        text=words.get("q"),
        sort=cast("Sort", words.get("sort", "created")),
        descending=words.get("order") != "asc",
        limit=PER_PAGE,
        offset=(paging.page_of(words.get("page")) - 1) * PER_PAGE,
    )
    return Asked(Address("/ui", words), query)
