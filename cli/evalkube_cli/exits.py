"""The exit codes of `evalkube`: an outcome each, so that a script or a CI job need not read what was printed.

`python -m evalkube_cli.exits FILE` writes their table into a page of the documents, between its two marks.
"""

import sys
from enum import IntEnum
from pathlib import Path
from typing import Final

__all__ = ["Exit", "markdown"]


class Exit(IntEnum):
    """How a command ended."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        """A code with what it means."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    DONE = 0, "The command did what it was asked, and the result passed every check."
    FAILED = 1, "The run failed. The reason is printed."
    REFUSED = 2, "The request was refused before anything was sent: an option, a file or a value is wrong."
    UNMET = 3, "A search for a service level found no load that meets it."
    THRESHOLD = 4, "The run succeeded and missed a threshold (`--threshold`, or `thresholds` of the request)."
    INVALID = 5, "The load generator was not healthy, so the figures are no measurement (`--fail-on invalid,degraded`)."
    ERRORS = 6, "More samples or requests failed than the limit allows (`--fail-on errors`, `errors>5`, `errors>1%`)."
    SERVICE = 7, "The service could not be reached, did not accept the token, or failed."
    INTERRUPTED = 130, "Interrupted by Ctrl-C. The run was cancelled; what it did stays."


_MARKS: Final = ("<!-- exit codes -->", "<!-- end of exit codes -->")


def markdown() -> str:
    """The codes as a table."""
    rows = [f"| {code.value} | `{code.name.lower()}` | {code.meaning} |" for code in Exit]
    return "\n".join(["| Code | Name | When |", "|---|---|---|", *rows])


def _write(page: Path) -> None:
    before, _, rest = page.read_text("utf-8").partition(_MARKS[0])
    _, _, after = rest.partition(_MARKS[1])
    page.write_text(f"{before}{_MARKS[0]}\n{markdown()}\n{_MARKS[1]}{after}", "utf-8")


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
