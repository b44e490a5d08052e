"""The histogram against numpy's exact percentiles, and its merge against counting everything in one place."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_crds.histogram import Histogram, bucket_of, edges_of
from evalkube_crds.packed import pack

PERCENTS = [0, 1, 10, 25, 50, 66, 75, 90, 95, 99, 99.9, 100]
values = st.lists(st.integers(0, 10**13), min_size=1, max_size=300)


def counted(numbers: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.extend(numbers)
    return histogram


@given(values)
def test_percentiles_are_type_7_within_a_thousandth(numbers: list[int]) -> None:
    """Every percentile lies within 0.1 % of numpy's linear one."""
    got = counted(numbers).percentiles(PERCENTS)
    assert got == pytest.approx(np.percentile(numbers, PERCENTS).tolist(), rel=1e-3)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=200))
def test_percentiles_of_small_values_are_exact(numbers: list[int]) -> None:
    """Token counts, which are small, are not rounded at all."""
    got = counted(numbers).percentiles(PERCENTS)
    assert got == pytest.approx(np.percentile(numbers, PERCENTS).tolist(), rel=1e-12)


@given(values, st.integers(1, 8), st.randoms())
def test_shards_merge_to_what_one_would_have_counted(numbers: list[int], shards: int, random: object) -> None:
    """Any split, merged in any order, is equal bit for bit."""
    parts = [counted(numbers[shard::shards]) for shard in range(shards)]
    random.shuffle(parts)  # type: ignore[attr-defined]  # hypothesis types its Random as object
    merged = Histogram()
    for part in parts:
        merged.merge(part)
    assert merged == Histogram.merged(parts) == counted(numbers)


@given(st.permutations([counted([]), counted([5, 5, 7]), counted([10**9]), counted([0])]))
def test_the_order_of_parts_makes_no_difference(parts: list[Histogram]) -> None:
    """Nor do empty ones; and the parts stay what they are. Their document is the same too, letter by letter."""
    merged = Histogram.merged(parts)
    assert merged == counted([0, 5, 5, 7, 10**9])
    assert merged.to_doc() == counted([0, 5, 5, 7, 10**9]).to_doc()
    assert sum(part.count for part in parts) == 5
    assert Histogram.merged([]) == Histogram.merged([Histogram()]) == Histogram()


@given(st.lists(st.integers(0, 10**13), max_size=300), st.sampled_from([1, 3, 10**12]))
def test_a_document_loses_nothing(numbers: list[int], times: int) -> None:
    """What is written reads back equal, through JSON too; a column that has outgrown 64 bits as well."""
    histogram = Histogram()
    for number in numbers:
        histogram.add(number, times)
    assert Histogram.from_doc(json.loads(json.dumps(histogram.to_doc()))) == histogram


def test_a_document_of_lists_is_still_read() -> None:
    """Results that an earlier release left, or its runners deliver."""
    doc: dict[str, object] = {"steps": [3, 2, 21358], "counts": [2, 1, 1], "sums": [6, 5, 10**9]}
    doc |= {"total_squared": str(43 + 10**18), "low": 3, "high": 10**9}
    assert Histogram.from_doc(doc) == counted([3, 3, 5, 10**9])


def test_a_thousand_values_take_little_room() -> None:
    """Nanoseconds with the spread of a real server's."""
    numbers = np.random.default_rng(1).lognormal(np.log(2e8), 0.1, 1000).astype(int).tolist()
    assert len(json.dumps(counted(numbers).to_doc())) < 2600


@given(values)
def test_mean_and_deviation_are_exact(numbers: list[int]) -> None:
    """Sums are kept as integers, so that nothing drifts."""
    histogram = counted(numbers)
    assert histogram.mean == pytest.approx(sum(numbers) / len(numbers), rel=1e-12)
    assert histogram.deviation == pytest.approx(np.std(np.array(numbers, dtype=np.longdouble)), rel=1e-6, abs=1)


@given(st.integers(0, 2**62))
def test_buckets_are_narrow_and_ordered(value: int) -> None:
    """The next value is in the same bucket or the next; a bucket spans at most 1/1024 of its values."""
    assert bucket_of(value + 1) - bucket_of(value) in (0, 1)
    assert bucket_of(value + max(1, value // 1024) + 1) > bucket_of(value)


def test_nothing_counted_has_no_figures() -> None:
    """An empty histogram says None, not 0 and not NaN."""
    empty = Histogram()
    assert (empty.mean, empty.deviation, empty.percentile(50)) == (None, None, None)


@pytest.mark.parametrize(
    "broken",
    [
        {"steps": [1], "counts": [1, 2], "sums": [1], "total_squared": "1", "low": 1, "high": 1},
        {"steps": [5], "counts": [1], "sums": [900], "total_squared": "1", "low": 1, "high": 1},
        {"steps": [5], "counts": [0], "sums": [0], "total_squared": "1", "low": 1, "high": 1},
        {"columns": pack([[5], [1], [1]]), "total_squared": "1", "low": 1, "high": 1},
        {"columns": pack([[4096], [2], [16]]), "total_squared": "1", "low": 1, "high": 1},
        {"columns": pack([[5], [0], [0]]), "total_squared": "1", "low": 1, "high": 1},
        {"columns": pack([[5, 0], [1, 1], [0, 0]]), "total_squared": "1", "low": 1, "high": 1},
    ],
    ids=[
        "lists of different lengths",
        "a sum outside its bucket",
        "a bucket of nothing",
        "packed: a sum outside its bucket",
        "packed: a sum outside its wide bucket",
        "packed: a bucket of nothing",
        "packed: a bucket twice",
    ],
)
def test_a_document_that_cannot_be_is_refused(broken: dict[str, object]) -> None:
    """A corrupt result is found when it is read."""
    with pytest.raises(ValueError, match="histogram"):
        Histogram.from_doc(broken)


@given(st.lists(st.integers(0, 10**12)), st.lists(st.integers(0, 10**12)), st.lists(st.integers(0, 10**12)))
def test_values_can_be_exchanged(kept: list[int], removed: list[int], added: list[int]) -> None:
    """What is left and what is added, as if it had been counted so; extremes are good to a bucket."""
    before, wanted, old, new = Histogram(), Histogram(), Histogram(), Histogram()
    before.extend(kept + removed)
    wanted.extend(kept + added)
    old.extend(removed)
    new.extend(added)
    found = before.replaced(old, new)
    assert (found.counts, found.sums, found.count, found.total) == (
        wanted.counts,
        wanted.sums,
        wanted.count,
        wanted.total,
    )
    assert [found.low, found.high] == pytest.approx([wanted.low, wanted.high], rel=0.001)


@given(st.integers(0, 2**62))
def test_edges_of_a_bucket(value: int) -> None:
    """The outermost values that lie in it."""
    least, most = edges_of(bucket_of(value))
    assert least <= value <= most
    assert bucket_of(least) == bucket_of(most) == bucket_of(value) == bucket_of(most + 1) - 1
    assert least == 0 or bucket_of(least - 1) == bucket_of(value) - 1


@given(values)
def test_bounds_enclose_the_value_of_a_rank(numbers: list[int]) -> None:
    """Within a thousandth, and the value itself where it is alone in its bucket."""
    histogram = counted(numbers)
    for (least, most), value in zip(histogram.bounds(range(len(numbers))), sorted(numbers), strict=True):
        assert least <= value <= most <= least * (1 + 1 / 1024)
        if histogram.counts[bucket_of(value)] == 1:
            assert least == most == value
