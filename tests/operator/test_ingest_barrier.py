"""The common start: who is counted as there, and what is never told twice differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_operator.ingest import barrier as barriers
from evalkube_operator.ingest.barrier import Barrier, Late, Start, Wait

_S = 1_000_000_000
_LEAD = 2 * _S


def _arrive(barrier: Barrier, shard: int, pod: str, at_s: float) -> tuple[Barrier, Start | Wait | Late]:
    return barriers.arrive(barrier, shard, pod, now_ns=round(at_s * _S), lead_ns=_LEAD)


def test_the_last_arrival_sets_the_instant_for_all() -> None:
    """Everybody who asks before it is told the same; who asks after it is late."""
    barrier, answer = _arrive(Barrier(2), 0, "a", 0)
    assert answer == Wait()
    barrier, answer = _arrive(barrier, 1, "b", 5)
    assert answer == Start(7 * _S)
    assert _arrive(barrier, 0, "a", 6)[1] == Start(7 * _S)
    assert _arrive(barrier, 0, "restarted", 6.9)[1] == Start(7 * _S)
    assert _arrive(barrier, 0, "restarted", 7)[1] == Late(7 * _S)


@pytest.mark.parametrize(
    ("away_s", "expected"), [pytest.param(9, Start, id="between two polls"), pytest.param(11, Wait, id="gone")]
)
def test_a_pod_that_went_away_is_not_waited_upon_in_vain(away_s: float, expected: type) -> None:
    """Between polls a shard counts as there, for a while."""
    barrier, _ = _arrive(Barrier(2), 0, "a", 0)
    barrier = barriers.leave(barrier, 0, "a", now_ns=20 * _S)
    barrier, answer = _arrive(barrier, 1, "b", 20 + away_s)
    assert isinstance(answer, expected)
    assert isinstance(_arrive(barrier, 0, "a", 20 + away_s)[1], Start)


def test_a_new_pod_takes_its_shards_place() -> None:
    """The old pod's poll that ends late does not send the new one away."""
    barrier, _ = _arrive(Barrier(2), 0, "old", 0)
    barrier, _ = _arrive(barrier, 0, "new", 1)
    barrier = barriers.leave(barrier, 0, "old", now_ns=2 * _S)
    assert barriers.missing_shards(barrier, 60 * _S) == [1]
    assert _arrive(barrier, 1, "b", 60)[1] == Start(62 * _S)


_STEP = st.tuples(st.booleans(), st.integers(0, 2), st.sampled_from("ab"), st.integers(0, 8))


@given(st.lists(_STEP, max_size=60))
def test_nobody_starts_alone_or_at_another_time(steps: list[tuple[bool, int, str, int]]) -> None:
    """Whoever comes and goes: one instant, set only when each shard was there within the last ten seconds."""
    barrier, now_s, instants = Barrier(3), 0, set()
    seen: dict[int, int] = {}
    polls: dict[tuple[int, str], int] = {}
    for arriving, shard, pod, wait_s in steps:
        now_s += wait_s
        if not arriving:
            barrier = barriers.leave(barrier, shard, pod, now_ns=now_s * _S)
            if polls.get((shard, pod)):
                polls[shard, pod] -= 1
                seen[shard] = now_s
            continue
        was_open = barrier.start_at_ns is not None
        barrier, answer = _arrive(barrier, shard, pod, now_s)
        polls[shard, pod] = polls.get((shard, pod), 0) + 1
        seen[shard] = now_s
        if isinstance(answer, Start):
            instants.add(answer.start_at_ns)
            assert was_open or all(
                now_s - seen.get(n, -99) <= 10 or any(polls.get((n, p)) for p in "ab") for n in range(3)
            )
    assert len(instants) <= 1
