"""Replies scored in processes: what algebra finds equal, and that a hostile reply costs no more than its own sample."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable

import pytest

from evalkube_benchmarks import scoring
from evalkube_benchmarks.benchmark import Question
from evalkube_benchmarks.scoring import Filters, Scores, Task
from evalkube_runner.eval import scorer_worker
from evalkube_runner.eval.scorer_process import ScorerFailed, Scorers


def _with(use: Callable[[Scorers], Awaitable[None]], processes: int = 1) -> None:
    async def run() -> None:
        async with Scorers(processes) as scorers:
            await use(scorers)

    asyncio.run(run())


def _is(target: str, extract: str | None = None) -> Task:
    question = Question(text="", targets=(target,))
    return Task(benchmark="gsm8k", question=question, metrics=("acc",), filters=Filters(extract=extract))


EIGHTEEN = _is("18")
ENDLESS = _is("18", extract="(a+)+$")
HUNG = "a" * 60 + "b"  # with ENDLESS it would take years


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

    async def use(scorers: Scorers) -> None:
        for prediction, target, equal in table:
            ruled = await scorers.score(_is(target), rf"\boxed{{{prediction}}}", 10)
            assert ruled == Scores({"acc": float(equal)}, prediction), (prediction, target)

    _with(use)


def test_a_pattern_without_end_fails_alone() -> None:
    """The hung process is killed, the sample errored, and the next reply is scored by a new one."""

    async def use(scorers: Scorers) -> None:
        assert (await scorers.score(EIGHTEEN, "18", 5)).values == {"acc": 1}
        begun = time.perf_counter()
        with pytest.raises(ScorerFailed, match=r"more than 0\.2 s"):
            await scorers.score(ENDLESS, HUNG, 0.2)
        assert time.perf_counter() - begun < 30
        assert (await scorers.score(EIGHTEEN, "18", 5)).values == {"acc": 1}

    _with(use)


def test_others_are_scored_while_one_hangs() -> None:
    """A reply that takes its whole time holds up one process, and the event loop not at all."""

    async def use(scorers: Scorers) -> None:
        hung = asyncio.create_task(scorers.score(ENDLESS, HUNG, 60))
        for _ in range(20):
            assert (await scorers.score(EIGHTEEN, "18", 30)).values == {"acc": 1}
        assert not hung.done()
        hung.cancel()
        await asyncio.gather(hung, return_exceptions=True)

    _with(use, processes=2)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(r"\boxed{2^{10^{10}}}", id="a power of a power"),
        pytest.param(r"\boxed{9^{9^{9^{9}}}}", id="a tower"),
        pytest.param(r"\boxed{10^{10^{11}}+1}", id="a sum with one"),
        pytest.param(r"\boxed{(10^{9})!}", id="a factorial"),
        pytest.param(r"\boxed{" + "(" * 190 + "x" + ")" * 190 + "}", id="brackets in brackets"),
    ],
)
def test_a_formula_without_measure_costs_no_more_than_its_own_sample(reply: str) -> None:
    """It is wrong or fails, in bounded time and memory, and the next one is scored."""

    async def use(scorers: Scorers) -> None:
        with contextlib.suppress(ScorerFailed):
            assert (await scorers.score(EIGHTEEN, reply, 3)).values == {"acc": 0}
        assert (await scorers.score(EIGHTEEN, "18", 10)).values == {"acc": 1}

    _with(use)


def test_a_worker_that_needs_too_much_memory_says_so() -> None:
    """The limit is the process's own: no other feels it, and the sample is errored with words."""

    async def use(scorers: Scorers) -> None:
        hungry = Task(benchmark="general_qa", question=Question(text="", targets=("x " * 10,)), metrics=("bleu-1",))
        with pytest.raises(ScorerFailed, match=r"memory|ended"):
            await scorers.score(hungry, "word " * 12_000_000, 60)
        assert (await scorers.score(EIGHTEEN, "18", 10)).values == {"acc": 1}

    _with(use)


def test_a_bad_pattern_is_a_scorers_failure() -> None:
    """The message is the pattern's own."""

    async def use(scorers: Scorers) -> None:
        with pytest.raises(ScorerFailed, match="unterminated"):
            await scorers.score(_is("1", extract="["), "x", 5)

    _with(use)


def test_no_more_processes_than_it_was_given() -> None:
    """A hundred replies at once are scored by two."""

    async def use(scorers: Scorers) -> None:
        others = set(await asyncio.to_thread(_children))
        await asyncio.gather(*(scorers.score(EIGHTEEN, "18", 30) for _ in range(100)))
        assert 1 <= len(set(await asyncio.to_thread(_children)) - others) <= 2

    _with(use, processes=2)


def _children() -> list[str]:
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:  # noqa: PTH123 - no path of a file
        return file.read().split()


@pytest.mark.parametrize(
    "request_",
    [{}, {"task": {}}, {"task": {**EIGHTEEN.packed(), "benchmark": "gsm9k"}, "reply": "1"}, {"task": 1}],
)
def test_a_request_that_is_none_is_an_error(request_: dict[str, object]) -> None:
    """Whatever a line asks, it is answered."""
    assert set(scorer_worker.answer(request_)) == {"error"}


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
    assert scoring.last_match(pattern, text) == found
