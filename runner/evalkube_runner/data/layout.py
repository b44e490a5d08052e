"""Decides which files of a dataset folder hold one subset's split, from paths and metadata alone (no I/O here).

A folder says so in one of three ways, tried in this order: the `configs` of its README's front matter (both hubs),
ModelScope's older `<name>.json` index, and the names of its files. Nothing here runs a dataset's loading script.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from evalkube_runner.data import card

__all__ = ["FORMATS", "Choice", "Layout", "is_data_file", "layout_of", "missing", "parse_index", "suffix"]

# Best first: where a folder holds the same split in two formats, only one is read.
FORMATS: Final = (
    *(".parquet", ".arrow", ".jsonl", ".json", ".csv", ".tsv"),
    *(".jsonl.gz", ".json.gz", ".csv.gz", ".tsv.gz"),
    ".txt",
)
# Texts are data where a folder holds no records: beside these they are notes.
_TEXT: Final = ".txt"
_SPLIT_NAMES: Final = ("train", "training", "test", "val", "valid", "validation", "dev", "eval")
# "dev" is no synonym of "val": C-Eval has both, and draws its worked examples from dev alone.
_SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "val": ("val", "validation", "valid"),
    "validation": ("validation", "val", "valid"),
    "valid": ("valid", "validation", "val"),
    "train": ("train", "training"),
}
# What hubs call the only subset of a dataset that has no subsets.
_ONLY_SUBSET: Final = frozenset({"main", "default", "all"})
_CONTAINERS: Final = frozenset({"data", "parquet", "jsonl", "json", "csv"})
# test-00000-of-00002, test-00000-of-00001-<hash>, part-0000; not aime_2024, which is a name of its own.
_SHARD: Final = re.compile(r"[-_.](\d{4,}-of-\d{4,}(-[0-9a-f]{16})?|0\d{3,})$")
_NOT_DATA: Final = frozenset(
    {
        *("dataset_infos.json", "dataset_info.json", "state.json", "config.json", "manifest.json"),
        *("license.txt", "licence.txt", "notice.txt", "readme.txt", "requirements.txt"),
    }
)
_MOST_MATCHES: Final = 5_000_000  # some seconds
_LONGEST_GLOB: Final = 1024


@dataclass(frozen=True, slots=True)
class _Place:
    """The reading of one path: None where its name says nothing. `group` joins the shards of one file."""

    subset: str | None
    split: str | None
    group: tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """The files of one split, in order; `whole` when their names tell no split, so they stand for the evaluated one."""

    paths: tuple[str, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The subsets and splits of one folder. `unnamed`: the same with its files called without the data set's name."""

    paths: tuple[str, ...]
    declared: Mapping[str, Mapping[str, tuple[str, ...]]]
    places: Mapping[str, _Place]
    unnamed: "Layout | None" = None

    def choose(self, subset: str, split: str, *, few_shot: bool = False, only_subset: bool = False) -> Choice | None:
        """The files for (subset, split), or None.

        `few_shot`: the records become worked examples, so a file that tells no split is not taken (it is the one being
        evaluated). `only_subset`: the benchmark has one subset, so files that name none serve it.
        """
        splits = _SYNONYMS.get(split.lower(), (split.lower(),))
        declared = self._from_declared(subset, splits, only_subset=only_subset)
        if declared is None and not few_shot:
            declared = self._from_split(subset)
        if declared is not None:
            return declared
        for name in self._subset_names(subset, only_subset=only_subset):
            for wanted in splits:
                found = self._best(name, wanted)
                if found:
                    return Choice(found)
        whole = None if few_shot else self._from_whole(subset, only_subset=only_subset)
        if whole is None and self.unnamed is not None:
            return self.unnamed.choose(subset, split, few_shot=few_shot, only_subset=only_subset)
        return whole

    def available(self) -> dict[str, tuple[str, ...]]:
        """The splits of each subset. "" stands for files that name no subset, "*" for files that name no split."""
        seen: dict[str, set[str]] = {}
        for subset, splits in self.declared.items():
            seen.setdefault(subset, set()).update(splits)
        if not seen:
            for place in self.places.values():
                seen.setdefault(place.subset or "", set()).add(place.split or "*")
        return {subset: tuple(sorted(splits)) for subset, splits in sorted(seen.items())}

    def _from_declared(self, subset: str, splits: Sequence[str], *, only_subset: bool) -> Choice | None:
        names = [name for name in self.declared if name.casefold() == subset.casefold()]
        if not names and len(self.declared) == 1 and (only_subset or subset.casefold() in _ONLY_SUBSET):
            names = list(self.declared)
        for name in names:
            by_split = self.declared[name]
            for split in splits:
                if by_split.get(split):
                    return Choice(by_split[split])
        return None

    def _from_split(self, subset: str) -> Choice | None:
        """The files of a subset that the folder's one configuration calls a split (MuSR)."""
        splits = next(iter(self.declared.values())) if len(self.declared) == 1 else {}
        named = splits.get(subset.lower()) if subset.lower() not in _SPLIT_NAMES else None
        return Choice(named, whole=True) if named else None

    def _subset_names(self, subset: str, *, only_subset: bool) -> list[str | None]:
        named = sorted({place.subset for place in self.places.values() if place.subset is not None})
        names: list[str | None] = [name for name in named if name.casefold() == subset.casefold()]
        if only_subset or subset.casefold() in _ONLY_SUBSET:
            names.append(None)
            if not names[:-1] and len(named) == 1:
                names.append(named[0])
        return names

    def _best(self, subset: str | None, split: str | None) -> tuple[str, ...]:
        groups: dict[tuple[int, int, str], list[str]] = {}
        for path, place in self.places.items():
            if place.subset == subset and place.split == split:
                groups.setdefault(place.group, []).append(path)
        return tuple(sorted(groups[min(groups)])) if groups else ()

    def _from_whole(self, subset: str, *, only_subset: bool) -> Choice | None:
        exact = [path for path in self.paths if _stem(path).casefold() == subset.casefold()]
        if exact:
            best = min(exact, key=lambda path: (FORMATS.index(suffix(path)), path.count("/"), path))
            return Choice((best,), whole=True)
        for name in self._subset_names(subset, only_subset=only_subset):
            found = self._best(name, None)
            if found:
                return Choice(found, whole=True)
        return None


