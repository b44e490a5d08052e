"""A result as the response of EvalScope's service: the runner, the operator and the API all call it here. Pure."""

from typing import Any, Final

from evalkube_crds import server_view
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import EvalResult, PerfResult
from evalkube_crds.seed import evaluation, load_test

__all__ = ["BESIDE", "response"]

BESIDE: Final = ("data", "sla", "cost", "collections", "estimate", "at_once", "sandbox")
"""No points and no benchmarks have these names; the REST service shows them beside the points and reports."""


def response(result: EvalResult | PerfResult) -> dict[str, Any]:
    """A report for each data set, or metrics and percentiles for each point (and its server's view, where a run asks
    for it). `BESIDE` them: the prompts, where some were left out or cut, and what a search found; what an evaluation
    cost, the indices of its collections, what a dry run expects, how many requests at once it found out, and what held
    the programs of the model. Ready for JSON, nothing is NaN.
    """
    if isinstance(result, EvalResult):
        return evaluation.reports(result) | evaluation.beside(result)
    points: dict[str, Any] = {point.name: _point(point) for point in result.points}
    if result.data is not None and (result.data.left_out or result.data.cut or result.data.reordered):
        points["data"] = result.data.model_dump(mode="json", by_alias=False)
    if result.sla is not None:
        points["sla"] = result.sla.model_dump(mode="json", by_alias=False)
    return points


def _point(point: PerfPoint) -> dict[str, Any]:
    found = {"metrics": load_test.metrics(point), "percentiles": load_test.percentiles(point)}
    server = server_view.document(point)
    return found if server is None else found | {"server": server}
