"""Comparisons of runs, as values. Pure."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from evalkube_crds.figure import Figure
from evalkube_crds.intervals import CONFIDENCE, Interval
from evalkube_crds.names import Verdict

__all__ = ["Delta", "LoadComparison", "LoadSide", "Outcome", "PointComparison", "Versus"]

Outcome: TypeAlias = Literal["better", "worse", "noise", "unknown"]
"""Of the candidate. noise: the interval of the difference has 0 in it, so that chance alone may have made it. unknown:
there is no interval, or it says nothing; `Delta.reason` has why."""


@dataclass(frozen=True, slots=True)
class LoadSide:
    """One of the compared load tests."""

    run: str
    model: str
    verdict: Verdict
    """The worst of its points'."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One figure of one load in both runs; `figure` has its name, title, unit and which side is better.

    `difference`: candidate minus baseline; `ratio`: candidate / baseline; `interval`: of the difference, 95 %, where it
    can be told. `method` names how. All in the figure's unit.
    """

    figure: Figure
    baseline: float | None
    candidate: float | None
    difference: float | None = None
    ratio: float | None = None
    interval: Interval | None = None
    method: str = ""
    outcome: Outcome = "unknown"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PointComparison:
    """One load that both runs measured."""

    load: str
    """In words: "8 in flight"."""
    baseline: str
    """The name of the baseline's point."""
    candidate: str
    baseline_verdict: Verdict
    candidate_verdict: Verdict
    deltas: tuple[Delta, ...]


@dataclass(frozen=True, slots=True)
class Versus:
    """The comparison of the baseline with one candidate. `only_...`: points that the other run does not have."""

    candidate: LoadSide
    points: tuple[PointComparison, ...]
    only_baseline: tuple[str, ...] = ()
    only_candidate: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadComparison:
    """The comparisons of a baseline with each candidate."""

    baseline: LoadSide
    candidates: tuple[Versus, ...]

    def document(self) -> dict[str, Any]:
        """The figures by name, ready for JSON. An unknown figure is null."""
        return {
            "baseline": _side(self.baseline),
            "confidence": CONFIDENCE,
            "candidates": [
                {
                    "candidate": _side(one.candidate),
                    "points": [_point(point) for point in one.points],
                    "only_baseline": list(one.only_baseline),
                    "only_candidate": list(one.only_candidate),
                    "warnings": list(one.warnings),
                }
                for one in self.candidates
            ],
        }


def _side(side: LoadSide) -> dict[str, Any]:
    return {"run": side.run, "model": side.model, "verdict": str(side.verdict)}


def _point(point: PointComparison) -> dict[str, Any]:
    return {
        "load": point.load,
        "baseline": {"point": point.baseline, "verdict": str(point.baseline_verdict)},
        "candidate": {"point": point.candidate, "verdict": str(point.candidate_verdict)},
        "figures": {delta.figure.name: _delta(delta) for delta in point.deltas},
    }


def _delta(delta: Delta) -> dict[str, Any]:
    return {
        "title": delta.figure.title,
        "unit": str(delta.figure.unit),
        "better": str(delta.figure.better),
        "baseline": delta.baseline,
        "candidate": delta.candidate,
        "difference": delta.difference,
        "ratio": delta.ratio,
        "interval": None if delta.interval is None else list(delta.interval),
        "method": delta.method,
        "outcome": delta.outcome,
        "reason": delta.reason,
    }
