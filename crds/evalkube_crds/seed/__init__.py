"""A result as the response of EvalScope's service: the runner, the operator and the API all call it here. Pure."""

from typing import Any, Final

from evalkube_crds import server_view
from evalkube_crds.results import EvalResult, PerfPoint, PerfResult
from evalkube_crds.seed import evaluation, load_test

__all__ = ["SLA", "response"]

SLA: Final = "sla"
"""No point has that name; the REST service shows it beside the points."""


def response(result: EvalResult | PerfResult) -> dict[str, Any]:
    """A report for each data set, or metrics and percentiles for each point (and its server's view, where a run asks
    for it) and, under ``SLA``, what a search found; ready for JSON, nothing is NaN."""
    if isinstance(result, EvalResult):
        return evaluation.reports(result)
    points: dict[str, Any] = {point.name: _point(point) for point in result.points}
    if result.sla is not None:
        points[SLA] = result.sla.model_dump(mode="json", by_alias=False)
    return points


def _point(point: PerfPoint) -> dict[str, Any]:
    found = {"metrics": load_test.metrics(point), "percentiles": load_test.percentiles(point)}
    server = server_view.document(point)
    return found if server is None else found | {"server": server}
