"""Another process's clock, by questions to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalkube_runner.ingest.common_clock import Answer, Offset, offset_of

# name: answers, what they leave open
CASES: dict[str, tuple[list[Answer], Offset | None]] = {
    "none": ([], None),
    "one": ([Answer(100, 110, 1005)], Offset(-900, 5)),
    "a quick one after a slow one": ([Answer(0, 1000, 1900), Answer(1000, 1004, 1902)], Offset(-901, 1)),
    "two that overlap": ([Answer(0, 10, 3), Answer(100, 110, 107)], Offset(0, 3)),
    "at once": ([Answer(7, 7, 7)], Offset(0, 0)),
    "a clock that was set in between": ([Answer(0, 4, 2), Answer(10, 14, 5_012)], Offset(-5_000, 2)),
}


@pytest.mark.parametrize(("answers", "left"), CASES.values(), ids=CASES)
def test_cases(answers: list[Answer], left: Offset | None) -> None:
    """All answers together leave what lies in each one's span."""
    assert offset_of(answers) == left


@given(st.integers(-(10**18), 10**18), st.lists(st.tuples(*[st.integers(0, 10**9)] * 3), min_size=1, max_size=9))
def test_the_true_offset_is_within_the_doubt(true_ns: int, ways: list[tuple[int, int, int]]) -> None:
    """However long a question and its answer are on their way."""
    answers, now_ns = [], 0
    for pause_ns, there_ns, back_ns in ways:
        asked_ns = now_ns + pause_ns
        now_ns = asked_ns + there_ns + back_ns
        answers.append(Answer(asked_ns, now_ns, asked_ns + there_ns - true_ns))
    found = offset_of(answers)
    assert found is not None
    assert abs(found.ns - true_ns) <= found.doubt_ns
    assert found.doubt_ns <= min((there + back + 1) // 2 for _, there, back in ways)
