"""Runs against the mock model in each dialect but OpenAI's chat, from a spec to figures and scores."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalkube_crds import requests
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.names import Reason
from evalkube_crds.perf_point import PerfPoint
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.results import EvalResult
from evalkube_runner.errors import RunFailed
from evalkube_runner.eval.run import evaluate
from fakes import evaluations, load_tests
from fakes.mock_model import running_mock

MS = 1_000_000

APIS: dict[str, str] = {
    "openai_responses": "/v1",
    "dashscope": "/api/v1",
    "anthropic": "",
    "gemini": "/v1beta",
}
"""The base of each dialect's URLs."""


@pytest.fixture(scope="module", params=APIS)
def api(request: pytest.FixtureRequest) -> str:
    """One dialect after another."""
    return str(request.param)


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """A mock model with a TTFT of 30 ms, two thoughts and four tokens, 3 ms apart, that announces its answers at once;
    without the path of an API.
    """
    timing = ("--ttft-ms", "30", "--itl-ms", "3", "--role", "early")
    with running_mock(*timing, "--tokens", "4", "--reasoning-tokens", "2") as url:
        yield url.removesuffix("/v1")


def load(folder: Path, url: str, api: str, **fields: Any) -> PerfPoint:
    """The one point of a load test of six requests."""
    wanted = load_tests.spec(url + APIS[api], api=api, number=[6], parallel=[3], **fields)
    (point,) = load_tests.load(folder, wanted).points
    return point


def rows(folder: Path) -> list[dict[str, Any]]:
    """Of each request."""
    return load_tests.rows(folder / "artifacts/parallel_3_number_6/requests.jsonl")


def test_a_load_test_of_streams(tmp_path: Path, mock: str, api: str) -> None:
    """The first token is a thought, announcements are none; tokens are those that the server states."""
    point = load(tmp_path, mock, api)
    assert (point.succeeded, point.failed) == (6, 0)
    assert 29 * MS < (point.histograms["ttft_ns"].percentile(50) or 0) < 1_000 * MS
    assert 44 * MS < (point.histograms["latency_ns"].percentile(50) or 0) < 1_000 * MS
    assert (point.output_tokens, point.token_basis) == (36, {"usage": 6})
    assert [row["chunks"] for row in rows(tmp_path)] == [6] * 6
    assert point.input_tokens > 0


def test_a_load_test_of_whole_answers(tmp_path: Path, mock: str, api: str) -> None:
    """There is a latency and no TTFT."""
    point = load(tmp_path, mock, api, stream=False)
    assert (point.succeeded, point.output_tokens) == (6, 36)
    assert "ttft_ns" not in point.histograms


def test_drawn_limits_are_kept(tmp_path: Path, mock: str, api: str) -> None:
    """Wherever in a body they stand: the mock cuts answers off there, and the API's word for that is understood."""
    point = load(tmp_path, mock, api, max_tokens=[1, 3])
    assert (point.succeeded, point.truncated) == (6, 6)
    assert 6 <= point.output_tokens <= 18


def test_a_stream_that_repeats_itself(tmp_path: Path, mock: str) -> None:
    """DashScope's models that do not know incremental_output: no token counts twice."""
    point = load(tmp_path, mock, "dashscope", extra_args={"parameters": {"incremental_output": None}})
    assert (point.succeeded, point.output_tokens) == (6, 36)
    assert [row["chunks"] for row in rows(tmp_path)] == [6] * 6


