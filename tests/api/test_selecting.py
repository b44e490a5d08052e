"""Which runs a list shows, and in which order."""

from datetime import timedelta
from typing import Any

import pytest

from evalkube_api import errors, selecting
from evalkube_api.backend import Line, RunQuery
from evalkube_crds.names import Kind, Phase, Verdict
from evalkube_crds.results import Progress
from fakes.lines import START, a_line

NOW = START + timedelta(hours=1)


def ids(lines: list[Line], **query: Any) -> list[str]:
    """Ids of the page, in its order."""
    return [line.run_id for line in selecting.page(lines, RunQuery(**query), NOW).lines]


FILTERED = [
    a_line(1, model="qwen"),
    a_line(2, kind=Kind.PERF_RUN, verdict=Verdict.VALID, datasets=("openqa",)),
    a_line(3, phase=Phase.FAILED, namespace="team-a"),
    a_line(4, phase=Phase.RUNNING, datasets=("gsm8k", "iquiz")),
    a_line(5, tags={"team": "Search", "nightly": ""}),
    a_line(6, tags={"team": "ads"}, verdict=Verdict.INVALID),
]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        pytest.param({}, [6, 5, 4, 3, 2, 1], id="no filter"),
        pytest.param({"kind": Kind.PERF_RUN}, [2], id="kind"),
        pytest.param({"phases": {Phase.FAILED}}, [3], id="a phase"),
        pytest.param({"phases": {Phase.FAILED, Phase.RUNNING}}, [4, 3], id="one of two phases"),
        pytest.param({"model": "qwen"}, [1], id="model"),
        pytest.param({"model": "qwe"}, [], id="a part of a model is not that model"),
        pytest.param({"namespace": "team-a"}, [3], id="namespace"),
        pytest.param({"tags": {"team": None}}, [6, 5], id="a tag with any value"),
        pytest.param({"tags": {"team": "ads"}}, [6], id="a tag with its value"),
        pytest.param({"tags": {"team": "Search", "nightly": None}}, [5], id="two tags"),
        pytest.param({"tags": {"team": "ads", "nightly": None}}, [], id="one of two tags is missing"),
        pytest.param({"verdicts": {Verdict.VALID}}, [2], id="a verdict"),
        pytest.param({"verdicts": {Verdict.VALID, Verdict.INVALID}}, [6, 2], id="one of two verdicts"),
        pytest.param({"dataset": "iquiz"}, [4], id="one of the benchmarks"),
        pytest.param({"dataset": "openqa"}, [2], id="the data set of a load test"),
        pytest.param({"text": "QWE"}, [1], id="text in the model"),
        pytest.param({"text": "r3"}, [3], id="text in the id"),
        pytest.param({"text": "team=search"}, [5], id="text in a tag"),
        pytest.param({"model": "m", "kind": Kind.EVAL_RUN, "text": "ads"}, [6], id="several filters together"),
    ],
)
def test_filters(query: dict[str, Any], numbers: list[int]) -> None:
    """A run is listed where it meets all filters."""
    assert ids(FILTERED, **query) == [f"r{number}" for number in numbers]


def _seconds(started: int, completed: int | None) -> dict[str, Any]:
    end = None if completed is None else START + timedelta(seconds=completed)
    return {"started": START + timedelta(seconds=started), "completed": end}


SORTED = [
    a_line(1, model="b", headline={"score": 0.5}, **_seconds(10, 40)),
    a_line(2, model="A", headline={"score": 0.9}, phase=Phase.RUNNING, **_seconds(3000, None)),
    a_line(3, model="c", headline={"rps": 7.0}, progress=Progress(done=9, failed=4), phase=Phase.QUEUED),
    a_line(4, model="b", headline={"rps": 9.0}, progress=Progress(done=9, failed=2), **_seconds(20, 30)),
]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        pytest.param({}, [4, 3, 2, 1], id="newest first"),
        pytest.param({"descending": False}, [1, 2, 3, 4], id="oldest first"),
        pytest.param({"sort": "model", "descending": False}, [2, 4, 1, 3], id="model, in either case"),
        pytest.param({"sort": "model"}, [3, 4, 1, 2], id="model from the end"),
        pytest.param({"sort": "score"}, [2, 1, 4, 3], id="best score; without one last"),
        pytest.param({"sort": "score", "descending": False}, [1, 2, 4, 3], id="worst score; without one last"),
        pytest.param({"sort": "rps"}, [4, 3, 2, 1], id="requests per second"),
        pytest.param({"sort": "failed"}, [3, 4, 2, 1], id="most failures"),
        pytest.param({"sort": "duration"}, [2, 1, 4, 3], id="longest, a running one until now"),
        pytest.param({"sort": "phase", "descending": False}, [3, 2, 4, 1], id="phases in their course"),
    ],
)
def test_orders(query: dict[str, Any], numbers: list[int]) -> None:
    """Runs that have no such value come last, and those of the same value newest first."""
    assert ids(SORTED, **query) == [f"r{number}" for number in numbers]


