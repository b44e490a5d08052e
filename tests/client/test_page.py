"""The examples of docs/python.md, as they stand but for the addresses; and a notebook."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from fakes.mock_model import running_mock
from fakes.service import running_service

_PAGE = Path(__file__).parents[2] / "docs" / "python.md"
_ANSWER = ("--default-answer", r"The answer is \boxed{1980}.", "--ttft-ms", "2")


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    """The URL of a mock model with its /v1."""
    with running_mock(*_ANSWER) as url:
        yield f"{url.removesuffix('/v1')}/v1"


@pytest.mark.timeout(400)
def test_the_examples_of_the_page_run(model: str, tmp_path: Path) -> None:
    """One after the other, with a service and without."""
    blocks = re.findall(r"^```python\n(.*?)^```$", _PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    with running_service(tmp_path / "service", standin=False) as service:
        text = (
            "\n".join(blocks).replace("http://localhost:8000/v1", model).replace("http://localhost:9000", service.url)
        )
        done = subprocess.run(
            [sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=380, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "{'gsm8k': 0.2}" in done.stdout
    assert "did you mean 'gsm8k'?" in done.stdout


def _cell(code: str) -> dict[str, Any]:
    return {"cell_type": "code", "id": "a", "execution_count": None, "metadata": {}, "outputs": [], "source": code}


def test_a_notebook_shows_a_bar_and_a_table(model: str, tmp_path: Path) -> None:
    """A widget while it runs; the result as HTML."""
    code = f"""
from evalkube import evaluate
evaluate(model="<b>m</b>", api_url="{model}", datasets=["gsm8k"], dataset_hub="sample", limit=2)
"""
    notebook = nbformat.from_dict({"cells": [_cell(code)], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})  # type: ignore[no-untyped-call]  # it has no types
    NotebookClient(notebook, timeout=100, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output["data"] for output in notebook.cells[0].outputs if "data" in output]
    assert any("application/vnd.jupyter.widget-view+json" in data for data in shown)
    (page,) = [data["text/html"] for data in shown if "text/html" in data]
    assert "mean_acc" in page
    assert "&lt;b&gt;m&lt;/b&gt;" in page
    assert "<b>m</b>" not in page
