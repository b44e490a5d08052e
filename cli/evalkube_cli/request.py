"""Puts a request together from a file, options and settings, and checks it before anything is started.

Reads the files that the options name; starts nothing.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from evalkube_benchmarks import collections
from evalkube_cli import errors, reading
from evalkube_crds import paths, requests
from evalkube_crds.fields import PathUse
from evalkube_crds.problems import Problem, problems_of

__all__ = ["Words", "assemble", "localized"]

Words = Mapping[str, str | list[str] | bool]


@dataclass(frozen=True, slots=True)
class Localized:
    """A request for a service on this machine: every path absolute, and the folders that it must be allowed to read."""

    body: dict[str, Any]
    folders: tuple[Path, ...]


def assemble(
    words: Words,
    model: type[BaseModel],
    *,
    file: str | None = None,
    settings: Sequence[str] = (),
    secrets: Mapping[str, str] | None = None,
    fallback_secrets: Mapping[str, str] | None = None,
    other_version: bool = False,
) -> dict[str, Any]:
    """The body of the request: ``file`` first, options over it, ``settings`` (field=value) over both.

    ``fallback_secrets`` are taken for those that nothing else gives. ``other_version``: the service that gets the body
    may know other benchmarks than this command. Raises errors.BadRequest with every problem.
    """
    found: list[Problem] = []
    body = _from_file(file) if file is not None else {}
    for name, given in words.items():
        _collect(found, lambda name=name, given=given: body.update({name: _value(name, given, model)}))  # type: ignore[misc]  # mypy cannot infer a lambda with defaults
    for setting in settings:
        _collect(found, lambda setting=setting: reading.assign(body, setting, model))  # type: ignore[misc]  # as above
    body |= secrets or {}
    for name, secret in (fallback_secrets or {}).items():
        if name in model.model_fields:
            body.setdefault(name, secret)
    found += [] if other_version else _unknown_benchmarks(body)
    if not found or all(problem.field.startswith("datasets[") for problem in found):
        found = [*_refused(body, model), *found]
    if found:
        raise errors.BadRequest(found)
    return body


def _unknown_benchmarks(body: Mapping[str, Any]) -> list[Problem]:
    names, own = body.get("datasets"), body.get("collections")
    texts = [names] if isinstance(names, str) else names if isinstance(names, list) else []
    known = own if isinstance(own, dict) else ()
    reasons = [collections.unknown(name, known) if isinstance(name, str) else None for name in texts]
    return [Problem(f"datasets[{at}]", reason) for at, reason in enumerate(reasons) if reason is not None]


def _collect(found: list[Problem], step: Callable[[], object]) -> None:
    try:
        step()
    except reading.Unreadable as unreadable:
        found.append(unreadable.problem)


def _value(name: str, given: str | list[str] | bool, model: type[BaseModel]) -> Any:
    if isinstance(given, bool):
        return given
    annotation = model.model_fields[name].annotation
    if isinstance(given, str) and given.startswith("@") and reading.kind_of(annotation)[0] == "json":
        given = _text_of(given[1:], name)
    return reading.read(given, annotation, name)


def _refused(body: Mapping[str, Any], model: type[BaseModel]) -> list[Problem]:
    """What the contract has against ``body``."""
    try:
        requests.parse_request(model, dict(body))  # type: ignore[type-var]  # one of its two models
    except ValidationError as error:
        return problems_of(error, model)
    return []


def _from_file(name: str) -> dict[str, Any]:
    text = sys.stdin.read() if name == "-" else _text_of(name, "--file")
    try:
        body = json.loads(text)
    except ValueError as problem:
        raise errors.BadRequest([Problem("--file", f"{name} is not JSON: {problem}")]) from None
    if not isinstance(body, dict):
        raise errors.BadRequest([Problem("--file", f"{name} must hold a JSON object")])
    return body


def _text_of(name: str, field: str) -> str:
    try:
        return Path(name).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise errors.BadRequest([Problem(field, f"cannot read {name}: {reason}")]) from None


def localized(body: Mapping[str, Any], model: type[BaseModel]) -> Localized:
    """``body`` with every path to read made absolute. Raises errors.BadRequest for one that is not there."""
    found: list[Problem] = []
    folders: dict[Path, None] = {}

    def place(field: str, name: str, use: PathUse) -> str:
        if use in (PathUse.WRITTEN, PathUse.EARLIER):
            return name  # below the output root, which the service knows
        path = Path(name).expanduser().resolve()
        if not path.exists():
            found.append(Problem(field, f"{path} does not exist"))
        folders[path if path.is_dir() else path.parent] = None
        return str(path)

    placed = paths.with_paths(dict(body), paths.fields_of(model), place)
    if found:
        raise errors.BadRequest(found)
    return Localized(placed, tuple(folders))
