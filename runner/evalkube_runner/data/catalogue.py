"""The named data sets of load tests: their places on the hubs, their files, and the text of a row that is sent.

Adding one is a line here, one in the contract's `PERF_DATASETS`, and a few sample items of our own.
"""

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.context import RunContext
from evalkube_runner.data import dialogues, files, hub, layout, opening, rows
from evalkube_runner.errors import RunFailed

__all__ = ["SETS", "NamedSet", "Place", "RowTexts", "dataset_path", "place_of"]


def _field(name: str) -> Callable[[Any], str]:
    def read(row: Any) -> str:
        text = row.get(name) if isinstance(row, dict) else None
        if not isinstance(text, str):
            raise ValueError(f"has no text in its field {name!r}")
        return text

    return read


@dataclass(frozen=True, slots=True)
class NamedSet:
    """A data set: its file's name, its ids by hub, and how the text of a row is read (ValueError where it has none)."""

    file: str
    hub_ids: Mapping[str, str]
    text: Callable[[Any], str]


_SHARE_GPT: Final = {"modelscope": "swift/sharegpt", "huggingface": "shareAI/ShareGPT-Chinese-English-90k"}

SETS: Final[Mapping[str, NamedSet]] = {
    "openqa": NamedSet(
        "open_qa.jsonl",
        {"modelscope": "AI-ModelScope/HC3-Chinese", "huggingface": "Hello-SimpleAI/HC3-Chinese"},
        _field("question"),
    ),
    "longalpaca": NamedSet(
        "LongAlpaca-12k.json",
        {"modelscope": "AI-ModelScope/LongAlpaca-12k", "huggingface": "Yukang/LongAlpaca-12k"},
        _field("instruction"),
    ),
    "share_gpt_en": NamedSet("common_en_70k.jsonl", _SHARE_GPT, dialogues.first_question),
    "share_gpt_zh": NamedSet("common_zh_70k.jsonl", _SHARE_GPT, dialogues.first_question),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A data set's file, where what it leads to may lie, and where it came from, for reports."""

    path: Path
    readable: Readable
    origin: str


class RowTexts:
    """The texts of the rows of a file. `empty`: how many have none, and are left out."""

    def __init__(self, found: rows.Rows, text: Callable[[Any], str]) -> None:
        """Reads every row once. Raises RunFailed(DatasetUnavailable) that names the row."""
        self._rows = found
        self._text = text
        self._kept = array("q")
        for index in range(len(found)):
            try:
                if text(found.row(index)).strip():
                    self._kept.append(index)
            except ValueError as error:
                raise _failed(f"{found.place(index)}: {error}") from error
        self.empty = len(found) - len(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def item(self, index: int) -> str:
        """One text."""
        return self._text(self._rows.row(self._kept[index]))


def place_of(name: str, spec: PerfRunSpec, context: RunContext) -> Place:
    """The file of a named data set, downloaded where that is asked for. Raises RunFailed."""
    named = SETS[name]
    where = spec.data_source or ("local" if spec.dataset_path else "modelscope")
    if where == "sample":
        return Place(_sample(name), Readable.of([opening.SAMPLES]), "sample")
    if where == "local":
        if spec.dataset_path is None:
            raise RunFailed(Reason.INVALID_SPEC, "dataset_path: data_source local needs the file to read")
        path = dataset_path(spec.dataset_path, context)
        found = _in_folder(path, named.file, context.readable) if path.is_dir() else path
        return Place(found, context.readable, f"local:{spec.dataset_path}")
    site: hub.HubName = "huggingface" if where == "huggingface" else "modelscope"
    repository = hub.Repository(
        hub=site,
        dataset_id=named.hub_ids[site],
        context=context,
        subject=name,
        ways_out="Ways out: data_source 'local' with dataset_path; data_source 'sample' for a few prompts of our own; "
        "dataset 'random'; or a cache directory (EVALKUBE_CACHE) that a run with network access has filled",
    )
    listed = next((path for path in repository.folder().paths if path.split("/")[-1] == named.file), named.file)
    return Place(repository.fetch_files([listed])[0], Readable.of([context.cache]), repository.origin())


def dataset_path(name: str, context: RunContext) -> Path:
    """The file or folder that `dataset_path` names. Raises RunFailed(DatasetUnavailable, PathForbidden)."""
    return opening.found(name, context.readable, "dataset_path", missing=Reason.DATASET_UNAVAILABLE)


def _sample(name: str) -> Path:
    return next((opening.SAMPLES / name).iterdir())


def _in_folder(folder: Path, file: str, readable: Readable) -> Path:
    """The data set's file by its name, else the only one with data."""
    paths = files.walk(folder, readable)
    named = [path for path in paths if path.split("/")[-1] == file] or [p for p in paths if layout.is_data_file(p)]
    if len(named) != 1:
        there = ", ".join(named[:20]) or "no file with data"
        raise _failed(f"dataset_path: {folder} has no {file}, and not one file alone: {there}; give the file itself")
    return folder / named[0]


def _failed(message: str) -> RunFailed:
    return RunFailed(Reason.DATASET_UNAVAILABLE, message)
