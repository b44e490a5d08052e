"""Names a problem's field as the user typed it: `--api-url`, `--set seed`, `--file run.yaml: limit`. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evalkube_crds.problems import Problem

__all__ = ["Typed", "flag", "named"]


@dataclass(frozen=True, slots=True)
class Typed:
    """Where the fields of a request came from. `fields`: all fields that the request can have."""

    fields: frozenset[str]
    words: Mapping[str, Any] = field(default_factory=dict)
    settings: Sequence[str] = ()
    file: str | None = None
    in_file: frozenset[str] = frozenset()
    thresholds: Sequence[str] = ()
    tags: Sequence[str] = ()


def flag(name: str, given: Any = None) -> str:
    """The option of a field: `eval_batch_size` is `--eval-batch-size`. A switch that was turned off has its `--no-`
    form.
    """
    if name.startswith("no_") and given is False:
        return "--" + name.removeprefix("no_").replace("_", "-")
    return ("--no-" if given is False else "--") + name.replace("_", "-")


def named(problems: Iterable[Problem], typed: Typed) -> list[Problem]:
    """The problems, each under the option that it is about."""
    return [_named(problem, typed) for problem in problems]


def _named(problem: Problem, typed: Typed) -> Problem:
    top = re.split(r"[.\[]", problem.field, maxsplit=1)[0]
    rest = problem.field[len(top) :]
    if problem.field.startswith("--") or not top:
        return problem
    if (setting := _setting(problem.field, top, typed.settings)) is not None:
        return Problem(f"--set {setting}", problem.reason)
    if top in typed.words:
        inside = rest.lstrip(".") if rest.startswith(".") else ""
        return Problem(flag(top, typed.words[top]), f"{inside} {problem.reason}".strip())
    if top == "thresholds" and typed.thresholds:
        return Problem("--threshold", problem.reason)
    if top == "tags" and typed.tags:
        return Problem(f"--tag {rest.removeprefix('.')}".rstrip(), problem.reason)
    if top in typed.in_file:
        return Problem(f"--file {typed.file}", f"{problem.field} {problem.reason}")
    if top in typed.fields and not rest:
        return Problem(flag(top), problem.reason)
    return problem


def _setting(path: str, top: str, settings: Sequence[str]) -> str | None:
    """The path of the `--set` option that a problem is about; None if it is about no such option."""
    names = [setting.partition("=")[0].strip() for setting in settings]
    exact = [name for name in names if path == name or path.startswith((f"{name}.", f"{name}["))]
    near = [name for name in names if re.split(r"[.\[]", name, maxsplit=1)[0] == top]
    return next(iter([*exact, *near]), None)
