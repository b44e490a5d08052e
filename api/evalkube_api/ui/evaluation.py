"""The scores on the page of an evaluation. Pure; its samples are in `samples`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from evalkube_api.ui.addresses import Address
from evalkube_api.ui.paging import Choice
from evalkube_api.ui.samples import WORDS
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import SampleState
from evalkube_crds.results import DatasetResult, EvalResult
from evalkube_report.evaluation import totals, view
from evalkube_report.evaluation.view import Section
from evalkube_report.plots.drawing import Shown

__all__ = ["VIEWS", "Benchmark", "scores", "states"]

VIEWS: Final[Mapping[str, str]] = {"": "Scores", "samples": "Samples", "setup": "Setup and files"}
"""The parts of the page: the word in its URL, and what people call it."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A data set: its section of the report, plots of scores, and plots of times and lengths."""

    section: Section
    scores: tuple[Shown, ...]
    spreads: tuple[Shown, ...]


def scores(result: EvalResult, spec: EvalRunSpec, here: Address) -> dict[str, Any]:
    """The names that `evaluation.html.j2` uses of the scores: the report's own values, and links to the samples."""
    context = view.context(result, spec, (), {})
    benchmarks = [_benchmark(*pair) for pair in zip(result.datasets, context["sections"], strict=True)]
    return {**context, "benchmarks": benchmarks, "states": states(result, here)}


def _benchmark(dataset: DatasetResult, section: Section) -> Benchmark:
    first = 0 if view.score_plot(dataset) is None else 1
    return Benchmark(section, section.plots[:first], section.plots[first:])


def states(result: EvalResult, here: Address) -> tuple[Choice, ...]:
    """The number of samples in each state, with links to these samples."""
    total = totals.tally([subset for dataset in result.datasets for subset in dataset.subsets], "")
    counted: Mapping[SampleState, int] = total.states
    listed = Address(here.path, {"view": "samples"})
    return tuple(
        Choice(word, counted[state], str(listed.but(state=str(state))), chosen=False, mark=str(state))
        for state, word in WORDS.items()
        if counted.get(state)
    )
