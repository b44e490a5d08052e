"""Load tests that replay a trace: which points they have, and what arrives of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evalkube_crds.names import Reason
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult
from evalkube_runner.errors import RunFailed
from evalkube_runner.perf import replay, shares
from evalkube_runner.perf.point import Point
from evalkube_runner.perf.schedule import Arrivals
from fakes import load_tests
from fakes.mock_model import running_mock

SECOND = 1_000_000_000
TIMES = np.array([0, 0, 1, 2, 2, 2, 4, 8, 9, 10], dtype=np.int64) * SECOND
ARRIVALS = Arrivals(recorded=Path("arrivals.bin"))


def points(times_ns: replay.Times = TIMES, **fields: Any) -> list[Point]:
    """Those of a trace with such times."""
    spec = PerfRunSpec(model="m", url="http://h/v1", dataset="workload_trace", dataset_path="t", **fields)
    return list(replay.replayed(spec, times_ns, ARRIVALS))


# name: fields, and of each point: name, measured requests, warm-up, mean rate
POINTS: dict[str, tuple[dict[str, Any], list[tuple[str, int, int, float | None]]]] = {
    "all of it": ({}, [("trace_number_10", 10, 0, 1.0)]),
    "its first ones": ({"number": 6}, [("trace_number_6", 6, 0, 3.0)]),
    "a sweep": ({"number": [3, 7]}, [("trace_number_3", 3, 0, 3.0), ("trace_number_7", 7, 0, 1.75)]),
    "a point again": ({"number": [3, 3]}, [("trace_number_3", 3, 0, 3.0), ("trace_number_3_repeat_2", 3, 0, 3.0)]),
    "all but the warm-up": ({"warmup_num": 3}, [("trace_number_7", 7, 3, 1.0)]),
    "all but a share as warm-up": ({"warmup_num": 0.25}, [("trace_number_8", 8, 2, 1.0)]),
    "a warm-up as long as the rest": ({"warmup_num": 1.0}, [("trace_number_9", 9, 1, 1.0)]),
    "a share that leaves one out": ({"warmup_num": 0.999}, [("trace_number_5", 5, 4, 9 / 9)]),
    "as many as there are": ({"number": 8, "warmup_num": 2}, [("trace_number_8", 8, 2, 1.0)]),
    "all at once": ({"number": 2}, [("trace_number_2", 2, 0, None)]),
}


@pytest.mark.parametrize(("fields", "wanted"), POINTS.values(), ids=POINTS)
def test_points(fields: dict[str, Any], wanted: list[tuple[str, int, int, float | None]]) -> None:
    """Each begins with the first request of the trace, in open loop."""
    found = points(**fields)
    assert [(point.name, point.number, point.warmup, point.rate) for point in found] == wanted
    assert {(point.first, point.parallel, point.arrivals) for point in found} == {(0, None, ARRIVALS)}


TOO_FEW: dict[str, tuple[dict[str, Any], str]] = {
    "more than there are": ({"number": 11}, "number: 11 requests, and the trace has 10; leave number out"),
    "one of several": ({"number": [3, 11]}, "number: 11 requests, and the trace has 10; leave number out"),
    "with a warm-up": ({"number": 9, "warmup_num": 2}, "number: 9 requests after a warm-up of 2, and the trace has 10"),
    "from the middle on": ({"number": 11, "dataset_offset": 5}, "the trace has 10 from dataset_offset 5 on"),
    "nothing but a warm-up": ({"warmup_num": 10}, "warmup_num: leaves nothing to measure: the trace has 10 requests"),
}


@pytest.mark.parametrize(("fields", "said"), TOO_FEW.values(), ids=TOO_FEW)
def test_a_trace_that_is_too_short(fields: dict[str, Any], said: str) -> None:
    """It is not begun anew within a point: the run ends before any request."""
    with pytest.raises(RunFailed, match=said) as caught:
        points(**fields)
    assert caught.value.reason is Reason.INVALID_SPEC


def test_beyond_the_end() -> None:
    """An offset that leaves nothing is what is named."""
    with pytest.raises(RunFailed, match="dataset_offset: 10 is beyond the end of the trace"):
        points(TIMES[:0], dataset_offset=10)


def test_what_a_trace_asks_of_a_shard() -> None:
    """Half of its busiest second, and all of the time that its warm-up takes."""
    (point,) = points(warmup_num=7)
    load = shares.shard_load(point, 1, 2)
    assert (point.peak_rate, load.peak_rate, load.warmup_s, load.rate) == (3.0, 1.5, 8.0, 0.5)
    assert (load.measured, load.warmup) == (2, 3)


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """A mock model that makes as many tokens as it may."""
    with running_mock("--tokens", "100000") as url:
        yield url


REQUESTS = [(0, 40, 3), (250, 600, 1), (100, 30, 7), (100, 0, 2), (400, 25, 5), (401, 24, 4), (402, 23, 300)]
"""Milliseconds, and the tokens of prompts and answers; the third came before the second, and the fourth is empty."""
SENT = [REQUESTS[at] for at in (0, 2, 1, 4, 5, 6)]
FILES: dict[str, tuple[str, str]] = {
    "Mooncake": (
        "trace.jsonl",
        "\n".join(
            json.dumps({"timestamp": at, "input_length": prompt, "output_length": answer, "hash_ids": [prompt]})
            for at, prompt, answer in REQUESTS
        ),
    ),
    "Azure": (
        "trace.csv",
        "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
        + "\r\n".join(f"2023-11-16 18:17:03.{at:03}0000,{prompt},{answer}" for at, prompt, answer in REQUESTS),
    ),
    "bodies": (
        "trace.jsonl",
        "\n".join(
            json.dumps(
                {
                    "timestamp": 1700000000 + at / 1000,
                    "body": {"messages": [{"role": "user", "content": " ".join(["word"] * prompt)}]},
                    "completion_tokens": answer,
                }
            )
            for at, prompt, answer in REQUESTS
            if prompt
        ),
    ),
}


def run(folder: Path, url: str, kind: str, shard: int = 0, shards: int = 1, **fields: Any) -> PerfResult:
    """A run of one shard on a trace of this kind."""
    name, text = FILES[kind]
    (folder / name).write_text(text)
    wanted = load_tests.spec(url, dataset="workload_trace", dataset_path=str(folder / name), **fields)
    return load_tests.load(folder / f"shard-{shard}", wanted, shard=shard, shards=shards)


def rows(folder: Path, point: str, shard: int = 0) -> dict[int, tuple[float, int, int]]:
    """By index: when each request was due, and the tokens that the server counted."""
    found = load_tests.rows(folder / f"shard-{shard}/artifacts/{point}/requests.jsonl")
    return {
        row["index"]: (row["intended_ns"] / 1_000_000, row["prompt_tokens"], row["completion_tokens"]) for row in found
    }


@pytest.mark.parametrize("kind", FILES)
def test_a_trace_is_sent_as_it_was_recorded(tmp_path: Path, mock: str, kind: str) -> None:
    """By two shards, each of which has its part: at the times of the trace, with prompts and limits as long as it
    says; and the result tells what was changed.
    """
    results = [run(tmp_path, mock, kind, shard, 2) for shard in range(2)]
    found = rows(tmp_path, "trace_number_6", 0) | rows(tmp_path, "trace_number_6", 1)
    assert [found[index] for index in range(6)] == [(float(at), *tokens) for at, *tokens in SENT]
    for result in results:
        (point,) = result.points
        assert (point.name, point.open_loop, point.arrivals, point.succeeded) == (
            *("trace_number_6", True, "as recorded"),
            3,
        )
        assert point.rate == pytest.approx(6 / 0.402)
        assert result.data is not None
        assert (result.data.dataset, result.data.prompts, result.data.reordered) == ("workload_trace", 6, 1)
        assert result.data.source.endswith(", with EvalScope's columns" if kind == "bodies" else f"{kind}'s columns")
        assert result.data.left_out == ({} if kind == "bodies" else {"empty": 1})


def test_points_that_begin_a_trace_anew(tmp_path: Path, mock: str) -> None:
    """Several numbers, with a warm-up, from an offset on, at twice the speed."""
    fields: dict[str, Any] = {"number": [1, 3], "warmup_num": 1, "dataset_offset": 1, "trace_speed": 2}
    result = run(tmp_path, mock, "Mooncake", **fields)
    assert [(point.warmup, point.succeeded) for point in result.points] == [(1, 1), (1, 3)]
    sent = [((at - 100) / 2, prompt, answer) for at, prompt, answer in SENT[1:]]
    for number in (1, 3):
        found = rows(tmp_path, f"trace_number_{number}")
        assert [found[index] for index in range(number + 1)] == sent[: number + 1]


def test_more_shards_than_requests(tmp_path: Path, mock: str) -> None:
    """One that has none reports none."""
    result = run(tmp_path, mock, "Mooncake", shard=7, shards=8)
    assert [(point.number, point.succeeded, point.failed) for point in result.points] == [(6, 0, 0)]


def test_the_first_bodies_that_are_wanted(tmp_path: Path, mock: str) -> None:
    """Those that are left out are none of them."""
    run(tmp_path, mock, "bodies", number=2, max_prompt_length=140)
    found = rows(tmp_path, "trace_number_2")
    assert [found[index][1:] for index in range(2)] == [(25, 5), (24, 4)]


@pytest.mark.parametrize(
    ("kind", "bounds", "basis", "empty"),
    [("Azure", (24, 100), "words", {"empty": 1}), ("bodies", (5 * 24 - 1, 5 * 100 - 1), "characters", {})],
)
def test_lengths_that_are_not_wanted(
    tmp_path: Path, mock: str, kind: str, bounds: tuple[int, int], basis: str, empty: dict[str, int]
) -> None:
    """They are left out of the load, and told; of bodies the texts are counted."""
    result = run(tmp_path, mock, kind, min_prompt_length=bounds[0], max_prompt_length=bounds[1])
    found = rows(tmp_path, "trace_number_4")
    assert [found[index] for index in range(4)] == [
        (float(at), *tokens) for at, *tokens in SENT if 24 <= tokens[0] < 600
    ]
    assert result.data is not None
    assert result.data.left_out == {**empty, "too_short": 1, "too_long": 1}
    assert result.data.length_basis == basis
