"""The operator's errors, by what the caller does next. Nothing else is raised on purpose.

A run that fails is not an error here: that is a status, decided in `plan`.
"""

__all__ = ["Conflict", "Forbidden", "Gone", "NotFound", "OperatorError", "Refused", "Unavailable", "Unreadable"]


class OperatorError(Exception):
    """The base class of the operator's errors."""


class Unavailable(OperatorError):
    """The API server or the store did not answer, and may have done it or not: look again, then try again."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Conflict(OperatorError):
    """The object has changed or exists already: read it and decide anew."""


class NotFound(OperatorError):
    """The object is not there."""


class Gone(OperatorError):
    """The watch's resource version is too old: list again."""


class Refused(OperatorError):
    """The API server will not do this, however often it is asked: `code` is its HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Forbidden(Refused):
    """Refused by permission, quota or admission; may pass when somebody changes those."""


class Unreadable(OperatorError):
    """An object does not have the shape that its kind promises. `uid` and `version` as far as they can be read."""

    def __init__(self, kind: str, place: str, why: str, *, uid: str = "", version: str = "") -> None:
        super().__init__(f"{kind} {place} cannot be read: {why}")
        self.kind = kind
        self.place = place
        self.uid = uid
        self.version = version
