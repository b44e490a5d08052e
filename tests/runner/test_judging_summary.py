"""What is kept of judgements, and read back."""

from typing import Any

import pytest

from evalkube_runner.eval.answer import Tokens
from evalkube_runner.eval.judging.reading import Verdict
from evalkube_runner.eval.judging.summary import Attempt, Counts, Judgement, attempts_of, counted, counts_of

ATTEMPTS = (Attempt("hm", Tokens(7, 3, 2, 1)), Attempt("[[A]]"))
READ = Judgement("j", 0, False, ATTEMPTS, Verdict(1.0, "A"))
MUTE = Judgement("j", 1, False, ATTEMPTS, None)
DOWN = Judgement("j", 2, False, (), None, "dns: no such name")


def test_attempts_come_back_as_they_were() -> None:
    """With their tokens, where there are any."""
    assert attempts_of(READ.document()) == ATTEMPTS


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"attempts": None},
        {"attempts": {"said": "[[A]]"}},
        {"attempts": ["[[A]]"]},
        {"attempts": [{"said": 1, "usage": None}]},
        {"attempts": [{"said": "[[A]]", "usage": [1, 2]}]},
        {"attempts": [{"said": "[[A]]", "usage": [1, 2, 3, -4]}]},
        {"attempts": [{"said": "[[A]]", "usage": 7}]},
    ],
)
def test_a_damaged_line_is_none(record: dict[str, Any]) -> None:
    """Then the judge is asked again."""
    assert attempts_of(record) is None


def test_judgements_are_counted_once_each() -> None:
    """One of both orders has a vote where both could be read; every attempt's tokens count."""
    made = counted([(READ,), (MUTE,), (DOWN,), (READ, MUTE), (READ, DOWN)], 1)
    assert made == Counts(
        judgements=5,
        unreadable=2,
        failed=2,
        asked_again=5,
        inconsistent=1,
        answers=5,
        prompt_tokens=35,
        completion_tokens=15,
        reasoning_tokens=10,
        cached_tokens=5,
    )
    assert counts_of({"counts": made.document()}) == made


@pytest.mark.parametrize("summary", [None, {}, {"verdicts": [1.0]}])
def test_a_summary_without_counts_counts_nothing(summary: dict[str, Any] | None) -> None:
    """As that of a sample which no judge was asked about."""
    assert counts_of(summary) == Counts()


@pytest.mark.parametrize("counts", [[], {"judgements": -1}, {"failed": "2"}, {"unreadable": True}])
def test_damaged_counts_are_refused(counts: Any) -> None:
    """Then the sample is scored again."""
    with pytest.raises(ValueError, match="count"):
        counts_of({"counts": counts})
