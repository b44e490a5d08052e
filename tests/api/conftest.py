"""Services for the tests that leave them running: with the stand-in for a runner, and with the real one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.mock_model import running_mock
from fakes.service import Service, running_service


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Shared: a test may add runs, and must not count them."""
    root = tmp_path_factory.mktemp("service")
    (root / "data").mkdir()
    (root / "data" / "prompts.txt").write_text("hello\n")
    with running_service(
        root / "outputs", data=[root / "data"], stop_grace_s=1.0, max_evals=8, perf_alone=False, max_body_bytes=65_536
    ) as running:
        yield running


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    """Base URL of a model that answers at once."""
    with running_mock() as url:
        yield url


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose runner is the real one."""
    with running_service(tmp_path_factory.mktemp("real") / "outputs", standin=False) as running:
        yield running


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """An output root of the test's own."""
    return tmp_path / "outputs"
