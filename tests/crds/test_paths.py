"""Which fields of a request hold a path, and which files a run may read by them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel

from evalkube_crds import paths
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.fields import PathUse, model_in
from evalkube_crds.paths import PathMissing, PathRefused, Readable
from evalkube_crds.perfrun import PerfRunSpec

PATHS = {
    EvalRunSpec: {
        "dataset_args.*.local_path": PathUse.READ,
        "tokenizer_path": PathUse.READ,
        "work_dir": PathUse.WRITTEN,
        "use_cache": PathUse.EARLIER,
        "ca_file": PathUse.READ,
        "judge.models.*.ca_file": PathUse.READ,
        "judge.contract.reference.answers": PathUse.READ,
    },
    PerfRunSpec: {
        "prompt": PathUse.READ_AFTER_AT,
        "query_template": PathUse.READ_AFTER_AT,
        "tokenizer_path": PathUse.READ,
        "dataset_path": PathUse.READ,
        "dataset_args.prefix_file": PathUse.READ,
        "ca_file": PathUse.READ,
        "work_dir": PathUse.WRITTEN,
    },
}
NO_PATHS = {
    EvalRunSpec: {
        "api_key_header",
        "api_url",
        "collections",
        "datasets",
        "dataset_args.*.dataset_id",
        "dataset_args.*.eval_split",
        "dataset_args.*.extra_params",
        "dataset_args.*.few_shot_prompt_template",
        "dataset_args.*.filters.extract",
        "dataset_args.*.filters.regex",
        "dataset_args.*.filters.remove_until",
        "dataset_args.*.metric_list",
        "dataset_args.*.primary_metric",
        "dataset_args.*.prompt_template",
        "dataset_args.*.query_template",
        "dataset_args.*.subset_list",
        "dataset_args.*.system_prompt",
        "dataset_args.*.train_split",
        "judge.contract.criteria.description",
        "judge.contract.criteria.name",
        "judge.contract.prompt_template",
        "judge.contract.reference.model",
        "judge.contract.score_mapping",
        "judge.contract.system_prompt",
        "model",
        "model_id",
    },
    PerfRunSpec: {
        "api_key_header",
        "extra_args",
        "extra_query",
        "headers",
        "model",
        "model_id",
        "name",
        "sla_params",
        "stop",
        "tool_choice",
        "tools",
        "url",
    },
}
"""Strings that are no paths. A new field of a spec belongs here or, with its mark, in `PATHS`."""

_ELSEWHERE = (
    "api_key_secret_ref",
    "credentials_secret_ref",
    "data",
    "generation_config",
    "judge.api_key_secret_ref",
    "judge.credentials_secret_ref",
    "judge.models",
    "runner",
    "server_metrics",
    "thresholds",
)
"""Parts of a spec that name nothing in a file system of the runner: objects of the cluster, sampling, endpoints."""


def strings(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """The dotted names of all fields of `model` that can hold text."""
    for name, field in model.model_fields.items():
        place = f"{above}{name}"
        inner = model_in(field.annotation)
        if place in _ELSEWHERE:
            continue
        if inner is not None:
            many = "dict" in str(field.annotation)
            yield from strings(inner, f"{place}.*." if many else f"{place}.")
        elif _has_text(field.annotation):
            yield place


def _has_text(annotation: Any) -> bool:
    """Free text: one of a few words (Literal) cannot lead anywhere."""
    if get_origin(annotation) is Literal:
        return False
    return annotation is str or any(_has_text(part) for part in get_args(annotation))


@pytest.mark.parametrize("model", PATHS)
def test_every_field_with_a_path_is_listed(model: type[BaseModel]) -> None:
    """A field of text is a path with its mark, or known to be none: a new one is one or the other."""
    found = {".".join(field.place): field.use for field in paths.fields_of(model)}
    assert found == PATHS[model]
    assert set(strings(model)) - found.keys() == NO_PATHS[model]


def test_paths_are_replaced_where_they_stand() -> None:
    """In a spec and in a request's body alike; text that is no path stays."""
    spec = PerfRunSpec.model_validate(
        {"model": "m", "url": "http://h/v1", "prompt": "@p", "dataset_args": {"prefix_file": "f"}, "name": "n"}
    )
    asked: list[tuple[str, str]] = []

    def change(name: str, value: str, use: PathUse) -> str:
        asked.append((name, value))
        return f"/root/{value}"

    found = paths.with_paths(spec, paths.fields_of(PerfRunSpec), change)
    assert (found.prompt, found.dataset_args.prefix_file, found.name) == ("@/root/p", "/root/f", "n")
    assert asked == [("prompt", "p"), ("dataset_args.prefix_file", "f")]
    body = {"prompt": "plain", "dataset_path": "d", "dataset_args": None, "tokenizer_path": 5}
    changed = paths.with_paths(body, paths.fields_of(PerfRunSpec), change)
    assert changed == {"prompt": "plain", "dataset_path": "/root/d", "dataset_args": None, "tokenizer_path": 5}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to read with links in it, one of its own that is closed, and a secret beside it."""
    data = tmp_path / "data"
    (data / "closed").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    for file in (data / "a.txt", data / "closed" / "b.txt", tmp_path / "outside" / "secret"):
        file.write_text("x")
    (data / "out").symlink_to(tmp_path / "outside")
    (data / "secret").symlink_to("../outside/secret")
    (data / "in").symlink_to("a.txt")
    (data / "again").symlink_to(data / "in")
    (data / "loop").symlink_to("loop")
    return data


REFUSED = {
    "a parent": "../outside/secret",
    "absolute": "/etc/passwd",
    "a linked file": "secret",
    "a file behind a linked folder": "out/secret",
    "round about": "out/../outside/secret",
    "the process's own": "/proc/self/environ",
    "a loop of links": "loop",
    "a closed folder": "closed/b.txt",
    "a NUL": "a\0",
    "too long": "x" * 5000,
    "a folder whose name begins alike": "../data2",
}


@pytest.mark.parametrize("name", REFUSED.values(), ids=REFUSED.keys())
def test_what_lies_outside_is_refused(folder: Path, name: str) -> None:
    """Wherever its links lead, and whether it is there or not."""
    (folder.parent / "data2").mkdir()
    readable = Readable.of([folder], [folder / "closed"], remedy="ask for more")
    with pytest.raises(PathRefused):
        readable.find(name)


@pytest.mark.parametrize("name", ["a.txt", "in", "again", "./closed/../a.txt"])
def test_what_lies_inside_is_found(folder: Path, name: str) -> None:
    """By its name in the folder and by its whole path, with links resolved."""
    readable = Readable.of([folder], [folder / "closed"])
    assert readable.find(name) == readable.find(str(folder / name)) == folder / "a.txt"


def test_the_message_says_where_files_may_lie(folder: Path) -> None:
    """And where a link led, and what to do."""
    with pytest.raises(PathRefused) as caught:
        Readable.of([folder], remedy="ask for more").find(str(folder / "secret"))
    assert str(folder.parent / "outside" / "secret") in str(caught.value)
    assert str(caught.value).endswith(f"{folder}; ask for more")
    with pytest.raises(PathRefused, match="no folder"):
        Readable().find("a.txt")
    with pytest.raises(PathMissing, match="does not exist"):
        Readable.of([folder]).find("none.txt")


@pytest.mark.parametrize(
    ("camel", "field"),
    [(False, "dataset_args.general_qa.local_path"), (True, "spec.datasetArgs.general_qa.localPath")],
)
def test_a_path_that_pods_do_not_mount(camel: bool, field: str) -> None:
    """It is told by its field, as requests or as resources have it; what is mounted is not told."""
    args = {"general_qa": {"local_path": "/data/b"}, "gsm8k": {"local_path": "/data/a/x"}}
    spec = EvalRunSpec.model_validate(
        {
            "model": "m",
            "api_url": "http://h/v1",
            "datasets": ["general_qa", "gsm8k"],
            "dataset_args": args,
            "data": [{"name": "a", "config_map": "c"}],
        }
    )
    assert [problem.field for problem in paths.unmounted(spec, camel=camel)] == [field]


@pytest.mark.parametrize(("camel", "field"), [(False, "use_cache"), (True, "spec.useCache")])
def test_the_folder_of_an_earlier_run_is_on_no_pod(camel: bool, field: str) -> None:
    """Refused wherever it lies: another run's results are nothing that a run may mount."""
    for folder in ("earlier", "/data/a/earlier"):
        asked = {"model": "m", "api_url": "http://h/v1", "datasets": ["gsm8k"], "use_cache": folder}
        spec = EvalRunSpec.model_validate(asked | {"data": [{"name": "a", "config_map": "c"}]})
        (problem,) = paths.unmounted(spec, camel=camel)
        assert problem.field == field
        assert "leave it out" in problem.reason


OUTSIDE = {
    "/data/x/a.txt": False,
    "/data/x": False,
    "/data/xy/a.txt": True,
    "/data/x/../../etc/passwd": True,
    "/data/x/..": True,
    "/data": True,
    "//data/x/a": True,
    "data/x/a": True,
    "": True,
    "/etc/passwd": True,
    "/data/x/\0": True,
    "/data/x/./a": False,
}


@pytest.mark.parametrize(("name", "expected"), OUTSIDE.items())
def test_by_its_words_alone(name: str, expected: bool) -> None:
    """For whoever decides without the files: relative paths and detours are outside."""
    assert paths.outside(name, ["/data/x"]) is expected
