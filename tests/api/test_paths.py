"""Where requests' paths may lead."""

from pathlib import Path
from typing import Any

import pytest

from evalkube_api import errors
from evalkube_api.local import paths
from evalkube_api.local.paths import Roots
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec

EVAL: dict[str, Any] = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"]}
PERF: dict[str, Any] = {"model": "m", "url": "http://h/v1/chat/completions"}


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    """An output root, a data folder with a file and links, and a secret outside of both."""
    outputs, data = tmp_path / "outputs", tmp_path / "data"
    for folder in (outputs / ".evalkube" / "runs", outputs / "earlier", data / "inner", tmp_path / "outside"):
        folder.mkdir(parents=True)
    (tmp_path / "outside" / "secret.txt").write_text("s")
    (data / "prompts.txt").write_text("p")
    (outputs / "made.txt").write_text("m")
    (data / "out").symlink_to(tmp_path / "outside")
    (data / "in").symlink_to(data / "prompts.txt")
    (data / "loop").symlink_to(data / "loop")
    (outputs / "out").symlink_to(tmp_path / "outside")
    (outputs / "dangling").symlink_to(tmp_path / "nowhere")
    return Roots.of(outputs, (data,))


def eval_spec(**fields: Any) -> EvalRunSpec:
    """A valid spec with `fields`."""
    return EvalRunSpec.model_validate({**EVAL, **fields})


def perf_spec(**fields: Any) -> PerfRunSpec:
    """A valid spec with `fields`."""
    return PerfRunSpec.model_validate({**PERF, **fields})


def refusal(spec: EvalRunSpec | PerfRunSpec, roots: Roots) -> str:
    """The sentence that refuses `spec`."""
    with pytest.raises(errors.InvalidRequest) as caught:
        paths.resolved(spec, roots)
    return str(caught.value)


WRITTEN = {
    "parent": ("../elsewhere", "outside"),
    "absolute": ("/etc", "outside"),
    "the root": (".", "below the output root"),
    "through a link": ("out/x", "outside"),
    "a dangling link": ("dangling", "outside"),
    "the service's own": (".evalkube", "own folder"),
    "inside the service's own": (".evalkube/runs/x", "own folder"),
    "round about": ("a/../.evalkube", "own folder"),
    "a file": ("made.txt", "is a file"),
    "too long": ("x" * 1000, "usable"),
}


@pytest.mark.parametrize(("name", "words"), WRITTEN.values(), ids=WRITTEN.keys())
def test_work_dir_stays_below_the_output_root(roots: Roots, name: str, words: str) -> None:
    """Anything else is refused by the field's name."""
    message = refusal(eval_spec(work_dir=name), roots)
    assert message.startswith("work_dir: ")
    assert words in message


@pytest.mark.parametrize("name", ["a", "a/b", "./a/../b", "outputs", "ünï"])
def test_a_relative_work_dir_is_below_the_output_root(roots: Roots, name: str) -> None:
    """It comes back absolute."""
    found = Path(paths.resolved(perf_spec(work_dir=name), roots).work_dir or "")
    assert found.is_relative_to(roots.outputs)
    assert found == (roots.outputs / name).resolve()


def test_an_absolute_work_dir_inside_is_fine(roots: Roots) -> None:
    """As an earlier answer's output_dir is."""
    name = str(roots.outputs / "earlier")
    assert paths.resolved(eval_spec(work_dir=name), roots).work_dir == name


def test_use_cache_must_be_there(roots: Roots) -> None:
    """A folder of an earlier run, or a refusal."""
    assert "does not exist" in refusal(eval_spec(use_cache="never"), roots)
    resolved = paths.resolved(eval_spec(use_cache="earlier"), roots)
    assert isinstance(resolved, EvalRunSpec)
    assert resolved.use_cache == str(roots.outputs / "earlier")


