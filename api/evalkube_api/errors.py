"""The errors of the service, one class for each reaction of the caller."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from evalkube_crds import problems

__all__ = [
    "ApiError",
    "BodyTooLarge",
    "BodyTooSlow",
    "Conflict",
    "CrossSite",
    "HeadTooLarge",
    "InvalidRequest",
    "KeyReused",
    "Misdirected",
    "NoSuchBytes",
    "NotFound",
    "QueueFull",
    "ReadOnly",
    "RunDeleted",
    "ServiceError",
    "ShuttingDown",
    "StoreFull",
    "TooBusy",
    "Unauthorized",
]

_MOST_PROBLEMS = 60
_MESSAGE_CHARS = 4000


class ServiceError(Exception):
    """The service cannot start; the message says what to change."""


class ApiError(Exception):
    """An error answer: an HTTP status and a sentence for people."""

    status: ClassVar[int] = 500
    headers: Mapping[str, str] = {}

    def body(self) -> dict[str, Any]:
        """The JSON answer."""
        return {"error": str(self)}


class InvalidRequest(ApiError):
    """400: the request itself has to change."""

    status = 400

    def __init__(self, found: Sequence[problems.Problem]) -> None:
        super().__init__(_shortened(problems.sentence(found)))
        self.problems = tuple(found)

    @classmethod
    def because(cls, reason: str, field: str = "") -> "InvalidRequest":
        """An error with one problem. Without a field it is about the whole body."""
        return cls([problems.Problem(field, reason)])

    def body(self) -> dict[str, Any]:
        listed = [{"field": one.field, "reason": _shortened(one.reason)} for one in self.problems[:_MOST_PROBLEMS]]
        return {"error": str(self), "problems": listed}


class Unauthorized(ApiError):
    """401: the token of the service is missing, or is another."""

    status = 401
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}


class CrossSite(ApiError):
    """403: a browser sent the request for a page of another site."""

    status = 403


class ReadOnly(ApiError):
    """403: the service only shows runs."""

    status = 403


class NotFound(ApiError):
    """404: the run or artifact does not exist."""

    status = 404


class RunDeleted(NotFound):
    """410: the run was deleted while the client waited for it."""

    status = 410


class BodyTooSlow(ApiError):
    """408: the body, or the head before it, did not arrive in time."""

    status = 408
    headers: Mapping[str, str] = {"Connection": "close"}


class Conflict(ApiError):
    """409: the state of `run` does not allow the request."""

    status = 409

    def __init__(self, message: str, run_id: str) -> None:
        super().__init__(message)
        self.run_id = run_id

    def body(self) -> dict[str, Any]:
        return {"error": str(self), "run": self.run_id}


class BodyTooLarge(ApiError):
    """413: the body is longer than the service reads."""

    status = 413
    headers: Mapping[str, str] = {"Connection": "close"}


class NoSuchBytes(ApiError):
    """416: the file has none of the bytes of the Range."""

    status = 416

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"the file has {size_bytes} bytes, and none of the Range")
        self.size_bytes = size_bytes
        self.headers = {"Content-Range": f"bytes */{size_bytes}"}


class Misdirected(ApiError):
    """421: the service does not answer under the requested host name."""

    status = 421


class KeyReused(ApiError):
    """422: the Idempotency-Key was used before with another request."""

    status = 422


class QueueFull(ApiError):
    """429: the queue is full. The same request may succeed when some runs have ended."""

    status = 429
    headers: Mapping[str, str] = {"Retry-After": "30"}

    def body(self) -> dict[str, Any]:
        return {"status": "error", "error": str(self), "reason": "QueueFull"}


class HeadTooLarge(ApiError):
    """431: the head of the request is longer than the service reads."""

    status = 431
    headers: Mapping[str, str] = {"Connection": "close"}


class TooBusy(ApiError):
    """503: the service has no connection left."""

    status = 503
    headers: Mapping[str, str] = {"Retry-After": "5"}


class ShuttingDown(ApiError):
    """503: the service is shutting down. The same request may be sent to the next one."""

    status = 503
    headers: Mapping[str, str] = {"Retry-After": "5"}

    def body(self) -> dict[str, Any]:
        return {"status": "error", "error": str(self), "reason": "Interrupted"}


class StoreFull(ApiError):
    """507: the results of a run could not be written, so new runs are refused."""

    status = 507
    headers: Mapping[str, str] = {"Retry-After": "30"}

    def body(self) -> dict[str, Any]:
        return {"status": "error", "error": str(self), "reason": "StoreFull"}


def _shortened(text: str) -> str:
    return text if len(text) <= _MESSAGE_CHARS else text[:_MESSAGE_CHARS] + " ..."