@pytest.mark.parametrize("descending", [True, False])
def test_pages_have_no_gap_while_runs_come_and_go(descending: bool) -> None:
    """The place of a page is a run's own place, not a number."""
    lines = [a_line(number) for number in range(1, 6)]
    order = [5, 4, 3, 2, 1] if descending else [1, 2, 3, 4, 5]
    first = selecting.page(lines, RunQuery(limit=2, descending=descending), NOW)
    assert ([line.run_id for line in first.lines], first.total) == ([f"r{number}" for number in order[:2]], 5)
    left = [line for line in lines if line.run_id != f"r{order[1]}"]
    left.append(a_line(9 if descending else 0))
    second = selecting.page(left, RunQuery(limit=2, descending=descending, after=first.next), NOW)
    assert [line.run_id for line in second.lines] == [f"r{number}" for number in order[2:4]]
    last = selecting.page(left, RunQuery(limit=2, descending=descending, after=second.next), NOW)
    assert ([line.run_id for line in last.lines], last.next) == ([f"r{order[4]}"], None)


def test_pages_by_number() -> None:
    """In any order, and without a place to go on from where that is not the order of creation."""
    lines = [a_line(number, headline={"score": number}) for number in range(1, 6)]
    found = selecting.page(lines, RunQuery(sort="score", limit=2, offset=2), NOW)
    assert ([line.run_id for line in found.lines], found.total, found.next) == (["r3", "r2"], 5, None)
    assert ids(lines, limit=2, offset=4) == ["r1"]


@pytest.mark.parametrize("token", ["x", "~~", "a~b", "a~b~c~d"])
def test_a_place_that_no_page_ended_at(token: str) -> None:
    """It is a mistake of the client."""
    with pytest.raises(errors.InvalidRequest, match="continue: is not the 'next'"):
        ids([a_line(1)], after=token)


def test_a_place_is_of_one_order() -> None:
    """A list that is not sorted by creation says how it is paged."""
    with pytest.raises(errors.InvalidRequest, match="with 'page'"):
        ids([a_line(1)], after="a~b~c", sort="score")


@pytest.mark.parametrize(
    ("text", "phases"),
    [(None, set()), ("Failed", {Phase.FAILED}), ("Failed, Running", {Phase.FAILED, Phase.RUNNING})],
)
def test_words_with_commas(text: str | None, phases: set[Phase]) -> None:
    """Each is one of the words that there are."""
    assert selecting.words_in(text, Phase, "phase") == phases


@pytest.mark.parametrize(
    ("text", "said"), [("Faild", "did you mean 'Failed'"), ("failed", "'Failed'"), ("", "one of"), ("x,", "one of")]
)
def test_a_word_that_is_none(text: str, said: str) -> None:
    """The nearest one is named, or all."""
    with pytest.raises(errors.InvalidRequest, match=f"phase: .*{said}"):
        selecting.words_in(text, Phase, "phase")


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        (None, {}),
        ("team", {"team": None}),
        ("team=", {"team": ""}),
        ("team=a, nightly", {"team": "a", "nightly": None}),
    ],
)
def test_tags_of_a_filter(text: str | None, tags: dict[str, str | None]) -> None:
    """A name alone stands for any value."""
    assert selecting.tags_in(text) == tags


@pytest.mark.parametrize("text", ["", "=a", "a b", "team=a=b", "team=-", "a," * 40])
def test_tags_that_no_run_can_have(text: str) -> None:
    """They are refused, with the name of the parameter."""
    with pytest.raises(errors.InvalidRequest, match="tag"):
        selecting.tags_in(text)
