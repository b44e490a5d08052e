"""Prepares requests: fields and secrets for a service, and absolute paths for a service on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr, ValidationError

from evalkube import calls, errors, settings
from evalkube.models import Word
from evalkube_crds import paths, requests, tags
from evalkube_crds.fields import PathUse
from evalkube_crds.problems import Problem, problems_of
from evalkube_crds.requests import EvalRequest, PerfRequest

__all__ = ["REQUESTS", "Localized", "body", "localized", "problems", "tags_in"]

REQUESTS: Final[Mapping[Word, type[EvalRequest] | type[PerfRequest]]] = {"eval": EvalRequest, "perf": PerfRequest}


def body(word: Word, request: EvalRequest | PerfRequest | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The request that is sent, with fields over it. A missing key is taken from the environment (EVALKUBE_API_KEY)."""
    found = {} if request is None else calls.body_of(request)
    found |= {name: _plain(value) for name, value in fields.items()}
    for name, secret in settings.from_environment().secrets.items():
        if name in REQUESTS[word].model_fields:
            found.setdefault(name, secret)
    return found


def _plain(value: Any) -> Any:
    match value:
        case SecretStr():
            return value.get_secret_value()
        case BaseModel():
            return value.model_dump(mode="json", by_alias=False, exclude_unset=True)
        case Path():
            return str(value)
        case list() | tuple():
            return [_plain(one) for one in value]
        case dict():
            return {name: _plain(one) for name, one in value.items()}
    return value


_BESIDE: Final = ("tags", "namespace", "priority", "resources")
"""Fields of a submission that are not its spec's; all but tags are a cluster's, which checks them."""


def problems(given: Mapping[str, Any], word: Word) -> list[Problem]:
    """The problems that the contract finds in a request."""
    found = tags.problems(tags_in(given))
    body = {name: value for name, value in given.items() if name not in _BESIDE}
    try:
        if word == "eval":
            requests.parse_request(EvalRequest, body)
        else:
            requests.parse_request(PerfRequest, body)
    except ValidationError as error:
        found += problems_of(error, REQUESTS[word])
    return found


def tags_in(given: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a request, from a mapping or from a list of words. A word is a tag without a value."""
    named = given.get("tags") or {}
    if isinstance(named, Mapping):
        return {str(name): str(value) for name, value in named.items()}
    return dict.fromkeys([named] if isinstance(named, str) else named, "")


@dataclass(frozen=True, slots=True)
class Localized:
    """A request for a service on this machine: absolute paths, and the folders that the run reads."""

    body: dict[str, Any]
    folders: tuple[Path, ...]


def localized(given: Mapping[str, Any], word: Word) -> Localized:
    """The request `given` with absolute paths. Raises errors.BadRequest if a path does not exist."""
    found: list[Problem] = []
    folders: dict[Path, None] = {}

    def place(field: str, name: str, use: PathUse) -> str:
        if use in (PathUse.WRITTEN, PathUse.EARLIER):
            return name  # below the output root, which the service knows
        path = Path(name).expanduser().resolve()
        if not path.exists():
            found.append(Problem(field, f"{path} does not exist"))
        folders[path if path.is_dir() else path.parent] = None
        return str(path)

    placed = paths.with_paths(dict(given), paths.fields_of(REQUESTS[word]), place)
    if found:
        raise errors.BadRequest(found)
    return Localized(placed, tuple(folders))
