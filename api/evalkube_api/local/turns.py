"""Whose turn it is: which waiting runs may start now. Pure.

First come, first served. Evaluations share the machine, up to a limit. A load test measures with the same processors
that
everything else here runs on, so it starts when nothing else runs and nothing starts beside it, unless the service was
told
that load tests may share; two load tests never run at once. What waits is never overtaken: a load test would starve
behind an unbroken stream of evaluations.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from evalkube_crds.names import Kind

__all__ = ["Limits", "next_turns", "waits_for"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many runs at once."""

    max_evals: int = 4
    perf_alone: bool = True


def next_turns(waiting: Iterable[tuple[str, Kind]], running: Iterable[Kind], limits: Limits) -> list[str]:
    """Ids of the waiting runs (oldest first) that start now, beside those of the kinds that are `running`."""
    kinds = list(running)
    turns: list[str] = []
    for run_id, kind in waiting:
        if not _fits(kind, kinds, limits):
            break
        turns.append(run_id)
        kinds.append(kind)
    return turns


def _fits(kind: Kind, running: list[Kind], limits: Limits) -> bool:
    if limits.perf_alone and Kind.PERF_RUN in (kind, *running):
        return not running
    most = 1 if kind is Kind.PERF_RUN else limits.max_evals
    return running.count(kind) < most


def waits_for(place: int, kind: Kind, running: Iterable[Kind], limits: Limits) -> str:
    """What the run at that place of the line, from 1, waits for, beside those of the kinds that are `running`."""
    kinds = list(running)
    if place > 1:
        return "1 run before it" if place == 2 else f"{place - 1} runs before it"
    if not kinds:
        return "its turn"
    if limits.perf_alone and Kind.PERF_RUN in kinds:
        return "the end of the load test that is running; load tests run alone"
    if limits.perf_alone and kind is Kind.PERF_RUN:
        return f"the end of {_evaluations(len(kinds), '')}; load tests run alone"
    if kind is Kind.PERF_RUN:
        return "the end of the load test that is running; load tests run one at a time"
    return f"the end of {_evaluations(kinds.count(kind), 'one of ')} (--max-runs)"


def _evaluations(number: int, of: str) -> str:
    return "the evaluation that is running" if number == 1 else f"{of}the {number} evaluations that are running"
