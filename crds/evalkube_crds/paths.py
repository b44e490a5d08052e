"""Paths in a request: which fields hold one, and which files a run may read.

All backends have one rule. A run may read a path only if it leads, with all links resolved, to a place below one of the
folders that the run was given. This module looks at the file system to resolve links; it opens no file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from evalkube_crds.cluster import ClusterFields
from evalkube_crds.fields import PathUse, model_in
from evalkube_crds.problems import Problem

__all__ = [
    "DATA_FOLDER",
    "POD_CACHE",
    "SHARED_DATA",
    "PathField",
    "PathMissing",
    "PathRefused",
    "Readable",
    "fields_of",
    "outside",
    "unmounted",
    "with_paths",
]


@dataclass(frozen=True, slots=True)
class PathField:
    """A field that holds a path.

    `place` has its names from the document's top, in snake_case; `*` stands for any key.
    """

    place: tuple[str, ...]
    use: PathUse


def fields_of(model: type[BaseModel]) -> tuple[PathField, ...]:
    """All fields of `model` and of the models inside it whose type has a `PathUse` mark."""
    return tuple(_marked(model, ()))


def _marked(model: type[BaseModel], above: tuple[str, ...]) -> Iterator[PathField]:
    for name, field in model.model_fields.items():
        place = (*above, name)
        use = next(
            (each for each in (*field.metadata, *_metadata(field.annotation)) if isinstance(each, PathUse)), None
        )
        inner = model_in(field.annotation)
        if use is not None:
            yield PathField(place, use)
        elif inner is not None:
            yield from _marked(inner, (*place, "*") if _holds_many(field.annotation) else place)


def _metadata(annotation: Any) -> Iterator[Any]:
    """The metadata of `Annotated[...]` anywhere in a type, because pydantic's own list does not look into a union."""
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _metadata(part)


def _holds_many(annotation: Any) -> bool:
    origin = getattr(annotation, "__origin__", None)
    return origin in (dict, list) or any(_holds_many(part) for part in get_args(annotation))


Document = TypeVar("Document", bound=BaseModel | Mapping[str, Any])
Change = Callable[[str, str, PathUse], str]
"""A function from a field's dotted name, its path and the path's use to the path that replaces it."""


def with_paths(document: Document, fields: Iterable[PathField], change: Change) -> Document:
    """A copy of `document` (a spec, or the body of a request) in which `change` has replaced each path."""
    for field in fields:
        document = _changed(document, field.place, "", partial(_applied, field.use, change))
    return document


