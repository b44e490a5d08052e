"""Load tests of endpoints that embed or rank: real worker processes against the mock model, and against servers that
send any bytes.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from evalkube_crds import summary
from evalkube_crds.names import ErrorClass, Reason, TokenBasis
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import PerfResult
from evalkube_report import html
from evalkube_report.load_test import tables
from evalkube_runner.errors import RunFailed, TargetFailed
from evalkube_runner.perf import sweep
from evalkube_runner.perf.endpoint import url_of
from fakes import load_tests
from fakes.mock_model import running_mock
from fakes.raw_server import raw_server
from fakes.word_tokenizer import save_word_tokenizer

KEY = "sk-very-secret-1234"
EMBEDDING = "openai_embedding"
RERANK = "openai_rerank"
RANDOM = {"dataset": "random", "max_prompt_length": 9}


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """A mock model that has a key."""
    with running_mock("--api-key", KEY) as url:
        yield url


def spec(url: str, **fields: Any) -> PerfRunSpec:
    return load_tests.spec(url, **{"number": [12], "parallel": [2], **fields})


def load(folder: Path, wanted: PerfRunSpec, key: str | None = KEY) -> PerfResult:
    return load_tests.run(sweep.load_test(wanted, replace(load_tests.context(folder), api_key=key)))


def point(folder: Path, wanted: PerfRunSpec) -> PerfPoint:
    return load(folder, wanted).points[0]


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return load_tests.rows(folder / f"artifacts/{name}/requests.jsonl")


def lines(folder: Path, *values: object) -> str:
    path = folder / "lines.jsonl"
    path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in values))
    return str(path)


# name: api, spec, inputs of a request, in all
LOADS: dict[str, tuple[str, dict[str, Any], int, int]] = {
    "one text": (EMBEDDING, {}, 1, 12),
    "five texts": (EMBEDDING, {"dataset_args": {"batch_size": 5}}, 5, 60),
    "more texts than there are": (EMBEDDING, {"prompt": "again", "dataset_args": {"batch_size": 64}}, 64, 768),
    "random texts": (
        EMBEDDING,
        {**RANDOM, "dataset_args": {"batch_size": 2}},
        2,
        24,
    ),
    "packed vectors": (EMBEDDING, {"extra_args": {"encoding_format": "base64", "dimensions": 8}}, 1, 12),
    "ten documents": (RERANK, {}, 10, 120),
    "three documents": (RERANK, {"dataset_args": {"documents": 3}}, 3, 36),
    "the best one": (RERANK, {"extra_args": {"top_n": 1}}, 10, 120),
    "random documents": (
        RERANK,
        {**RANDOM, "dataset_args": {"documents": 4}},
        4,
        48,
    ),
}


@pytest.mark.parametrize("name", LOADS)
def test_figures(mock: str, tmp_path: Path, name: str) -> None:
    """Inputs are counted, and tokens by the server; there is no time of a token, and nothing was generated."""
    api, fields, each, total = LOADS[name]
    found = point(tmp_path, spec(mock, api=api, **fields))
    assert (found.succeeded, found.failed, found.errors, found.stream) == (12, 0, {}, False)
    assert (found.inputs, found.histograms["inputs"].low, found.histograms["inputs"].high) == (total, each, each)
    assert found.input_tokens >= found.inputs
    assert (found.output_tokens, found.token_basis) == (0, {TokenBasis.USAGE: 12})
    assert not {"ttft_ns", "tpot_ns", "itl_ns", "output_tokens"} & found.histograms.keys()
    assert (found.finish_reasons, found.answer_notes) == ({}, {})


def test_rows(mock: str, tmp_path: Path) -> None:
    """A row says how many inputs it had."""
    load(tmp_path, spec(mock, api=EMBEDDING, dataset_args={"batch_size": 3}))
    found = rows(tmp_path, "parallel_2_number_12")
    assert [row["inputs"] for row in found] == [3] * 12
    assert all(row["prompt_tokens"] and row["completion_tokens"] is None for row in found)


# name: api, bodies in a file, inputs of each
BODIES: dict[str, tuple[str, list[dict[str, Any]], list[int]]] = {
    "texts": (EMBEDDING, [{"input": "one"}, {"input": ["two", "three"]}], [1, 2]),
    "token ids": (EMBEDDING, [{"input": [1, 2, 3]}, {"input": [[1], [2, 3]]}], [1, 2]),
    "documents": (
        RERANK,
        [{"query": "q", "documents": ["a", "b"]}, {"query": "q", "documents": [{"text": "a"}], "top_n": 1}],
        [2, 1],
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_from_a_file(mock: str, tmp_path: Path, name: str) -> None:
    """A line that is a body is a request as it stands, with as many inputs as it has."""
    api, bodies, each = BODIES[name]
    path = lines(tmp_path, *bodies)
    load(tmp_path, spec(mock, api=api, dataset="line_by_line", dataset_path=path, number=[4], parallel=[1]))
    assert [row["inputs"] for row in rows(tmp_path, "parallel_1_number_4")] == each * 2


# name: lines, fields, what is said
REFUSED: dict[str, tuple[list[object], dict[str, Any], str]] = {
    "a body after a text": (["plain", {"input": "x"}], {}, "all lines must be texts"),
    "a text after a body": ([{"input": "x"}, "plain"], {}, "all lines must be texts"),
    "messages": ([[{"role": "user", "content": "x"}]], {}, "all lines must be texts"),
    "a batch of bodies": ([{"input": "x"}], {"dataset_args": {"batch_size": 2}}, "dataset_args.batch_size"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_lines_that_cannot_be_sent(tmp_path: Path, name: str) -> None:
    """What is no text and no body is said before anything is sent."""
    values, fields, said = REFUSED[name]
    path = lines(tmp_path, *values)
    wanted = spec("http://127.0.0.1:1/v1", api=EMBEDDING, dataset="line_by_line", dataset_path=path, **fields)
    with pytest.raises(RunFailed, match=said):
        load(tmp_path, wanted)


@pytest.mark.parametrize("api", [EMBEDDING, RERANK])
def test_without_the_key(mock: str, tmp_path: Path, api: str) -> None:
    """The first request says so."""
    with pytest.raises(RunFailed) as caught:
        load(tmp_path, spec(mock, api=api), key=None)
    assert caught.value.reason is Reason.AUTHENTICATION_FAILED


# name: api, answer, class, words
FAULTS: dict[str, tuple[str, object, ErrorClass, str]] = {
    "a vector too few": (
        EMBEDDING,
        {"data": [{"index": 0, "embedding": [0.5]}]},
        ErrorClass.PARSE,
        "1 vector for 2 inputs",
    ),
    "an error in a 200": (EMBEDDING, {"error": {"message": "too long"}}, ErrorClass.ERROR_IN_STREAM, "too long"),
    "a chat": (EMBEDDING, {"choices": [{"message": {"content": "x"}}]}, ErrorClass.PARSE, "no vectors"),
    "another document": (
        RERANK,
        {"results": [{"index": 10, "relevance_score": 0.5}]},
        ErrorClass.PARSE,
        "document 10",
    ),
    "no results": (RERANK, {"results": []}, ErrorClass.PARSE, "no results"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_answer_is_a_failure(tmp_path: Path, name: str) -> None:
    """A 200 that is not what was asked for, by its class and in words."""
    api, answer, error, words = FAULTS[name]
    body = json.dumps(answer).encode()
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    args = {"batch_size": 2} if api == EMBEDDING else {}

    async def work() -> PerfResult:
        async with raw_server(lambda _connection, _request: [whole]) as server:
            wanted = spec(f"http://127.0.0.1:{server.port}/v1", api=api, dataset_args=args, no_test_connection=True)
            return await sweep.load_test(wanted, load_tests.context(tmp_path))

    with pytest.raises(TargetFailed) as failed:
        load_tests.run(work())
    found = failed.value.result.points[0]
    assert found.errors == {error: 12}
    assert words in found.error_samples[error]
    assert found.inputs == 0


# name: api, URL as given, request line
PATHS = {
    "embeddings of a base": (EMBEDDING, "/v1", "/v1/embeddings"),
    "embeddings": (EMBEDDING, "/v1/embeddings?version=1", "/v1/embeddings?version=1"),
    "another path": (EMBEDDING, "/embed", "/embed"),
    "rerank of a base": (RERANK, "/v1", "/v1/rerank"),
    "rerank": (RERANK, "/v1/rerank", "/v1/rerank"),
    "rerank without a version": (RERANK, "/rerank", "/rerank"),
    "rerank of Cohere": (RERANK, "/v2/rerank", "/v2/rerank"),
    "no path": (RERANK, "", "/rerank"),
}


@pytest.mark.parametrize("name", PATHS)
def test_where_it_is_posted_to(name: str) -> None:
    """A base gets the path of its API, anything else stands."""
    api, given, path = PATHS[name]
    assert url_of(spec(f"http://h{given}", api=api)) == f"http://h{path}"


@pytest.mark.parametrize(
    ("api", "rate"), [(EMBEDDING, "inputs_per_second"), (RERANK, "documents_per_second")], ids=[EMBEDDING, RERANK]
)
def test_what_is_shown(mock: str, tmp_path: Path, api: str, rate: str) -> None:
    """In summary, page and terminal: rates of inputs, and not a word of the times of tokens."""
    wanted = spec(mock, api=api, number=[6, 12], parallel=[1, 2])
    result = load(tmp_path, wanted)
    figures = summary.summary(result)
    assert figures[f"parallel_2_number_12/{rate}"] > 0
    assert figures["parallel_2_number_12/input_tps"] > 0
    terminal = f"{tables.summary_table(result)} {tables.times_table(result)}"
    page = html.perf_report(result, spec=wanted)
    for shown in (page, terminal, " ".join(figures)):
        assert not re.search(r"ttft|tpot|itl\b|output tok|output_tps|first token|chunk", shown, re.IGNORECASE)
    for title in ("Inputs/s" if api == EMBEDDING else "Documents/s", "Input tok/s"):
        assert title in page
        assert title in terminal


# name: api, criterion, whether it can be one
CRITERIA = {
    "latency": (EMBEDDING, "p99_latency", True),
    "requests": (RERANK, "rps", True),
    "success": (RERANK, "success_rate", True),
    "inputs": (EMBEDDING, "inputs_per_second", True),
    "documents": (RERANK, "documents_per_second", True),
    "input tokens": (RERANK, "input_tps", True),
    "documents of embeddings": (EMBEDDING, "documents_per_second", False),
    "inputs of a chat": ("openai", "inputs_per_second", False),
    "TTFT": (EMBEDDING, "p99_ttft", False),
    "ITL": (RERANK, "avg_itl", False),
    "output tokens": (RERANK, "tps", False),
}


@pytest.mark.parametrize("name", CRITERIA)
def test_service_levels(name: str) -> None:
    """Only figures that there are can be criteria."""
    api, metric, possible = CRITERIA[name]
    fields = {"api": api, "number": [1], "parallel": [1], "sla_auto_tune": True, "sla_params": [{metric: ">=0.5"}]}
    if possible:
        assert spec("http://h/v1", **fields).sla_auto_tune
        return
    with pytest.raises(ValidationError, match=f"sla_params: .*{metric}.* can be criteria only for api (?!.*{api}[, ])"):
        spec("http://h/v1", **fields)


# name: fields, what is said
UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "a stream": ({"api": EMBEDDING, "stream": True}, "stream: .*cannot stream"),
    "a limit of tokens": ({"api": RERANK, "max_tokens": [5]}, "max_tokens: is not a parameter of"),
    "a batch of a chat": ({"dataset_args": {"batch_size": 2}}, "dataset_args.batch_size: is for api openai_embedding"),
    "documents of embeddings": (
        {"api": EMBEDDING, "dataset_args": {"documents": 2}},
        "dataset_args.documents: is for api openai_rerank",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_asked(name: str) -> None:
    """It is refused by its name."""
    fields, said = UNFIT[name]
    with pytest.raises(ValidationError, match=said):
        spec("http://h/v1", **fields)


def test_streams_unless_said_otherwise() -> None:
    """Where nobody says: as the API can."""
    assert [spec("http://h/v1", api=api).streams for api in ("openai", EMBEDDING, RERANK)] == [True, False, False]
    assert not spec("http://h/v1", stream=False).streams


def test_tokens_are_counted_where_the_server_does_not(tmp_path: Path) -> None:
    """By the tokenizer: those of all inputs, and no output tokens."""
    body = b'{"data": [{"index": 0, "embedding": [0.5]}, {"index": 1, "embedding": [0.5]}]}'
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    words = save_word_tokenizer(tmp_path)
    fields = {"dataset_args": {"batch_size": 2}, "prompt": "three small words", "tokenizer_path": words}

    async def work() -> PerfResult:
        async with raw_server(lambda _connection, _request: [whole]) as server:
            wanted = spec(f"http://127.0.0.1:{server.port}/v1", api=EMBEDDING, **fields)
            return await sweep.load_test(wanted, load_tests.context(tmp_path))

    found = load_tests.run(work()).points[0]
    assert (found.succeeded, found.input_tokens, found.output_tokens) == (12, 72, 0)
    assert found.token_basis == {TokenBasis.TOKENIZER: 12}
