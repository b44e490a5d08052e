"""The exit codes of `evalkube`. Each outcome has its own code, so that scripts need not read the output."""

from enum import IntEnum

__all__ = ["Exit"]


class Exit(IntEnum):
    """The exit code of a command."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "Exit":
        """Makes a code with its description."""
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
    FAULT = 8, "Something that nobody expected: a fault of evalkube. Please report it; `EVALKUBE_DEBUG=1` shows where."
    INTERRUPTED = 130, "Interrupted by Ctrl-C. The run was cancelled; what it did stays."
