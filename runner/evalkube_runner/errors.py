"""How a run ends early. The reason is for programs, the message says what happened, where, and what to do about it."""

from evalkube_crds.names import EXIT_CODES, Reason

__all__ = ["RunFailed"]


class RunFailed(Exception):
    """The run cannot go on. What is finished so far has been, or will still be, delivered."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    @property
    def exit_code(self) -> int:
        """What the runner exits with."""
        return EXIT_CODES.get(self.reason, EXIT_CODES[Reason.INTERNAL_ERROR])
