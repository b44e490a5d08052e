"""The thresholds of a run, compared with its figures. Pure."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalkube_crds.cluster import Threshold

__all__ = ["Miss", "missed"]

_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Miss:
    """A missed threshold. `value` is None if the run reports no such figure."""

    threshold: Threshold
    name: str
    value: float | None

    def __str__(self) -> str:
        wanted = f"{self.threshold.op} {self.threshold.value:g}"
        return (
            f"{self.name} is not reported"
            if self.value is None
            else f"{self.name} is {self.value:.6g}, wanted {wanted}"
        )


def missed(thresholds: Sequence[Threshold], summary: Mapping[str, float]) -> list[Miss]:
    """The thresholds that `summary` misses. A metric without its dataset or point stands for all of them."""
    misses = []
    for threshold in thresholds:
        names = [name for name in summary if name == threshold.metric or name.endswith(f"/{threshold.metric}")]
        if not names:
            misses.append(Miss(threshold, threshold.metric, None))
        compare = _COMPARE[threshold.op]
        misses.extend(
            Miss(threshold, name, summary[name]) for name in names if not compare(summary[name], threshold.value)
        )
    return misses
