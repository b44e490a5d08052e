"""Decides which waiting runs may start now. Pure.

First come, first served. Evaluations share the machine, up to a limit. A load test uses the same processors as
everything else, so it runs alone, unless the service was told that load tests may share. Two load tests never run at
once. No run overtakes another: otherwise a load test would wait forever behind a stream of evaluations.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from evalkube_crds.names import Kind

__all__ = ["Limits", "next_turns", "waits_for"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The number of runs at once."""

    max_evals: int = 4
    perf_alone: bool = True


def next_turns(waiting: Iterable[tuple[str, Kind]], running: Iterable[Kind], limits: Limits) -> list[str]:
    """The ids of the waiting runs (oldest first) that start now. `running`: the kinds of the active runs."""
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
    """What the run at that place of the queue (from 1) waits for. `running`: the kinds of the active runs."""
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
