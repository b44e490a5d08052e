"""Reads fields of raw JSON: each function returns the type that it promises, or raises `Odd`. Pure.

Whatever an object holds (nothing, another type, a number beyond all measure, a time that is none), nothing else is
raised, and no value of another type goes further.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

__all__ = ["Odd", "Raw", "flag", "moment", "needed", "number", "part", "parts", "text", "texts", "version"]

Raw = Mapping[str, Any]

_MOST: Final = 2**63
_FRACTION: Final = re.compile(r"\.(\d{6})\d+")
_YEARS: Final = range(2, 9999)
"""Room on both sides: whoever adds a day to a time, or takes one off, still has a time."""


class Odd(Exception):
    """A field does not have the shape that its kind promises."""


def part(holder: object, name: str) -> Raw:
    """The object in the field; an empty one where there is none."""
    found = _field(holder, name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise Odd(f"{name} is no object")
    return found


def parts(holder: object, name: str) -> list[Raw]:
    """The objects in the field's list; an empty list where there is none."""
    found = _field(holder, name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise Odd(f"{name} is no list of objects")
    return found


def text(holder: object, name: str, default: str = "") -> str:
    """The text in the field; `default` where there is none."""
    found = _field(holder, name)
    return default if found is None else _text(found, name)


def needed(holder: object, name: str) -> str:
    """The text in a required field."""
    found = text(holder, name)
    if not found:
        raise Odd(f"{name} is missing")
    return found


def texts(holder: object, name: str) -> dict[str, str]:
    """The texts by name in the field: labels, annotations."""
    return {_text(key, name): _text(value, name) for key, value in part(holder, name).items()}


def number(holder: object, name: str, default: int = 0) -> int:
    """The whole number in the field, of at most 64 bits; `default` where there is none."""
    found = _field(holder, name)
    if found is None:
        return default
    if not isinstance(found, int) or isinstance(found, bool) or not -_MOST <= found < _MOST:
        raise Odd(f"{name} is no whole number of 64 bits")
    return found


def flag(holder: object, name: str) -> bool:
    """Whether the field is true; False where there is none."""
    found = _field(holder, name)
    if found is not None and not isinstance(found, bool):
        raise Odd(f"{name} is neither true nor false")
    return bool(found)


def moment(holder: object, name: str) -> datetime | None:
    """The time in the field, with its zone; None where there is none."""
    found = text(holder, name)
    if not found:
        return None
    try:
        at = datetime.fromisoformat(_FRACTION.sub(r".\1", found))
        utc = at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        utc = None
    if utc is None or utc.year not in _YEARS:
        raise Odd(f"{name} is no time")
    return utc


def version(metadata: object) -> int:
    """The resource version as an integer; 0 where it is none. Versions compare as integers (Kubernetes says so since
    1.35, etcd always did).
    """
    found = text(metadata, "resourceVersion")
    return int(found) if found.isdecimal() and len(found) < 20 else 0


def _field(holder: object, name: str) -> Any:
    if not isinstance(holder, Mapping):
        raise Odd(f"what should hold {name} is no object")
    return holder.get(name)


def _text(found: object, name: str) -> str:
    if not isinstance(found, str):
        raise Odd(f"{name} is no text")
    if not found.isascii():
        try:
            found.encode()
        except UnicodeEncodeError:
            raise Odd(f"{name} is no text that can be written down") from None
    return found
