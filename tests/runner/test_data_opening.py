"""Files that a run names: what is opened, and what never is."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.context import RunContext
from evalkube_runner.data import datasets, files, opening, prompts
from evalkube_runner.data.datasets import Source
from evalkube_runner.deliver import FileDelivery
from evalkube_runner.errors import RunFailed
from fakes.word_tokenizer import save_word_tokenizer

SECRET = "sk-outside"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Readable by the process and not by the run: the secret in every format that is read."""
    folder = tmp_path / "outside"
    folder.mkdir()
    for name in ("token", "README.md", "open_qa.jsonl", "test.jsonl", "main_test.csv"):
        (folder / name).write_text(f'{{"question": "{SECRET}", "answer": "1"}}\n')
    pyarrow.parquet.write_table(pyarrow.table({"question": [SECRET], "answer": ["1"]}), folder / "test.parquet")
    save_word_tokenizer(folder)
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The one folder that the run may read."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def context(tmp_path: Path, data: Path) -> RunContext:
    """A run that may read `data`."""
    return RunContext(
        run_id="r1",
        delivery=FileDelivery(tmp_path / "out", tmp_path / "control", pipeline="perf"),
        scratch=tmp_path / "scratch",
        cache=tmp_path / "cache",
        offline=True,
        readable=Readable.of([data]),
    )


def perf(**fields: Any) -> Callable[[Path, RunContext], object]:
    """Loads the prompts of a load test; `{data}` in a field is the data folder."""

    def load(data: Path, context: RunContext) -> object:
        filled: dict[str, Any] = {
            name: value.format(data=data) if isinstance(value, str) else value for name, value in fields.items()
        }
        args = filled.get("dataset_args")
        if args:
            filled["dataset_args"] = {name: value.format(data=data) for name, value in args.items()}
        spec = PerfRunSpec.model_validate({"model": "m", "url": "http://h/v1/chat/completions", **filled})
        return prompts.load(spec, context, chat=True).item(0)

    return load


def evaluation(path: str) -> Callable[[Path, RunContext], object]:
    """Reads the test split of gsm8k from that local path."""

    def load(data: Path, context: RunContext) -> object:
        source = Source(benchmark="gsm8k", local_path=path.format(data=data))
        return datasets.load(source, "main", "test", context, only_subset=True)

    return load


LINKS: dict[str, tuple[str, str, Callable[[Path, RunContext], object]]] = {
    "lines": ("prompts.txt", "token", perf(dataset="line_by_line", dataset_path="{data}/prompts.txt")),
    "questions": ("q.jsonl", "open_qa.jsonl", perf(dataset_path="{data}/q.jsonl")),
    "questions in a folder": ("open_qa.jsonl", "open_qa.jsonl", perf(dataset_path="{data}")),
    "a prompt": ("p.txt", "token", perf(prompt="@{data}/p.txt")),
    "a template": ("t.json", "token", perf(prompt="p", query_template="@{data}/t.json")),
    "a prefix": ("p.txt", "token", perf(prompt="p", dataset_args={"prefix_file": "{data}/p.txt"})),
    "a tokenizer": ("tokenizer.json", "tokenizer.json", perf(prompt="p", tokenizer_path="{data}")),
    "records": ("test.jsonl", "test.jsonl", evaluation("{data}/test.jsonl")),
    "records in a folder": ("test.jsonl", "test.jsonl", evaluation("{data}")),
    "records in a table": ("main_test.csv", "main_test.csv", evaluation("{data}")),
    "records in parquet": ("test.parquet", "test.parquet", evaluation("{data}")),
    "a card": ("README.md", "README.md", evaluation("{data}")),
    "an index": ("index.json", "token", evaluation("{data}")),
    "the benchmark's folder": ("gsm8k", ".", evaluation("{data}")),
    "a linked folder": ("linked", ".", evaluation("{data}/linked")),
}


