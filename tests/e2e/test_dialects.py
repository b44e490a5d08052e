"""Runs whose endpoint speaks another API than OpenAI's chat completions: the same work, the same figures."""

from typing import Any

import httpx
import pytest

from e2e.documents import MODEL_PORT, perf_run
from e2e.kube import Kube, condition

MODEL = f"http://model:{MODEL_PORT}"
CHATS = ("openai_responses", "anthropic", "gemini", "dashscope")


@pytest.mark.parametrize("api", CHATS)
def test_an_evaluation_through_rest(rest: httpx.Client, api: str) -> None:
    """The answers of the same model get the same score in every API."""
    request: dict[str, Any] = {
        "model": "mock-model",
        "api": api,
        "api_url": MODEL,
        "datasets": ["gsm8k"],
        "dataset_hub": "sample",
        "limit": 8,
        "generation_config": {"stream": True, "max_tokens": 256},
    }
    answer = rest.post("/api/v1/eval", json=request)
    assert answer.status_code == 200, answer.text
    report = answer.json()["result"]["gsm8k"]
    assert (report["score"], report["scored"]) == (7 / 8, 8), report


@pytest.mark.parametrize("api", CHATS)
def test_a_load_test_through_kubectl(kube: Kube, api: str) -> None:
    """All requests succeed, are streamed, and have their tokens from the usage that the API states."""
    name = f"perf-{api.replace('_', '-')}"
    kube.create(perf_run(name, "model", api=api, url=MODEL))
    run = kube.ended("perfrun", name)
    assert run["status"]["phase"] == "Succeeded", condition(run)
    summary = run["status"]["summary"]
    assert summary["parallel_4_number_20/success_rate"] == 1
    assert summary["parallel_4_number_20/ttft_p50_s"] > 0
    assert summary["parallel_4_number_20/output_tps"] > 0
