"""Resolves a request's paths and checks that they are allowed. Reads the file system, changes nothing.

Paths that are written (work_dir, use_cache) stay under the output root; paths that are read may also be under a data
folder. Links are resolved first. The service's own folder in the output root is never allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from evalkube_api import errors
from evalkube_crds import paths
from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.fields import PathUse
from evalkube_crds.paths import PathField, PathRefused, Readable
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.problems import Problem

__all__ = ["CONTROL", "NEEDS_CLUSTER", "REMEDY", "Roots", "check_local", "overlap", "resolved", "with_run_folders"]

CONTROL: Final = ".evalkube"
"""The service's own folder under the output root."""

REMEDY: Final = "folders to read from are added with --data"

Spec = EvalRunSpec | PerfRunSpec


@dataclass(frozen=True, slots=True)
class Roots:
    """The folders that a request may name, absolute and with links resolved."""

    outputs: Path
    data: tuple[Path, ...] = ()

    @classmethod
    def of(cls, outputs: Path, data: tuple[Path, ...]) -> "Roots":
        """The roots of a service. Makes the output root if it is missing. Raises errors.ServiceError for an unusable
        folder.
        """
        try:
            outputs.mkdir(parents=True, exist_ok=True)
            found = cls(outputs.resolve(strict=True), tuple(folder.resolve(strict=True) for folder in data))
        except OSError as problem:
            raise errors.ServiceError(
                f"{problem.filename}: {problem.strerror}; --outputs and --data must name folders"
            ) from None
        for folder in (found.outputs, *found.data):
            if not folder.is_dir():
                raise errors.ServiceError(f"{folder}: is not a folder; --outputs and --data must name folders")
        return found

    @property
    def control(self) -> Path:
        """The service's own folder."""
        return self.outputs / CONTROL

    def written(self, name: str) -> Path:
        """`name` as a folder below the output root."""
        path = Readable((self.outputs,), (self.control,), REMEDY).admit(self.outputs / name)
        if path == self.outputs:
            raise PathRefused("must name a folder below the output root, not the root itself")
        if path.exists() and not path.is_dir():
            raise PathRefused("is a file, and must name a folder")
        return path

    def earlier(self, name: str) -> Path:
        """`name` as an existing folder below the output root."""
        path = self.written(name)
        if not path.is_dir():
            raise PathRefused(f"does not exist; looked for {path}")
        return path

    def is_a_runs(self, folder: Path) -> bool:
        """Whether `folder`, from a document, is a folder that runs write to. Nothing else is ever deleted."""
        try:
            return self.written(str(folder)) == folder
        except PathRefused:
            return False

    @property
    def readable(self) -> Readable:
        """The folders that runs may read: the data folders, and the output root without the service's own folder."""
        return Readable((*self.data, self.outputs), (self.control,), REMEDY)


def overlap(one: Path, other: Path) -> bool:
    """Whether one of two folders is the other or is inside it."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def check_local(spec: Spec) -> None:
    """Raises errors.InvalidRequest for a field that only a cluster supports."""
    stray = [name for name in CLUSTER_ONLY if getattr(spec, name) != type(spec).model_fields[name].default]
    found = [Problem(name, NEEDS_CLUSTER) for name in stray]
    if isinstance(spec, EvalRunSpec) and spec.judge.api_key_secret_ref is not None:
        found.append(Problem("judge.api_key_secret_ref", f"{NEEDS_CLUSTER}; here the judges' key is judge_api_key"))
    for place, model in enumerate(spec.judge.models if isinstance(spec, EvalRunSpec) else ()):
        if model.api_key_secret_ref is not None:
            words = f"{NEEDS_CLUSTER}; here a judge's own key is its api_key"
            found.append(Problem(f"judge.models[{place}].api_key_secret_ref", words))
    if isinstance(spec, EvalRunSpec) and spec.judge.credentials_secret_ref is not None:
        words = f"{NEEDS_CLUSTER}; here their headers stand in the judges' generation_config"
        found.append(Problem("judge.credentials_secret_ref", words))
    if found:
        raise errors.InvalidRequest(found)


NEEDS_CLUSTER: Final = "needs the kubernetes backend; this service runs on one machine"


_ANSWERS: Final = PathField(("judge", "contract", "reference", "answers"), PathUse.READ)


def with_run_folders(spec: Spec, folder_of: Callable[[str, str], str]) -> Spec:
    """`spec` with a run's folder in place of the run's id.

    `folder_of` gets the field and its value.
    """
    if not isinstance(spec, EvalRunSpec):
        return spec
    return paths.with_paths(spec, [_ANSWERS], lambda field, name, _: folder_of(field, name))


def resolved(spec: Spec, roots: Roots) -> Spec:
    """`spec` with every path absolute and resolved.

    Raises errors.InvalidRequest, which names each field whose path is not allowed.
    """
    found: list[Problem] = []
    rules: dict[PathUse, Callable[[str], Path]] = {
        PathUse.READ: roots.readable.find,
        PathUse.READ_AFTER_AT: roots.readable.find,
        PathUse.WRITTEN: roots.written,
        PathUse.EARLIER: roots.earlier,
    }

    def place(field: str, name: str, use: PathUse) -> str:
        try:
            return str(rules[use](name))
        except PathRefused as refused:
            found.append(Problem(field, str(refused)))
            return name

    changed = paths.with_paths(spec, paths.fields_of(type(spec)), place)
    if found:
        raise errors.InvalidRequest(found)
    return changed
