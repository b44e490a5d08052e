"""The steady part of real loads, beside what the server itself recorded of it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalkube_crds import steady
from evalkube_crds.figures import RPS
from evalkube_crds.names import SteadyAbsence
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.result_parts import NANO
from fakes import load_tests
from fakes.load_tests import load, spec
from fakes.mock_model import running_mock
from fakes.word_tokenizer import save_word_tokenizer

SLOTS = 10


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Answers in 200 ms, but for one prompt, whose answer takes two seconds."""
    answers = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    answers.write_text(json.dumps({"match": "a long one", "answer": " ".join(["word"] * 191)}) + "\n")
    arguments = ("--ttft-ms", "100", "--itl-ms", "10", "--default-answer", " ".join(["word"] * 11))
    with running_mock(*arguments, "--answers", str(answers)) as url:
        yield url


def rows_of(folder: Path, point: PerfPoint) -> list[dict[str, Any]]:
    return load_tests.rows(folder / f"artifacts/{point.name}/requests.jsonl")


def served_per_second(url: str, begin_ns: int, end_ns: int) -> float:
    """The server's own throughput between two moments, in Unix time: a request counts by its part in between."""
    record = httpx.get(f"{url.removesuffix('/v1')}/record", trust_env=False).json()
    offset_ns = time.time_ns() - time.monotonic_ns()
    served = 0.0
    for received, last in zip(record["received_ns"], record["last_token_ns"], strict=True):
        first, until = received + offset_ns, last + offset_ns
        served += max(0, min(until, end_ns) - max(first, begin_ns)) / (until - first)
    return served * NANO / (end_ns - begin_ns)


def test_a_long_tail_is_not_in_it(tmp_path: Path, mock: str) -> None:
    """105 answers in ten slots, of which the last one takes ten times as long: the whole run is biased, and the steady
    part is what the server did under that load, to 2 %.
    """
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a short one\n" * 104 + "a long one\n")
    wanted = spec(mock, number=105, parallel=SLOTS, dataset="line_by_line", dataset_path=str(prompts))
    point = load(tmp_path / "run", wanted).points[0]
    window, rps = point.steady, steady.rate(point, RPS)
    assert window is not None
    assert rps is not None
    assert (window.windows, window.failed) == (1, 0)
    assert rps == pytest.approx(served_per_second(mock, window.started_at_ns, window.ended_at_ns), rel=0.02)
    assert (RPS.of(point) or 0) < 0.75 * rps
    assert steady.figures(point)["steady_in_flight"] == pytest.approx(SLOTS, rel=0.25)
    assert steady.figures(point)["steady_latency_p99_s"] < 1 < (point.histograms["latency_ns"].high / NANO)


def test_it_is_made_of_the_rows_in_it(tmp_path: Path, mock: str) -> None:
    """After a warm-up: anybody can redo it from what is delivered."""
    wanted = spec(mock, number=80, parallel=8, warmup_num=12, prompt="a short one")
    point = load(tmp_path, wanted).points[0]
    window, rows = point.steady, rows_of(tmp_path, point)
    assert window is not None
    first_ns = min(row["dispatched_ns"] for row in rows if not row["warmup"])
    begin_ns, end_ns = (at - point.started_at_ns + first_ns for at in (window.started_at_ns, window.ended_at_ns))
    inside = [row for row in rows if not row["warmup"] and begin_ns <= row["dispatched_ns"] < end_ns]
    assert window.succeeded + window.failed == len(inside) > 0
    assert window.histograms["latency_ns"].total == sum(row["end_ns"] - row["sent_ns"] for row in inside)
    assert window.histograms["ttft_ns"].total == sum(row["first_token_ns"] - row["sent_ns"] for row in inside)
    assert not list((tmp_path / "scratch").glob("*.marks"))


def test_tokens_that_are_counted_after_the_load_are_in_it(tmp_path: Path, mock: str) -> None:
    """And so are the times per token of two choices."""
    (tmp_path / "tokenizer").mkdir()
    counted = {"tokenizer_path": save_word_tokenizer(tmp_path / "tokenizer"), "n_choices": 2}
    wanted = spec(mock, number=40, parallel=4, prompt="a short one", extra_args={"stream_options": None}, **counted)
    point = load(tmp_path / "run", wanted).points[0]
    window = point.steady
    assert window is not None
    assert window.histograms["tpot_ns"].count == 2 * window.succeeded > 0
    rates = window.rates
    assert rates["output_tokens"] == pytest.approx(22 * rates["requests"], rel=1e-6)
    assert rates["input_tokens"] == pytest.approx(3 * rates["requests"], rel=1e-6)


def test_a_short_one_says_why_there_is_none(tmp_path: Path, mock: str) -> None:
    """Two turns of every slot: the first ones and the last ones."""
    point = load(tmp_path, spec(mock, number=8, parallel=4, prompt="a short one")).points[0]
    assert point.steady is not None
    assert point.steady.absent == {SteadyAbsence.TOO_SHORT: 1}
    assert point.steady.run_ns == pytest.approx(point.ended_at_ns - point.started_at_ns, abs=1_000_000)
