"""Evaluations compared from the command line and from Python: folders, runs of a service, one of each."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalkube import Client, Comparison, compare, errors, folders
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
    models = zip(compared.folders, ("base", "tuned"), strict=True)
    with Client(compared.service.url) as client:
        found = [
            client.compare(*compared.ids),
            compare(compared.ids[0], compared.folders[1], client=client),
            compare(*compared.folders),
            compare(*(folder / "reports" / name for folder, name in models)),
            compare(*(folders.outcome_in(folder) for folder in compared.folders)),
        ]
    first = found[0]
    assert isinstance(first, Comparison)
    assert first.benchmarks["gsm8k"]["right_to_wrong"] == 1
    assert all(isinstance(one, Comparison) and one.benchmarks == first.benchmarks for one in found)
    assert first.document["differences"] == []


def test_a_comparison_as_a_frame_and_in_a_notebook(compared: Compared) -> None:
    """A row for each benchmark; names and numbers as HTML."""
    found = compare(*compared.folders)
    frame = found.to_frame()
    assert list(frame["benchmark"]) == ["gsm8k"]
    assert frame["difference"][0] == 0
    assert "<td>gsm8k</td>" in found._repr_html_()


def test_the_command_shows_tables(compared: Compared) -> None:
    """Scores with their difference and p, then what changed."""
    done = _run(*map(str, compared.folders))
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()[:2]] == ["Baseline", "Candidate"]
    line = next(line for line in done.stdout.splitlines() if line.split()[:1] == ["gsm8k"])
    assert line.split()[1:6] == ["noise", "acc", "0.2500", "0.2500", "0.0000"]
    assert "A lighthouse keeper" in done.stdout


@pytest.mark.parametrize(("form", "begins"), [("csv", "benchmark,metric,questions,"), ("yaml", "baseline:\n")])
def test_the_command_prints_documents(compared: Compared, form: str, begins: str) -> None:
    """For programs."""
    done = _run(*map(str, compared.folders), "-o", form)
    assert (done.returncode, done.stdout.startswith(begins)) == (0, True), done.stdout + done.stderr


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
        pytest.param({"m/gsm8k.json": "{"}, "is not a report", id="a damaged report"),
        pytest.param({"m/gsm8k.json": "[]"}, "is not a report", id="a list"),
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
    """Refused, by the service's words."""
    done = _run("nobody", "nobody", "--server", compared.service.url)
    assert done.returncode == 2
    assert "nobody" in done.stderr


def test_a_folder_without_reviews(compared: Compared, tmp_path: Path) -> None:
    """Nothing to pair."""
    shutil.copytree(compared.folders[0], tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "reviews")
    with pytest.raises(errors.BadRequest, match="has no reviews"):
        compare(tmp_path / "run", compared.folders[1])
