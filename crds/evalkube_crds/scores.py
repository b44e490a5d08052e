"""The scores of a data set, computed from its sums. Pure."""

from evalkube_crds.results import DatasetResult
from evalkube_crds.score_sum import ScoreSum

__all__ = ["dataset_score", "metric_sum", "weighted_score"]


def metric_sum(dataset: DatasetResult, metric: str) -> ScoreSum:
    """The sum of `metric` over all samples of a dataset."""
    return ScoreSum.joined(subset.metrics[metric] for subset in dataset.subsets if metric in subset.metrics)


def weighted_score(dataset: DatasetResult, metric: str) -> float | None:
    """The mean of `metric` over all samples of a dataset; None if none was scored."""
    return metric_sum(dataset, metric).mean


def dataset_score(dataset: DatasetResult) -> float | None:
    """The mean of the dataset's main metric."""
    return weighted_score(dataset, dataset.main_metric)
