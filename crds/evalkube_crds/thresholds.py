"""The thresholds of a run, compared with its figures. Pure."""

import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evalkube_crds.cluster import Threshold

__all__ = ["Gate", "gates", "missed"]

_COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Gate:
    """A threshold compared with one figure. `value` is None if the run reports no such figure; then `met` is false."""

    metric: str
    op: str
    wanted: float
    value: float | None
    met: bool

    def __str__(self) -> str:
        """The measured value and the wanted one."""
        if self.value is None:
            return f"{self.metric} is not reported"
        return f"{self.metric} is {self.value:.6g}, wanted {self.op} {self.wanted:g}"


def gates(thresholds: Sequence[Threshold], summary: Mapping[str, float]) -> Iterator[Gate]:
    """Each threshold with each of its figures. A metric without its dataset or point stands for all of them."""
    for one in thresholds:
        names = [name for name in summary if name == one.metric or name.endswith(f"/{one.metric}")]
        if not names:
            yield Gate(one.metric, one.op, one.value, None, met=False)
        for name in names:
            yield Gate(name, one.op, one.value, summary[name], met=_COMPARE[one.op](summary[name], one.value))


def missed(thresholds: Sequence[Threshold], summary: Mapping[str, float]) -> list[Gate]:
    """The gates that `summary` does not meet."""
    return [gate for gate in gates(thresholds, summary) if not gate.met]
