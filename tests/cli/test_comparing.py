"""Evaluations compared from the command line and from Python: folders, runs of a service, one of each."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkube_cli import EvalkubeClient, compare, errors
from fakes.compared import Compared, two_evaluations


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    """Two evaluations that were done."""
    with two_evaluations(tmp_path_factory.mktemp("compared") / "outputs") as runs:
        yield runs


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evalkube_cli.main", "compare", *arguments]
    env = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=env)


def test_runs_and_folders_come_to_the_same(compared: Compared) -> None:
    """By the service, by folders, and with one of each."""
    with EvalkubeClient(compared.service.url) as client:
        by_ids = compare(*compared.ids, client=client)
        mixed = compare(compared.ids[0], compared.folders[1], client=client)
    by_folders = compare(*compared.folders)
    models = zip(compared.folders, ("base", "tuned"), strict=True)
    by_model = compare(*(folder / "reports" / name for folder, name in models))
    assert by_ids["benchmarks"]["gsm8k"]["right_to_wrong"] == 1
    assert all(one["benchmarks"] == by_ids["benchmarks"] for one in (mixed, by_folders, by_model))
    assert by_folders["differences"] == by_ids["differences"] == []


def test_the_command_shows_tables(compared: Compared) -> None:
    """Scores with their difference and p, then what changed."""
    done = _run(*map(str, compared.folders))
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.strip().startswith("gsm8k"))
    assert line.split() == ["gsm8k", "acc", "4", "0.2500", "0.2500"]
    assert "gsm8k: 1 from right to wrong, 1 from wrong to right; shown: 2 of 2 changed" in done.stdout
    assert "A lighthouse keeper" in done.stdout
    assert "1 (1980)" in done.stdout


def test_the_command_prints_json(compared: Compared) -> None:
    """Of runs of a service."""
    done = _run(*compared.ids, "--server", compared.service.url, "--json", "--most-changed", "1")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["benchmarks"]["gsm8k"]["changed"]) == 1


@pytest.mark.parametrize(
    ("reports", "words"),
    [
        pytest.param({}, "holds no reports", id="an empty folder"),
        pytest.param({"m/notes.txt": ""}, "holds no reports", id="no report"),
        pytest.param({"m/gsm8k.json": "{"}, "is no report", id="a damaged report"),
        pytest.param({"m/gsm8k.json": "[]"}, "is no report", id="a list"),
        pytest.param({"a/gsm8k.json": "{}", "b/gsm8k.json": "{}"}, "several models", id="two models"),
    ],
)
def test_a_folder_that_is_no_evaluation(tmp_path: Path, reports: dict[str, str], words: str) -> None:
    """Refused, with what is missing."""
    for path, text in reports.items():
        (tmp_path / "reports" / path).parent.mkdir(parents=True)
        (tmp_path / "reports" / path).write_text(text)
    done = _run(str(tmp_path), str(tmp_path))
    assert done.returncode == 2
    assert words in done.stderr


def test_an_id_needs_a_service(compared: Compared) -> None:
    """Exit code 2, and what to do."""
    done = _run("20260101_000000", str(compared.folders[0]))
    assert done.returncode == 2
    assert "--server" in done.stderr


def test_a_run_that_is_not_there(compared: Compared) -> None:
    """Exit code 1, by the service's words."""
    done = _run("nobody", "nobody", "--server", compared.service.url)
    assert done.returncode == 1
    assert "nobody" in done.stderr


def test_a_folder_without_reviews(compared: Compared, tmp_path: Path) -> None:
    """Nothing to pair."""
    shutil.copytree(compared.folders[0], tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "reviews")
    with pytest.raises(errors.BadRequest, match="has no reviews"):
        compare(tmp_path / "run", compared.folders[1])
