"""Problems of a document: a field's path, a reason, and the nearest valid name. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from evalkube_crds import left_out
from evalkube_crds.fields import model_in

__all__ = ["Problem", "nearest", "problems_in", "problems_of", "sentence"]

_MOST: Final = 50
"""The maximum number of problems in a message; the next ones appear when these are fixed."""

_LONGEST_NAME: Final = 80
"""The maximum number of characters of a name or value that a message repeats, or compares with valid names."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: `field` is a dotted path ("" for the whole document), `reason` says what is wrong and what to do."""

    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}" if self.field else self.reason


def sentence(problems: Iterable[Problem]) -> str:
    """All problems on one line."""
    return "; ".join(str(problem) for problem in problems)


def problems_of(error: ValidationError, model: type[BaseModel], *, camel: bool = False) -> list[Problem]:
    """Each error once, with the nearest names of `model` (those of the resource if `camel`).

    Only the first ones are explained, and the others counted: a document may have a hundred thousand errors, and
    comparing names takes longer than reading them.
    """
    found: dict[Problem, None] = {}
    for entry in islice(error.errors(include_url=False, include_context=False), _MOST):
        found[_problem(entry["loc"], entry["type"], entry["msg"], entry.get("input"), model, camel)] = None
    more = error.error_count() - _MOST
    return [*found, *([Problem("", f"and {more} more problems")] if more > 0 else [])]


def problems_in(entries: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Errors that pydantic lists for values without a model: the parameters of a query, by their names."""
    return [
        _problem(entry["loc"][-1:], entry["type"], entry["msg"], entry.get("input"), BaseModel, False)
        for entry in islice(entries, _MOST)
    ]


def _problem(
    loc: Sequence[int | str], kind: str, message: str, given: Any, model: type[BaseModel], camel: bool
) -> Problem:
    names = [part for part in loc if part != "[key]"]
    if kind == "extra_forbidden":
        if (reason := left_out.reason_of(names)) is not None:
            return Problem(_path(names), f"is not supported: {reason}")
        return Problem(_path(names), _unknown(str(names[-1]), _fields_at(names[:-1], model, camel)))
    if kind == "missing":
        return Problem(_path(names), "is required")
    if kind == "value_error":
        reason = message.removeprefix("Value error, ")
        field, colon, rest = reason.partition(": ")
        if colon and " " not in field and _top_field(field) in _fields_at(names, model, camel):
            return Problem(_path([*names, field]), rest)
        return Problem(_path(names), reason)
    if kind == "literal_error":
        return Problem(_path(names), _not_among(given, message))
    return Problem(_path(names), _PLAIN.get(kind) or _lower(message))


_PLAIN = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "finite_number": "must be a finite number",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}


def _lower(message: str) -> str:
    return (
        message.replace("Input should", "must", 1).replace("String should", "must", 1).replace("List should", "must", 1)
    )


def _not_among(given: Any, message: str) -> str:
    choices = [part.strip("' ") for part in message.removeprefix("Input should be ").replace(" or ", ", ").split(", ")]
    if not isinstance(given, str | int | float):
        return "must be one of " + ", ".join(choices)
    shown = _clipped(given) if isinstance(given, str) else given
    return f"{shown!r} is not one of " + ", ".join(choices) + nearest(str(shown), choices)


def _unknown(name: str, valid: Sequence[str]) -> str:
    return "is not a known field" + (nearest(name, valid) or f"; valid here: {', '.join(sorted(valid))}")


def nearest(name: str, valid: Sequence[str]) -> str:
    """The words `"; did you mean 'x'?"`, or "" where no name is near. A very long name has none near."""
    if len(name) > _LONGEST_NAME:
        return ""
    spelt = {candidate.lower().replace("-", "_"): candidate for candidate in valid}
    close = get_close_matches(name.lower().replace("-", "_"), list(spelt), n=1, cutoff=0.6)
    return f"; did you mean {spelt[close[0]]!r}?" if close else ""


def _top_field(path: str) -> str:
    return path.split(".")[0]


def _path(names: Sequence[int | str]) -> str:
    path = ""
    for name in names:
        path += f"[{name}]" if isinstance(name, int) else f".{_clipped(name)}" if path else _clipped(name)
    return path


def _clipped(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def _fields_at(names: Sequence[int | str], model: type[BaseModel], camel: bool) -> list[str]:
    """The field names of the model at the end of the path `names`."""
    current: type[BaseModel] | None = model
    for name in names:
        if current is None:
            return []
        field = _field_named(current, str(name))
        current = model_in(field.annotation) if field is not None else current
    if current is None:
        return []
    return [(field.alias or name) if camel else name for name, field in current.model_fields.items()]


def _field_named(model: type[BaseModel], name: str) -> FieldInfo | None:
    by_name = model.model_fields.get(name)
    return by_name or next((field for field in model.model_fields.values() if field.alias == name), None)