def answers(folder: Path, count: int) -> Path:
    """What the mock is to say: the right number to each question but the first."""
    lines = [
        {"match": f"What is number {at}?", "answer": f"The answer is {at or 99}. \n\nProblem: 7?\nThe answer is 1."}
        for at in range(count)
    ]
    (folder / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "answers.jsonl"


def evaluated(folder: Path, api: str, **more: Any) -> EvalResult:
    """An evaluation of ten questions, of which nine are answered rightly; then the mock goes on with a next example."""
    with running_mock("--api-key", evaluations.KEY, "--answers", str(answers(folder, 10))) as url:
        base = url.removesuffix("/v1") + APIS[api]
        spec = evaluations.spec_of(base, evaluations.gsm8k_in(folder / "data", 10), api=api, **more)
        return asyncio.run(evaluate(spec, evaluations.context_in(folder / "out")))


@pytest.mark.parametrize("stream", [True, False], ids=["streams", "whole answers"])
def test_an_evaluation(tmp_path: Path, api: str, stream: bool) -> None:
    """Every answer is scored, as if the model had stopped before it made an example of its own."""
    result = evaluated(tmp_path, api, generation={"stream": stream})
    (subset,) = result.datasets[0].subsets
    assert (subset.scored, subset.errored) == (10, {})
    assert subset.metrics["mean_acc"].mean == pytest.approx(0.9)
    assert result.datasets[0].usage.completion_tokens > 0


def test_a_judge(tmp_path: Path, api: str) -> None:
    """It is asked in its own dialect, whatever that of the model under test is."""
    with running_mock("--default-answer", "I grade it [[A]]") as url:
        judge = {"model": "j", "api_url": url.removesuffix("/v1") + APIS[api], "api": api}
        result = evaluated(tmp_path, "openai_responses", judge={"strategy": "llm", "models": [judge]})
    (subset,) = result.datasets[0].subsets
    assert (subset.scored, subset.errored) == (10, {})
    assert subset.metrics["mean_acc"].mean == 1.0


def test_a_judge_that_is_asked_once_more(tmp_path: Path, api: str) -> None:
    """After its own words, which every API takes as a turn of the chat."""
    lines = tmp_path / "judge.jsonl"
    lines.write_text(json.dumps({"match": "could not be read", "answer": "[[A]]"}) + "\n")
    with running_mock("--default-answer", "Well", "--answers", str(lines)) as url:
        judge = {"model": "j", "api_url": url.removesuffix("/v1") + APIS[api], "api": api}
        result = evaluated(tmp_path, "openai_responses", judge={"strategy": "llm", "models": [judge]})
    (dataset,) = result.datasets
    assert dataset.judging is not None
    assert (dataset.judging.asked_again, dataset.judging.excluded) == (10, 0)
    assert dataset.judging.usage.samples == 20
    assert dataset.subsets[0].metrics["mean_acc"].mean == 1.0


def evaluation_of(folder: Path, url: str, api: str) -> EvalResult:
    """A small evaluation of an endpoint that is there already."""
    spec = evaluations.spec_of(url + APIS[api], evaluations.gsm8k_in(folder / "data"), api=api)
    return asyncio.run(evaluate(spec, evaluations.context_in(folder / "out")))


RUNS: dict[str, Callable[[Path, str, str], object]] = {"load test": load, "evaluation": evaluation_of}


@pytest.mark.parametrize("kind", RUNS)
def test_a_wrong_key(tmp_path: Path, api: str, kind: str) -> None:
    """The run ends soon, with a reason for programs and the server's own words for people."""
    with running_mock("--api-key", "another") as url, pytest.raises(RunFailed, match=r"HTTP 40[013]: ") as failed:
        RUNS[kind](tmp_path, url.removesuffix("/v1"), api)
    assert failed.value.reason is Reason.AUTHENTICATION_FAILED


def test_a_model_that_is_not_there(tmp_path: Path, api: str) -> None:
    """As each API says it."""
    with (
        running_mock("--strict-model", "--model", "served") as url,
        pytest.raises(RunFailed, match="check model") as failed,
    ):
        load(tmp_path, url.removesuffix("/v1"), api)
    assert failed.value.reason is Reason.MODEL_NOT_FOUND


# name: the name in a request, the name in its spec
NAMES = {
    "responses": "openai_responses",
    "openai_response": "openai_responses",
    "openai_responses": "openai_responses",
    "dashscope": "dashscope",
    "openai": "openai",
}


@pytest.mark.parametrize(("given", "name"), NAMES.items(), ids=NAMES)
def test_other_names_of_an_api(given: str, name: str) -> None:
    """EvalScope's pass in requests, for endpoints and judges; specs have one."""
    load_test = requests.parse_request(requests.PerfRequest, {"model": "m", "url": "http://h/v1", "api": given})
    judge = {"models": {"model": "j", "api_url": "http://h/v1", "api": given}}
    body = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"], "api": given, "judge": judge}
    spec, _ = requests.split_request(requests.parse_request(requests.EvalRequest, body))
    assert isinstance(spec, EvalRunSpec)
    assert spec.judge is not None
    assert (load_test.api, spec.api, spec.judge.models[0].api) == (name, name, name)


def test_the_eval_type_of_an_api() -> None:
    """EvalScope's evaluations name the API there."""
    body = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"], "eval_type": "openai_responses_api"}
    assert requests.parse_request(requests.EvalRequest, body).api == "openai_responses"
    with pytest.raises(ValueError, match="eval_type"):
        requests.parse_request(requests.EvalRequest, {**body, "api": "dashscope"})


@pytest.mark.parametrize(
    ("api", "url", "said"),
    [
        (
            "dashscope",
            "https://dashscope.aliyuncs.com/compatible-mode/v1",
            "url: /compatible-mode/ is a URL of the openai",
        ),
        ("openai_responses", "http://h/v1/chat/completions", "url: /chat/completions is a URL of the openai API"),
    ],
)
def test_an_address_of_another_api(api: str, url: str, said: str) -> None:
    """It is refused before anything is sent there."""
    with pytest.raises(ValueError, match=said):
        PerfRunSpec(model="m", url=url, api=api)
    with pytest.raises(ValueError, match=f"api_{said}"):
        EvalRunSpec(model="m", api_url=url, api=api, datasets=["gsm8k"])
