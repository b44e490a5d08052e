"""The printer columns of a run for `kubectl get`, derived from its conditions and figures. Pure.

A printer column can neither choose between conditions nor round a number, so the texts are in the status. They are for
people; programs read the conditions, the summary and the results.
"""

import math
from collections.abc import Iterable, Mapping

from evalkube_crds.names import ConditionType, Verdict
from evalkube_crds.status import Columns, Condition

__all__ = ["columns", "current", "three_digits"]


def columns(conditions: Iterable[Condition], figures: Mapping[str, float], verdict: Verdict | str | None) -> Columns:
    """The columns of a run. `figures` is its summary; `verdict` is that of a load test that has ended."""
    known = list(conditions)
    step = current(known)
    gate = next((one for one in known if one.type is ConditionType.THRESHOLDS_MET), None)
    return Columns(
        reason=None if step is None else step.reason,
        score=three_digits(figures.get("score")),
        rps=three_digits(figures.get("rps")),
        verdict=None if verdict is None else str(verdict),
        gate=None if gate is None else "passed" if gate.status == "True" else "missed",
    )


def current(conditions: Iterable[Condition]) -> Condition | None:
    """The condition of the current step: the last one that has begun, or the end of the run."""
    by_type = {condition.type: condition for condition in conditions}
    succeeded = by_type.get(ConditionType.SUCCEEDED)
    if succeeded is not None and succeeded.status != "Unknown":
        return succeeded
    steps = (ConditionType.RESULTS_COLLECTED, ConditionType.RUNNING, ConditionType.ACCEPTED)
    return next((by_type[step] for step in steps if step in by_type), None)


def three_digits(value: float | None) -> str | None:
    """A number with three significant digits, never as a power of ten; None for no number."""
    if value is None or not math.isfinite(value):
        return None
    if value == 0:
        return "0"
    exponent = int(f"{value:.2e}".partition("e")[2])
    decimals = 2 - exponent
    return f"{round(value, decimals):.{max(decimals, 0)}f}"
