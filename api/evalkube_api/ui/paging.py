"""Common parts of long lists: filter choices and links to other pages of the list. Pure."""

from dataclasses import dataclass

from evalkube_api import errors
from evalkube_api.ui.addresses import Address
from evalkube_report import formats

__all__ = ["Choice", "Pager", "page_of"]

_MOST_PAGES = 1_000_000


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a filter. `count`: the number of its items. `mark`: how it is shown."""

    label: str
    count: int | None
    href: str
    chosen: bool
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Pager:
    """The position of a page in its list: "51 to 100 of 1,319"."""

    text: str
    number: int
    pages: int
    first: str | None
    previous: str | None
    next: str | None
    last: str | None

    @classmethod
    def of(cls, here: Address, *, start: int, shown: int, total: int, size: int) -> "Pager":
        """The pager of a page that starts at the `start`-th of `total` items."""
        number, pages = start // size + 1, max(1, -(-total // size))
        span = f"{formats.count(start + 1)} to {formats.count(start + shown)} of " if shown else "none of "

        def at(page: int) -> str:
            return str(here.but(page=None if page == 1 else page))

        return cls(
            text=f"{span}{formats.count(total)}",
            number=number,
            pages=pages,
            first=at(1) if number > 2 else None,
            previous=at(min(number - 1, pages)) if number > 1 else None,
            next=at(number + 1) if number < pages else None,
            last=at(pages) if number < pages - 1 else None,
        )


def page_of(asked: str | None) -> int:
    """The number of a page, from 1. Raises errors.InvalidRequest."""
    if asked is None:
        return 1
    if not asked.isascii() or not asked.isdigit() or not 1 <= len(asked) <= 7 or not 1 <= int(asked) <= _MOST_PAGES:
        raise errors.InvalidRequest.because(f"must be a whole number from 1 to {_MOST_PAGES}", "page")
    return int(asked)
