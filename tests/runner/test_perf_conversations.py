"""Load tests of conversations: real worker processes against the mock model, in every dialect that has chats."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from evalkube_crds import merge
from evalkube_crds.perf_point import Conversations, PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.perf import sweep
from evalkube_runner.wire.dialect import HISTORIES
from fakes import load_tests
from fakes.load_tests import asked, context, load, run, spec
from fakes.mock_model import running_mock
from fakes.raw_server import raw_server
from fakes.word_tokenizer import save_word_tokenizer

MS = 1_000_000
Row = dict[str, Any]


def said(*questions: str) -> list[dict[str, str]]:
    """A recorded conversation; its answers are not the mock's."""
    return [
        message
        for question in questions
        for message in ({"role": "user", "content": question}, {"role": "assistant", "content": "recorded"})
    ]


THREE = said("apples", "pears", "plums")
TWO = said("one", "two")


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A mock model with an answer of its own for each question, that keeps what it was asked."""
    answers = tmp_path_factory.mktemp("answers") / "answers.jsonl"
    words = ("apples", "pears", "plums", "one", "two")
    answers.write_text("".join(json.dumps({"match": word, "answer": f'"so {word}"'}) + "\n" for word in words))
    with running_mock("--answers", str(answers), "--ttft-ms", "10", "--itl-ms", "1", "--keep-bodies", "1000") as url:
        yield url


@pytest.fixture
def talks(tmp_path: Path) -> Callable[..., str]:
    """Writes conversations into a file."""

    def write(*conversations: object) -> str:
        path = tmp_path / "talks.jsonl"
        path.write_bytes(b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in conversations))
        return str(path)

    return write


def talking(url: str, path: str, **fields: Any) -> PerfRunSpec:
    """A load test of conversations from a file."""
    own = {"dataset": "custom_multi_turn", "dataset_path": path, "data_source": None, "no_test_connection": True}
    return spec(url, **own, **{"target_grace": 0.0, **fields})


def rows(folder: Path, point: PerfPoint) -> list[Row]:
    """By conversation and turn."""
    found = load_tests.rows(folder / f"artifacts/{point.name}/requests.jsonl")
    return sorted(found, key=lambda row: (row["conversation"], row["turn"]))


def requests(url: str, root: str) -> list[dict[str, Any]]:
    """What the mock was asked, once and for all."""
    found: list[dict[str, Any]] = httpx.get(f"{root}/requests", trust_env=False).json()
    httpx.delete(f"{root}/record", trust_env=False)
    return found


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("api", HISTORIES)
def test_each_turn_has_the_models_own_answers(
    tmp_path: Path, mock: str, talks: Callable[..., str], api: str, stream: bool
) -> None:
    """In every dialect, as the mock was asked them; the recorded answers are in none."""
    root = mock.removesuffix("/v1")
    url = {"gemini": f"{root}/v1beta", "dashscope": f"{root}/api/v1"}.get(api, mock)
    requests(mock, root)
    wanted = talking(url, talks([{"role": "system", "content": "Be kind."}, *THREE]), number=1, api=api, stream=stream)
    point = load(tmp_path, wanted).points[0]
    assert (point.succeeded, point.failed) == (3, 0)
    texts = [_texts(body) for body in requests(mock, root)]
    whole = ["Be kind.", "apples", '"so apples"', "pears", '"so pears"', "plums"]
    assert texts == [whole[:2], whole[:4], whole]
    assert point.conversations == Conversations(completed=1)


def _texts(node: Any) -> list[str]:
    """The texts of a body's messages, the system's first; in any dialect."""
    if isinstance(node, str):
        return [node]
    if isinstance(node, list):
        return [text for one in node for text in _texts(one)]
    names = ("system", "systemInstruction", "messages", "input", "contents", "parts", "content", "text")
    return [text for name in names if name in node for text in _texts(node[name])] if isinstance(node, dict) else []


def test_closed_loop(tmp_path: Path, mock: str, talks: Callable[..., str]) -> None:
    """A slot is a conversation; numbers count them, figures requests, and rows say which turn they are."""
    wanted = talking(mock, talks(THREE, TWO), number=10, parallel=3, warmup_num=2)
    point = load(tmp_path, wanted).points[0]
    assert (point.number, point.succeeded, point.warmup) == (10, 25, 5)
    assert point.conversations == Conversations(completed=10)
    turns, first, later = (point.histograms[name] for name in ("turns", "first_turn_ttft_ns", "later_turn_ttft_ns"))
    assert (turns.count, turns.total, turns.low, turns.high) == (10, 25, 2, 3)
    assert (first.count, later.count, point.histograms["ttft_ns"].count) == (10, 15, 25)
    found = rows(tmp_path, point)
    wanted_rows = [(at, turn) for at in range(12) for turn in range(3 - at % 2)]
    assert [(row["conversation"], row["turn"]) for row in found] == wanted_rows
    assert all(row["warmup"] == (row["conversation"] < 2) for row in found)
    assert _most_at_once(found) <= 3
    for one, two in pairwise(found):
        if one["conversation"] == two["conversation"]:
            assert two["sent_ns"] >= one["end_ns"]


def _most_at_once(found: list[Row]) -> int:
    """Conversations between their first send and their last end."""
    spans = [[row for row in found if row["conversation"] == at] for at in {row["conversation"] for row in found}]
    events = [(rows[0]["sent_ns"], 1) for rows in spans] + [(rows[-1]["end_ns"], -1) for rows in spans]
    most = now = 0
    for _, step in sorted(events):
        now += step
        most = max(most, now)
    return most


@pytest.mark.parametrize("loop", [{"parallel": 2}, {"open_loop": True, "rate": 100.0}], ids=["closed", "open"])
def test_people_think(tmp_path: Path, mock: str, talks: Callable[..., str], loop: dict[str, Any]) -> None:
    """The next turn is meant for then, whatever the loop; the same times for the same seed."""
    wanted = talking(mock, talks(THREE), number=6, think_time=[0.02, 0.06], **loop)
    thought = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        point = load(folder, wanted).points[0]
        found = rows(folder, point)
        thought.append(_thoughts(found))
        assert all(row["dispatched_ns"] >= row["intended_ns"] for row in found)
        assert point.conversations == Conversations(completed=6)
    assert thought[0] == thought[1]
    assert len(thought[0]) == len(set(thought[0].values())) == 12
    assert all(20 * MS <= ns <= 60 * MS for ns in thought[0].values())


def _thoughts(found: list[Row]) -> dict[tuple[int, int], int]:
    """How long before each turn after the first, by conversation and turn."""
    pairs = [(one, two) for one, two in pairwise(found) if two["turn"]]
    return {(two["conversation"], two["turn"]): two["intended_ns"] - one["end_ns"] for one, two in pairs}


def test_a_fast_load_has_several_processes(tmp_path: Path, mock: str, talks: Callable[..., str]) -> None:
    """As many as its requests are worth: 150 conversations of 3 turns a second are not one process' work."""
    wanted = talking(mock, talks(THREE), number=150, open_loop=True, rate=150.0)
    point = load(tmp_path, wanted).points[0]
    assert point.health.processes == min(2, len(os.sched_getaffinity(0)))
    assert point.conversations == Conversations(completed=150)
    assert [(row["conversation"], row["turn"]) for row in rows(tmp_path, point)] == [
        (at, turn) for at in range(150) for turn in range(3)
    ]


