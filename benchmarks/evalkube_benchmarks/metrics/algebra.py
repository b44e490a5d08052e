"""Equality of formulas, by math-verify (sympy).

It may run for ever or use all memory, so it must be called where it can be ended.
"""

import contextlib
import functools
import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from evalkube_benchmarks.metrics.structure import spelled

__all__ = ["equal", "while_loading"]

_HAS_I = re.compile(r"(?<![A-Za-z\\])i(?![A-Za-z])")
while_loading: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
"""The context in which the library is loaded, which takes a second.

The scorer process sets its own, so that loading does not count as time of an answer.
"""


def equal(prediction: str, target: str) -> bool:
    """Whether two formulas have the same meaning."""
    library = _library()
    gold, mine = _parsed(library, target), _parsed(library, prediction)
    if not gold or not mine:
        return False
    if library.verify(gold, mine, timeout_seconds=None, raise_on_error=True):
        return True
    return _HAS_I.search(prediction + target) is not None and bool(
        library.verify(_complex(gold), _complex(mine), timeout_seconds=None, raise_on_error=True)
    )


def _complex(parsed: Any) -> Any:
    """A formula with i as the imaginary unit, which the library's parser reads as a variable inside brackets."""
    import sympy

    return [
        one.subs({symbol: sympy.I for symbol in one.free_symbols if symbol.name == "i"})
        if isinstance(one, sympy.Expr)
        else one
        for one in parsed
    ]


@functools.cache
def _library() -> ModuleType:
    with while_loading():
        # Here, not above: a run of letters and plain numbers never imports sympy, a second and 60 MB.
        import math_verify

        logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that it sets no timeout; its caller does
        math_verify.verify(_parsed(math_verify, "1"), _parsed(math_verify, "1"), timeout_seconds=None)
        library: ModuleType = math_verify
        return library


def _parsed(library: ModuleType, text: str) -> Any:
    # As LaTeX first, which both answers usually are; text without any ("2x + 1") parses as an expression.
    return library.parse(f"${spelled(text)}$", parsing_timeout=None, raise_on_error=True, fallback_mode="no_fallback")
