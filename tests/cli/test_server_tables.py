"""The server's view of a load test in a terminal."""

import io
from typing import Any

from rich.console import Console

from evalkube_cli.server_tables import server_tables


def _shown(points: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=140)
    for table in server_tables(points):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _point(figures: dict[str, float], *notes: str) -> dict[str, Any]:
    return {"metrics": {}, "percentiles": {}, "server": {"figures": figures, "notes": list(notes)}}


def test_the_server_s_figures_stand_beside_how_much_more_the_client_measured() -> None:
    """In ms and percent; a column that no point has is not there."""
    figures = {"server_running_mean": 7.5, "server_kv_cache_max": 0.25, "server_ttft_mean_s": 0.04}
    text = _shown(
        {"a": _point(figures | {"server_ttft_difference_s": -0.0015}), "b": _point({"server_running_mean": 1})}
    )
    lines = [line.split() for line in text.splitlines()]
    assert ["a", "7.5", "25", "40", "-1.5"] in lines
    assert ["b", "1", "-", "-", "-"] in lines
    assert "GPU" not in text


def test_what_is_missing_is_told() -> None:
    """With the point it is missing of, and without commands to the terminal."""
    text = _shown({"a": _point({}, "no server metrics: http://h/metrics: HTTP 404 \x1b[31m")})
    assert "no server metrics: http://h/metrics: HTTP 404" in text
    assert "\x1b" not in text


def test_nothing_is_shown_of_a_test_that_did_not_ask() -> None:
    """Not even a heading."""
    assert _shown({"a": {"metrics": {}, "percentiles": {}}}) == ""
