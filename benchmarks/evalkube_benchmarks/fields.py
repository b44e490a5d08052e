"""The values of a record, read as texts, references or messages. Pure.

Files contain more than texts: lists, objects, bytes, nothing. A value that is no text is refused with its field's name,
or has a meaning of its own here. It is never converted by Python's `str`.
"""

import datetime
import decimal
import json
import math
from collections.abc import Mapping
from typing import Any

from evalkube_benchmarks.benchmark import Content, Record

__all__ = ["content", "first", "is_missing", "metadata", "references", "text", "texts"]


def text(record: Record, name: str) -> str:
    """The text in a field; numbers become JSON. Raises KeyError without the field, ValueError for other values."""
    return _text(record[name], f"field {name!r}")


def texts(record: Record, name: str) -> tuple[str, ...]:
    """The texts in a list; a missing one is empty. Raises KeyError, ValueError."""
    value = record[name]
    if not isinstance(value, list | tuple):
        raise ValueError(f"field {name!r} is not a list")
    where = f"field {name!r}"
    return tuple("" if is_missing(one) else _text(one, where).strip() for one in value)


def first(record: Record, *names: str) -> str | None:
    """The text in the first of some fields that is not empty; None if all are."""
    name = next((name for name in names if not is_missing(record.get(name))), None)
    return None if name is None else text(record, name).strip()


def references(record: Record, *names: str) -> tuple[str, ...]:
    """The right answers in the first of some fields that is not empty: one text, or a list of them."""
    name = next((name for name in names if not is_missing(record.get(name))), None)
    if name is None:
        return ()
    value = record[name]
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(_text(one, f"field {name!r}").strip() for one in values)


def content(message: Mapping[str, Any], where: str) -> Content:
    """The content of a message: a text, or its parts if one of them is no text (an image). Parts are passed on."""
    value = message.get("content")
    if not isinstance(value, list | tuple):
        return _text(value, f"{where}: content")
    parts = [{"type": "text", "text": part} if isinstance(part, str) else part for part in value]
    strange = [part for part in parts if not isinstance(part, dict) or not isinstance(part.get("type"), str)]
    if strange or not parts:
        raise ValueError(f"{where}: content has a part that is not an object with a type")
    if all(isinstance(part.get("text"), str) for part in parts):
        return "\n".join(part["text"] for part in parts)
    try:
        json.dumps(parts)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: content has a part that is not JSON") from None
    return parts


def is_missing(value: Any) -> bool:
    """Whether a field is empty: null, an empty text, or the NaN of tables."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def metadata(value: Any) -> Any:
    """A value that is only kept beside a question, as JSON."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value) if isinstance(value, decimal.Decimal) else value


def _text(value: Any, where: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as problem:
            raise ValueError(f"{where} has bytes that are not UTF-8 text") from problem
    if isinstance(value, bool | int | float) and not is_missing(value):
        return json.dumps(value)
    if isinstance(value, decimal.Decimal | datetime.date | datetime.time):
        return str(metadata(value))
    kinds = {dict: "an object", list: "a list", tuple: "a list", type(None): "nothing"}
    raise ValueError(f"{where} has {kinds.get(type(value), type(value).__name__)} instead of a text")
