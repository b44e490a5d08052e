"""Progress where there is no terminal, and where there is one."""

import io

import pytest
from rich.console import Console

from evalkube_cli import progress


def _moment(done: int, stage: str | None = "gsm8k", phase: str = "Running") -> dict[str, object]:
    return {"phase": phase, "done": done, "total": 10, "stage": stage, "eta_seconds": 65.0}


def test_lines_are_few() -> None:
    """One for each stage, not one for each sample."""
    stream = io.StringIO()
    with progress.display(stream) as shown:
        for done in range(5):
            shown.show(_moment(done))
        shown.show(_moment(5, "iquiz"))
        shown.show(_moment(10, None, "Succeeded") | {"eta_seconds": None})
    assert stream.getvalue().splitlines() == [
        "Running: 0/10, gsm8k, 1 min 05 s left",
        "Running: 5/10, iquiz, 1 min 05 s left",
        "Succeeded: 10/10",
    ]


def test_what_is_not_known_is_not_shown() -> None:
    """No total, no time: a count alone, and before that the stage alone."""
    stream = io.StringIO()
    unknown = {"total": 0, "eta_seconds": None}
    with progress.display(stream) as shown:
        shown.show(_moment(0, None, "Pending") | unknown)
        shown.show(_moment(0, "waiting for the endpoint") | unknown)
        shown.show(_moment(7, "parallel_4_number_20") | unknown)
    assert stream.getvalue().splitlines() == [
        "Pending",
        "Running: waiting for the endpoint",
        "Running: 7 done, parallel_4_number_20",
    ]


def test_a_bar_of_an_unknown_total_counts() -> None:
    """It has no end yet, and says so by leaving it out."""
    stream = io.StringIO()
    with progress.Bar(Console(file=stream, force_terminal=True, width=100)) as shown:
        shown.show(_moment(7) | {"total": 0, "eta_seconds": None})
    assert "7 done" in stream.getvalue()
    assert "/" not in stream.getvalue().rpartition("7 done")[2].partition("\n")[0]


def test_a_bar_shows_the_stage_as_it_is() -> None:
    """What looks like markup is not."""
    stream = io.StringIO()
    with progress.Bar(Console(file=stream, force_terminal=True, width=100)) as shown:
        shown.show(_moment(5, "[bold]x"))
    assert "[bold]x" in stream.getvalue()
    assert "5/10" in stream.getvalue()


def test_quiet_shows_nothing() -> None:
    """Not a byte."""
    stream = io.StringIO()
    with progress.display(stream, quiet=True) as shown:
        shown.show(_moment(1))
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (-3.0, "0 s left"), (59.4, "59 s left"), (61.0, "1 min 01 s left"), (7260.0, "2 h 01 min left")],
)
def test_eta(seconds: float | None, text: str) -> None:
    """In the words of a clock."""
    assert progress.eta_text(seconds) == text
