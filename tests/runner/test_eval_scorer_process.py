"""Algebra in its process: what it finds equal, and that nothing hangs on it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from evalkube_runner.eval import scorer_worker
from evalkube_runner.eval.scorer_process import ScorerFailed, ScorerProcess


def _with(use: Callable[[ScorerProcess], Awaitable[None]]) -> None:
    async def run() -> None:
        async with ScorerProcess() as mathematics:
            await use(mathematics)

    asyncio.run(run())


def test_formulas() -> None:
    """Equal by algebra, not by looks; and not equal because of what stands round a number."""
    table = [
        ("2x+1", "1+2x", True),
        (r"\frac{\sqrt{8}}{2}", r"\sqrt{2}", True),
        ("(x+1)^2", "x^2+2x+1", True),
        ("x=5", "5", True),
        (r"\{1,2\}", r"\{2,1\}", True),
        ("2x+1", "2x+2", False),
        (r"\sqrt{2}", "1.5", False),
        ("12:30", "12.5", False),
        ("5k", "5", False),
        ("nonsense (", "5", False),
    ]

    async def use(mathematics: ScorerProcess) -> None:
        for prediction, target, equal in table:
            assert await mathematics.equal(prediction, target, 10) is equal, (prediction, target)

    _with(use)


def test_a_pattern_without_end_fails_alone() -> None:
    """The hung process is killed, the sample errored, and the next question is answered by a new one."""

    async def use(mathematics: ScorerProcess) -> None:
        assert await mathematics.search("b+", "abba", 5) == "bb"
        begun = time.perf_counter()
        with pytest.raises(ScorerFailed, match=r"more than 0\.2 s"):
            await mathematics.search("(a+)+$", "a" * 60 + "b", 0.2)
        assert time.perf_counter() - begun < 30  # it would take years
        assert await mathematics.search("b+", "abb", 5) == "bb"

    _with(use)


def test_a_bad_pattern_is_a_scorers_failure() -> None:
    """The message is the pattern's own."""

    async def use(mathematics: ScorerProcess) -> None:
        with pytest.raises(ScorerFailed, match="unterminated"):
            await mathematics.search("[", "x", 5)

    _with(use)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"answer: (\w+)", "answer: a\nanswer: b", "b"),
        (r"\d+", "1 22 333", "333"),
        (r"(a)|(b)", "a b", "b"),
        (r"x", "abc", None),
    ],
)
def test_the_last_match_counts(pattern: str, text: str, found: str | None) -> None:
    """Its first group that took part, or all of it."""
    assert scorer_worker.last_match(pattern, text) == found
