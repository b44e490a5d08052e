"""Pages of an evaluation's samples: filtered, sorted and cut by the index alone."""

from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeAlias

import numpy as np

from evalkube_crds.names import SampleState
from evalkube_report.paging import MOST, Order, Page, UnknownName, cut, optional, place_of, smallest_first
from evalkube_report.samples.index import STATES, Index

__all__ = ["MOST", "Around", "Entry", "Page", "SampleQuery", "Sort", "UnknownName", "around", "entry", "select"]

Sort: TypeAlias = Literal["order", "slowest", "score"]


@dataclass(frozen=True, slots=True)
class SampleQuery:
    """The filters and the order of a list of samples. The default is all samples.

    `states`: samples in any of these states. `error`: samples with this class of error. `score` puts samples without a
    score first, then the worst. `slowest` puts samples without an answer last.
    """

    dataset: str | None = None
    subset: str | None = None
    states: frozenset[SampleState] = frozenset()
    error: str | None = None
    sort: Sort = "order"


@dataclass(frozen=True, slots=True)
class Entry:
    """One sample of a page. `row`: its place in the index."""

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
class Around:
    """The samples before and after a sample among those that match a query. `place`: its own place (from 0)."""

    previous: Entry | None
    next: Entry | None
    place: int | None
    total: int


def select(index: Index, query: SampleQuery, *, start: int = 0, limit: int = 50) -> Page[Entry]:
    """The page that starts at the `start`-th matching sample.

    Raises UnknownName, and ValueError for a `limit` that is not 1 to MOST.
    """
    ordered, read = partial(_ordered, index, query), partial(entry, index)
    return cut(_chosen(index, query), ordered, read, start=start, limit=limit)


def around(index: Index, query: SampleQuery, row: int) -> Around:
    """The samples before and after a row among those that match `query`.

    If the row does not match, `place` is None and `next` is the first match. Raises UnknownName.
    """
    order = _ordered(index, query, _chosen(index, query))
    found = np.flatnonzero(order == row)
    place = int(found[0]) if len(found) else None

    def at(wanted: int) -> Entry | None:
        return entry(index, int(order[wanted])) if 0 <= wanted < len(order) else None

    if place is None:
        return Around(None, at(0), None, len(order))
    return Around(at(place - 1), at(place + 1), place, len(order))


def _chosen(index: Index, query: SampleQuery) -> Order:
    rows = index.rows
    wanted = np.ones(len(rows), dtype=bool)
    if query.dataset is not None:
        wanted &= rows["dataset"] == place_of("dataset", query.dataset, index.datasets)
    if query.subset is not None:
        wanted &= _of_subset(index, query.dataset, query.subset)
    if query.states:
        wanted &= np.isin(rows["state"], [STATES.index(state) for state in query.states])
    if query.error is not None:
        wanted &= rows["error"] == 1 + place_of("error", query.error, index.errors)
    return np.flatnonzero(wanted)


def _ordered(index: Index, query: SampleQuery, chosen: Order, most: int | None = None) -> Order:
    """The chosen rows in the order of the query; at least the first `most`."""
    if query.sort == "slowest":
        return chosen[smallest_first(-index.rows["latency_s"][chosen], most)]
    if query.sort == "score":
        return chosen[smallest_first(np.nan_to_num(index.rows["score"][chosen], nan=-1.0), most)]
    return chosen


def _of_subset(index: Index, dataset: str | None, subset: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """The rows of the subsets with that name, in one data set or in all. Raises UnknownName."""
    places = [place for place, name in enumerate(index.datasets) if dataset in (None, name)]
    place_of("subset", subset, dict.fromkeys(name for place in places for name in index.subsets[place]))
    found = np.zeros(len(index.rows), dtype=bool)
    for place in places:
        if subset in index.subsets[place]:
            found |= (index.rows["dataset"] == place) & (index.rows["subset"] == index.subsets[place].index(subset))
    return found


def entry(index: Index, row: int) -> Entry:
    """The sample of a row."""
    found = index.rows[row]
    dataset, error = int(found["dataset"]), int(found["error"])
    return Entry(
        row=row,
        dataset=index.datasets[dataset],
        subset=index.subsets[dataset][found["subset"]],
        index=int(found["index"]),
        repeat=int(found["repeat"]),
        state=STATES[found["state"]],
        score=optional(found["score"]),
        latency_s=optional(found["latency_s"]),
        error=index.errors[error - 1] if error else None,
    )
