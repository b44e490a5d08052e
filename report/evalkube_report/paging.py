"""What pages of samples and of requests have in common: their size, and the refusal of names that there are none of."""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import numpy as np

from evalkube_crds.problems import nearest

__all__ = ["MOST", "Order", "UnknownName", "cut", "longest_first", "optional", "place_of"]

MOST: Final = 1000
"""Entries of a page."""

Order: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]
"""Rows of an index, in the order of a query."""


class UnknownName(ValueError):
    """A query names what there is none of: `field`, and `reason` with the names that there are."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def place_of(field: str, name: str, known: Iterable[str]) -> int:
    """The place of a name among those that there are. Raises UnknownName."""
    names = list(known)
    if name in names:
        return names.index(name)
    there = ", ".join(names) or "none"
    raise UnknownName(field, f"there is no {name!r} in this run{nearest(name, names)}; there is: {there}")


def cut(order: Order, start: int, limit: int) -> tuple[Order, int | None]:
    """The rows of a page, and where the next one starts. Raises ValueError."""
    if not 1 <= limit <= MOST:
        raise ValueError(f"a page has 1 to {MOST} entries, not {limit}")
    if start < 0:
        raise ValueError(f"a page starts at 0 or later, not at {start}")
    end = start + limit
    return order[start:end], end if end < len(order) else None


def longest_first(values: "np.ndarray[Any, np.dtype[np.floating[Any]]]") -> Order:
    """Places by falling value, those without one (NaN) last; of equal ones in their order."""
    return np.argsort(-values, kind="stable")


def optional(value: float) -> float | None:
    """A number, None for NaN."""
    return None if value != value else float(value)
