"""Which requests of a load are good: what they took against what a test asks for, and against real servers."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds.figures import GOODPUT, GOODPUT_RPS, SUCCESS_RATE
from evalkube_crds.names import TokenBasis, Verdict
from evalkube_crds.results import PerfResult
from evalkube_runner.perf import sweep
from evalkube_runner.perf.goodput import Counting, Criteria, Taken
from evalkube_runner.perf.timeline import Span, tpots_of
from fakes.load_tests import asked, context, load, run, spec, workers
from fakes.mock_model import running_mock
from fakes.word_tokenizer import save_word_tokenizer

MS = 1_000_000


def criteria(ttft: float | None = None, tpot: float | None = None, latency: float | None = None) -> Criteria:
    """In ms."""
    return Criteria(*(None if bound is None else round(bound * MS) for bound in (ttft, tpot, latency)))


def taken(ttft: float | None, latency: float, sending: float = 0, first: float = 0, end: float = 0) -> Taken:
    """In ms."""
    measured = None if ttft is None else round(ttft * MS)
    return Taken(measured, round(latency * MS), round(sending * MS), round(first * MS), round(end * MS))


def span(first: float, last: float, chunks: int) -> Span:
    """In ms."""
    return Span(round(first * MS), round(last * MS), round(last * MS), chunks)


def counted(wanted: Criteria, one: Taken, *spans: Span) -> tuple[int, int]:
    counting = Counting(wanted, intended=True)
    tpots = partial(tpots_of, made=sum(each.chunks for each in spans), basis=TokenBasis.CHUNKS)
    counting.add(one, spans, tpots)
    return counting.good, counting.doubtful


ANSWER = span(50, 90, 5)  # 10 ms a token
REQUESTS: dict[str, tuple[Criteria, Taken, list[Span], bool]] = {
    "all kept": (criteria(60, 11, 100), taken(50, 90), [ANSWER], True),
    "each bound reached": (criteria(50, 10, 90), taken(50, 90), [ANSWER], True),
    "TTFT too long": (criteria(ttft=49.999), taken(50, 90), [ANSWER], False),
    "TPOT too long": (criteria(tpot=9.999), taken(50, 90), [ANSWER], False),
    "latency too long": (criteria(latency=89.999), taken(50, 90), [ANSWER], False),
    "one of three missed": (criteria(60, 9, 100), taken(50, 90), [ANSWER], False),
    "what is not asked for": (criteria(latency=90), taken(5_000, 90), [span(0, 5_000, 2)], True),
    "one token has no TPOT": (criteria(tpot=1), taken(50, 90), [span(50, 50, 1)], True),
    "no token has no TTFT": (criteria(ttft=1_000), taken(None, 90), [], False),
    "no token has a latency": (criteria(latency=90), taken(None, 90), [], True),
    "one slow choice of two": (criteria(tpot=10), taken(50, 90), [ANSWER, span(50, 95, 5)], False),
    "two fast choices": (criteria(tpot=10), taken(50, 90), [ANSWER, span(55, 90, 5)], True),
}


@pytest.mark.parametrize(("wanted", "one", "spans", "good"), REQUESTS.values(), ids=REQUESTS)
def test_a_good_request(wanted: Criteria, one: Taken, spans: list[Span], *, good: bool) -> None:
    """It keeps all that is asked for; without a stall of the client there is no doubt."""
    assert counted(wanted, one, *spans) == (good, 0)


# name: what is asked for, what was measured with its lags, good as measured, whether that is in doubt
STALLS: dict[str, tuple[Criteria, Taken, bool, bool]] = {
    "the first token was read late, and it matters": (criteria(ttft=45), taken(50, 90, first=6), False, True),
    "the first token was read late, and it was late before": (criteria(ttft=45), taken(50, 90, first=4), False, False),
    "the first token was read late, and in time": (criteria(ttft=50), taken(50, 90, first=20), True, False),
    "the request left late": (criteria(ttft=45), taken(50, 90, sending=6), False, True),
    "both together": (criteria(ttft=45), taken(50, 90, sending=3, first=3), False, True),
    "the end was read late": (criteria(latency=80), taken(50, 90, end=10), False, True),
    "the end was read late, of one that is too long": (criteria(latency=80), taken(50, 90, end=9), False, False),
    "TPOT looks longer for a late end": (criteria(tpot=9), taken(50, 90, end=5), False, True),
    "TPOT looks shorter for a late first token": (criteria(tpot=10), taken(50, 90, first=5), True, True),
    "another time is missed anyway": (criteria(ttft=45, latency=10), taken(50, 90, first=6), False, False),
    "no token": (criteria(ttft=45), taken(None, 90, end=9), False, False),
}


@pytest.mark.parametrize(("wanted", "one", "good", "doubtful"), STALLS.values(), ids=STALLS)
def test_a_stall_of_the_client_may_decide(wanted: Criteria, one: Taken, *, good: bool, doubtful: bool) -> None:
    """Counted as measured; in doubt where it may be otherwise without the stall."""
    assert counted(wanted, one, ANSWER) == (good, doubtful)


@pytest.mark.parametrize(("intended", "wanted"), [(True, taken(60, 100, 2, 3, 4)), (False, taken(50, 90, 0, 3, 4))])
def test_from_when_times_count(intended: bool, wanted: Taken) -> None:
    """From when a request should have left, else from when it did, and then it is no matter how late that was."""
    counting = Counting(criteria(1), intended=intended)
    assert counting.taken(90 * MS, 100 * MS, 150 * MS, 190 * MS, (2 * MS, 3 * MS, 4 * MS)) == wanted


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """Answers of five words, 100 ms to the first, 10 ms to each next one; two at a time."""
    options = (
        "--ttft-ms",
        "100",
        "--itl-ms",
        "10",
        "--concurrency",
        "2",
        "--default-answer",
        "one two three four five",
    )
    with running_mock(*options) as url:
        yield url


SLOW: dict[str, Any] = {"goodput": {"ttft": 0.001}}
FAST: dict[str, Any] = {"goodput": {"ttft": 30, "tpot": 30, "latency": 60}}


@pytest.mark.parametrize(("fields", "good"), [(SLOW, 0), (FAST, 6), ({}, None)], ids=["none", "all", "not asked"])
def test_of_a_point(tmp_path: Path, mock: str, fields: dict[str, Any], good: int | None) -> None:
    """A count of the measured requests, warm-up apart; nothing where nothing was asked."""
    point = load(tmp_path, spec(mock, number=6, parallel=2, warmup_num=2, **fields)).points[0]
    assert (point.succeeded, point.good) == (6, good)
    summary = json.loads((tmp_path / f"artifacts/{point.name}/benchmark_summary.json").read_text())
    assert summary.get("Good requests") == good
    assert summary.get("Goodput (share of requests)") == GOODPUT.of(point) == (None if good is None else good / 6)


@pytest.mark.parametrize(("tpot_s", "good"), [(30.0, 4), (0.001, 0)])
def test_tokens_that_are_counted_after_the_load(tmp_path: Path, mock: str, tpot_s: float, good: int) -> None:
    """Only then is there a TPOT."""
    tokenizer = save_word_tokenizer(tmp_path)
    fields = {"tokenizer_path": tokenizer, "extra_args": {"stream_options": None}}
    wanted = spec(mock, number=4, parallel=2, warmup_num=1, goodput={"tpot": tpot_s}, **fields)
    point = load(tmp_path / "run", wanted).points[0]
    assert (point.token_basis, point.good) == ({TokenBasis.TOKENIZER: 4}, good)


def test_a_queue_in_an_open_loop(tmp_path: Path, mock: str) -> None:
    """The server takes some 14 a second: of 50 a second the last ones wait for more than a second, the first do not."""
    fields = {"open_loop": True, "rate": 50, "arrivals": "constant", "goodput": {"ttft": 0.7}}
    point = load(tmp_path, spec(mock, number=40, **fields)).points[0]
    assert point.good is not None
    assert 0 < point.good < 40
    assert point.histograms["intended_ttft_ns"].high > 1_000 * MS


def test_failed_requests_are_not_good(tmp_path: Path) -> None:
    """They are part of the whole."""
    with running_mock("--fail-rate", "0.5") as url:
        wanted = spec(url, number=40, parallel=4, goodput={"latency": 60}, no_test_connection=True)
        point = load(tmp_path, wanted).points[0]
    assert 0 < point.failed < 40
    assert point.good == point.succeeded
    assert GOODPUT.of(point) == SUCCESS_RATE.of(point)
    assert GOODPUT_RPS.of(point) is not None


@pytest.mark.parametrize(
    "fields",
    [{"stream": False}, {"api": "openai_embedding"}, {"api": "openai_rerank"}],
    ids=["whole", "texts", "ranks"],
)
@pytest.mark.parametrize(("latency_s", "good"), [(30, 2), (0.000001, 0)])
def test_whole_answers_have_a_latency(
    tmp_path: Path, mock: str, fields: dict[str, Any], latency_s: float, good: int
) -> None:
    """And nothing else to be good by."""
    wanted = spec(mock, number=2, goodput={"latency": latency_s}, **fields)
    assert load(tmp_path, wanted).points[0].good == good


def test_a_client_that_stood_still_is_not_held_against_the_server(tmp_path: Path, mock: str) -> None:
    """Requests of a schedule left late, and are good or not by that alone: the verdict says how many."""

    async def work() -> PerfResult:
        wanted = spec(mock, number=20, open_loop=True, rate=10, arrivals="constant", goodput={"ttft": 0.9})
        running = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
        await asked(mock, 4)
        (worker,) = workers()
        os.kill(worker, signal.SIGSTOP)
        await asyncio.sleep(1.5)
        os.kill(worker, signal.SIGCONT)
        return await running

    (point,) = run(work()).points
    assert point.good is not None
    assert point.health.doubtful >= 2
    assert point.verdict is Verdict.INVALID
    assert any("goodput: stalls of the client may have decided" in reason for reason in point.verdict_reasons)
