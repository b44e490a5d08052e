"""Token counts where the server reports none: by a tokenizer that anybody can redo by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from evalkube_crds.names import TokenBasis
from evalkube_runner.data import tokens
from evalkube_runner.perf import payloads as files
from evalkube_runner.perf import rows, sweep, token_count
from evalkube_runner.perf.bodies import rendered
from evalkube_runner.wire import openai
from evalkube_runner.wire.ask import DRAWN
from fakes import load_tests
from fakes.load_tests import context, load, run, spec
from fakes.mock_model import running_mock
from fakes.raw_server import raw_server
from fakes.readable import ANYTHING
from fakes.word_tokenizer import save_word_tokenizer

NO_USAGE: dict[str, Any] = {"extra_args": {"stream_options": None}}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_word_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_mock("--ttft-ms", "20", "--itl-ms", "4", "--default-answer", "one two three four five") as url:
        yield url


def rows_of(folder: Path, point: str) -> list[dict[str, Any]]:
    return load_tests.rows(folder / f"artifacts/{point}/requests.jsonl")


@pytest.mark.parametrize("parallel", [2, 600], ids=["one process", "two processes"])
def test_a_stream_without_usage_is_counted(tmp_path: Path, mock: str, tokenizer: str, parallel: int) -> None:
    """Answers and prompts, in the point, its histograms and its rows; warm-up in the rows alone."""
    wanted = spec(
        mock, number=8, parallel=parallel, warmup_num=2, prompt="say it  again", tokenizer_path=tokenizer, **NO_USAGE
    )
    point = load(tmp_path, wanted).points[0]
    assert (point.succeeded, point.output_tokens, point.input_tokens) == (8, 40, 24)
    assert point.token_basis == {TokenBasis.TOKENIZER: 8}
    assert sum(point.series.output_tokens) == 40
    assert {row["completion_tokens"] for row in rows_of(tmp_path, point.name)} == {5}
    assert len(rows_of(tmp_path, point.name)) == 10
    tpot, took = point.histograms["tpot_ns"], rows_of(tmp_path, point.name)[-1]
    assert tpot.count == 8
    assert tpot.low <= (took["last_token_ns"] - took["first_token_ns"]) // 4 <= tpot.high


def test_without_a_tokenizer_it_is_chunks(tmp_path: Path, mock: str) -> None:
    """And the prompt's tokens are not known."""
    point = load(tmp_path, spec(mock, number=3, parallel=1, prompt="say it", **NO_USAGE)).points[0]
    assert (point.token_basis, point.input_tokens) == ({TokenBasis.CHUNKS: 3}, 0)


def test_what_the_server_says_wins(tmp_path: Path, mock: str, tokenizer: str) -> None:
    """With usage nothing is counted here, tokenizer or not."""
    point = load(tmp_path, spec(mock, number=3, parallel=1, prompt="say it", tokenizer_path=tokenizer)).points[0]
    assert point.token_basis == {TokenBasis.USAGE: 3}


def test_whole_answers_without_usage(tmp_path: Path, tokenizer: str) -> None:
    """All choices and their reasoning count; so do the ids of a prompt that was sent as ids."""
    answer = {
        "choices": [
            {"message": {"content": "a b", "reasoning_content": "c d e"}, "finish_reason": "stop"},
            {"message": {"content": "f"}, "finish_reason": "stop"},
        ]
    }
    body = orjson.dumps(answer)
    steps = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)]

    async def work() -> Any:
        async with raw_server(lambda _connection, _request: [*steps]) as server:
            url = f"http://127.0.0.1:{server.port}/v1"
            wanted = spec(
                url,
                number=4,
                stream=False,
                n_choices=2,
                prompt="v w x y",
                tokenizer_path=tokenizer,
                tokenize_prompt=True,
            )
            return await sweep.load_test(wanted, context(tmp_path))

    point = run(work()).points[0]
    assert (point.output_tokens, point.input_tokens) == (24, 16)
    assert point.token_basis == {TokenBasis.TOKENIZER: 4}
    assert "tpot_ns" not in point.histograms


def test_failed_requests_are_not_counted(tmp_path: Path, tokenizer: str) -> None:
    """A stream that breaks is a failure with the chunks it had."""
    with running_mock("--tokens", "6", "--truncate-rate", "0.5") as url:
        wanted = spec(
            url, number=30, parallel=4, prompt="p", tokenizer_path=tokenizer, no_test_connection=True, **NO_USAGE
        )
        point = load(tmp_path, wanted).points[0]
    assert 0 < point.failed < 30
    assert point.token_basis == {TokenBasis.TOKENIZER: point.succeeded}
    broken = [row for row in rows_of(tmp_path, point.name) if row["error"]]
    assert len(broken) == point.failed
    assert {row["token_basis"] for row in broken} == {"chunks"}


def test_half_a_usage_keeps_its_half(tmp_path: Path, tokenizer: str) -> None:
    """A server that counts answers and not prompts is believed in what it says."""
    layout = files.Layout(tmp_path, 2, 2)
    files.write(layout.path(0), [(b'{"prompt":"a b c"}', None), rendered({"prompt": "d", "max_tokens": DRAWN})])
    bodies = files.Payloads(layout, b"", 0, reached=lambda _: None)
    row = {"index": 3, "prompt_tokens": None, "completion_tokens": 99, "token_basis": "usage"}
    other = {"index": 2, "prompt_tokens": 7, "completion_tokens": 1, "token_basis": "chunks"}
    timing: rows.Timing = ([], 0, (0, 0, 0))
    batch: list[rows.Waiting] = [(row, ["x y"], timing, None), (other, ["x", "y z"], timing, None)]
    found = token_count.TokenCounter(tokens.load(tokenizer, ANYTHING), bodies, openai).rows(batch)
    counts = [(one["prompt_tokens"], one["completion_tokens"], one["token_basis"]) for one in found]
    assert counts == [(1, 99, "usage"), (7, 3, "tokenizer")]
