"""The samples in an evaluation's report: a bounded selection, errored and wrong ones first. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from evalkube_crds import sample_lines
from evalkube_crds.names import SampleState

__all__ = ["SampleRow", "choose", "state_of"]

_BUDGET: Final[dict[SampleState, float]] = {
    SampleState.ERRORED: 0.25,
    SampleState.NO_ANSWER: 0.15,
    SampleState.WRONG: 0.35,
    SampleState.PARTIAL: 0.10,
    SampleState.RIGHT: 0.15,
}
"""Shares of the table; what one state leaves unused goes to the others, in this order."""


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One sample. `score` is None if it could not be scored; `error` then gives the reason. All text is untrusted."""

    dataset: str
    subset: str
    index: int
    prompt: str
    answer: str
    extracted: str | None
    target: str
    score: float | None
    error: str | None = None
    finish_reason: str | None = None
    latency_s: float | None = None
    question: str | None = None
    """The question alone, where the prompt has more (worked examples, instructions): the line people see first."""
    judges: str | None = None
    """Questions to judges and their answers."""


def state_of(row: SampleRow) -> SampleState:
    """The state of a sample. A sample with an error is errored, never wrong."""
    if row.error is not None:
        return SampleState.ERRORED
    return sample_lines.state_of(row.score, row.extracted, judged=row.judges is not None)


def choose(samples: Iterable[SampleRow], most: int = 200) -> list[SampleRow]:
    """At most `most` samples, errored and wrong ones first, taken in turn from all subsets. Deterministic."""
    by_state: dict[SampleState, list[SampleRow]] = {state: [] for state in _BUDGET}
    for row in samples:
        by_state[state_of(row)].append(row)
    fair = {state: _in_turn(rows) for state, rows in by_state.items()}
    taken = {state: min(len(fair[state]), int(most * share)) for state, share in _BUDGET.items()}
    for state in _BUDGET:
        taken[state] += min(len(fair[state]) - taken[state], most - sum(taken.values()))
    order = {name: place for place, name in enumerate(dict.fromkeys((r.dataset, r.subset) for r in _all(by_state)))}
    return [
        row
        for state in _BUDGET
        for row in sorted(fair[state][: taken[state]], key=lambda row: (order[row.dataset, row.subset], row.index))
    ]


def _all(by_state: dict[SampleState, list[SampleRow]]) -> Iterable[SampleRow]:
    return (row for rows in by_state.values() for row in rows)


def _in_turn(rows: Sequence[SampleRow]) -> list[SampleRow]:
    """Rows in an order that takes one from each subset in turn."""
    seen: dict[tuple[str, str], int] = {}
    ranked: list[tuple[int, SampleRow]] = []
    for row in rows:
        turn = seen.get((row.dataset, row.subset), 0)
        seen[row.dataset, row.subset] = turn + 1
        ranked.append((turn, row))
    return [row for _, row in sorted(ranked, key=lambda pair: pair[0])]
