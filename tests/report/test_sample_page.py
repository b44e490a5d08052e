"""Pages of an evaluation's samples: filters, order, ends, and neighbours."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.names import SampleState
from evalkube_report.paging import smallest_first
from evalkube_report.samples import page
from evalkube_report.samples.building import Builder
from evalkube_report.samples.index import Index
from evalkube_report.samples.page import SampleQuery, UnknownName
from fakes.sample_lines import error, jsonl, prediction, result, review


@pytest.fixture(scope="module")
def index() -> Index:
    """Right, wrong, unread and partial samples of one subset, errored ones of another, one of a third."""
    builder = Builder(result(mmlu=["law", "logic"], gsm8k=["main"]), 1)
    scored = [review(0, 1.0), review(1, 0.0), review(2, 0.0, None), review(3, 0.5)]
    answered = [prediction(at, latency_s=latency_s) for at, latency_s in enumerate([2.0, 5.0, 1.0, 5.0])]
    builder.add(0, 0, reviews=jsonl(*scored), predictions=jsonl(*answered))
    builder.add(0, 1, errors=jsonl(error(0, "status_429"), error(1, "idle_timeout")))
    builder.add(1, 0, reviews=jsonl(review(0, 0.0)), predictions=jsonl(prediction(0, latency_s=3.0)))
    return builder.index()


def _places(index: Index, query: SampleQuery) -> list[tuple[str, int]]:
    return [(one.subset, one.index) for one in page.select(index, query).entries]


_LAW = [("law", at) for at in range(4)]
_LOGIC = [("logic", 0), ("logic", 1)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param(SampleQuery(), [*_LAW, *_LOGIC, ("main", 0)], id="all of them"),
        pytest.param(SampleQuery(dataset="gsm8k"), [("main", 0)], id="of a data set"),
        pytest.param(SampleQuery(dataset="mmlu", subset="logic"), _LOGIC, id="of a subset"),
        pytest.param(SampleQuery(subset="main"), [("main", 0)], id="of a subset by its name alone"),
        pytest.param(
            SampleQuery(states=frozenset({SampleState.WRONG})), [("law", 1), ("main", 0)], id="wrong ones, not unread"
        ),
        pytest.param(
            SampleQuery(states=frozenset({SampleState.NO_ANSWER, SampleState.ERRORED})),
            [("law", 2), *_LOGIC],
            id="in one of two states",
        ),
        pytest.param(SampleQuery(error="idle_timeout"), [("logic", 1)], id="failed by a class"),
        pytest.param(SampleQuery(error="dns"), [], id="of a class that none has"),
        pytest.param(
            SampleQuery(sort="slowest"),
            [("law", 1), ("law", 3), ("main", 0), ("law", 0), ("law", 2), *_LOGIC],
            id="the slowest first, those without an answer last",
        ),
        pytest.param(
            SampleQuery(sort="score"),
            [*_LOGIC, ("law", 1), ("law", 2), ("main", 0), ("law", 3), ("law", 0)],
            id="the worst first",
        ),
    ],
)
def test_a_query_chooses_and_sorts(index: Index, query: SampleQuery, found: list[tuple[str, int]]) -> None:
    """Samples that are alike stay in their order."""
    assert _places(index, query) == found


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        (SampleQuery(dataset="gsm8"), "dataset", "did you mean 'gsm8k'?; there is: mmlu, gsm8k"),
        (SampleQuery(dataset="gsm8k", subset="law"), "subset", "there is: main"),
        (SampleQuery(error="status_42"), "error", "did you mean 'status_4"),
    ],
    ids=["a data set", "a subset of another data set", "a class of errors"],
)
def test_a_name_that_there_is_not_is_refused(index: Index, query: SampleQuery, field: str, said: str) -> None:
    """With the field, and the names that there are."""
    with pytest.raises(UnknownName) as refused:
        page.select(index, query)
    assert refused.value.field == field
    assert said in refused.value.reason


@pytest.mark.parametrize("sort", ["order", "slowest", "score"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_have_each_sample_once(index: Index, sort: page.Sort, limit: int) -> None:
    """One after the other they are the whole, whatever their size."""
    start: int | None = 0
    found: list[int] = []
    while start is not None:
        part = page.select(index, SampleQuery(sort=sort), start=start, limit=limit)
        assert (part.total, part.start) == (7, start)
        found += [one.row for one in part.entries]
        start = part.next
    assert found == [one.row for one in page.select(index, SampleQuery(sort=sort)).entries]
    assert sorted(found) == list(range(7))


@pytest.mark.parametrize(("start", "limit"), [(0, 0), (0, page.MOST + 1), (-1, 10)])
def test_a_page_has_a_size(index: Index, start: int, limit: int) -> None:
    """One that is beyond it is refused, not cut."""
    with pytest.raises(ValueError, match=r"a page "):
        page.select(index, SampleQuery(), start=start, limit=limit)


def test_a_page_after_the_last_is_empty(index: Index) -> None:
    """Samples do not come to be after a run's end: that is no mistake of the program's."""
    assert page.select(index, SampleQuery(), start=99) == page.Page((), 7, 99, None)


def test_a_sample_has_neighbours_in_a_query(index: Index) -> None:
    """Those that the keyboard leads to; the first one has none before it."""
    query = SampleQuery(
        dataset="mmlu", states=frozenset({SampleState.WRONG, SampleState.NO_ANSWER, SampleState.PARTIAL})
    )
    first, middle = page.around(index, query, 1), page.around(index, query, 2)
    assert first.previous is None
    assert first.next is not None
    assert middle.previous is not None
    assert middle.next is not None
    assert (first.next.index, middle.previous.index, middle.next.index) == (2, 1, 3)
    assert (first.place, middle.place, middle.total) == (0, 1, 3)


def test_a_sample_that_a_query_does_not_have_leads_to_its_first(index: Index) -> None:
    """As a link may name both."""
    found = page.around(index, SampleQuery(states=frozenset({SampleState.ERRORED})), 0)
    assert found.next is not None
    assert (found.place, found.previous, found.next.subset, found.total) == (None, None, "logic", 2)


@given(st.lists(st.sampled_from([0.0, 1.0, 2.5, math.nan, -3.0]), max_size=80), st.integers(1, 30))
def test_the_first_of_many_are_those_of_all(keys: list[float], most: int) -> None:
    """Finding a few without sorting the rest gives the same ones, equal ones too."""
    values = np.array(keys, dtype=np.float32)
    assert smallest_first(values, most)[:most].tolist() == smallest_first(values)[:most].tolist()
