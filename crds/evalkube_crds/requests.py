"""The bodies of the two submissions of the REST API: a spec in snake_case, and the secrets that no spec may hold.

Keys have fields of their own. Headers and query parameters that carry secrets are taken out of their fields.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from pydantic import Field, PrivateAttr, SecretStr, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from evalkube_crds import dialects
from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.judge import MOST_JUDGES
from evalkube_crds.perfrun import PerfRunSpec
from evalkube_crds.problems import Problem
from evalkube_crds.taking import taken

__all__ = ["JUDGE_KEYS", "SECRETS", "EvalRequest", "PerfRequest", "parse_request", "split_request"]


class EvalRequest(EvalRunSpec):
    """Body of `POST /api/v1/eval`."""

    api_key: SecretStr = Field(default=SecretStr("EMPTY"), description="Key of the endpoint. 'EMPTY' sends no key")
    judge_api_key: SecretStr = Field(
        default=SecretStr("EMPTY"), description="Key of the judges' endpoints. 'EMPTY' sends no key"
    )

    _taken: dict[str, str] = PrivateAttr(default_factory=dict)


class PerfRequest(PerfRunSpec):
    """Body of `POST /api/v1/perf`."""

    api_key: SecretStr = Field(default=SecretStr("EMPTY"), description="Key of the endpoint. 'EMPTY' sends no key")

    _taken: dict[str, str] = PrivateAttr(default_factory=dict)


SECRETS: Final = ("api_key", "judge_api_key")

JUDGE_KEYS: Final = tuple(f"judge_api_key_{place}" for place in range(MOST_JUDGES))
"""The names, among a run's secrets, of the judges' own keys, by the judge's position."""


Request = TypeVar("Request", EvalRequest, PerfRequest)


def parse_request(model: type[Request], body: Any) -> Request:
    """`body` (parsed JSON) as a request. Raises pydantic.ValidationError; `problems.problems_of` explains it."""
    if not isinstance(body, Mapping):
        return model.model_validate(body, by_name=True, by_alias=False)
    found = taken(body)
    if found.problems:
        raise _invalid(model, found.problems)
    request = model.model_validate(dialects.named(found.body), by_name=True, by_alias=False)
    request._taken = found.secrets()
    return request


def _invalid(model: type[Request], found: Iterable[Problem]) -> ValidationError:
    errors = [
        InitErrorDetails(
            type=PydanticCustomError("value_error", "{words}", {"words": one.reason}), loc=(one.field,), input=None
        )
        for one in found
    ]
    return ValidationError.from_exception_data(model.__name__, errors, hide_input=True)


def split_request(request: EvalRequest | PerfRequest) -> tuple[EvalRunSpec | PerfRunSpec, dict[str, str]]:
    """The spec of a request, and its secrets by name (those that are set)."""
    secrets = {name: getattr(request, name).get_secret_value() for name in SECRETS if hasattr(request, name)}
    given = {name: value for name, value in request if name in request.model_fields_set and name not in SECRETS}
    spec_type = EvalRunSpec if isinstance(request, EvalRequest) else PerfRunSpec
    spec = spec_type.model_validate(given, by_name=True, by_alias=False)
    return spec, _set_only(secrets) | request._taken


def _set_only(secrets: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in secrets.items() if value not in ("", "EMPTY")}
