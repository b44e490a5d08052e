"""The response of EvalScope's service for a result; the runner, the operator and the API all use it. Pure."""

from typing import Any, Final

from evalkube_crds import server_view
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.results import EvalResult, PerfResult
from evalkube_crds.seed import evaluation, load_test

__all__ = ["BESIDE", "response"]

BESIDE: Final = ("data", "sla", "cost", "collections", "estimate", "at_once", "sandbox")
"""The keys beside the points and reports; no point and no benchmark may have these names."""


def response(result: EvalResult | PerfResult) -> dict[str, Any]:
    """The response for a result: a report for each data set, or metrics and percentiles for each point.

    Load tests may add the server's own metrics to each point. `BESIDE` them, load tests have the prompts that were left
    out or cut, and the answer of a search. Evaluations have the cost, the indices of collections, the estimate of a dry
    run, the number of requests at once that was found, and the sandbox. The result is ready for JSON and contains no
    NaN.
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