def is_data_file(path: str) -> bool:
    """Whether the name is that of a file with records."""
    name = path.rpartition("/")[2].lower()
    return suffix(path) in FORMATS and name not in _NOT_DATA


def layout_of(
    paths: Iterable[str],
    *,
    name: str = "",
    readme: str | None = None,
    index: Mapping[str, Mapping[str, str]] | None = None,
) -> Layout:
    """Reads the folder whose files are `paths` (relative, with slashes); `readme` and `index` where it has them.

    `name`: the data set's, with which the names of its files may begin (mgsm_de.tsv).
    """
    data = tuple(sorted(path for path in paths if is_data_file(path)))
    data = tuple(path for path in data if suffix(path) != _TEXT) or data
    declared = _resolve(card.declared(readme) if readme else {}, data)
    if not declared and index:
        declared = _resolve({subset: {s: (p,) for s, p in splits.items()} for subset, splits in index.items()}, data)
    called = re.compile(rf"{re.escape(name)}[-_.](?=.)", re.IGNORECASE)
    unnamed = None
    if name and any(called.match(_stem(path)) for path in data):
        unnamed = Layout(data, {}, {path: _place(path, called) for path in data})
    return Layout(data, declared, {path: _place(path) for path in data}, unnamed)


def missing(layout: Layout, subset: str, split: str, where: str, *, few_shot: bool = False) -> str:
    """The message for a missing split: what was looked for, where, and what is there instead."""
    there = [f"{name or '(no subset)'}: {', '.join(splits)}" for name, splits in layout.available().items()]
    if not there:
        formats = ", ".join(FORMATS)
        return f"no data file in {where} (read are {formats}; loading scripts are never run, archives not opened)"
    shown = "; ".join(there[:20]) + (f"; and {len(there) - 20} more subsets" if len(there) > 20 else "")
    hint = "; few_shot_num 0 asks without worked examples" if few_shot else ""
    return f"no split {split!r} of subset {subset!r} in {where}; there is: {shown.replace('*', '(no split)')}{hint}"


