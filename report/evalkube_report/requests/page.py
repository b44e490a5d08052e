"""Pages of the measured requests of a point: chosen, sorted and cut, without a look at any row."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from evalkube_report.requests.index import Index

__all__ = ["MOST", "Entry", "Page", "RequestQuery", "Sort", "State", "UnknownName", "select"]

MOST = 1000
"""Requests of a page."""

Sort: TypeAlias = Literal["order", "slowest", "ttft"]
State: TypeAlias = Literal["succeeded", "failed"]


class UnknownName(ValueError):
    """A query names what there is none of: `field`, and `reason` with the names that there are."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RequestQuery:
    """Which requests, and in which order. Empty is all measured ones.

    `order` is that of sending; `slowest` and `ttft` put the longest first, requests without the time last.
    """

    state: State | None = None
    error: str | None = None
    sort: Sort = "order"
    warmup: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One request of a page. `row` is its place in the index."""

    row: int
    index: int
    shard: int
    run: int
    warmup: bool
    sent_s: float | None
    latency_s: float | None
    ttft_s: float | None
    tpot_s: float | None
    input_tokens: int
    output_tokens: int
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some requests of `total` that a query has. `next` is where the following page starts; None after the last."""

    entries: tuple[Entry, ...]
    total: int
    start: int
    next: int | None


def select(index: Index, query: RequestQuery, *, start: int = 0, limit: int = 50) -> Page:
    """The page of a query that starts at its `start`-th request. Raises UnknownName, and ValueError for a `limit` that
    is not 1 to MOST."""
    raise NotImplementedError
