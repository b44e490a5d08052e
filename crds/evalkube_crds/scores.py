"""The scores of a data set, from its sums. Pure."""

from evalkube_crds.result_parts import NANO
from evalkube_crds.results import DatasetResult

__all__ = ["dataset_score", "weighted_score"]


def weighted_score(dataset: DatasetResult, metric: str) -> float | None:
    """The mean of ``metric`` over all samples of a dataset; None where none was scored."""
    sums = [subset.metrics[metric] for subset in dataset.subsets if metric in subset.metrics]
    count = sum(part.count for part in sums)
    return sum(part.total_nano for part in sums) / (count * NANO) if count else None


def dataset_score(dataset: DatasetResult) -> float | None:
    """The mean of the dataset's main metric."""
    return weighted_score(dataset, dataset.main_metric)
