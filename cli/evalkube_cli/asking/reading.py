"""Turns words of a command line into values of a request's fields. Pure: no file is read here.

A word that does not fit is passed on unchanged. The contract then says what is wrong with it, in its own terms.
"""

import json
import math
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, JsonValue, SecretStr

from evalkube_crds.problems import Problem

__all__ = ["Kind", "Unreadable", "assign", "choices_of", "kind_of", "read", "words_of"]

Kind = Literal["text", "integer", "number", "boolean", "json"]


class Unreadable(Exception):
    """An option's words cannot be read as a value."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def kind_of(annotation: Any) -> tuple[Kind, bool]:
    """The kind of value that an annotation takes, and whether it takes several."""
    annotation = _bare(annotation)
    if get_origin(annotation) is list:
        kind, many = kind_of(get_args(annotation)[0])
        return ("json", False) if many or kind == "json" else (kind, True)
    if annotation in _KINDS:
        return _KINDS[annotation], False
    if (plain := _beside_words(annotation)) is not None:
        return plain, False
    return ("text", False) if get_origin(annotation) is Literal else ("json", False)


_KINDS: dict[Any, Kind] = {str: "text", SecretStr: "text", bool: "boolean", int: "integer", float: "number"}


def _beside_words(annotation: Any) -> Kind | None:
    """The kind of a field that takes numbers and some words. A word that is no number is passed on unchanged."""
    if get_origin(annotation) not in (Union, UnionType):
        return None
    parts = [part for part in map(_bare, get_args(annotation)) if get_origin(part) is not Literal]
    return _KINDS.get(parts[0]) if len(parts) == 1 else None


def words_of(annotation: Any) -> tuple[str, ...]:
    """The words that a field takes beside its values, for example `auto` beside a number."""
    annotation = _bare(annotation)
    if _beside_words(annotation) is None:
        return ()
    literals = [part for part in map(_bare, get_args(annotation)) if get_origin(part) is Literal]
    return tuple(str(value) for part in literals for value in get_args(part))


def choices_of(annotation: Any) -> tuple[str, ...]:
    """The words that a field takes, if they are a closed list."""
    annotation = _bare(annotation)
    if get_origin(annotation) is list:
        return choices_of(get_args(annotation)[0])
    return tuple(str(value) for value in get_args(annotation)) if get_origin(annotation) is Literal else ()


def _bare(annotation: Any) -> Any:
    """An annotation without its metadata and without None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        return _bare(parts[0]) if len(parts) == 1 else annotation
    return annotation


def read(words: str | Sequence[str], annotation: Any, field: str) -> Any:
    """The value of `field` that `words` stand for. Raises Unreadable if JSON is needed and the words are not JSON."""
    kind, many = kind_of(annotation)
    if not isinstance(words, str):
        return [_read_one(word, kind, field) for word in words]
    return [_read_one(words, kind, field)] if many else _read_one(words, kind, field)


def _read_one(word: str, kind: Kind, field: str) -> Any:
    match kind:
        case "text":
            return word
        case "boolean":
            return {"true": True, "false": False}.get(word.lower(), word)
        case "json":
            try:
                return json.loads(word)
            except ValueError as problem:
                raise Unreadable(Problem(field, f"must be JSON: {problem}")) from None
    return _number(word, whole=kind == "integer")


def _number(word: str, *, whole: bool) -> Any:
    try:
        return int(word)
    except ValueError:
        pass
    try:
        value = float(word)
    except ValueError:
        return word
    return word if whole or not math.isfinite(value) else value


def assign(body: dict[str, Any], setting: str, model: type[BaseModel]) -> None:
    """Writes a setting ("generation_config.temperature=0.5") into `body`. Raises Unreadable.

    If the path leads to no known field, the value is JSON if it can be read so, else text. The contract then checks it.
    """
    path, equals, word = setting.partition("=")
    names = path.strip().split(".")
    if not equals or not all(names):
        raise Unreadable(Problem("--set", f"{setting!r} is not of the form field=value"))
    place = body
    for name in names[:-1]:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise Unreadable(Problem("--set", f"{path}: {name} is not an object"))
    annotation = _annotation_at(names, model)
    if annotation in (None, JsonValue) or kind_of(annotation)[1]:
        place[names[-1]] = _json_or_text(word)
    else:
        place[names[-1]] = read(word, annotation, path)


def _json_or_text(word: str) -> Any:
    try:
        return json.loads(word)
    except ValueError:
        return word


def _annotation_at(names: Sequence[str], model: type[BaseModel]) -> Any:
    """The annotation of the field that `names` lead to; None if they lead to no field."""
    current: Any = model
    for name in names:
        current = _bare(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(name)
            current = field.annotation if field is not None else None
        elif get_origin(current) in (dict, Mapping):
            current = get_args(current)[1]
        else:
            return None
    return current
