"""What pages of samples and pages of requests share: their form and size, and errors for unknown names."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

import numpy as np

from evalkube_crds.problems import nearest

__all__ = ["MOST", "Order", "Page", "UnknownName", "cut", "optional", "place_of", "smallest_first"]

EntryT = TypeVar("EntryT")

MOST: Final = 1000
"""Entries of a page."""

Order: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]
"""Rows of an index, in the order of a query."""


class UnknownName(ValueError):
    """A query has an unknown name. `field` is its parameter; `reason` lists the known names."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def place_of(field: str, name: str, known: Iterable[str]) -> int:
    """The place of a name among the known names. Raises UnknownName."""
    names = list(known)
    if name in names:
        return names.index(name)
    there = ", ".join(names) or "none"
    raise UnknownName(field, f"there is no {name!r}{nearest(name, names)}; there is: {there}")


@dataclass(frozen=True, slots=True)
class Page(Generic[EntryT]):
    """Some of the `total` entries that match a query. `next`: the start of the next page; None after the last."""

    entries: tuple[EntryT, ...]
    total: int
    start: int
    next: int | None


def cut(
    chosen: Order, ordered: Callable[[Order, int], Order], entry: Callable[[int], EntryT], *, start: int, limit: int
) -> Page[EntryT]:
    """The page of the `chosen` rows that starts at the `start`-th of them.

    `ordered` sorts at least the first rows, as many as it is told; `entry` reads a row. Raises ValueError for a `limit`
    that is not 1 to MOST, and for a `start` below 0.
    """
    if not 1 <= limit <= MOST:
        raise ValueError(f"a page has 1 to {MOST} entries, not {limit}")
    if start < 0:
        raise ValueError(f"a page starts at 0 or later, not at {start}")
    end = start + limit
    entries = tuple(entry(int(row)) for row in ordered(chosen, end)[start:end])
    return Page(entries, len(chosen), start, end if end < len(chosen) else None)


def smallest_first(keys: "np.ndarray[Any, np.dtype[np.floating[Any]]]", most: int | None = None) -> Order:
    """Places by rising key, NaN last; equal keys keep their order. At least the first `most` (None: all).

    If `most` is small, the rest is not sorted.
    """
    if most is not None and most * 4 < len(keys):
        bound = np.partition(keys, most)[most]
        if np.isfinite(bound):
            near = np.flatnonzero(keys <= bound)
            return near[np.argsort(keys[near], kind="stable")]
    return np.argsort(keys, kind="stable")


def optional(value: float) -> float | None:
    """A number of an index, with its own precision; None for NaN."""
    return None if value != value else float(str(value))
