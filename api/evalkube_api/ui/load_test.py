"""The values on the page of a load test. Pure; its single requests are in `requests`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evalkube_api.ui.addresses import Address
from evalkube_api.ui.charts import charts, live_charts
from evalkube_api.ui.paging import Choice
from evalkube_crds.names import Verdict
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult
from evalkube_report import glossary, sentences
from evalkube_report.load_test import courses, levels, service_levels, steady_section, sweep, tables, view
from evalkube_report.requests.series import Series

__all__ = ["VIEWS", "chosen_point", "intervals", "one_load", "overview", "point_choices"]

VIEWS: Final[Mapping[str, str]] = {
    "": "Overview",
    "load": "Each load",
    "requests": "Requests",
    "setup": "Setup and files",
}
"""The parts of the page: the word in its URL, and what people call it."""

_MOST_INTERVALS: Final = 150
"""As many as a plot has room for."""
_REQUESTS_OF_INTERVAL: Final = 10
"""On average: percentiles of a single request are all the same, and between empty intervals there is no line."""


def overview(result: PerfResult, spec: PerfRunSpec, here: Address) -> dict[str, Any]:
    """The names that `load_test.html.j2` uses of the whole test."""
    wanted = levels.of(result, spec)
    several = len(result.points) > 1
    return {
        "missing": result.of_shards - len(result.shards),
        "statements": sentences.of_load_test(result, spec.thresholds),
        "tiles": view.tiles(result.points),
        "answers": service_levels.answers_table(result),
        "probes": service_levels.probes_tables(result),
        "prices": charts(sweep.prices(result.points, wanted)),
        "by_load": charts(sweep.by_load(result.points, wanted)),
        "cumulatives": live_charts(sweep.cumulatives(result.points, wanted)),
        "summary": tables.summary_table(result),
        "times": tables.times_table(result),
        "steady": steady_section.sweep_table(result) if several else None,
        "facts": view.facts(result, spec),
        "terms": glossary.perf_terms(result.points),
        "loads": point_choices(result.points, here, None, "load"),
    }


def one_load(point: PerfPoint, series: Series | None, result: PerfResult, spec: PerfRunSpec) -> dict[str, Any]:
    """The names that `load_test.html.j2` uses of one load. `series`: its requests over time, if they are known."""
    wanted = levels.of(result, spec)
    return {
        "point": view.point_view(point, None, wanted),
        "courses": live_charts(courses.of(point, series, wanted)),
        "cumulatives": live_charts(sweep.cumulatives([point], wanted)),
    }


def intervals(requests: int) -> int:
    """The highest number of intervals in the plots over time of that many requests."""
    return max(1, min(_MOST_INTERVALS, requests // _REQUESTS_OF_INTERVAL))


def point_choices(points: Sequence[PerfPoint], here: Address, chosen: str | None, shown: str) -> tuple[Choice, ...]:
    """The loads of a test, each with the link to its page."""
    plain = Address(here.path, {"view": shown})
    return tuple(
        Choice(
            tables.load_text(point) if _tells_apart(points) else point.name,
            None,
            str(plain.but(point=point.name)),
            point.name == chosen,
            "" if point.verdict is Verdict.VALID else str(point.verdict),
        )
        for point in points
    )


def _tells_apart(points: Sequence[PerfPoint]) -> bool:
    return len({tables.load_text(point) for point in points}) == len(points)


def chosen_point(points: Sequence[PerfPoint], asked: str | None) -> PerfPoint | None:
    """The load that the URL names, else the first; None if there is no such load."""
    return next((point for point in points if asked in (None, point.name)), None)
