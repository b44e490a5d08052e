"""The index of a collection of benchmarks: the weighted mean of their scores. Pure."""

from typing import Any

from evalkube_crds.results import CollectionResult, EvalResult
from evalkube_crds.scores import dataset_score

__all__ = ["document", "index_of"]

_DIGITS = 4


def index_of(result: EvalResult, collection: CollectionResult) -> float | None:
    """The weighted mean of the main metrics; None if a member has no score, because the others have another index."""
    scores = _scores(result, collection)
    if any(score is None for score in scores.values()):
        return None
    whole = sum(collection.weights.values())
    return sum(collection.weights[name] * score for name, score in scores.items() if score is not None) / whole


def document(result: EvalResult) -> dict[str, Any]:
    """The collections for a response, by name: the index, and the score and weight of each member."""
    found: dict[str, Any] = {}
    for collection in result.collections:
        index = index_of(result, collection)
        scores = _scores(result, collection)
        found[collection.name] = {
            "index": None if index is None else round(index, _DIGITS),
            "without_score": [name for name, score in scores.items() if score is None],
            "members": {
                name: {"weight": collection.weights[name], "score": None if score is None else round(score, _DIGITS)}
                for name, score in scores.items()
            },
        }
    return found


def _scores(result: EvalResult, collection: CollectionResult) -> dict[str, float | None]:
    datasets = {dataset.name: dataset for dataset in result.datasets}
    return {name: dataset_score(datasets[name]) if name in datasets else None for name in collection.weights}
