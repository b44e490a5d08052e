"""The errors that end a run early. The reason is for programs; the message says what happened, where, and what to do
about it.
"""

from evalkube_crds.names import EXIT_CODES, Reason
from evalkube_crds.results import PerfResult

__all__ = ["RunFailed", "TargetFailed", "invalid"]


class RunFailed(Exception):
    """The run cannot go on. What is finished so far has been, or will still be, delivered."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    @property
    def exit_code(self) -> int:
        """The runner's exit code."""
        return EXIT_CODES.get(self.reason, EXIT_CODES[Reason.INTERNAL_ERROR])


class TargetFailed(RunFailed):
    """A load test ran to its end, and its target answered nothing well. Its `result` is still delivered."""

    def __init__(self, reason: Reason, message: str, result: PerfResult) -> None:
        super().__init__(reason, message)
        self.result = result


def invalid(field: str, problem: str) -> RunFailed:
    """The error for a spec that cannot be met: the field, and what is wrong with it."""
    return RunFailed(Reason.INVALID_SPEC, f"{field}: {problem}")
