"""Which runs there are, in which order, in whose way."""

from pathlib import Path

import pytest

from evalkube_api import errors
from evalkube_api.local.index import Index
from evalkube_api.local.store import Entry
from evalkube_crds.names import Phase
from fakes.lines import a_line


def entry(number: int, *, phase: Phase = Phase.SUCCEEDED, folder: str = "") -> Entry:
    """The run that was made in second `number`."""
    return Entry(
        line=a_line(number, phase=phase),
        folder=Path(folder or f"/out/{number}"),
        made_folder=True,
        idempotency_key=None,
        request=None,
    )


def filled(*entries: Entry) -> Index:
    """An index of `entries`."""
    index = Index()
    for one in entries:
        index.put(one)
    return index


def test_newest_first_whatever_the_order_of_arrival() -> None:
    """Order is that of creation."""
    assert [line.run_id for line in filled(entry(2), entry(3), entry(1)).lines()] == ["r3", "r2", "r1"]


def test_a_run_that_is_dropped_is_listed_no_more() -> None:
    """Whatever it became since it was put."""
    index = filled(entry(1), entry(2, phase=Phase.RUNNING), entry(2))
    index.drop("r2")
    assert [line.run_id for line in index.lines()] == ["r1"]


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
