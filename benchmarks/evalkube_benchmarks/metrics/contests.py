"""The tests of a contest's program.

Each test runs in a fresh process of the sandbox. The results are compared here, where the program cannot reach the
expected ones.
"""

import base64
import binascii
import io
import pickle
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from evalkube_benchmarks import sandbox
from evalkube_benchmarks.benchmark import Explained
from evalkube_benchmarks.metrics import programs
from evalkube_benchmarks.sandbox import Call, Limits, Outcome, Program

__all__ = ["Test", "passes", "same_output", "tests_of"]

_MOST_BYTES = 256 << 20
_SHOWN = 120
_HEADER = """\
from typing import *
from string import *
from re import *
from datetime import *
from collections import *
from heapq import *
from bisect import *
from copy import *
from random import *
from statistics import *
from itertools import *
from functools import *
from operator import *
from math import *
from builtins import *
import sys, io, os, re, json, math, cmath, time, string, random, heapq, bisect, copy, functools, itertools, operator
import collections, datetime, decimal, fractions, statistics
sys.setrecursionlimit(50000)
"""
"""The imports that contest sites add, and that solutions often leave out.

If a module and a name in one are equal, it is the module.
"""


@dataclass(frozen=True, slots=True)
class Test:
    """One test: the input and the expected output.

    `call` means JSON values, one per line, for a function and not for a program.
    """

    __test__ = False  # for pytest, which would collect it

    input: str
    output: str
    call: bool


class _TextOnly(pickle.Unpickler):
    """A reader of pickled text that never makes an object of a class."""

    def find_class(self, module: str, name: str) -> Any:
        """The class of a name: none is allowed."""
        raise ValueError(f"private_test_cases contains {module}.{name}, but must be a text")


def tests_of(public: str, private: str) -> list[Test]:
    """The tests of a problem: JSON, the private ones perhaps compressed (base64, zlib, a pickled text).

    Raises ValueError for anything else.
    """
    try:
        rows = [*orjson.loads(public or "[]"), *_private(private)]
        tests = [Test(row["input"], row["output"], row["testtype"] == "functional") for row in rows]
    except (KeyError, TypeError, binascii.Error, zlib.error, pickle.UnpicklingError, EOFError) as problem:
        raise ValueError(f"the tests of this problem cannot be read: {problem!r}") from problem
    if not tests:
        raise ValueError("this problem has no tests")
    return tests


def _private(text: str) -> list[Any]:
    if not text or text.lstrip().startswith("["):
        return list(orjson.loads(text or "[]"))
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(base64.b64decode(text, validate=True), _MOST_BYTES)
    if unpacker.unconsumed_tail:
        raise ValueError(f"the tests of this problem have more than {_MOST_BYTES >> 20} MiB")
    return list(orjson.loads(data if data.lstrip().startswith(b"[") else _TextOnly(io.BytesIO(data)).load()))


def passes(found: str, function: str, tests: Sequence[Test], limits: Limits) -> Explained:
    """Whether a program passes all tests; the first failed test ends it."""
    explained = Explained(0.0)
    for number, test in enumerate(tests, start=1):
        where = f"test {number} of {len(tests)}: "
        if test.call:
            arguments = tuple(orjson.loads(line) for line in test.input.split("\n") if line.strip())
            program = Program(sources=(_HEADER + found,), call=Call(function, arguments))
        else:
            program = Program(sources=(_HEADER + found,), name="__main__", complete=False, stdin=test.input)
        outcome = sandbox.run(program, limits)
        explained = programs.explained(outcome, where)
        if outcome.kind != "finished":
            return explained
        if (wrong := _difference(test, outcome)) is not None:
            return Explained(0.0, f"{where}failed: {wrong}", outcome.held)
    return explained


def _difference(test: Test, outcome: Outcome) -> str | None:
    if test.call:
        same = outcome.value == orjson.loads(test.output)
        return None if same else f"gave {_short(repr(outcome.value))}, not {_short(test.output)}"
    written = outcome.stdout.decode(errors="replace")
    return None if same_output(written, test.output) else f"wrote {_short(written)}, not {_short(test.output)}"


def same_output(written: str, expected: str) -> bool:
    """Whether two outputs are equal line by line.

    White space around a line does not count, and numbers are compared by value.
    """
    ours, theirs = ([line.strip() for line in text.strip().split("\n")] for text in (written, expected))
    return len(ours) == len(theirs) and all(
        one == other or _numbers(one) == _numbers(other) != None  # noqa: E711 - None is no number
        for one, other in zip(ours, theirs, strict=True)
    )


def _numbers(line: str) -> list[Decimal] | None:
    try:
        return [Decimal(word) for word in line.split()]
    except InvalidOperation:
        return None


def _short(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
