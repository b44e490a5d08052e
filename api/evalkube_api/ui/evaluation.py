"""What the page of an evaluation shows of its scores. Pure; its samples are those of `samples`."""

from collections.abc import Mapping
from typing import Any, Final

from evalkube_api.ui.addresses import Address
from evalkube_api.ui.paging import Choice
from evalkube_api.ui.samples import WORDS
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import SampleState
from evalkube_crds.results import EvalResult
from evalkube_report.evaluation import totals, view

__all__ = ["VIEWS", "scores", "states"]

VIEWS: Final[Mapping[str, str]] = {"": "Scores", "samples": "Samples", "setup": "Setup and files"}
"""The parts of the page: the word in its URL, and what people call it."""


def scores(result: EvalResult, spec: EvalRunSpec, here: Address) -> dict[str, Any]:
    """The names that `evaluation.html.j2` uses of the scores: the report's own values, and ways to the samples."""
    return {
        **view.context(result, spec, (), {}),
        "states": states(result, here),
    }


def states(result: EvalResult, here: Address) -> tuple[Choice, ...]:
    """How many samples there are in each state, each a way to these."""
    total = totals.tally([subset for dataset in result.datasets for subset in dataset.subsets], "")
    counted: Mapping[SampleState, int] = total.states
    listed = Address(here.path, {"view": "samples"})
    return tuple(
        Choice(word, counted[state], str(listed.but(state=str(state))), chosen=False, mark=str(state))
        for state, word in WORDS.items()
        if counted.get(state)
    )
