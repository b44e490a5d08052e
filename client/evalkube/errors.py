"""What can go wrong between a client and its service, by what the caller does about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from evalkube_crds.problems import Problem, sentence

__all__ = ["BadRequest", "EvalkubeError", "NotFound", "RunFailed", "ServiceFailed", "Unauthorized", "Unreachable"]


class EvalkubeError(Exception):
    """The base of all that the client raises."""


class BadRequest(EvalkubeError):
    """The request has to change; `problems` says where."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(sentence(problems))
        self.problems = tuple(problems)


class NotFound(EvalkubeError):
    """There is no such run or file."""


class Unauthorized(EvalkubeError):
    """The service asks for a token, or for another one."""


class Unreachable(EvalkubeError):
    """No answer came; whether the service is there at all is for a person to see."""


class ServiceFailed(EvalkubeError):
    """The service answered with something that is neither a result nor the client's fault."""


class RunFailed(EvalkubeError):
    """The run ended without a result; `response` is the service's whole answer."""

    def __init__(self, response: Mapping[str, Any]) -> None:
        super().__init__(str(response.get("error", "the run failed")))
        self.response = dict(response)
        self.reason = str(response.get("reason") or "")
