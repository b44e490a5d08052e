"""The cost of an evaluation's tokens, real or estimated, from the tokens and prices in a result. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from evalkube_crds.prices import Prices
from evalkube_crds.results import EvalResult
from evalkube_crds.spending import Estimate, TokenUsage

__all__ = ["cost_of", "document", "estimate_document", "most_cost", "total"]

_PER: Final = 1_000_000
_DIGITS: Final = 6


def cost_of(usage: TokenUsage, prices: Prices) -> float:
    """The price of the tokens that were used."""
    cached = prices.input if prices.cached is None else prices.cached
    read = (usage.prompt_tokens - usage.cached_tokens) * prices.input + usage.cached_tokens * cached
    return (read + usage.completion_tokens * prices.output) / _PER


def total(result: EvalResult) -> float | None:
    """The cost of a run with its judges; None where no usage is known, or a price is missing."""
    spent = [(dataset.usage, result.prices) for dataset in result.datasets]
    spent += [(one.usage, one.prices) for one in result.judges]
    return _sum_known([None if prices is None else cost_of(usage, prices) for usage, prices in spent if usage.samples])


def document(result: EvalResult) -> dict[str, Any] | None:
    """The cost as responses show it; None where no price is known.

    Of all `answers` only those with a usage are counted.
    """
    if result.prices is None and not any(judge.prices for judge in result.judges):
        return None
    asked = TokenUsage.added(dataset.usage for dataset in result.datasets)
    answered = sum(subset.scored for dataset in result.datasets for subset in dataset.subsets)
    return {
        "total": _rounded(total(result)),
        "model": None if result.prices is None else _rounded(cost_of(asked, result.prices)),
        "datasets": {
            dataset.name: _rounded(cost_of(dataset.usage, result.prices))
            for dataset in result.datasets
            if result.prices is not None
        },
        "judges": [
            {
                "model": judge.model,
                "cost": None if judge.prices is None else _rounded(cost_of(judge.usage, judge.prices)),
                "usage": judge.usage.model_dump(by_alias=False),
            }
            for judge in result.judges
        ],
        "answers_with_usage": asked.samples,
        "answers_scored": answered,
    }


def most_cost(estimate: Estimate) -> float | None:
    """The highest cost of a run, from an estimate; None where a price is missing."""
    asked = (estimate.model, *estimate.judges)
    return _sum_known([None if one.prices is None else cost_of(one.usage, one.prices) for one in asked])


def _sum_known(costs: Sequence[float | None]) -> float | None:
    """The sum of the costs; None for no costs, or where one is unknown, because a part must not look like the whole."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known and len(known) == len(costs) else None


def estimate_document(estimate: Estimate) -> dict[str, Any]:
    """An estimate as responses show it.

    The cost of a benchmark is that of the model alone; judges have entries of their own.
    """
    model = estimate.model
    return {
        "counted_by": estimate.counted_by,
        "calls": sum(one.usage.samples for one in (model, *estimate.judges)),
        "most_cost": _rounded(most_cost(estimate)),
        "model": {"model": model.model, **_expected(model.usage, model.prices)},
        "judges": [{"model": judge.model, **_expected(judge.usage, judge.prices)} for judge in estimate.judges],
        "datasets": {
            one.name: {
                "samples": one.samples,
                "kept": one.kept,
                "judged": one.judged,
                **_expected(one.usage, model.prices),
            }
            for one in estimate.datasets
        },
    }


def _expected(usage: TokenUsage, prices: Prices | None) -> dict[str, Any]:
    """Calls and tokens, and their highest cost where prices are known."""
    shown = {
        "calls": usage.samples,
        "prompt_tokens": usage.prompt_tokens,
        "most_output_tokens": usage.completion_tokens,
    }
    if prices is None:
        return shown
    read = usage.model_copy(update={"completion_tokens": 0})
    costs = {"prompt_cost": cost_of(read, prices), "most_cost": cost_of(usage, prices)}
    return shown | {name: _rounded(cost) for name, cost in costs.items()}


def _rounded(cost: float | None) -> float | None:
    return None if cost is None else round(cost, _DIGITS)