def _applied(use: PathUse, change: Change, name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if use is not PathUse.READ_AFTER_AT:
        return change(name, value, use)
    return f"@{change(name, value[1:], use)}" if value.startswith("@") else value


def _changed(holder: Any, place: tuple[str, ...], above: str, change: Callable[[str, Any], Any]) -> Any:
    if not place:
        return change(above, holder)
    updates: dict[Any, Any] = {}
    for name, value in _members(holder, place[0]):
        found = _changed(value, place[1:], f"{above}.{name}" if above else str(name), change)
        if found is not value:
            updates[name] = found
    if not updates:
        return holder
    if isinstance(holder, BaseModel):
        return holder.model_copy(update=updates)
    if isinstance(holder, list):
        return [updates.get(at, value) for at, value in enumerate(holder)]
    return {**holder, **updates}


def _members(holder: Any, name: str) -> list[tuple[Any, Any]]:
    """The parts of `holder` that `name` (or `*`) stands for; none where the document has another shape."""
    if name == "*":
        return list(enumerate(holder)) if isinstance(holder, list) else list(_mapping(holder).items())
    if isinstance(holder, BaseModel):
        return [(name, getattr(holder, name))] if name in type(holder).model_fields else []
    return [(name, holder[name])] if name in _mapping(holder) else []


def _mapping(holder: Any) -> Mapping[Any, Any]:
    return holder if isinstance(holder, Mapping) else {}


class PathRefused(ValueError):
    """A path that a run may not read. The message says which it may."""


class PathMissing(PathRefused):
    """A path where no file is."""


@dataclass(frozen=True, slots=True)
class Readable:
    """The folders that a run may read, absolute and with links resolved.

    `closed` are folders inside them that are not readable. `remedy` says what a person can do about a refusal, and ends
    the message.
    """

    folders: tuple[Path, ...] = ()
    closed: tuple[Path, ...] = ()
    remedy: str = ""

    @classmethod
    def of(cls, folders: Iterable[Path], closed: Iterable[Path] = (), *, remedy: str = "") -> "Readable":
        """The folders with their links resolved. A folder that does not exist allows nothing."""
        return cls(tuple(path.resolve() for path in folders), tuple(path.resolve() for path in closed), remedy)

    def admit(self, path: Path) -> Path:
        """`path` with its links resolved. Raises PathRefused if it is not below a readable folder."""
        real = resolved(path)
        if not any(real.is_relative_to(folder) for folder in self.folders):
            raise PathRefused(self._refusal(path, real))
        if any(real.is_relative_to(folder) for folder in self.closed):
            raise PathRefused(f"is in evalkube's own folder ({real}); give another path")
        return real

    def find(self, name: str) -> Path:
        """The file or folder of that name, links resolved. A relative one is looked for in each folder in turn.

        Raises PathRefused, and PathMissing if there is no such file.
        """
        inside: list[Path] = []
        refusal = PathRefused(self._refusal(Path(name), None))
        for folder in self.folders:
            try:
                inside.append(self.admit(folder / name))
            except PathRefused as refused:
                refusal = refused
        if not inside:
            raise refusal
        there = next((path for path in inside if path.exists()), None)
        if there is None:
            looked = "; looked for " + " and ".join(map(str, dict.fromkeys(inside)))
            raise PathMissing("does not exist" + ("" if Path(name).is_absolute() else looked))
        return there

    def _refusal(self, path: Path, real: Path | None) -> str:
        through = f" (it leads to {real})" if real is not None and path.is_absolute() and real != path else ""
        allowed = ", ".join(map(str, dict.fromkeys(self.folders))) or "no folder"
        return f"is outside the folders that a run may read{through}: {allowed}" + (
            f"; {self.remedy}" if self.remedy else ""
        )


def resolved(path: Path) -> Path:
    """`path` with all links resolved. Raises PathRefused for a name that no file system takes."""
    try:
        real = path.resolve()
        real.exists()  # raises for what `resolve` lets through
    except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a NUL
        raise PathRefused("is not a usable path") from None
    return real


DATA_FOLDER: Final = "/data"
"""The folder of a pod in which the parts of `spec.data` are mounted, each under its name."""

SHARED_DATA: Final = f"{DATA_FOLDER}/shared"
"""The folder of a pod with the installation's own claim, unless the run mounts something of that name."""

POD_CACHE: Final = "/var/cache/evalkube"
"""The folder of a pod for downloaded data sets."""


def unmounted(spec: ClusterFields, *, camel: bool = False) -> list[Problem]:
    """The paths in a spec that, on a cluster, are outside everything that its pods mount for reading.

    The folder of an earlier run is always one of them. With `camel`, fields are named as in the resource.
    """
    folders = [*(f"{DATA_FOLDER}/{mount.name}" for mount in spec.data), SHARED_DATA, POD_CACHE]
    found: list[Problem] = []

    def note(field: PathField, name: str, value: str, use: PathUse) -> str:
        said = _in_camel_case(name, field) if camel else name
        if use is PathUse.EARLIER:
            found.append(Problem(said, _NO_EARLIER_RUN))
        elif use in (PathUse.READ, PathUse.READ_AFTER_AT) and outside(value, folders):
            words = f"{value[:200]!r} is outside the folders that the run's pods may read: {', '.join(folders)}"
            found.append(Problem(said, f"{words}; data mounts claims and ConfigMaps at {DATA_FOLDER}/<name>"))
        return value

    for field in fields_of(type(spec)):
        with_paths(spec, [field], partial(note, field))
    return found


_NO_EARLIER_RUN = (
    "on a cluster no pod can read the folder of another run; leave it out (a run that loses its pods continues by "
    "itself)"
)


def _in_camel_case(name: str, field: PathField) -> str:
    """A path with its field names as in the resource; the keys of maps keep their spelling."""
    parts = zip(name.split("."), field.place, strict=True)
    return ".".join(["spec", *(part if place == "*" else to_camel(part) for part, place in parts)])


def outside(name: str, folders: Iterable[str]) -> bool:
    """Whether `name` is not an absolute path below one of `folders`, judged by the text alone, without the files."""
    path = PurePosixPath(name)
    return "\0" in name or ".." in path.parts or not any(path.is_relative_to(folder) for folder in folders)
