"""Reads answers with embeddings: a vector for each input, as floats or as base64. No bytes and no I/O here.

Reference: https://platform.openai.com/docs/api-reference/embeddings/object.
"""

import base64
import binascii
from collections.abc import Mapping
from functools import partial
from typing import Any

from evalkube_crds.names import ErrorClass
from evalkube_runner.wire import faults
from evalkube_runner.wire.answer import Fault, Said
from evalkube_runner.wire.grammar import NAMELESS, Grammar
from evalkube_runner.wire.prompt_usage import prompt_usage

__all__ = ["grammar_of"]


def grammar_of(asked: int) -> Grammar:
    """The grammar of an answer to `asked` inputs."""
    return Grammar(
        begin=lambda: partial(_said, asked),
        names=NAMELESS,
        keys=("data",),
        ends="its vectors",
        needs="vectors (data)",
        streams=False,
    )


def _said(asked: int, found: Mapping[str, Any], name: bytes) -> Said:
    data = found.get("data")
    error = faults.in_object(found, answers=bool(data))
    if error is not None:
        return Said(fault=Fault(ErrorClass.ERROR_IN_STREAM, error))
    if not isinstance(data, list) or not data:
        return Said()
    wrong = _wrong(data, asked)
    if wrong is not None:
        return Said(fault=Fault(ErrorClass.PARSE, wrong))
    return Said(usage=prompt_usage(found), items=len(data))


def _wrong(data: list[Any], asked: int) -> str | None:
    """The fault of `data` that is not one vector for each input, in words."""
    if len(data) != asked:
        return f"the server sent {_counted(len(data), 'vector')} for {_counted(asked, 'input')}"
    sizes = [_size(one.get("embedding")) if isinstance(one, dict) else 0 for one in data]
    if 0 in sizes:
        return f"the embedding of input {sizes.index(0)} is no vector of numbers"
    if len(set(sizes)) > 1:
        return f"the server sent vectors of {min(sizes)} and of {max(sizes)} dimensions"
    places = {one.get("index", at) for at, one in enumerate(data) if isinstance(one.get("index", at), int)}
    if places != set(range(asked)):
        return f"the vectors are not of inputs 0 to {asked - 1}, each once, by their index"
    return None


def _size(vector: object) -> int:
    """The dimensions of a vector; 0 where it is none."""
    if isinstance(vector, list):
        numbers = vector and {float, int}.issuperset(map(type, vector))
        return len(vector) if numbers else 0
    if not isinstance(vector, str):
        return 0
    try:
        size, rest = divmod(len(base64.b64decode(vector, validate=True)), _FLOAT_BYTES)
    except (binascii.Error, ValueError):
        return 0
    return 0 if rest else size


_FLOAT_BYTES = 4  # 32-bit floats


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
