"""The states of an evaluation's samples: words, a table and a bar. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from evalkube_crds.names import SampleState
from evalkube_crds.results import EvalResult
from evalkube_report import formats
from evalkube_report.evaluation import totals
from evalkube_report.plots import drawing
from evalkube_report.plots.svg import Svg
from evalkube_report.table import Row, Table

__all__ = ["WORDS", "StateBar", "bar", "table"]

WORDS: Final[Mapping[SampleState, str]] = {
    SampleState.RIGHT: "right",
    SampleState.PARTIAL: "partly right",
    SampleState.WRONG: "wrong",
    SampleState.NO_ANSWER: "no answer found",
    SampleState.ERRORED: "errored",
}


@dataclass(frozen=True, slots=True)
class StateBar:
    """A bar of the states, and its parts in words: name, count, share, CSS class."""

    drawing: Svg
    parts: tuple[tuple[str, str, str, str], ...]


def bar(states: Mapping[SampleState, int], title: str) -> StateBar | None:
    """The bar of all states; None if the states were not counted."""
    total = sum(states.values())
    if not total:
        return None
    shares = {state: count / total for state, count in states.items()}
    parts = tuple(
        (WORDS[state], formats.count(count), formats.percent(shares[state]), f"p-{state}")
        for state, count in states.items()
    )
    drawn = drawing.share_bar([(f"p-{state}", WORDS[state], share) for state, share in shares.items()], title)
    return StateBar(drawn, parts)


def table(result: EvalResult) -> Table | None:
    """All samples of each benchmark by state; None if the states were not counted."""
    counts = {
        dataset.pretty_name: (totals.tally(dataset.subsets, dataset.main_metric).states, dataset)
        for dataset in result.datasets
    }
    found = [state for state in SampleState if any(state in states for states, _ in counts.values())]
    if not any(state is not SampleState.ERRORED for state in found):
        return None
    rows = []
    for name, (states, dataset) in counts.items():
        total = sum(states.values())
        cells = (
            f"{formats.count(states.get(state, 0))}\n{formats.percent(states.get(state, 0) / total if total else None)}"
            for state in found
        )
        rows.append(Row((name, formats.count(sum(subset.requested for subset in dataset.subsets)), *cells)))
    columns = ("Dataset", "Samples", *(WORDS[state].capitalize() for state in found))
    return Table("All samples by state", columns, tuple(rows))
