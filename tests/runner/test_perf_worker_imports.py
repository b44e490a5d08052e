"""What a worker process loads before it can work: what makes a load test begin soon, and what its memory is."""

import subprocess
import sys

import pytest

SCRIPT = "import sys, evalkube_runner.perf.worker; print(*sys.modules)"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """Modules of a process that has imported the worker."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        pytest.param("pydantic", id="checks of specs"),
        pytest.param("evalkube_crds.perfrun", id="specs"),
        pytest.param("evalkube_crds.results", id="results"),
        pytest.param("evalkube_runner.perf.bodies", id="the rendering of bodies"),
        pytest.param("evalkube_runner.data", id="data sets"),
        pytest.param("httpx", id="another HTTP client"),
        pytest.param("fastapi", id="a web framework"),
        pytest.param("yaml", id="documents"),
        pytest.param("tokenizers", id="tokenizers"),
        pytest.param("certifi", id="authorities"),
    ],
)
def test_a_worker_does_without(loaded: set[str], module: str) -> None:
    """Whatever is read once for a load test is read by its parent."""
    assert "evalkube_runner.perf.sender" in loaded
    assert module not in loaded
