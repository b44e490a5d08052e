"""Requests from options, files and settings."""

from pathlib import Path

import pytest

from evalkube_cli import errors, request
from evalkube_crds.requests import EvalRequest, PerfRequest

_WORDS: dict[str, str | list[str] | bool] = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"]}


def test_options_go_before_the_file_and_settings_before_both(tmp_path: Path) -> None:
    """The nearer to the command, the stronger."""
    file = tmp_path / "request.json"
    file.write_text('{"model": "file", "seed": 1, "repeats": 2, "api_url": "http://file/v1"}')
    body = request.assemble(_WORDS, EvalRequest, file=str(file), settings=["seed=3"])
    assert body == {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"], "seed": 3, "repeats": 2}


def test_json_may_come_from_a_file(tmp_path: Path) -> None:
    """``--generation-config @file``."""
    file = tmp_path / "config.json"
    file.write_text('{"temperature": 0.5}')
    body = request.assemble(_WORDS | {"generation_config": f"@{file}"}, EvalRequest)
    assert body["generation_config"] == {"temperature": 0.5}


def test_every_problem_is_told_at_once() -> None:
    """Each on its own, with the nearest name."""
    words = _WORDS | {"datasets": ["gsm9k"], "limit": "0"}
    with pytest.raises(errors.BadRequest) as refused:
        request.assemble(words, EvalRequest, settings=["sed=1"])
    assert [problem.field for problem in refused.value.problems] == ["limit", "sed", "datasets[0]"]
    assert "did you mean 'seed'?" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [("{", "is not JSON"), ("[1]", "must hold a JSON object"), (None, "cannot read")],
)
def test_a_file_that_is_no_request(tmp_path: Path, content: str | None, reason: str) -> None:
    """Not there, not JSON, not an object."""
    file = tmp_path / "request.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(errors.BadRequest, match=reason):
        request.assemble({}, EvalRequest, file=str(file))


def test_the_environment_is_the_last_place_for_a_key(tmp_path: Path) -> None:
    """An option goes before the file, the file before the environment; a model without the field gets none."""
    file = tmp_path / "request.json"
    file.write_text('{"judge_api_key": "of-the-file"}')
    inherited = {"api_key": "inherited", "judge_api_key": "inherited"}
    body = request.assemble(
        _WORDS, EvalRequest, file=str(file), secrets={"api_key": "given"}, fallback_secrets=inherited
    )
    assert (body["api_key"], body["judge_api_key"]) == ("given", "of-the-file")
    words: request.Words = {"model": "m", "url": "http://h/v1"}
    assert "judge_api_key" not in request.assemble(words, PerfRequest, fallback_secrets=inherited)


def test_local_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person names is meant from where they are, and the service is allowed to read it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "prompt.txt").write_text("Hello")
    eval_body = {"dataset_args": {"gsm8k": {"local_path": "data"}}, "work_dir": "here"}
    evaluated = request.localized(eval_body, EvalRequest)
    assert evaluated.body == {"dataset_args": {"gsm8k": {"local_path": str(tmp_path / "data")}}, "work_dir": "here"}
    assert evaluated.folders == (tmp_path / "data",)
    perf_body = {"dataset_args": {"prefix_file": "prompt.txt"}, "prompt": "@prompt.txt", "name": "data"}
    loaded = request.localized(perf_body, PerfRequest)
    assert loaded.body == {
        "dataset_args": {"prefix_file": str(tmp_path / "prompt.txt")},
        "prompt": f"@{tmp_path / 'prompt.txt'}",
        "name": "data",
    }
    assert loaded.folders == (tmp_path,)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Before a service is started for it."""
    with pytest.raises(errors.BadRequest, match=r"dataset_path: .* does not exist"):
        request.localized({"dataset_path": str(tmp_path / "missing")}, PerfRequest)
