"""The values in the list of a load test's requests. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from evalkube_api.ui import texts
from evalkube_api.ui.addresses import Address
from evalkube_api.ui.paging import Choice, Pager
from evalkube_api.ui.texts import Text
from evalkube_report import formats
from evalkube_report.requests.index import Index
from evalkube_report.requests.page import Entry, Page, RequestQuery, Sort, State

__all__ = ["PAGE", "PARAMETERS", "RequestBrowser", "RequestLine", "browser", "query_of"]

PAGE: Final = 50
"""Requests on one page."""

_STATES: Final[Mapping[State, str]] = {"succeeded": "succeeded", "failed": "failed"}
_SORTS: Final[Mapping[Sort, str]] = {"slowest": "slowest first", "ttft": "longest TTFT first", "order": "as sent"}

PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "state": tuple(_STATES),
    "error": (),
    "sort": tuple(_SORTS),
    "row": (),
}
"""What chooses and sorts requests, in the URL. `row`: the one that is open."""


def query_of(asked: Mapping[str, str]) -> RequestQuery:
    """The query that the parameters name. By default the slowest requests come first."""
    states: Mapping[str, State] = {str(state): state for state in _STATES}
    sorts: Mapping[str, Sort] = {str(sort): sort for sort in _SORTS}
    return RequestQuery(
        state=states.get(asked.get("state", "")), error=asked.get("error"), sort=sorts[asked.get("sort", "slowest")]
    )


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request in the list."""

    href: str
    name: str
    open: bool
    outcome: str
    failed: bool
    sent: str
    latency: str
    ttft: str
    tpot: str
    input_tokens: str
    output_tokens: str


@dataclass(frozen=True, slots=True)
class RequestBrowser:
    """A page of the requests that match a query. `row`: the whole line of the open request."""

    states: tuple[Choice, ...]
    errors: tuple[Choice, ...]
    sorts: tuple[tuple[str, str], ...]
    sort: str
    lines: tuple[RequestLine, ...]
    pager: Pager
    row: Text | None


def browser(index: Index, found: Page[Entry], here: Address, row: bytes | None) -> RequestBrowser:
    """The list of requests. `row`: the line of the open request."""
    listed = here.but(row=None)
    return RequestBrowser(
        states=tuple(_states(index, listed)),
        errors=tuple(_errors(index, listed)),
        sorts=tuple(_SORTS.items()),
        sort=here.query.get("sort", "slowest"),
        lines=tuple(_line(entry, here, index.is_plain) for entry in found.entries),
        pager=Pager.of(listed, start=found.start, shown=len(found.entries), total=found.total, size=PAGE),
        row=None if row is None else texts.text(row.decode("utf-8", "replace")),
    )


def _states(index: Index, here: Address) -> Iterator[Choice]:
    measured = index.rows["error"][~index.rows["warmup"]]
    failed = int(np.count_nonzero(measured))
    chosen = here.query.get("state") if "error" not in here.query else "failed"
    plain = here.but(error=None, page=None)
    yield Choice("all", len(measured), str(plain.but(state=None)), chosen is None)
    yield Choice("succeeded", len(measured) - failed, str(plain.but(state="succeeded")), chosen == "succeeded", "right")
    yield Choice("failed", failed, str(plain.but(state="failed")), chosen == "failed", "errored")


def _errors(index: Index, here: Address) -> Iterator[Choice]:
    """The choices of error classes."""
    measured = index.rows["error"][~index.rows["warmup"]]
    counts = np.bincount(measured, minlength=1 + len(index.errors))[1:]
    chosen = here.query.get("error")
    for name, times in zip(index.errors, counts.tolist(), strict=False):
        if times:
            to = here.but(state=None, error=None if chosen == name else name, page=None)
            yield Choice(name, times, str(to), chosen == name)


def _line(entry: Entry, here: Address, plain: bool) -> RequestLine:
    is_open = here.query.get("row") == str(entry.row)
    status = "" if entry.status is None else f" (HTTP {entry.status})"
    of = "".join(f", {word} {number}" for word, number in (("shard", entry.shard), ("run", entry.run)) if number)
    return RequestLine(
        href=str(here.but(row=None if is_open else entry.row)) if plain else "",
        name=f"#{entry.index}{of}",
        open=is_open,
        outcome=f"{entry.error}{status}" if entry.error is not None else "succeeded",
        failed=entry.error is not None,
        sent=formats.DASH if entry.sent_s is None else f"{entry.sent_s:.3f} s",
        latency=_time(entry.latency_s),
        ttft=_time(entry.ttft_s),
        tpot=_time(entry.tpot_s),
        input_tokens=formats.count(entry.input_tokens),
        output_tokens=formats.count(entry.output_tokens),
    )


def _time(seconds: float | None) -> str:
    return formats.timed(None if seconds is None else seconds * 1e9)
