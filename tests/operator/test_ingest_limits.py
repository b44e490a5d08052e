"""Bounds of one run: sizes, numbers, speed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_operator.ingest.limits import Bucket, Limits, RunUse
from evalkube_operator.ingest.refusals import Refusal

_LIMITS = Limits(artifact_bytes=100, run_bytes=250, run_artifacts=3)


def _use() -> RunUse:
    return RunUse.begin(_LIMITS, {"a": 100, "b": 100})


@pytest.mark.parametrize(
    ("key", "size_bytes", "code"),
    [
        pytest.param("c", 50, None, id="fits exactly"),
        pytest.param("c", 51, "run_full", id="over the run's bytes"),
        pytest.param("a", 100, None, id="a replacement counts once"),
        pytest.param("c", 101, "too_large", id="over one artifact's bytes"),
    ],
)
def test_sizes_are_bounded(key: str, size_bytes: int, code: str | None) -> None:
    """413 where it would be too much, before a byte is stored."""
    if code is None:
        _use().check(key, size_bytes, most_bytes=100)
        return
    with pytest.raises(Refusal) as refusal:
        _use().check(key, size_bytes, most_bytes=100)
    assert (refusal.value.status, refusal.value.code) == (413, code)


def test_the_number_of_artifacts_is_bounded() -> None:
    """Those that are there may still be replaced."""
    use = _use()
    use.has("c", 0)
    use.check("c", 1, most_bytes=100)
    with pytest.raises(Refusal, match="3 artifacts"):
        use.check("d", 1, most_bytes=100)


def test_what_is_on_its_way_counts() -> None:
    """Two large artifacts at once do not get past together what each may alone."""
    use = _use()
    use.check("c", 40, most_bytes=100)
    with use.coming(40), pytest.raises(Refusal, match="would be 280"):
        use.check("d", 40, most_bytes=100)
    use.check("d", 40, most_bytes=100)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 500)), max_size=50))
def test_the_rate_holds_over_any_time(steps: list[tuple[float, int]]) -> None:
    """Taken by a client that waits as it is told: at most the burst, one last helping, and the rate times the time."""
    bucket, now_s, taken, last = Bucket(100, 200), 0.0, 0, 0
    for wait_s, amount in steps:
        now_s += wait_s
        must_wait_s = bucket.wait_s(now_s)
        if must_wait_s > 0:
            now_s += must_wait_s
            assert bucket.wait_s(now_s) == 0
        bucket.take(amount)
        taken, last = taken + amount, amount
        assert taken - last <= 200 + 100 * now_s + 1e-6
