"""Sums and intervals of scores."""

from evalkube_crds.names import ErrorClass
from evalkube_crds.results import DatasetResult, ScoreSum, SubsetResult
from evalkube_report.evaluation import totals

_NANO = 1_000_000_000


def _subset(name: str, right: int, scored: int, *, category: str = "default", errored: int = 0) -> SubsetResult:
    return SubsetResult(
        name=name,
        category=[category],
        metrics={"acc": ScoreSum(count=scored, total_nano=right * _NANO)},
        requested=scored + errored,
        scored=scored,
        errored={ErrorClass.STATUS_5XX: errored} if errored else {},
    )


def test_tally_weighs_samples_and_leaves_errors_out() -> None:
    """Score is per sample, macro per subset; an errored sample is in neither."""
    total = totals.tally([_subset("a", 1, 2, errored=3), _subset("b", 8, 8)], "acc")
    assert (total.score, total.macro) == (0.9, 0.75)
    assert (total.requested, total.scored, total.errored, total.causes) == (13, 10, 3, {ErrorClass.STATUS_5XX: 3})


def test_nothing_scored_is_no_score() -> None:
    """All errored: neither score nor interval."""
    total = totals.tally([_subset("a", 0, 0, errored=5)], "acc")
    assert (total.score, total.macro, total.interval) == (None, None, None)


def test_a_score_beyond_one_has_no_interval() -> None:
    """The interval is for shares only."""
    assert totals.tally([_subset("a", 50, 2)], "acc").interval is None


def test_categories_keep_their_order() -> None:
    """Subsets are grouped as they come."""
    subsets = [_subset("x", 1, 1, category="B"), _subset("y", 1, 1, category="A"), _subset("z", 1, 1, category="B")]
    dataset = DatasetResult(name="d", pretty_name="D", description="", main_metric="acc", subsets=subsets)
    groups = totals.by_category(dataset)
    assert {name: [subset.name for subset in group] for name, group in groups.items()} == {
        ("B",): ["x", "z"],
        ("A",): ["y"],
    }