def test_shards_send_one_load(tmp_path: Path, mock: str, talks: Callable[..., str]) -> None:
    """Each its own conversations, at the times of the one schedule; their sum is what one shard would have reported."""
    wanted = talking(
        *(mock, talks(THREE, TWO)), number=8, open_loop=True, rate=100.0, arrivals="constant", think_time=[0.01, 0.03]
    )
    parts = [run(sweep.load_test(wanted, replace(context(tmp_path / str(at)), shard=at, shards=2))) for at in range(2)]
    found = [rows(tmp_path / str(at), part.points[0]) for at, part in enumerate(parts)]
    assert [{row["conversation"] % 2 for row in each} for each in found] == [{0}, {1}]
    firsts = {row["conversation"]: row["intended_ns"] for each in found for row in each if not row["turn"]}
    assert firsts == {at: at * 10 * MS for at in range(8)}
    merged = merge.merge_results(parts).points[0]
    assert merged.conversations == Conversations(completed=8)
    assert merged.histograms["turns"].total == merged.succeeded == 20
    (tmp_path / "one").mkdir()
    alone = load(tmp_path / "one", wanted)
    assert _thoughts(found[0]) | _thoughts(found[1]) == _thoughts(rows(tmp_path / "one", alone.points[0]))


def test_open_loop(tmp_path: Path, mock: str, talks: Callable[..., str]) -> None:
    """Arrivals are of conversations, and wait for none; follow-ups are on record as requests that were due."""
    wanted = talking(mock, talks(THREE), number=40, open_loop=True, rate=100.0, arrivals="constant", think_time=0.4)
    point = load(tmp_path, wanted).points[0]
    firsts = [row for row in rows(tmp_path, point) if not row["turn"]]
    assert [row["intended_ns"] for row in firsts] == [at * 10 * MS for at in range(40)]
    assert _most_at_once(rows(tmp_path, point)) > 20
    assert (point.succeeded, point.health.offered, point.health.sent) == (120, 120, 120)
    assert point.health.schedule_lag_ns.count == 120


