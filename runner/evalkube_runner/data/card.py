"""Reads a data set's card (README.md): the `configs` of its YAML front matter. No I/O here.

A card is written by strangers. It is read event by event into plain text, lists and maps: an alias stands for the value
that it names and is never copied, a merge key or a type of YAML's means nothing, and what is found has a bound. So the
work grows with the card's length, whatever is in it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = ["MOST_BYTES", "declared"]

MOST_BYTES: Final = 1024 * 1024
"""What is read of a card; the largest ones on the hubs have half of it."""

_MOST_DEPTH: Final = 16
_MOST_PATTERNS: Final = 20_000

_Node = str | list[Any] | dict[str, Any] | None


class _NoCard(Exception):
    """A front matter that is not read: broken, too deep, or of too many patterns."""


def declared(text: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Subset -> split -> glob patterns; {} when there is no card that is readable."""
    front = _front_matter(text)
    if front is None:
        return {}
    try:
        return _configs(_tree(front))
    except _NoCard:
        return {}  # when the card is broken, the file names still tell


def _front_matter(text: str) -> str | None:
    """The text between the first line, of three dashes, and the next such line; None where there is none."""
    first, _, rest = text.removeprefix("\ufeff").partition("\n")
    if first.rstrip() != "---":
        return None
    lines = rest.split("\n")
    end = next((number for number, line in enumerate(lines) if line.rstrip() == "---"), None)
    return None if end is None else "\n".join(lines[:end])


def _tree(front: str) -> _Node:
    import yaml

    builder = _Builder()
    try:
        for event in yaml.parse(front, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
    except yaml.YAMLError:
        raise _NoCard from None
    return builder.root


class _Builder:
    """Puts a document together from its events, without recursion."""

    def __init__(self) -> None:
        self.root: _Node = None
        self._open: list[tuple[list[Any] | dict[str, Any], list[str]]] = []
        self._anchors: dict[str, _Node] = {}

    def take(self, event: Any) -> None:
        """One event of `yaml.parse`. Raises _NoCard where it leads too deep."""
        import yaml

        match event:
            case yaml.ScalarEvent():
                nothing = event.implicit[0] and event.value in ("", "~", "null")
                self._put(None if nothing else event.value, event.anchor)
            case yaml.AliasEvent():
                self._put(self._anchors.get(event.anchor or ""))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                inner: list[Any] | dict[str, Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
                self._put(inner, event.anchor)
                self._open.append((inner, []))
                if len(self._open) > _MOST_DEPTH:
                    raise _NoCard
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._open.pop()

    def _put(self, value: _Node, anchor: str | None = None) -> None:
        if anchor is not None:
            self._anchors[anchor] = value
        if not self._open:
            self.root = value
            return
        holder, key = self._open[-1]
        if isinstance(holder, list):
            holder.append(value)
        elif key:
            holder[key.pop()] = value
        else:
            key.append(value if isinstance(value, str) else "")


def _configs(root: _Node) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, list[str]]] = {}
    left = _MOST_PATTERNS
    configs = root.get("configs") if isinstance(root, dict) else None
    for config in configs if isinstance(configs, list) else []:
        name = config.get("config_name") if isinstance(config, dict) else None
        if not isinstance(name, str):
            continue
        for split, pattern in _patterns(config):
            left -= 1
            if left < 0:
                raise _NoCard
            if pattern is not None:
                found.setdefault(name, {}).setdefault(split, []).append(pattern)
    return {name: {split: tuple(globs) for split, globs in splits.items()} for name, splits in found.items()}


def _patterns(config: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Each split with one of its patterns, or with None for a part that is none: those are counted too."""
    files, folder = config.get("data_files"), config.get("data_dir")
    prefix = folder.strip("/") + "/" if isinstance(folder, str) and folder.strip("/.") else ""
    if isinstance(files, str):
        # The hubs' rule for a config that lists files and no splits: they are the train split.
        yield "train", prefix + files
    for entry in files if isinstance(files, list) else []:
        split, paths = (entry.get("split"), entry.get("path")) if isinstance(entry, dict) else (None, None)
        for path in paths if isinstance(paths, list) and paths else [paths]:
            if isinstance(split, str) and isinstance(path, str):
                yield split, prefix + path.removeprefix("./")
            else:
                yield "", None
