"""The options of a command, made from the fields of a request's model.

Pure. Typer reads a function's signature; here one is written from a pydantic model. So no field is missing, and every
description is the model's.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from evalkube_cli.asking import naming, reading
from evalkube_crds.cluster import CLUSTER_ONLY
from evalkube_crds.requests import SECRETS

__all__ = ["spread", "with_options"]

_HIDDEN: Final = {*CLUSTER_ONLY, *SECRETS, "tags"}
"""Secrets and tags have options of their own; what only a cluster heeds is for resources (and `--set`)."""

_MORE: Final = "More"
_LONGEST_METAVAR: Final = 24


def with_options(
    function: Callable[..., Any], model: type[BaseModel], panels: Mapping[str, Sequence[str]]
) -> Callable[..., Any]:
    """Gives `function(words, **own)` an option for each field of `model`, grouped by `panels`, for Typer to read.

    `words` has the options that were given: field -> words, a list of words, or a bool.
    """
    own = [one for one in inspect.signature(function).parameters.values() if one.name != "words"]
    panel_of = {field: panel for panel, fields in panels.items() for field in fields}
    ordered = sorted(
        (name for name in model.model_fields if name not in _HIDDEN),
        key=lambda name: list(panel_of).index(name) if name in panel_of else len(panel_of),
    )
    made = {name: _parameter(name, model.model_fields[name], panel_of.get(name, _MORE)) for name in ordered}

    def command(**values: Any) -> Any:
        words = {name: value for name in made if (value := values.pop(name)) not in (None, [])}
        return function(words=words, **values)

    command.__doc__ = function.__doc__
    parameters = [*made.values(), *own]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect.signature looks for
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _parameter(name: str, field: FieldInfo, panel: str) -> inspect.Parameter:
    kind, many = reading.kind_of(field.annotation)
    info = typer.Option(
        _spelling(name, kind),
        help=_help(field),
        metavar=None if kind == "boolean" else _metavar(field, kind, many),
        show_default=False,
        rich_help_panel=panel,
    )
    plain: Any = bool if kind == "boolean" else list[str] if many else str
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[plain | None, info]
    )


def _spelling(name: str, kind: reading.Kind) -> str:
    option = naming.flag(name)
    if kind != "boolean":
        return option
    return f"{option}/--{option.removeprefix('--no-')}" if name.startswith("no_") else f"{option}/--no-{option[2:]}"


def _help(field: FieldInfo) -> str:
    text = (field.description or "").replace("[", r"\[")  # rich would read it as markup
    text = text[:1].upper() + text[1:]
    if field.is_required():
        return rf"{text} \[required]"
    default = _default(field.default)
    return rf"{text} \[default: {default}]" if default else text


def _metavar(field: FieldInfo, kind: reading.Kind, many: bool) -> str:
    choices = reading.choices_of(field.annotation)
    listed = "|".join(choices)
    word = (
        listed if 0 < len(listed) <= _LONGEST_METAVAR else "|".join((kind.upper(), *reading.words_of(field.annotation)))
    )
    return f"{word}..." if many else word


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, BaseModel) or value in ({}, []):
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def spread(arguments: Sequence[str], model: type[BaseModel]) -> list[str]:
    """Repeats an option for each of its words: `--datasets gsm8k iquiz` becomes `--datasets gsm8k --datasets iquiz`.

    EvalScope's command accepts the first form. Commands here have no positional arguments, so all words up to the next
    option belong to this one.
    """
    many = {naming.flag(name) for name, field in model.model_fields.items() if reading.kind_of(field.annotation)[1]}
    found: list[str] = []
    option, first = "", False
    for word in arguments:
        if _is_option(word):
            option, first = (word, True) if word in many else ("", False)
            found.append(word)
        elif option and not first:
            found += [option, word]
        else:
            found.append(word)
            first = False
    return found


def _is_option(word: str) -> bool:
    return word.startswith("-") and not re.fullmatch(r"-\d.*|-", word)
