"""Turns refusals of the API server into answers for the client: who has to change what. Pure.

The API server answers with a Status: a code, a reason, a message, and for invalid resources a cause for each field.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from evalkube_api import errors
from evalkube_crds.names import Reason
from evalkube_crds.problems import Problem

__all__ = [
    "Corrupt",
    "Forbidden",
    "NotInstalled",
    "Rejected",
    "Unavailable",
    "answer",
    "permission",
    "problems_of",
    "quoted",
]


@dataclass(eq=False)
class Rejected(Exception):
    """A refusal of the API server, with its own message."""

    status: int
    reason: str = ""
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    retry_after_s: float | None = None

    def __str__(self) -> str:
        return self.message or f"the API server answered {self.status}"

    @property
    def another(self) -> bool:
        """Whether the object of that name now has another UID."""
        causes = self.details.get("causes") or []
        return self.status == 409 or any(cause.get("field") == "metadata.uid" for cause in causes)


class Forbidden(errors.ApiError):
    """403: the cluster's permissions do not allow it; the installer can change them."""

    status = 403

    def body(self) -> dict[str, Any]:
        return {"error": str(self), "reason": Reason.FORBIDDEN}


class Unavailable(errors.ApiError):
    """503: the API server or the operator cannot be reached now. The same request may be sent again."""

    status = 503
    headers: Mapping[str, str] = {"Retry-After": "5"}

    def body(self) -> dict[str, Any]:
        return {"status": "error", "error": str(self), "reason": "Unavailable"}


class NotInstalled(Unavailable):
    """503: the cluster does not know the resource kind of runs."""


class Corrupt(errors.ApiError):
    """500: the store returned other content than was written."""

    def body(self) -> dict[str, Any]:
        return {"status": "error", "error": str(self), "reason": Reason.RESULT_CORRUPT}


def answer(refused: Rejected, doing: str) -> errors.ApiError:
    """The error to raise. `doing`: the action that failed, for example `create the run`."""
    if refused.status == 403:
        return Forbidden(_forbidden(refused, doing))
    if refused.status == 422 or (refused.status == 400 and "decoding error" in refused.message):
        return errors.InvalidRequest(problems_of(refused))
    if refused.status == 413 or "request is too large" in refused.message:
        return errors.BodyTooLarge("the run's document is larger than the cluster keeps; put the data into a claim")
    if refused.status == 404:
        return _not_found(refused, doing)
    if refused.status == 401:
        return Unavailable(f"cannot {doing}: the cluster does not accept the service's own account ({refused})")
    if refused.status == 400:
        return errors.InvalidRequest.because(refused.message or "the cluster refused it")
    return Unavailable(f"cannot {doing} now: {refused}")


def _not_found(refused: Rejected, doing: str) -> errors.ApiError:
    if refused.details.get("kind") == "namespaces":
        return errors.InvalidRequest.because(f"there is no namespace {refused.details.get('name')}", "namespace")
    if refused.details.get("name"):
        return errors.NotFound(refused.message)
    return NotInstalled(
        f"cannot {doing}: the cluster does not know the resource; its installer has to apply the custom resource"
        " definitions of evalkube.io"
    )


_RBAC: Final = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)


def permission(message: str) -> str | None:
    """The permission that RBAC found missing, for example `create evalruns.evalkube.io in the namespace x`."""
    found = _RBAC.search(message)
    if found is None:
        return None
    resource = ".".join(part for part in (found["resource"], found["group"]) if part)
    place = f"in the namespace {found['namespace']}" if found["namespace"] else "in all namespaces"
    return f"{found['verb']} {resource} {place}"


def _forbidden(refused: Rejected, doing: str) -> str:
    missing = permission(refused.message)
    if missing is not None:
        return f"cannot {doing}: the service lacks the permission to {missing}; the installer can grant it"
    return f"cannot {doing}: {refused.message}"


_VALUE: Final = re.compile(r'^(Invalid|Unsupported|Duplicate|Forbidden)( value)?: ("(\\.|[^"\\])*"|[^:]*): ')
_IN_BODY: Final = re.compile(r"^\S+ in body ")
_UNKNOWN: Final = re.compile(r'(?P<what>unknown|duplicate) field "(?P<path>[^"]+)"')


def problems_of(refused: Rejected) -> list[Problem]:
    """One problem for each field that the API server refuses, under its name in the request."""
    causes = refused.details.get("causes") or []
    found = {
        Problem(quoted(cause.get("field") or ""), _reason(cause.get("message") or "is not valid")): None
        for cause in causes
        if cause.get("field") != "<nil>"  # "some validation rules were not checked ..." says nothing to mend
    }
    for unknown in _UNKNOWN.finditer(refused.message):
        reason = "is not known to the cluster's version of the resource; its installer has to update the definitions"
        found[Problem(quoted(unknown["path"]), reason if unknown["what"] == "unknown" else "is there twice")] = None
    return list(found) or [Problem("", refused.message or "the cluster refused it")]


def _reason(message: str) -> str:
    return _IN_BODY.sub("", _VALUE.sub("", message))


def quoted(path: str) -> str:
    """The path of a field in the request: `spec.datasetArgs.x` is `dataset_args.x`.

    Keys of free maps keep their spelling where they stand in brackets.
    """
    parts = path.removeprefix("spec.").split(".") if path != "spec" else []
    return ".".join(re.sub(r"(?<=[a-z0-9])([A-Z])", lambda hit: f"_{hit[1].lower()}", part) for part in parts)
