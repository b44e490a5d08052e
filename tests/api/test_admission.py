"""Whose turn it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_api.local.admission import Limits, next_turns, waits_for
from evalkube_crds.names import Kind

E, P = Kind.EVAL_RUN, Kind.PERF_RUN
ALONE, BESIDE = Limits(2, perf_alone=True), Limits(2, perf_alone=False)

TABLE = {
    "nothing waits": ([], [], ALONE, []),
    "evaluations up to the limit": ([E, E, E], [], ALONE, [0, 1]),
    "no room": ([E], [E, E], ALONE, []),
    "one ends, one starts": ([E, E], [E], ALONE, [0]),
    "a load test starts alone": ([P, E, P], [], ALONE, [0]),
    "a load test waits for evaluations": ([P], [E], ALONE, []),
    "and is not overtaken": ([P, E], [E], ALONE, []),
    "evaluations wait for a load test": ([E], [P], ALONE, []),
    "load tests may share": ([P, E, E], [], BESIDE, [0, 1, 2]),
    "but never with each other": ([P, E], [P], BESIDE, []),
}


@pytest.mark.parametrize(("waiting", "running", "limits", "expected"), TABLE.values(), ids=TABLE.keys())
def test_next_turns(waiting: list[Kind], running: list[Kind], limits: Limits, expected: list[int]) -> None:
    """The table says who starts."""
    ids = [str(number) for number in range(len(waiting))]
    assert next_turns(zip(ids, waiting, strict=True), running, limits) == [str(number) for number in expected]


@given(st.lists(st.sampled_from([E, P]), max_size=20), st.integers(1, 5), st.booleans())
def test_everyone_has_a_turn_in_order(kinds: list[Kind], most: int, alone: bool) -> None:
    """Whatever the order, all start, first come first, and the limits hold at every moment."""
    waiting = {str(i): kind for i, kind in enumerate(kinds)}
    running: list[tuple[str, Kind]] = []
    order: list[str] = []
    limits = Limits(most, perf_alone=alone)
    while waiting or running:
        for run_id in next_turns(waiting.items(), [kind for _, kind in running], limits):
            running.append((run_id, waiting.pop(run_id)))
            order.append(run_id)
        now = [kind for _, kind in running]
        assert now
        assert now.count(E) <= most
        assert now.count(P) <= 1
        assert not (alone and P in now and len(now) > 1)
        running.pop(0)
    assert order == [str(i) for i in range(len(kinds))]


WAITS = {
    "behind others": (3, E, [E, E], ALONE, "2 runs before it"),
    "behind one": (2, P, [E], ALONE, "1 run before it"),
    "evaluations": (1, E, [E, E], ALONE, "the end of one of the 2 evaluations that are running (--max-runs)"),
    "a load test": (1, E, [P], ALONE, "the end of the load test that is running; load tests run alone"),
    "alone": (1, P, [E], ALONE, "the end of the evaluation that is running; load tests run alone"),
    "the one at work": (1, E, [E], ALONE, "the end of the evaluation that is running (--max-runs)"),
    "alone beside several": (
        1,
        P,
        [E, E],
        ALONE,
        "the end of the 2 evaluations that are running; load tests run alone",
    ),
    "one at a time": (1, P, [E, P], BESIDE, "the end of the load test that is running; load tests run one at a time"),
    "nothing": (1, E, [], ALONE, "its turn"),
}


@pytest.mark.parametrize(("place", "kind", "running", "limits", "words"), WAITS.values(), ids=WAITS.keys())
def test_what_a_run_waits_for(place: int, kind: Kind, running: list[Kind], limits: Limits, words: str) -> None:
    """In words, by its place in the line and what is running."""
    assert waits_for(place, kind, running, limits) == words