def test_a_failed_turn_ends_its_conversation(tmp_path: Path, talks: Callable[..., str]) -> None:
    """What was not sent of it is told."""
    with running_mock("--tokens", "2", "--fail-rate", "0.2", "--fail-status", "503") as url:
        point = load(tmp_path, talking(url, talks(THREE), number=60, parallel=3)).points[0]
    found, talked = rows(tmp_path, point), point.conversations
    assert talked is not None
    failed = [row for row in found if row["error"]]
    assert talked.failed == point.failed == len(failed) > 0
    assert talked.completed == 60 - talked.failed
    assert talked.unsent_turns == sum(2 - row["turn"] for row in failed) > 0
    assert len(found) + talked.unsent_turns == 180
    for row in failed:
        assert not any(one["turn"] > row["turn"] for one in found if one["conversation"] == row["conversation"])


def test_duration_ends_conversations(tmp_path: Path, mock: str, talks: Callable[..., str]) -> None:
    """Nobody goes on after it, and those who think do not hold it up."""
    wanted = talking(mock, talks(TWO), number=1000, parallel=4, think_time=3600.0, duration=0.5)
    point = load(tmp_path, wanted).points[0]
    assert (point.succeeded, point.conversations) == (4, Conversations(cut=4, unsent_turns=4))
    assert point.histograms["turns"].total == 4


def test_an_error_rate_ends_them(tmp_path: Path, talks: Callable[..., str]) -> None:
    """It is of requests; how far the load came is told in conversations."""
    with running_mock("--tokens", "2", "--fail-rate", "0.5") as url:
        wanted = talking(url, talks(THREE), number=5000, parallel=3, max_error_rate=0.2)
        point = load(tmp_path, wanted).points[0]
    assert point.conversations is not None
    assert point.conversations.over < 5000
    assert "of 5000 conversations" in point.stopped[0]
    assert any(reason.endswith(point.stopped[0]) for reason in point.verdict_reasons)


