"""Which samples a page shows."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from evalkube_report.evaluation import rows
from evalkube_report.evaluation.rows import SampleRow


def _row(
    index: int,
    score: float | None,
    *,
    subset: str = "main",
    error: str | None = None,
    extracted: str | None = "a",
    judges: str | None = None,
) -> SampleRow:
    return SampleRow("gsm8k", subset, index, "p", "a", extracted, "t", score, error, judges=judges)


def test_states() -> None:
    """A sample with an error is errored even where a score came with it."""
    samples = [_row(0, 1.0), _row(1, 0.0), _row(2, 0.4), _row(3, None), _row(4, 1.0, error="scorer: crashed")]
    assert [rows.state_of(row) for row in samples] == ["right", "wrong", "partial", "errored", "errored"]


def test_no_answer_found_is_a_state_of_its_own() -> None:
    """Nothing was read of the reply, and no judge read all of it."""
    samples = [_row(0, 0.0, extracted=None), _row(1, 0.0, extracted=" "), _row(2, 0.0, extracted=None, judges="[j]")]
    assert [rows.state_of(row) for row in samples] == ["no_answer", "no_answer", "wrong"]


def test_wrong_and_errored_come_first() -> None:
    """Of many samples the page takes each kind's share, the right ones last."""
    samples = [_row(index, [None, 0.0, 1.0][index % 3]) for index in range(900)]
    chosen = rows.choose(samples, 100)
    states = [rows.state_of(row) for row in chosen]
    assert Counter(states) == {"errored": 50, "wrong": 35, "right": 15}
    assert states == sorted(states, key=["errored", "wrong", "right"].index)


def test_every_subset_has_its_turn() -> None:
    """A large subset does not push out the small ones."""
    samples = [*(_row(index, 0.0, subset="large") for index in range(500)), _row(0, 0.0, subset="small")]
    assert {row.subset for row in rows.choose(samples, 10)} == {"large", "small"}


@given(st.lists(st.sampled_from([None, 0.0, 0.5, 1.0]), max_size=60), st.integers(0, 40))
def test_the_bound_is_met_exactly(scores: list[float | None], most: int) -> None:
    """Never more than asked for, never fewer than there are, none twice."""
    chosen = rows.choose([_row(index, score) for index, score in enumerate(scores)], most)
    assert len(chosen) == min(most, len(scores))
    assert len({row.index for row in chosen}) == len(chosen)
