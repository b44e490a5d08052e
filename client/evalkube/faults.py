"""What a user is told of an exception that nobody expected: a sentence; where it happened, only to who asks for that.

Imports next to nothing: it is needed where something could not be imported, too.
"""

import sys
import traceback
from pathlib import Path
from typing import Final

from evalkube_crds.wording import printable

__all__ = ["said", "tell"]

_LONGEST: Final = 300


def tell(program: str, problem: Exception, *, debug: bool) -> None:
    """Say on standard error that `program` failed; with `debug` with the stack."""
    if debug:
        print(printable("".join(traceback.format_exception(problem))), end="", file=sys.stderr)
    print(said(program, problem), file=sys.stderr)


def said(program: str, problem: Exception) -> str:
    """One sentence: what happened, whose fault it is, and how to see more."""
    if isinstance(problem, OSError) and problem.filename is not None:
        return printable(f"{program}: {problem.filename}: {problem.strerror} ({_MORE})")
    where = traceback.extract_tb(problem.__traceback__)[-1:]
    place = f" ({Path(where[0].filename).name}:{where[0].lineno})" if where else ""
    words = str(problem).split("\n", 1)[0][:_LONGEST]
    what = f"{type(problem).__name__}: {words}" if words else type(problem).__name__
    return printable(f"{program}: {what}{place}: a fault of evalkube; please report it ({_MORE})")


_MORE: Final = "EVALKUBE_DEBUG=1 shows where it happened"
