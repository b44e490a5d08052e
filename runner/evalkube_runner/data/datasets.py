"""Raw records for evaluations: one (subset, split) of a benchmark from a hub, a local path, or our own samples.

Blocking (files, and for the hubs the network): an async caller wraps `load` in `asyncio.to_thread`. Records are handed
on as they are found; what their fields mean is the benchmark's business. Downloading is hub.py's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from evalkube_benchmarks import samples
from evalkube_crds.names import Reason
from evalkube_crds.paths import Readable
from evalkube_runner.context import RunContext
from evalkube_runner.data import files, hub, layout, opening
from evalkube_runner.data.files import Record
from evalkube_runner.errors import RunFailed

__all__ = ["Record", "Source", "available", "load", "origin", "present_subsets"]

HubName = Literal["modelscope", "huggingface", "local", "sample"]

# Also keeps an id from being a path: it becomes part of a URL and of a folder's name.
_DATASET_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The source of one benchmark's data. `local_path` wins over `hub`, `dataset_id` over `hub_ids[hub]`.

    `own_examples`: worked examples are those of our own samples. `columns`: those of a table without a header.
    """

    benchmark: str
    hub: HubName = "modelscope"
    hub_ids: Mapping[str, str] = field(default_factory=dict)
    dataset_id: str | None = None
    local_path: str | None = None
    force_redownload: bool = False
    own_examples: bool = False
    columns: tuple[str, ...] = ()


def load(
    source: Source, subset: str, split: str, context: RunContext, *, few_shot: bool = False, only_subset: bool = False
) -> list[Record]:
    """The records of one split, at least one.

    `few_shot`: they become worked examples, so a file whose name tells no split (the evaluated one) is left alone.
    `only_subset`: the benchmark has this one subset, so files that name no subset serve it.
    Raises RunFailed(DatasetUnavailable) that says what is missing and the ways out.
    """
    if few_shot and source.own_examples:
        source = replace(source, hub="sample", local_path=None)
    remote = _remote(source, context)
    if remote is not None:
        paths = remote.fetch(subset, split, few_shot=few_shot, only_subset=only_subset)
        return files.read_files(paths, Readable.of([context.cache]), source.columns)
    path, readable = _local(source, context)
    if path.is_file():
        if few_shot:
            raise _failed(
                f"{path}: a single file is the evaluated split; for worked examples give a folder, or few_shot_num 0"
            )
        return files.read_files([path], readable, source.columns)
    found = files.layout_of_folder(path, readable, source.benchmark)
    choice = found.choose(subset, split, few_shot=few_shot, only_subset=only_subset)
    if choice is None:
        reason = layout.missing(found, subset, split, str(path), few_shot=few_shot)
        raise _failed(f"{source.benchmark}: {reason}")
    return files.read_files([path / name for name in choice.paths], readable, source.columns)


def available(source: Source, context: RunContext) -> dict[str, tuple[str, ...]]:
    """The splits of each subset. "" stands for files that name no subset, "*" for files that name no split."""
    remote = _remote(source, context)
    if remote is not None:
        return remote.folder().available()
    path, readable = _local(source, context)
    return {"": ("*",)} if path.is_file() else files.layout_of_folder(path, readable, source.benchmark).available()


def present_subsets(source: Source, subsets: Sequence[str], split: str, context: RunContext) -> list[str]:
    """The subsets among `subsets` that have the `split`. Raises RunFailed when none has.

    For the case that the user named no subsets: a local folder or the samples may hold a few of C-Eval's 52 subjects,
    and then those are meant. A hub is expected to hold them all, so there nothing is left out quietly.
    """
    if _remote(source, context) is not None or len(subsets) == 1:
        return list(subsets)
    path, readable = _local(source, context)
    if path.is_file():
        raise _failed(
            f"{path}: one file cannot serve the {len(subsets)} subsets of {source.benchmark}; "
            "give a folder with a file for each, or name one in subset_list"
        )
    found = files.layout_of_folder(path, readable, source.benchmark)
    present = [subset for subset in subsets if found.choose(subset, split) is not None]
    if not present:
        raise _failed(f"{source.benchmark}: {layout.missing(found, subsets[0], split, str(path))}")
    return present


def origin(source: Source, context: RunContext) -> str:
    """The origin of the records, for reports: "modelscope:owner/name@<revision>", "local:<path>" or "sample"."""
    remote = _remote(source, context)
    if remote is not None:
        return remote.origin()
    return f"local:{source.local_path}" if source.local_path else "sample"


def _remote(source: Source, context: RunContext) -> hub.Repository | None:
    if source.local_path is not None or source.hub in ("local", "sample"):
        return None
    dataset_id = source.dataset_id or source.hub_ids.get(source.hub)
    if dataset_id is None:
        raise _failed(
            f"{source.benchmark}: is not on {source.hub}; set dataset_args.{source.benchmark}.local_path, "
            f"or dataset_args.{source.benchmark}.dataset_id"
        )
    if not _DATASET_ID.fullmatch(dataset_id) or ".." in dataset_id:
        raise _failed(
            f"{source.benchmark}: dataset_id {dataset_id!r} is not an id like owner/name; for a path use local_path"
        )
    return hub.Repository(
        hub="huggingface" if source.hub == "huggingface" else "modelscope",
        dataset_id=dataset_id,
        context=context,
        subject=source.benchmark,
        ways_out=_ways_out(source),
        force_redownload=source.force_redownload,
    )


def _local(source: Source, context: RunContext) -> tuple[Path, Readable]:
    """The file or folder, and where what it leads to may lie."""
    if source.local_path is not None:
        field, readable = f"dataset_args.{source.benchmark}.local_path", context.readable
        path = opening.found(source.local_path, readable, field, missing=Reason.DATASET_UNAVAILABLE)
    elif source.hub == "sample":
        path, readable = samples.FOLDER / source.benchmark, Readable.of([samples.FOLDER])
        if not path.exists():
            option = f"dataset_args.{source.benchmark}.local_path"
            raise _failed(f"{source.benchmark}: there are no sample items of it; set {option} to its file or folder")
    else:
        raise _failed(f"{source.benchmark}: dataset_hub 'local' needs dataset_args.{source.benchmark}.local_path")
    own = path / source.benchmark
    return (opening.admitted(own, readable) if own.is_dir() else path), readable


def _ways_out(source: Source) -> str:
    other = "modelscope" if source.hub == "huggingface" else "huggingface"
    option = f"dataset_args.{source.benchmark}.local_path"
    return (
        f"Ways out: {option} with a copy of it; dataset_hub 'sample' for a few items of our own; "
        f"dataset_hub '{other}'; or a cache directory (EVALKUBE_CACHE) that a run with network access has filled"
    )


def _failed(message: str) -> RunFailed:
    return RunFailed(Reason.DATASET_UNAVAILABLE, message)
