"""The bodies of the REST API's two submissions: a spec in snake_case, and the secrets that no spec may hold."""

from typing import Any, Final, TypeVar

from pydantic import Field, SecretStr

from evalkube_crds.evalrun import EvalRunSpec
from evalkube_crds.fields import KEY_HEADERS
from evalkube_crds.perfrun import PerfRunSpec

__all__ = ["SECRETS", "EvalRequest", "PerfRequest", "parse_request", "split_request"]


class EvalRequest(EvalRunSpec):
    """Body of ``POST /api/v1/eval``."""

    api_key: SecretStr = Field(default=SecretStr("EMPTY"), description="Key of the endpoint; 'EMPTY' sends none")
    judge_api_key: SecretStr = Field(
        default=SecretStr("EMPTY"), description="Key of the judges' endpoints; 'EMPTY' sends none"
    )


class PerfRequest(PerfRunSpec):
    """Body of ``POST /api/v1/perf``."""

    api_key: SecretStr = Field(default=SecretStr("EMPTY"), description="Key of the endpoint; 'EMPTY' sends none")


SECRETS: Final = ("api_key", "judge_api_key")


Request = TypeVar("Request", EvalRequest, PerfRequest)


def parse_request(model: type[Request], body: Any) -> Request:
    """``body`` (parsed JSON) as a request. Raises pydantic.ValidationError; ``problems.problems_of`` explains it."""
    return model.model_validate(_key_from_headers(body), by_name=True, by_alias=False)


def _key_from_headers(body: Any) -> Any:
    """`body` with a key among its `headers` (api-key and the like) as what it is: `api_key` and `api_key_header`.

    Where the body has a key already, or two such headers, it stays as it is, and the contract says what is wrong.
    """
    given = body.get("headers") if isinstance(body, dict) else None
    if not isinstance(given, dict) or not {"api_key", "api_key_header"}.isdisjoint(body):
        return body
    keys = [name for name in given if isinstance(name, str) and name.lower() in KEY_HEADERS]
    if len(keys) != 1 or not isinstance(given[keys[0]], str):
        return body
    rest = {name: value for name, value in given.items() if name != keys[0]}
    return {**body, "headers": rest, "api_key": given[keys[0]], "api_key_header": keys[0]}


def split_request(request: EvalRequest | PerfRequest) -> tuple[EvalRunSpec | PerfRunSpec, dict[str, str]]:
    """The spec of a request, and its secrets by name (those that are set)."""
    secrets = {name: getattr(request, name).get_secret_value() for name in SECRETS if hasattr(request, name)}
    given = {name: value for name, value in request if name in request.model_fields_set and name not in SECRETS}
    spec_type = EvalRunSpec if isinstance(request, EvalRequest) else PerfRunSpec
    return spec_type.model_validate(given, by_name=True, by_alias=False), _set_only(secrets)


def _set_only(secrets: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in secrets.items() if value not in ("", "EMPTY")}
