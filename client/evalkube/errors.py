"""The client's errors, one class for each reaction of the caller."""

from collections.abc import Mapping, Sequence
from typing import Any

from evalkube_crds.problems import Problem, sentence

__all__ = ["BadRequest", "EvalkubeError", "NotFound", "RunFailed", "ServiceFailed", "Unauthorized", "Unreachable"]


class EvalkubeError(Exception):
    """The base class of all errors that the client raises."""


class BadRequest(EvalkubeError):
    """The request has to change. `problems` names the fields and reasons."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(sentence(problems))
        self.problems = tuple(problems)


class NotFound(EvalkubeError):
    """The run or file does not exist."""


class Unauthorized(EvalkubeError):
    """The service asks for a token, or refuses the given one."""


class Unreachable(EvalkubeError):
    """No answer came: the service may be down, or the URL wrong."""


class ServiceFailed(EvalkubeError):
    """The service could not do what was asked, and the request is not at fault."""


class RunFailed(EvalkubeError):
    """The run ended without a result. `response` is the service's whole answer."""

    def __init__(self, response: Mapping[str, Any]) -> None:
        super().__init__(str(response.get("error", "the run failed")))
        self.response = dict(response)
        self.reason = str(response.get("reason") or "")
