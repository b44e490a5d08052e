"""What pages of samples and pages of requests share: their size, and errors for unknown names."""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import numpy as np

from evalkube_crds.problems import nearest

__all__ = ["MOST", "Order", "UnknownName", "checked_end", "optional", "place_of", "smallest_first"]

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


def checked_end(start: int, limit: int) -> int:
    """The end of a page that starts at `start`. Raises ValueError."""
    if not 1 <= limit <= MOST:
        raise ValueError(f"a page has 1 to {MOST} entries, not {limit}")
    if start < 0:
        raise ValueError(f"a page starts at 0 or later, not at {start}")
    return start + limit


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
