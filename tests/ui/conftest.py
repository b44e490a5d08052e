"""One browser, one mock model and one service with its real runner for all tests of the dashboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from fakes.mock_model import running_mock
from fakes.screen import Screen, opened_browser
from fakes.service import Service, running_service


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Started once."""
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def model() -> Iterator[str]:
    """Base URL of a model that answers at once."""
    with running_mock() as url:
        yield url


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Shared: a test may add runs, and must not count them."""
    with running_service(tmp_path_factory.mktemp("dashboard") / "outputs", standin=False, max_evals=8) as running:
        yield running


@pytest.fixture
def screen(browser: Browser, service: Service) -> Iterator[Screen]:
    """Tabs over the shared service. A test during which a page complained, or asked another machine, fails."""
    opened = Screen(browser, service.url)
    yield opened
    assert opened.complaints == []
    assert opened.elsewhere == []