@pytest.mark.parametrize(("name", "target", "load"), LINKS.values(), ids=LINKS.keys())
def test_no_link_is_followed_out(
    data: Path, outside: Path, context: RunContext, name: str, target: str, load: Callable[[Path, RunContext], object]
) -> None:
    """Whichever file of whichever field it stands for; the message names it and holds nothing of its target."""
    (data / name).symlink_to(outside / target)
    with pytest.raises(RunFailed) as caught:
        load(data, context)
    assert caught.value.reason is Reason.PATH_FORBIDDEN
    assert str(data / name) in caught.value.message
    assert SECRET not in caught.value.message


@pytest.mark.parametrize(("name", "target", "load"), LINKS.values(), ids=LINKS.keys())
def test_links_inside_are_followed(
    data: Path, outside: Path, context: RunContext, name: str, target: str, load: Callable[[Path, RunContext], object]
) -> None:
    """The same link where its target may be read: it is not refused."""
    inside = data / ".inside"
    outside.rename(inside)
    (data / name).symlink_to(inside / target)
    reason = None
    try:
        load(data, context)
    except RunFailed as failure:
        reason = failure.reason
    assert reason in (None, Reason.DATASET_UNAVAILABLE, Reason.INVALID_SPEC)  # a card or a token alone is no data set


def test_a_hubs_cache_is_read_through_its_links(data: Path, context: RunContext) -> None:
    """Its snapshots are links to blobs beside them, which may be read with it."""
    repository = data / "datasets--openai--gsm8k"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "123").write_text('{"question": "1+1?", "answer": "#### 2"}\n')
    (snapshot / "test.jsonl").symlink_to("../../blobs/123")
    assert evaluation(str(snapshot))(data, context)


def test_a_linked_folder_is_left_out_of_a_listing(data: Path, outside: Path) -> None:
    """What is beside it is still found: a stray link in a large folder does not end a run."""
    (data / "main").mkdir()
    (data / "main" / "test.jsonl").write_text("{}\n")
    (data / "elsewhere").symlink_to(outside)
    assert files.walk(data, Readable.of([data])) == ["main/test.jsonl"]


@pytest.mark.parametrize("name", ["token", "/proc/self/environ", "/etc/passwd", "/dev/zero", "/dev/stdin"])
def test_no_file_of_the_machine_is_read(data: Path, outside: Path, context: RunContext, name: str) -> None:
    """Named as it is, whether it is there or not."""
    with pytest.raises(RunFailed) as caught:
        perf(dataset="line_by_line", dataset_path=str(outside / name))(data, context)
    assert caught.value.reason is Reason.PATH_FORBIDDEN


def test_only_regular_files_are_read(data: Path, context: RunContext) -> None:
    """A pipe would hold the run until somebody writes to it."""
    os.mkfifo(data / "pipe")
    with pytest.raises(RunFailed, match="is not a regular file") as caught:
        perf(dataset="line_by_line", dataset_path="{data}/pipe")(data, context)
    assert caught.value.reason is Reason.DATASET_UNAVAILABLE


def test_a_link_that_changes_while_it_is_opened(data: Path, outside: Path) -> None:
    """Whoever may write to the folder swaps the file for a link, again and again: the secret is never read."""
    readable, path, done = Readable.of([data]), data / "file", threading.Event()
    plain, link = data / "plain", data / "link"

    def swap() -> None:
        while not done.is_set():
            plain.write_text("plain")
            plain.replace(path)
            link.symlink_to(outside / "token")
            link.replace(path)

    path.write_text("plain")
    swapping = threading.Thread(target=swap)
    swapping.start()
    seen = set()
    try:
        for _ in range(3000):
            try:
                seen.add(opening.read(path, readable))
            except RunFailed as failure:
                seen.add(str(failure.reason).encode())
    finally:
        done.set()
        swapping.join()
    assert seen <= {b"plain", b"", b"PathForbidden"}
