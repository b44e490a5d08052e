"""Which runs there are, in which order, in whose way."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evalkube_api import errors
from evalkube_api.backend import RunQuery
from evalkube_api.local.index import Index
from evalkube_api.local.store import Entry
from evalkube_crds.names import Kind, Phase

START = datetime(2025, 12, 4, 10, tzinfo=UTC)


def entry(
    number: int, *, kind: Kind = Kind.EVAL_RUN, phase: Phase = Phase.SUCCEEDED, folder: str = "", model: str = "m"
) -> Entry:
    """The run that was made in second ``number``."""
    return Entry(
        run_id=f"r{number}",
        kind=kind,
        phase=phase,
        model=model,
        created=START + timedelta(seconds=number),
        folder=Path(folder or f"/out/{number}"),
        made_folder=True,
        idempotency_key=None,
        request=None,
    )


def filled(*entries: Entry) -> Index:
    """An index of ``entries``."""
    index = Index()
    for one in entries:
        index.put(one)
    return index


def test_newest_first_whatever_the_order_of_arrival() -> None:
    """Order is that of creation."""
    assert filled(entry(2), entry(3), entry(1)).page(RunQuery())[0] == ["r3", "r2", "r1"]


def test_pages_have_no_gap_while_runs_come_and_go() -> None:
    """The place of a page is a time, not a number."""
    index = filled(*(entry(number) for number in range(5)))
    ids, total, after = index.page(RunQuery(limit=2))
    assert (ids, total) == (["r4", "r3"], 5)
    index.put(entry(9))
    index.drop("r3")
    ids, _, after = index.page(RunQuery(limit=2, after=after))
    assert ids == ["r2", "r1"]
    assert index.page(RunQuery(limit=2, after=after))[0::2] == (["r0"], None)


def test_filters() -> None:
    """By kind, phase and model, together."""
    index = filled(entry(1), entry(2, kind=Kind.PERF_RUN), entry(3, phase=Phase.FAILED), entry(4, model="x"))
    assert index.page(RunQuery(kind=Kind.PERF_RUN))[0] == ["r2"]
    assert index.page(RunQuery(phase=Phase.FAILED))[0] == ["r3"]
    assert index.page(RunQuery(model="x", kind=Kind.EVAL_RUN))[0] == ["r4"]
    assert index.page(RunQuery(offset=1, limit=1))[0] == ["r3"]


def test_a_place_that_no_page_ended_at() -> None:
    """Is a mistake of the client."""
    with pytest.raises(errors.InvalidRequest, match="continue"):
        filled(entry(1)).page(RunQuery(after="x"))


@pytest.mark.parametrize(
    ("folder", "found"), [("/out/a", True), ("/out/a/b", True), ("/out", True), ("/out/ab", False)]
)
def test_an_active_run_holds_its_folder(folder: str, found: bool) -> None:
    """With all above and below it."""
    index = filled(entry(1, phase=Phase.RUNNING, folder="/out/a"), entry(2, folder="/out/ab"))
    assert (index.active_in(Path(folder)) is not None) == found


def test_no_such_run() -> None:
    """Is said with the way to those that are."""
    with pytest.raises(errors.NotFound, match="GET /api/v1/runs"):
        Index().entry("x")
