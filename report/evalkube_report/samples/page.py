"""Pages of the samples of an index: chosen, sorted and cut, without a look at any line."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from evalkube_crds.names import SampleState
from evalkube_report.samples.index import Index

__all__ = ["MOST", "Around", "Entry", "Page", "SampleQuery", "Sort", "UnknownName", "around", "select"]

MOST = 1000
"""Samples of a page."""

Sort: TypeAlias = Literal["order", "slowest", "score"]


class UnknownName(ValueError):
    """A query names what the run does not have: `field`, and `reason` with the names that it has."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class SampleQuery:
    """Which samples, and in which order. Empty is all of them.

    `states`: any of them. `error`: of one class. `score` puts the worst first, samples without a score before them.
    """

    dataset: str | None = None
    subset: str | None = None
    states: frozenset[SampleState] = frozenset()
    error: str | None = None
    sort: Sort = "order"


@dataclass(frozen=True, slots=True)
class Entry:
    """One sample of a page. `row` is its place in the index."""

    row: int
    dataset: str
    subset: str
    index: int
    repeat: int
    state: SampleState
    score: float | None
    latency_s: float | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some samples of `total` that a query has. `next` is where the following page starts; None after the last."""

    entries: tuple[Entry, ...]
    total: int
    start: int
    next: int | None


@dataclass(frozen=True, slots=True)
class Around:
    """The samples before and after one in what a query has; `place` (from 0) is its own there, of `total`."""

    previous: Entry | None
    next: Entry | None
    place: int | None
    total: int


def select(index: Index, query: SampleQuery, *, start: int = 0, limit: int = 50) -> Page:
    """The page of a query that starts at its `start`-th sample. Raises UnknownName, and ValueError for a `limit` that is
    not 1 to MOST."""
    raise NotImplementedError


def around(index: Index, query: SampleQuery, row: int) -> Around:
    """What comes before and after a row in what `query` has. Of a row that it does not have, `place` is None and
    `next` the first of all. Raises UnknownName."""
    raise NotImplementedError
