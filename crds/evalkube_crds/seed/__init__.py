"""A result as the response of EvalScope's service: the runner, the operator and the API all call it here. Pure."""

from typing import Any

from evalkube_crds.results import EvalResult, PerfResult
from evalkube_crds.seed import evaluation, load_test

__all__ = ["response"]


def response(result: EvalResult | PerfResult) -> dict[str, Any]:
    """A report for each data set, or metrics and percentiles for each point; ready for JSON, nothing is NaN."""
    if isinstance(result, EvalResult):
        return evaluation.reports(result)
    return {
        point.name: {"metrics": load_test.metrics(point), "percentiles": load_test.percentiles(point)}
        for point in result.points
    }
