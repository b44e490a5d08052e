"""Tests beside the program that they test, in its process. `process` sends this file's code with `confined`.

The tests see the program's names. They do not see the program's changes of builtins, and values from its functions must
not decide themselves what they are equal to. A program that searches its process for the tests can still find them.
"""

from __future__ import annotations

import builtins
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_DECIDING = (
    "eq", "ne", "lt", "le", "gt", "ge", "add", "radd", "sub", "rsub", "abs", "round", "bool", "float", "len", "contains"
)  # fmt: skip
_METHODS = tuple(f"__{name}__" for name in _DECIDING)
_OF_C = (type(object.__eq__), type(dict.__contains__), type(None))
_WRITTEN_IN_PYTHON = ("collections", "fractions", "numbers", "_pydecimal", "_pydatetime", "pathlib")
_FUNCTION = type(lambda: None)
_bases = type.__dict__["__mro__"].__get__
_members = type.__dict__["__dict__"].__get__


def tested(program: dict[str, Any], tests: str, called: tuple[str, ...], before: dict[str, Any]) -> None:
    """Runs tests of a program. `called` are its names that they call; `before` are the builtins before the program ran.

    Raises AssertionError if one fails, and whatever else the program raises.
    """
    vars(builtins).update(before)
    space = {name: value for name, value in program.items() if name not in before or name in called}
    for name, value in space.items():
        if type(value) is _FUNCTION or (name in called and callable(value)):
            space[name] = _judged(value)
    space.update({"__builtins__": before, "__name__": program["__name__"]})
    exec(compile(tests, "<tests>", "exec", dont_inherit=True), space)  # noqa: S102 - what this process is for


def _judged(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any, **named: Any) -> Any:
        value = function(*arguments, **named)
        _check(value)
        return _each(value) if hasattr(value, "__next__") else value

    return called


def _each(values: Iterator[Any]) -> Iterator[Any]:
    for value in values:
        _check(value)
        yield value


def _check(value: Any) -> None:
    """Refuses a value that has, or contains, its own way to be equal, small or long. Raises AssertionError."""
    waiting, seen = [value], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        kind = type(one)
        for base in _bases(kind):
            members = _members(base)
            if any(not _known(members.get(name)) for name in _METHODS):
                raise AssertionError("returns an object with its own way to be equal")
        if issubclass(kind, dict):
            waiting += [*dict.keys(one), *dict.values(one)]
        elif issubclass(kind, (list, tuple, set, frozenset)):
            waiting += one


def _known(method: Any) -> bool:
    """Whether a method is one of C, or of the standard library's types that programs return."""
    if type(method) in _OF_C:
        return True
    space = getattr(method, "__globals__", None)
    return any(space is vars(sys.modules[name]) for name in _WRITTEN_IN_PYTHON if name in sys.modules)
