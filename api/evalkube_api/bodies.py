"""Reads JSON bodies strictly: limits on time, size, depth and number of values. Says what is wrong with a body.

The parser is stricter than JSON libraries. It refuses duplicate names, numbers beyond float and lone surrogates,
because different readers would read them differently.
"""

import asyncio
import json
import math
from collections import Counter
from typing import Any, Final

import orjson
from starlette.requests import ClientDisconnect, Request

from evalkube_api import errors

__all__ = ["parse_object", "read", "read_object"]

_MOST_DEPTH: Final = 64
_MOST_VALUES: Final = 50_000
"""More than any request needs. Each costs some 200 bytes of memory and 2 microseconds in what reads the request."""
_DRAIN_FACTOR: Final = 16


async def read_object(request: Request, *, most_bytes: int, timeout_s: float) -> dict[str, Any]:
    """The JSON object in the body of `request`. Raises errors.InvalidRequest, BodyTooLarge, BodyTooSlow."""
    data = await read(request, most_bytes=most_bytes, timeout_s=timeout_s)
    _check_content_type(request.headers.get("content-type"), empty=not data.strip())
    return parse_object(data)


async def read(request: Request, *, most_bytes: int, timeout_s: float) -> bytes:
    """The body of a request. Raises errors.InvalidRequest, BodyTooLarge, BodyTooSlow.

    A body that is too large is read on for a while, so that the client can read the answer.
    """
    data, length = bytearray(), 0
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                length += len(chunk)
                if length <= most_bytes:
                    data += chunk
                elif length > _DRAIN_FACTOR * most_bytes:
                    break
    except TimeoutError:
        raise errors.BodyTooSlow(f"the body did not arrive within {timeout_s:g} s") from None
    except ClientDisconnect:
        raise errors.InvalidRequest.because("the body ended early") from None
    if length > most_bytes:
        raise errors.BodyTooLarge(f"the body is larger than {most_bytes} bytes")
    return bytes(data)


def _check_content_type(value: str | None, *, empty: bool) -> None:
    if empty:
        raise errors.InvalidRequest.because(
            "Request body is required: a JSON object, with Content-Type application/json"
        )
    kind, _, parameters = (value or "").partition(";")
    if kind.strip().lower() != "application/json":
        given = f", not {kind.strip()[:80]!r}" if kind.strip() else ""
        raise errors.InvalidRequest.because(f"Content-Type must be application/json{given}")
    for parameter in parameters.split(";"):
        name, _, charset = parameter.partition("=")
        if name.strip().lower() == "charset" and charset.strip(" \"'").lower() not in ("utf-8", "utf8", "us-ascii"):
            raise errors.InvalidRequest.because("the charset of application/json must be utf-8")


def parse_object(data: bytes) -> dict[str, Any]:
    """`data` as a JSON object. Raises errors.InvalidRequest, whose message contains names from `data` but no values."""
    try:
        quick = orjson.loads(data)  # UTF-8, surrogates, NaN, depth: refused here, before the slower parser recurses
    except orjson.JSONDecodeError as problem:
        raise errors.InvalidRequest.because(f"is not valid JSON: {_where(problem)}") from None
    if not isinstance(quick, dict):
        raise errors.InvalidRequest.because(f"must be a JSON object, not {_NAMES.get(type(quick), 'a number')}")
    _check_shape(quick)
    try:
        parsed = json.loads(data, object_pairs_hook=_unique, parse_float=_finite, parse_int=_whole)
    except _Ambiguous as problem:
        raise errors.InvalidRequest.because(str(problem)) from None
    assert isinstance(parsed, dict)
    return parsed


_NAMES: Final = {list: "a list", str: "a string", bool: "true or false", type(None): "null"}


class _Ambiguous(ValueError):
    """JSON that different readers would read differently."""


def _where(problem: orjson.JSONDecodeError) -> str:
    return f"{problem.msg.partition(':')[0]} (line {problem.lineno}, column {problem.colno})"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        twice = next(name for name, times in counted.items() if times > 1)
        raise _Ambiguous(f"names {twice[:80]!r} twice")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Ambiguous("holds a number that is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > 20:
        raise _Ambiguous("holds a number that is too large")
    return int(text)


def _check_shape(value: dict[str, Any]) -> None:
    """Raises errors.InvalidRequest for a body with too many levels or values."""
    level: list[Any] = [value]
    values = 0
    for _ in range(_MOST_DEPTH):
        values += sum(map(len, level))
        if values > _MOST_VALUES:
            raise errors.InvalidRequest.because(f"holds more than {_MOST_VALUES} values")
        level = [child for one in level for child in _children(one)]
        if not level:
            return
    raise errors.InvalidRequest.because(f"is nested more than {_MOST_DEPTH} levels deep")


def _children(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value
    return [child for child in inner if isinstance(child, dict | list)]
