"""The columns of traces of recorded requests, and what their values mean. Pure.

- Azure's (AzurePublicDataset, 2023 and 2024): TIMESTAMP (a date and a time, with or without a zone), ContextTokens,
  GeneratedTokens.
- Mooncake's (FAST'25): timestamp (ms), input_length, output_length, hash_ids; each id stands for a block of 512 tokens,
  and requests that begin with the same ids have the same beginning.
- BurstGPT's: Timestamp (seconds), Request tokens, Response tokens.
- EvalScope's workload traces: body, timestamp, completion_tokens where it is known.
- Our own: timestamp, input_tokens, output_tokens.

The last two have timestamps in seconds, or a date and a time.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

__all__ = ["FORMATS", "LATEST_NS", "UNKNOWN", "Format", "Told", "body_of", "format_of"]

UNKNOWN: Final = -1
"""A length that nobody tells."""

_NANO: Final = 1_000_000_000
_MILLI: Final = 1_000_000
_LONGEST: Final = 1 << 31
LATEST_NS: Final = 1 << 62
"""What no time of a request reaches."""
_DIGITS: Final = re.compile(r"[0-9]{1,9}")
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d):([0-5]\d|60)(?:[.,](\d{1,9})\d*)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?", re.IGNORECASE
)


class Told(NamedTuple):
    """One request as a trace describes it."""

    at_ns: int
    input_length: int
    output_length: int


def _date_ns(value: object) -> int:
    """Nanoseconds since 1970. Raises ValueError."""
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{_shown(value)} is not a date and a time")
    minute, second, fraction, zone = found.groups()
    at_ns = (_minute_s(minute, zone or "Z") + int(second)) * _NANO + int((fraction or "").ljust(9, "0"))
    if not 0 <= at_ns < LATEST_NS:
        raise ValueError(f"{_shown(value)} is not a time that requests can have")
    return at_ns


@lru_cache(maxsize=64)
def _minute_s(minute: str, zone: str) -> int:
    try:
        at = datetime.fromisoformat(minute + ("+00:00" if zone[0] in "ZzUu" else zone))
        return round(at.astimezone(UTC).timestamp())
    except OverflowError as error:
        raise ValueError(f"{minute} {zone} is beyond the calendar") from error


def _milliseconds_ns(value: object) -> int:
    return _scaled(value, _MILLI, "ms")


def _seconds_ns(value: object) -> int:
    return _scaled(value, _NANO, "seconds")


def _moment_ns(value: object) -> int:
    """The nanoseconds of a date and a time, or of seconds."""
    return _date_ns(value) if isinstance(value, str) and _TIME.fullmatch(value.strip()) else _seconds_ns(value)


def _scaled(value: object, unit_ns: int, unit: str) -> int:
    number = _number(value)
    if number is None:
        raise ValueError(f"{_shown(value)} is not a time in {unit}")
    if not 0 <= number < LATEST_NS // unit_ns:
        raise ValueError(f"{_shown(value)} is not a time that requests can have: it must be 0 or more {unit}")
    return round(number * unit_ns)


class Format(NamedTuple):
    """The columns of a kind of traces, and what its timestamps are. `output`: none where `optional`."""

    name: str
    time_ns: Callable[[object], int]
    input: str
    output: str
    optional: bool = False

    @property
    def has_bodies(self) -> bool:
        """Whether requests have whole bodies instead of lengths."""
        return self.input == _BODY

    def told(self, row: Mapping[str, Any]) -> Told:
        """The request that a row describes, its columns in lower case. Raises ValueError."""
        for name in (_TIMESTAMP, self.input, *(() if self.optional else (self.output,))):
            if name not in row:
                raise ValueError(f"has no {name}")
        at_ns, output = self.time_ns(row[_TIMESTAMP]), row.get(self.output)
        length = UNKNOWN if output is None and self.optional else _length(output)
        if self.has_bodies:
            _check_body(row)
            return Told(at_ns, UNKNOWN, length)
        _check_ids(row.get("hash_ids"))
        return Told(at_ns, _length(row[self.input]), length)


_TIMESTAMP: Final = "timestamp"
_BODY: Final = "body"

FORMATS: Final = (
    Format("EvalScope's", _moment_ns, _BODY, "completion_tokens", optional=True),
    Format("Mooncake's", _milliseconds_ns, "input_length", "output_length"),
    Format("Azure's", _date_ns, "contexttokens", "generatedtokens"),
    Format("BurstGPT's", _seconds_ns, "request tokens", "response tokens"),
    Format("our own", _moment_ns, "input_tokens", "output_tokens"),
)


def format_of(columns: Collection[str]) -> Format:
    """The format that has these columns, in lower case. Raises ValueError."""
    found = next((one for one in FORMATS if _TIMESTAMP in columns and one.input in columns), None)
    if found is None:
        known = "; or ".join(f"{one.input}, {one.output}" for one in FORMATS)
        raise ValueError(f"not a request of a trace: it needs timestamp, and {known}")
    return found


def body_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The recorded body of a request."""
    body: Any = row[_BODY]
    if isinstance(body, str):
        body = orjson.loads(body)
    if not isinstance(body, dict) or not body:
        raise ValueError("body must be an object, the body of a request")
    return body


def _check_body(row: Mapping[str, Any]) -> None:
    try:
        body_of(row)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"body is a string, but not the JSON of one: {error}") from error
    if row.get("headers"):
        raise ValueError("headers of single requests are not sent; put those of all into the headers of the test")


def _check_ids(ids: object) -> None:
    if ids is None:
        return
    if not isinstance(ids, list) or not all(isinstance(one, int) and 0 <= one < 1 << 63 for one in ids):
        raise ValueError("hash_ids must be a list of whole numbers")


def _length(value: object) -> int:
    plain = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
    if type(plain) is int and 0 <= plain < _LONGEST:
        return plain
    number = _number(value)
    if number is None or not 0 <= number < _LONGEST or number != int(number):
        raise ValueError(f"{_shown(value)} is not a number of tokens")
    return int(number)


def _number(value: object) -> Decimal | None:
    """A number, also one that is written in a cell; None of anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
