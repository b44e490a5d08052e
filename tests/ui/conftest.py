"""A browser for each module, and one mock model and one service with its real runner for all tests of the dashboard."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from fakes.mock_model import running_mock
from fakes.screen import Screen, needed_browser, opened_browser
from fakes.service import Service, running_service

Start = Callable[..., str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Gone with the module: while it is there its event loop runs in this thread, and no other could."""
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    """Base URL of a model that answers at once."""
    with running_mock() as url:
        yield url


@pytest.fixture(scope="module")
def slow_model() -> Iterator[str]:
    """Base URL of a model whose answers take about a second."""
    with running_mock("--ttft-ms", "300", "--itl-ms", "20") as url:
        yield url


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Shared: a test may add runs, and must not count them. Not started where there is no browser."""
    needed_browser()
    outputs = tmp_path_factory.mktemp("dashboard") / "outputs"
    with running_service(outputs, standin=False, max_evals=8, perf_alone=False, stop_grace_s=2.0) as running:
        yield running


@pytest.fixture
def screen(browser: Browser, service: Service) -> Iterator[Screen]:
    """Tabs over the shared service. A test during which a page complained, or asked another machine, fails."""
    opened = Screen(browser, service.url)
    yield opened
    assert opened.complaints == []
    assert opened.elsewhere == []


@pytest.fixture
def start(service: Service) -> Start:
    """Starts a run of that kind and gives its id; it does not wait for the end."""

    def started(word: str, **body: Any) -> str:
        answer = service.post(word, body, prefer="respond-async")
        assert answer.status_code == 202, answer.text
        run_id: str = answer.json()["id"]
        return run_id

    return started


@pytest.fixture(scope="module")
def failed_run(service: Service) -> str:
    """An evaluation of an endpoint that is not there."""
    body = {"model": "gone", "api_url": "http://127.0.0.1:9/v1", "datasets": ["gsm8k"], "dataset_hub": "sample"}
    answer = service.post("eval", {**body, "target_grace": 0.0}, prefer="wait=60")
    assert answer.status_code == 500, answer.text
    run_id: str = answer.json()["id"]
    return run_id


@pytest.fixture(scope="module")
def long_run(service: Service, model: str) -> Iterator[str]:
    """A load test that goes on while the tests do: three requests a second."""
    body = {"model": "long", "url": model, "data_source": "sample", "rate": [3.0], "parallel": [4], "number": [100_000]}
    answer = service.post("perf", {**body, "max_tokens": [16]}, prefer="respond-async")
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["id"]
    yield run_id
    service.client.post(f"/api/v1/runs/{run_id}/cancel")


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """An output root of the test's own."""
    return tmp_path / "outputs"
