"""Finds a verdict with a form of its own in a judge's reply: double square brackets, or a JSON object. Pure.

All looks are linear in the length of what was said, or bounded.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

__all__ = ["agreed", "clean", "formal", "objects", "values_of"]

Read = TypeVar("Read", float, str)

_DECODER = json.JSONDecoder()
_OPENING = re.compile(r'\{\s*"')
_MOST_OBJECTS = 100
_MOST_CHARS = 50_000
_AROUND = " \t\r\n*_`~\"'“”‘’«»「」『』【】<>。,，:：;；!！()（）[]$#|"
_BOXED = re.compile(r"\\boxed\{(.*)\}")


def clean(text: str) -> str:
    """A word or a number without the markup around it."""
    text = text.lstrip(_AROUND).rstrip(_AROUND + ".")  # a dot before a number is its own
    boxed = _BOXED.fullmatch(text)
    return boxed.group(1).strip() if boxed else text


def formal(said: str, names: frozenset[str]) -> list[Any] | None:
    """The content of the last verdict with a form of its own: of double brackets, or of an object's values under
    `names`. None where there is none.
    """
    found: list[tuple[int, list[Any]]] = []
    if (bracketed := _bracketed(said)) is not None:
        found.append((bracketed[0], [bracketed[1]]))
    found += [(end, values) for end, one in objects(said) if (values := values_of(one, names))]
    return max(found, key=lambda each: each[0])[1] if found else None


def agreed(values: Iterable[Read | None]) -> Read | None:
    """The value that all readable values agree on; None where none is readable, or two differ."""
    distinct = {value for value in values if value is not None}
    return distinct.pop() if len(distinct) == 1 else None


def objects(said: str) -> list[tuple[int, dict[str, Any]]]:
    """The JSON objects in a reply, in order, each with its end. Objects inside others are left out."""
    begun = max(0, len(said) - _MOST_CHARS)
    found: list[tuple[int, dict[str, Any]]] = []
    end = begun
    for opening in [match.start() for match in _OPENING.finditer(said, begun)][-_MOST_OBJECTS:]:
        if opening < end:
            continue
        try:
            value, end = _DECODER.raw_decode(said, opening)
        except (ValueError, RecursionError):
            continue
        found.append((end, value))
    return found


def values_of(found: Mapping[str, Any], names: frozenset[str]) -> list[Any]:
    """The values of an object under any of `names` (lower case), in its order."""
    return [value for name, value in found.items() if name.strip().lower() in names]


def _bracketed(said: str) -> tuple[int, str] | None:
    """The last content of double square brackets on one line. It looks at each end once: linear."""
    closed = said.rfind("]]")
    start = said.rfind("[[", 0, closed) if closed >= 0 else -1
    if start < 0:
        return None
    end = said.find("]]", start + 2)
    inside = said[start + 2 : end].strip()
    return (end + 2, inside) if inside and "\n" not in inside else None
