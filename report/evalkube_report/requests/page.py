"""Pages of a point's measured requests: filtered, sorted and cut by the index alone."""

from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import numpy as np

from evalkube_report.paging import MOST, Order, Page, UnknownName, cut, optional, place_of, smallest_first
from evalkube_report.requests.index import Index

__all__ = ["MOST", "Entry", "Page", "RequestQuery", "Sort", "State", "UnknownName", "entry", "select"]

Sort: TypeAlias = Literal["order", "slowest", "ttft"]
State: TypeAlias = Literal["succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class RequestQuery:
    """The filters and the order of a list of requests. The default is all measured requests; `warmup` adds the warm-up.

    `order` is the order of sending. `slowest` and `ttft` put the longest times first, and requests without the time
    last.
    """

    state: State | None = None
    error: str | None = None
    sort: Sort = "order"
    warmup: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One request of a page. `row`: its place in the index."""

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


def select(index: Index, query: RequestQuery, *, start: int = 0, limit: int = 50) -> Page[Entry]:
    """The page that starts at the `start`-th matching request.

    Raises UnknownName, and ValueError for a `limit` that is not 1 to MOST.
    """
    ordered, read = partial(_ordered, index, query), partial(entry, index)
    return cut(_chosen(index, query), ordered, read, start=start, limit=limit)


def entry(index: Index, row: int) -> Entry:
    """The request of a row."""
    found = index.rows[row]
    error = int(found["error"])
    return Entry(
        row=row,
        index=int(found["index"]),
        shard=int(found["shard"]),
        run=int(found["run"]),
        warmup=bool(found["warmup"]),
        sent_s=optional(found["sent_s"]),
        latency_s=optional(found["latency_s"]),
        ttft_s=optional(found["ttft_s"]),
        tpot_s=optional(found["tpot_s"]),
        input_tokens=int(found["input_tokens"]),
        output_tokens=int(found["output_tokens"]),
        status=int(found["status"]) or None,
        error=index.errors[error - 1] if error else None,
    )


def _chosen(index: Index, query: RequestQuery) -> Order:
    rows = index.rows
    wanted = np.ones(len(rows), dtype=bool) if query.warmup else ~rows["warmup"]
    if query.state is not None:
        wanted &= (rows["error"] != 0) == (query.state == "failed")
    if query.error is not None:
        wanted &= rows["error"] == 1 + place_of("error", query.error, index.errors)
    return np.flatnonzero(wanted)


def _ordered(index: Index, query: RequestQuery, chosen: Order, most: int) -> Order:
    """The chosen rows in the order of the query; at least the first `most`."""
    if query.sort == "order":
        return chosen
    return chosen[smallest_first(-index.rows["latency_s" if query.sort == "slowest" else "ttft_s"][chosen], most)]
