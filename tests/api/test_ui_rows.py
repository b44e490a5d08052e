"""Runs as rows of a list, what a list is asked for, and the curves of runs at work."""

from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.datastructures import QueryParams

from evalkube_api import lines
from evalkube_api.backend import Line, Queue
from evalkube_api.errors import InvalidRequest
from evalkube_api.ui import addresses, listing, run_rows
from evalkube_api.ui.course import Course
from evalkube_crds.names import Phase
from evalkube_crds.results import Progress
from fakes.many_runs import ended_run

LINE = lines.line_of(ended_run(1))
NOW = LINE.created + timedelta(hours=3)


def shown(line: Line) -> run_rows.Row:
    """Three hours after it was made."""
    return run_rows.row(line, NOW)


def at_work(**fields: object) -> Line:
    """That line while the run is at work."""
    return replace(LINE, phase=Phase.RUNNING, completed=None, headline={}, **fields)  # type: ignore[arg-type]  # fields of a line


def test_an_evaluation_shows_its_score_with_the_interval() -> None:
    """And how long it took."""
    row = shown(LINE)
    assert [(one.name, one.value) for one in row.figures] == [("score", "0.714 (0.689 to 0.738)")]
    assert (row.phase, row.tone, row.active, row.created_ago) == ("Succeeded", "good", False, "3 h ago")


def test_a_load_test_shows_its_three_first_figures() -> None:
    """With their units."""
    row = shown(lines.line_of(ended_run(2, kind="perf")))
    assert [(one.name, one.value) for one in row.figures] == [
        ("req/s", "41.7"),
        ("tok/s", "5,342"),
        ("TTFT p99", "412.0 ms"),
    ]


def test_a_run_at_work_shows_how_far_it_is_and_what_it_sees() -> None:
    """Its stage, and how long it takes yet."""
    progress = Progress(done=30, total=120, eta_seconds=61, stage="gsm8k", figures={"score": 0.5})
    row = shown(at_work(progress=progress))
    assert (row.percent, row.done, row.note) == (25.0, "30 of 120", "gsm8k, 1 min 01 s left")
    assert [one.value for one in row.figures] == ["0.500"]


def test_a_run_that_waits_says_what_for() -> None:
    """With its place in the line."""
    waiting = replace(LINE, phase=Phase.QUEUED, queue=Queue(3, "a load test runs alone"), progress=None)
    assert shown(waiting).note == "number 3 in line: a load test runs alone"


def test_a_failed_run_says_why_on_one_line() -> None:
    """Shortened, where a server said much."""
    row = shown(lines.line_of(ended_run(1, failed="no\nconnection " + "x" * 1000)))
    assert row.note.startswith("TargetUnreachable: no connection xxx")
    assert len(row.note) < 300


def test_an_id_is_a_part_of_an_address() -> None:
    """Whatever is in it."""
    assert addresses.run("a/b?c") == "/ui/runs/a%2Fb%3Fc"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "now"), (59, "59 s ago"), (60, "1 min ago"), (7200, "2 h ago"), (90_000, "1 d ago"), (3e6, "2026-01-01")],
)
def test_times_are_said_in_their_largest_unit(seconds: float, words: str) -> None:
    """After a month the day."""
    assert run_rows.ago(LINE.created, LINE.created + timedelta(seconds=seconds)) == words


def test_a_list_keeps_its_filters_from_page_to_page() -> None:
    """And begins anew where one of them changes."""
    asked = listing.asked_for(QueryParams("kind=perf&q=a+b&page=3&tag="))
    assert asked.query.offset == 2 * listing.PER_PAGE
    assert str(asked.here) == "/ui?kind=perf&q=a+b&page=3"
    assert asked.sorted_url("model") == "/ui?kind=perf&q=a+b&sort=model&order=desc"


def test_a_column_that_sorts_turns_round() -> None:
    """The largest first, then the smallest."""
    asked = listing.asked_for(QueryParams("sort=score"))
    assert (asked.direction("score"), asked.sorted_url("score")) == ("descending", "/ui?sort=score&order=asc")
    assert asked.direction("model") == "none"


@pytest.mark.parametrize(
    "given",
    [{"phase": "Faild"}, {"sort": "x"}, {"order": "up"}, {"kind": "x"}, {"page": "-1"}, {"tag": "a b"}, {"fase": "x"}],
)
def test_a_word_that_is_none_is_refused(given: dict[str, str]) -> None:
    """With its field."""
    with pytest.raises(InvalidRequest) as refused:
        listing.asked_for(QueryParams(given))
    assert refused.value.problems[0].field.partition(".")[0] == next(iter(given))


def test_a_course_stays_small_and_keeps_its_begin() -> None:
    """However long a run goes on: points come half as often each time it is full."""
    course = Course()
    for second in range(100_000):
        course.add(float(second), {"rps": float(second)})
    assert len(course.at_s) <= 300
    assert (course.at_s[0], course.columns(["rps", "score"])["rps"][0]) == (0.0, 0.0)
    assert course.at_s[-1] > 99_000
    assert set(course.columns(["score"])["score"]) == {None}
