"""Requests from options, files and settings."""

from pathlib import Path

import pytest

from evalkube import errors, requesting
from evalkube_cli.asking.assembling import Given, Words, assemble
from evalkube_crds.names import API_VERSION

_WORDS: Words = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"]}


def test_options_go_before_the_file_and_settings_before_both(tmp_path: Path) -> None:
    """The nearer to the command, the stronger."""
    file = tmp_path / "request.json"
    file.write_text('{"model": "file", "seed": 1, "repeats": 2, "api_url": "http://file/v1"}')
    body, _ = assemble(Given(_WORDS, str(file), ["seed=3"]), "eval")
    assert body == {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"], "seed": 3, "repeats": 2}


def test_json_may_come_from_a_file(tmp_path: Path) -> None:
    """`--generation-config @file`."""
    file = tmp_path / "config.json"
    file.write_text('{"temperature": 0.5}')
    body, _ = assemble(Given({**_WORDS, "generation_config": f"@{file}"}), "eval")
    assert body["generation_config"] == {"temperature": 0.5}


def test_every_problem_is_told_at_once() -> None:
    """Each on its own, with the nearest name."""
    words = {**_WORDS, "datasets": ["gsm9k"], "limit": "0"}
    with pytest.raises(errors.BadRequest) as refused:
        assemble(Given(words, settings=["sed=1"]), "eval")
    assert [problem.field for problem in refused.value.problems] == ["--limit", "--set sed", "--datasets"]
    assert "did you mean 'seed'?" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is neither YAML nor JSON"),
        ("[1]", "must hold an object"),
        (None, "cannot read"),
        (f"apiVersion: {API_VERSION}\nkind: PerfRun", "evalkube eval takes .*: evalkube perf -f"),
        ("kind: Pod", "is None Pod"),
        (f"apiVersion: {API_VERSION}\nkind: EvalRun\nspec: {{modle: m}}", "spec.modle is not a known field"),
    ],
)
def test_a_file_that_is_no_request(tmp_path: Path, content: str | None, reason: str) -> None:
    """Not there, not YAML, not an object, or another kind of resource."""
    file = tmp_path / "request.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(errors.BadRequest, match=reason):
        assemble(Given(file=str(file)), "eval")


def test_the_environment_is_the_last_place_for_a_key(tmp_path: Path) -> None:
    """An option goes before the file, the file before the environment; a model without the field gets none."""
    file = tmp_path / "request.json"
    file.write_text('{"judge_api_key": "of-the-file"}')
    inherited = {"api_key": "inherited", "judge_api_key": "inherited"}
    given = Given(_WORDS, str(file), secrets={"api_key": "given"}, fallback_secrets=inherited)
    body, _ = assemble(given, "eval")
    assert (body["api_key"], body["judge_api_key"]) == ("given", "of-the-file")
    words: Words = {"model": "m", "url": "http://h/v1"}
    assert "judge_api_key" not in assemble(Given(words, fallback_secrets=inherited), "perf")[0]


def test_thresholds_and_tags_are_added(tmp_path: Path) -> None:
    """To those of the file."""
    file = tmp_path / "request.yaml"
    file.write_text("tags: [nightly]\nthresholds: [{metric: score, op: '>', value: 0.5}]")
    body, _ = assemble(Given(_WORDS, str(file), thresholds=["mean_acc<1"], tags=["team=a"]), "eval")
    assert body["tags"] == {"nightly": "", "team": "a"}
    assert [one["metric"] for one in body["thresholds"]] == ["score", "mean_acc"]


def test_local_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person names is meant from where they are, and the service is allowed to read it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "prompt.txt").write_text("Hello")
    eval_body = {"dataset_args": {"gsm8k": {"local_path": "data"}}, "work_dir": "here"}
    evaluated = requesting.localized(eval_body, "eval")
    assert evaluated.body == {"dataset_args": {"gsm8k": {"local_path": str(tmp_path / "data")}}, "work_dir": "here"}
    assert evaluated.folders == (tmp_path / "data",)
    perf_body = {"dataset_args": {"prefix_file": "prompt.txt"}, "prompt": "@prompt.txt", "name": "data"}
    loaded = requesting.localized(perf_body, "perf")
    assert loaded.body == {
        "dataset_args": {"prefix_file": str(tmp_path / "prompt.txt")},
        "prompt": f"@{tmp_path / 'prompt.txt'}",
        "name": "data",
    }
    assert loaded.folders == (tmp_path,)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Before a service is started for it."""
    with pytest.raises(errors.BadRequest, match=r"dataset_path: .* does not exist"):
        requesting.localized({"dataset_path": str(tmp_path / "missing")}, "perf")