def test_a_cancelled_load_leaves_its_rows(tmp_path: Path, mock: str, talks: Callable[..., str]) -> None:
    """Of all turns that were sent, while others think."""
    wanted = talking(mock, talks(THREE), number=1000, parallel=8, think_time=[0.0, 0.1])

    async def cancelled() -> None:
        task = asyncio.ensure_future(sweep.load_test(wanted, context(tmp_path)))
        await asked(mock, 40)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    run(cancelled())
    found = load_tests.rows(next((tmp_path / "artifacts").rglob("requests.jsonl")))
    assert len(found) >= 40
    assert {row["turn"] for row in found} == {0, 1, 2}
    assert len({(row["conversation"], row["turn"]) for row in found}) == len(found)


def test_prompts_are_counted_with_their_history(tmp_path: Path, mock: str, talks: Callable[..., str]) -> None:
    """Where the server does not count: what was sent, so with the model's own answers, which have two words here."""
    tokenizer = save_word_tokenizer(tmp_path)
    wanted = talking(
        *(mock, talks(THREE)), number=3, tokenizer_path=tokenizer, extra_args={"stream_options": None}, warmup_num=1
    )
    found = rows(tmp_path, load(tmp_path, wanted).points[0])
    assert [row["prompt_tokens"] for row in found] == [1, 4, 7] * 4
    assert {row["completion_tokens"] for row in found} == {2}


def test_limits_are_drawn_for_each_turn(tmp_path: Path, talks: Callable[..., str]) -> None:
    """By (seed, conversation, turn)."""
    with running_mock("--tokens", "1", "--keep-bodies", "100") as url:
        load(tmp_path, talking(url, talks(THREE), number=4, max_tokens=[10, 10_000]))
        found = [body["max_tokens"] for body in requests(url, url.removesuffix("/v1"))]
    assert len(set(found)) == len(found) == 12


@pytest.mark.parametrize("name", ["share_gpt_en_multi_turn", "share_gpt_zh_multi_turn"])
def test_named_data(tmp_path: Path, mock: str, name: str) -> None:
    """Our samples serve as conversations."""
    wanted = spec(mock, dataset=name, number=4, max_turns=2, min_turns=2, multi_turn=True)
    result = load(tmp_path, wanted)
    assert result.points[0].conversations == Conversations(completed=4)
    assert (result.points[0].histograms["turns"].low, result.points[0].histograms["turns"].high) == (2, 2)
    assert result.data is not None
    assert result.data.dataset == name


def test_drawn_data(tmp_path: Path, talks: Callable[..., str]) -> None:
    """As many words as wanted in each turn, a shared system prompt before the first."""
    prefix = tmp_path / "prefix.txt"
    prefix.write_text("Be kind.")
    with running_mock("--tokens", "1", "--keep-bodies", "100") as url:
        wanted = spec(
            *(url,), dataset="random_multi_turn", number=3, min_turns=2, max_turns=2, min_prompt_length=5,
            max_prompt_length=5, dataset_args={"prefix_file": str(prefix)}, no_test_connection=True,
        )  # fmt: skip
        point = load(tmp_path, wanted).points[0]
        found = [body["messages"] for body in requests(url, url.removesuffix("/v1"))]
    assert point.conversations == Conversations(completed=3)
    assert sorted(map(len, found)) == [2, 2, 2, 4, 4, 4]
    asked = [message["content"] for messages in found for message in messages if message["role"] == "user"]
    assert {len(text.split()) for text in asked} == {5}
    assert {messages[0]["content"] for messages in found} == {"Be kind."}


def test_a_refusal_stays_in_the_history(tmp_path: Path, talks: Callable[..., str]) -> None:
    """It is what the model said."""
    stream = b'data: {"choices":[{"index":0,"delta":{"refusal":"No."},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(stream), stream)

    async def sent() -> list[bytes]:
        async with raw_server(lambda _connection, _request: [answer]) as server:
            url = f"http://127.0.0.1:{server.port}/v1"
            await sweep.load_test(talking(url, talks(TWO), number=1), context(tmp_path))
            return server.requests

    last = orjson.loads(run(sent())[-1].partition(b"\r\n\r\n")[2])
    assert [message["content"] for message in last["messages"]] == ["one", "No.", "two"]
