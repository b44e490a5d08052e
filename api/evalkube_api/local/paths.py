"""Where a request's paths lead, and whether they may: looks at the file system, changes nothing.

Written paths (work_dir, use_cache) stay under the output root; read ones also under a data folder. Links are resolved
first, and the service's own folder inside the output root is never among them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from evalkube_api import errors
from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.problems import Problem

__all__ = ["CONTROL", "NEEDS_CLUSTER", "Roots", "check_local", "overlap", "resolved"]

CONTROL: Final = ".evalkube"
"""The service's own folder under the output root."""

Spec = EvalRunSpec | PerfRunSpec


class _Refused(Exception):
    """A path that leads where it may not."""


@dataclass(frozen=True, slots=True)
class Roots:
    """The folders a request may name, absolute and with links resolved."""

    outputs: Path
    data: tuple[Path, ...] = ()

    @classmethod
    def of(cls, outputs: Path, data: tuple[Path, ...]) -> "Roots":
        """Makes the output root where it is missing. Raises errors.ServiceError for a folder that cannot be used."""
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
        """``name`` as a folder below the output root."""
        path = self._allowed(self.outputs / name, (self.outputs,))
        if path == self.outputs:
            raise _Refused("must name a folder below the output root, not the root itself")
        if path.exists() and not path.is_dir():
            raise _Refused("is a file, and must name a folder")
        return path

    def read(self, name: str) -> Path:
        """``name`` as a file or folder that is there; a relative one is looked up in each data folder, then the
        output root."""
        allowed = (*self.data, self.outputs)
        inside = []
        refusal = _Refused(_outside(allowed))
        for root in allowed:
            try:
                inside.append(self._allowed(root / name, allowed))
            except _Refused as refused:
                refusal = refused
        if not inside:
            raise refusal
        found = next((path for path in inside if path.exists()), None)
        if found is None:
            raise _Refused("does not exist; looked for " + " and ".join(map(str, dict.fromkeys(inside))))
        return found

    def _allowed(self, path: Path, roots: tuple[Path, ...]) -> Path:
        try:
            real = path.resolve()
            real.exists()  # raises for names that no file system takes
        except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a NUL
            raise _Refused("is not a usable path") from None
        if not any(real.is_relative_to(root) for root in roots):
            raise _Refused(_outside(roots))
        if real.is_relative_to(self.control):
            raise _Refused(f"lies in the service's own folder ({CONTROL})")
        return real


def _outside(roots: tuple[Path, ...]) -> str:
    more = "" if len(roots) > 1 else "; folders to read from are added with --data"
    return f"lies outside what the service may use: {', '.join(map(str, dict.fromkeys(roots)))}{more}"


def overlap(one: Path, other: Path) -> bool:
    """Whether one of two folders is, or lies in, the other."""
    return one.is_relative_to(other) or other.is_relative_to(one)


def check_local(spec: Spec) -> None:
    """Raises errors.InvalidRequest for what only a cluster can honour."""
    stray = [name for name in CLUSTER_ONLY if getattr(spec, name) != type(spec).model_fields[name].default]
    found = [Problem(name, NEEDS_CLUSTER) for name in stray]
    if isinstance(spec, EvalRunSpec) and spec.judge.api_key_secret_ref is not None:
        found.append(Problem("judge.api_key_secret_ref", f"{NEEDS_CLUSTER}; here the judges' key is judge_api_key"))
    if found:
        raise errors.InvalidRequest(found)


NEEDS_CLUSTER: Final = "needs the kubernetes backend; this service runs on one machine"


def resolved(spec: Spec, roots: Roots) -> Spec:
    """``spec`` with every path absolute and resolved. Raises errors.InvalidRequest that names each field that may
    not."""
    found: list[Problem] = []
    changes: dict[str, Any] = {}

    def place(field: str, name: str, rule: Callable[[str], Path]) -> str:
        try:
            return str(rule(name))
        except _Refused as refused:
            found.append(Problem(field, str(refused)))
            return name

    for field, rule in (("work_dir", roots.written), ("use_cache", _existing(roots))):
        if getattr(spec, field, None) is not None:
            changes[field] = place(field, getattr(spec, field), rule)
    more = _eval_changes if isinstance(spec, EvalRunSpec) else _perf_changes
    changes.update(more(spec, lambda field, name: place(field, name, roots.read)))
    if found:
        raise errors.InvalidRequest(found)
    return spec.model_copy(update=changes)


def _existing(roots: Roots) -> Callable[[str], Path]:
    def rule(name: str) -> Path:
        path = roots.written(name)
        if not path.is_dir():
            raise _Refused(f"does not exist; looked for {path}")
        return path

    return rule


Place = Callable[[str, str], str]


def _eval_changes(spec: Any, place: Place) -> dict[str, Any]:
    args = {
        name: one.model_copy(update={"local_path": place(f"dataset_args.{name}.local_path", one.local_path)})
        for name, one in spec.dataset_args.items()
        if one.local_path is not None
    }
    return {"dataset_args": {**spec.dataset_args, **args}} if args else {}


def _perf_changes(spec: Any, place: Place) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for field, name in _perf_paths(spec):
        changes[field] = place(field, name)
    for field in ("prompt", "query_template"):
        value = getattr(spec, field)
        if value is not None and value.startswith("@"):
            changes[field] = "@" + place(field, value[1:])
    prefix = spec.dataset_args.prefix_file
    if prefix is not None:
        update = {"prefix_file": place("dataset_args.prefix_file", prefix)}
        changes["dataset_args"] = spec.dataset_args.model_copy(update=update)
    return changes


def _perf_paths(spec: Any) -> Iterator[tuple[str, str]]:
    for field in ("dataset_path", "tokenizer_path"):
        if getattr(spec, field) is not None:
            yield field, getattr(spec, field)