def parse_index(document: Any) -> dict[str, dict[str, str]]:
    """The paths of ModelScope's older index `{subset: {split: {"meta": path}}}`, by subset and split; {} for other
    content.
    """
    if not isinstance(document, dict):
        return {}
    found: dict[str, dict[str, str]] = {}
    for subset, splits in document.items():
        if not isinstance(splits, dict):
            return {}
        for split, entry in splits.items():
            if not (isinstance(entry, dict) and isinstance(entry.get("meta"), str)):
                return {}
            found.setdefault(str(subset), {})[str(split)] = entry["meta"]
    return found


def _resolve(
    patterns: Mapping[str, Mapping[str, tuple[str, ...]]], paths: Sequence[str]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """The existing paths that match the patterns. Matching over listed paths also means that no pattern can leave the
    folder.

    {} where matching them all would take minutes: no data set has so many, and the names of its files still tell.
    """
    wanted = {_flat(glob) for splits in patterns.values() for globs in splits.values() for glob in globs}
    globs = {glob for glob in wanted if any(mark in glob for mark in "*?[")}
    if len(globs) * len(paths) > _MOST_MATCHES:
        return {}
    matching = {glob: tuple(filter(_matcher(glob), paths)) for glob in globs}
    matching |= {name: (name,) for name in wanted.difference(globs).intersection(paths)}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for subset, splits in patterns.items():
        for split, named in splits.items():
            matched = {path for glob in named for path in matching.get(_flat(glob), ())}
            if matched:
                found.setdefault(subset, {})[split.lower()] = tuple(sorted(matched))
    return found


def _matcher(glob: str) -> Callable[[str], object]:
    return re.compile(fnmatch.translate(glob)).match if len(glob) <= _LONGEST_GLOB else lambda _: False


def _flat(glob: str) -> str:
    # fnmatch's star already crosses slashes, so "**/x" needs only to lose its own slash.
    return glob.replace("**/", "*").replace("**", "*")


def _place(path: str, called: re.Pattern[str] | None = None) -> _Place:
    folders = [part for part in path.split("/")[:-1] if part != "."]
    while folders and folders[0].lower() in _CONTAINERS:
        folders.pop(0)
    name = _SHARD.sub("", _stem(path))
    name = called.sub("", name, count=1) if called and called.match(name) else name
    name = "" if name.isdigit() else name
    group = (FORMATS.index(suffix(path)), path.count("/"), "/".join([*path.split("/")[:-1], name]))
    folder_split = next((part.lower() for part in reversed(folders) if part.lower() in _SPLIT_NAMES), None)
    rest = [part for part in folders if part.lower() not in _SPLIT_NAMES]
    label, split = _split_of(name)
    split = split or folder_split
    if label and not (split and folder_split is None and not rest and split == label):
        rest = [*rest, label]
    return _Place("/".join(rest) or None, split, group)


def _split_of(name: str) -> tuple[str, str | None]:
    """("accountant", "val") for accountant_val, ("", "test") for test, (name, None) where no split is told."""
    lowered = name.lower()
    if lowered in _SPLIT_NAMES:
        return "", lowered
    for split in _SPLIT_NAMES:
        for separator in ("_", "-", "."):
            if lowered.endswith(separator + split) and len(name) > len(split) + 1:
                return name[: -len(split) - 1], split
    return name, None


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name[: -len(suffix(path))] if suffix(path) else name


def suffix(path: str) -> str:
    """How a file's name ends, in lower case: ".jsonl", ".jsonl.gz"."""
    name = path.rpartition("/")[2].lower()
    dot = name.removesuffix(".gz").rfind(".")
    return name[dot:] if dot > 0 else ""
