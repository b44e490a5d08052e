"""Progress where there is no terminal, and where there is one."""

import io
import re
from typing import Any

import pytest
from rich.console import Console

from evalkube.models import Progress
from evalkube.progress import Bar, display, eta_text, figures_text
from evalkube_crds.names import Phase


def _moment(done: int, stage: str | None = "gsm8k", phase: str = "Running", **more: Any) -> Progress:
    known = {"phase": Phase(phase), "done": done, "total": 10, "stage": stage, "eta_seconds": 65.0}
    return Progress.model_validate(known | more)


def _lines(*moments: Progress) -> list[str]:
    """What is written of them, without the times, each of which has to be there."""
    stream = io.StringIO()
    with display(True, stream) as shown:
        for moment in moments:
            shown.show(moment)
    lines = stream.getvalue().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)
    return [line[9:] for line in lines]


def test_lines_are_few() -> None:
    """One for each stage, not one for each sample."""
    ended = _moment(10, None, "Succeeded", eta_seconds=None)
    assert _lines(*map(_moment, range(5)), _moment(5, "iquiz"), ended) == [
        "Running: 0/10, gsm8k, 1 min 05 s left",
        "Running: 5/10, iquiz, 1 min 05 s left",
        "Succeeded: 10/10",
    ]


def test_what_is_not_known_is_not_shown() -> None:
    """No total, no time: a count alone, and before that the stage alone."""
    unknown: dict[str, Any] = {"total": 0, "eta_seconds": None}
    moments = (
        _moment(0, None, "Pending", **unknown),
        _moment(0, "waiting for the endpoint", **unknown),
        _moment(7, "parallel_4_number_20", **unknown),
    )
    assert _lines(*moments) == [
        "Pending",
        "Running: waiting for the endpoint",
        "Running: 7 done, parallel_4_number_20",
    ]


def test_a_bar_of_an_unknown_total_counts() -> None:
    """It has no end yet, and says so by leaving it out."""
    stream = io.StringIO()
    with Bar(Console(file=stream, force_terminal=True, width=100)) as shown:
        shown.show(_moment(7, total=0, eta_seconds=None))
    assert "7 done" in stream.getvalue()
    assert "/" not in stream.getvalue().rpartition("7 done")[2].partition("\n")[0]


@pytest.mark.parametrize("width", [100, 60, 40])
def test_a_bar_shows_stage_count_and_figures(width: int) -> None:
    """The stage as it is (what looks like markup is not); nothing is cut in a narrow terminal."""
    stream = io.StringIO()
    known: dict[str, Any] = {"total": 1_000_000, "failed": 2, "eta_seconds": 7260.0}
    with Bar(Console(file=stream, force_terminal=True, width=width)) as shown:
        shown.show(_moment(123_456, "preparing parallel_8_number_1000000 [b]x", figures={"rps": 12.34}, **known))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    assert "…" not in text
    for part in (
        "preparing parallel_8_number_1000000 [b]x",
        "123,456/1,000,000",
        "0:00:00",
        "12.3 requests/s",
        "2 h 01",
    ):
        assert part in " ".join(text.split())


@pytest.mark.parametrize(
    ("figures", "failed", "text"),
    [
        pytest.param({}, 0, "", id="nothing"),
        pytest.param({"in_flight": 0.0}, 0, "", id="nothing in flight"),
        pytest.param(
            {"score": 0.5, "score_low": 0.25, "score_high": 0.75},
            1,
            "score 0.5000 (0.2500 to 0.7500), 1 failed",
            id="score",
        ),
        pytest.param({"score": 0.5}, 0, "score 0.5000", id="score alone"),
        pytest.param(
            {"rps": 10.0, "output_tps": 480.2, "ttft_p50_s": 0.0412, "ttft_p99_s": 1.5},
            0,
            "10.0 requests/s, 480 tok/s, TTFT p50 41.20 ms p99 1,500 ms",
            id="load",
        ),
    ],
)
def test_figures(figures: dict[str, float], failed: int, text: str) -> None:
    """Those that are known, with their units."""
    assert figures_text(Progress(figures=figures, failed=failed)) == text


@pytest.mark.parametrize("shown", [False, None])
def test_nobody_looks(shown: bool | None) -> None:
    """Not a byte."""
    stream = io.StringIO()
    with display(shown, stream) as silent:
        silent.show(_moment(1))
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (-3.0, "0 s left"), (59.4, "59 s left"), (61.0, "1 min 01 s left"), (7260.0, "2 h 01 min left")],
)
def test_eta(seconds: float | None, text: str) -> None:
    """In the words of a clock."""
    assert eta_text(seconds) == text