READ = {
    "absolute": ("/etc/passwd", "outside"),
    "parent": ("../outside/secret.txt", "outside"),
    "through a link": ("out/secret.txt", "outside"),
    "a loop": ("loop", "does not exist"),
    "missing": ("nothing.txt", "does not exist"),
    "missing outside": ("/nowhere/at/all", "outside"),
    "the service's own": (".evalkube/runs", "does not exist"),
    "a NUL": ("a\0b", "usable"),
}
FIELDS: dict[str, Any] = {
    "local_path": lambda name: eval_spec(dataset_args={"gsm8k": {"local_path": name}}),
    "dataset_path": lambda name: perf_spec(dataset_path=name),
    "prompt": lambda name: perf_spec(prompt=f"@{name}"),
    "query_template": lambda name: perf_spec(query_template=f"@{name}"),
    "tokenizer_path": lambda name: perf_spec(tokenizer_path=name),
    "dataset_args.prefix_file": lambda name: perf_spec(dataset_args={"prefix_file": name}),
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(("name", "words"), READ.values(), ids=READ.keys())
def test_what_is_read_lies_in_a_known_folder(roots: Roots, field: str, name: str, words: str) -> None:
    """Every field that is read, by every way out."""
    message = refusal(FIELDS[field](name), roots)
    assert field in message.partition(": ")[0]
    assert words in message


def test_a_refusal_names_the_allowed_folders(roots: Roots) -> None:
    """So that the user knows where to put the file."""
    message = refusal(perf_spec(dataset_path="/etc/passwd"), roots)
    assert str(roots.outputs) in message
    assert str(roots.data[0]) in message


@pytest.mark.parametrize("name", ["prompts.txt", "in", "inner/../prompts.txt"])
def test_a_relative_path_is_looked_up_in_the_data_folders_first(roots: Roots, name: str) -> None:
    """With links and detours resolved."""
    resolved = paths.resolved(perf_spec(prompt=f"@{name}", dataset_path="made.txt"), roots)
    assert isinstance(resolved, PerfRunSpec)
    assert resolved.prompt == f"@{roots.data[0]}/prompts.txt"
    assert resolved.dataset_path == f"{roots.outputs}/made.txt"


def test_a_plain_prompt_is_no_path(roots: Roots) -> None:
    """Only '@' makes one."""
    resolved = paths.resolved(perf_spec(prompt="/etc/passwd"), roots)
    assert isinstance(resolved, PerfRunSpec)
    assert resolved.prompt == "/etc/passwd"


CLUSTER = {
    "shards": {"shards": 2},
    "suspend": {"suspend": True},
    "cancel": {"cancel": True},
    "api_key_secret_ref": {"api_key_secret_ref": {"name": "s"}},
    "backoff_limit": {"backoff_limit": 3},
    "deadlines": {"deadlines": {"startup": 5}},
    "runner": {"runner": {"image": "x"}},
    r"judge\.models\[0\]\.api_key_secret_ref": {
        "judge": {"models": [{"model": "j", "api_url": "http://j/v1", "api_key_secret_ref": {"name": "s"}}]}
    },
    "judge.api_key_secret_ref": {"judge": {"api_key_secret_ref": {"name": "s"}}},
}


@pytest.mark.parametrize(("field", "fields"), CLUSTER.items(), ids=CLUSTER.keys())
def test_what_only_a_cluster_can_do_is_refused(field: str, fields: dict[str, Any]) -> None:
    """By name, and with the backend that could."""
    with pytest.raises(errors.InvalidRequest, match=f"{field}: needs the kubernetes backend"):
        paths.check_local(eval_spec(**fields))


def test_defaults_of_a_cluster_pass() -> None:
    """Spelling out a default asks for nothing."""
    paths.check_local(eval_spec(shards=1, suspend=False))


def test_a_data_folder_must_be_there(tmp_path: Path) -> None:
    """A mistyped --data is told at the start."""
    with pytest.raises(errors.ServiceError, match="nowhere"):
        Roots.of(tmp_path / "outputs", (tmp_path / "nowhere",))
