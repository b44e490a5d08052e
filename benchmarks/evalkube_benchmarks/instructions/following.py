"""The instructions that a reply follows: strictly, and loosely (in one of the variants that a reader would accept)."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from evalkube_benchmarks.instructions.table import INSTRUCTIONS

__all__ = ["Followed", "followed"]


@dataclass(frozen=True, slots=True)
class Followed:
    """For each instruction of a prompt, in order, whether the reply follows it."""

    strict: tuple[bool, ...]
    loose: tuple[bool, ...]


def followed(reply: str, names: Sequence[str], arguments: Sequence[Mapping[str, Any]]) -> Followed:
    """The instructions of a prompt that a reply follows. `arguments` are aligned with `names`.

    The four figures of one answer ask in turn, so the result is kept.
    """
    return _followed(reply, tuple(names), orjson.dumps([dict(one) for one in arguments]))


@functools.lru_cache(maxsize=8)
def _followed(reply: str, names: tuple[str, ...], packed: bytes) -> Followed:
    arguments = orjson.loads(packed)
    pairs = list(zip(names, arguments, strict=True))
    strict = tuple(_follows(reply, name, own) for name, own in pairs)
    lenient = tuple(_variants(reply))
    loose = tuple(
        found or any(_follows(variant, name, own) for variant in lenient)
        for found, (name, own) in zip(strict, pairs, strict=True)
    )
    return Followed(strict, loose)


def _follows(reply: str, name: str, arguments: Mapping[str, Any]) -> bool:
    """Whether the reply follows each instruction. An empty reply follows none, not even one to leave something out."""
    return bool(reply.strip()) and INSTRUCTIONS[name].follows(reply, arguments)


def _variants(reply: str) -> Iterator[str]:
    """The other seven of the paper's eight variants: without Markdown's stars, first line, last line, or several of
    these.
    """
    lines = reply.split("\n")
    shorter = ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    yield reply.replace("*", "")
    for variant in shorter:
        yield variant
        yield variant.replace("*", "")
