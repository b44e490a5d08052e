"""The credentials of an endpoint beside its key: headers, query parameters and body keys that carry secrets. Pure.

A run's spec is readable, so credentials must not be in it. Over REST they are taken out of a request and kept as its
key is. On a cluster they are in a Secret that the spec names (`credentials_secret_ref`).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote_plus, urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

__all__ = [
    "CREDENTIALS",
    "NO_CREDENTIALS",
    "SECRET_NAME",
    "SECRET_PARAMETER",
    "Credentials",
    "body_objection",
    "header_objection",
    "is_secret",
    "parse",
    "secret_values",
    "secrets_in_query",
]

_ANYWHERE: Final = (
    "authoriz|authentic|cookie|token([^s]|$)|secret|passw|passphrase|credential|signature|bearer|jwt"
    "|(api|access|subscription|functions?|auth|private|account|signing|shared|admin|master|client|app|license|proxy)"
    "[-_.]?key([^a-z]|$)"
)
_WORD: Final = "auth|pwd|pass|sig|sas|pat"
_WHOLE: Final = "key|code"

SECRET_NAME: Final = f"(?i){_ANYWHERE}|(^|[-_.])({_WORD})($|[-_.])|^({_WHOLE})$"
"""The names of headers and query parameters that carry secrets, as a regular expression for both Python and CEL."""

SECRET_PARAMETER: Final = f"(?i)[?&]([^=&]*({_ANYWHERE})|([^=&]*[-_.])?({_WORD})[-_.=]|({_WHOLE})=)"
"""The same names in a URL, where they are not decoded."""

_SECRET: Final = re.compile(SECRET_NAME)
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2

CREDENTIALS: Final = ("credentials", "judge_credentials")
"""The names, among a run's secrets, of the credentials of the endpoint and of the judges' endpoints."""


def is_secret(name: str) -> bool:
    """Whether a header or query parameter of that name carries a secret."""
    return _SECRET.search(name) is not None


def header_objection(name: str, value: str) -> str | None:
    """The reason why these cannot be a header's name and value; None where they can."""
    if not _TOKEN.fullmatch(name):
        return f"{name!r} is not a header name"
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) or not value.isascii():
        return f"the value of {name} must be printable ASCII on one line"
    return None


_LONGEST_BODY: Final = 16 * 1024
"""The most bytes of JSON. A runner gets its secrets through a pipe, which holds 64 KiB."""


def body_objection(keys: Mapping[str, Any]) -> str | None:
    """The reason why these cannot be the secret keys of a body; None where they can."""
    if len(json.dumps(keys)) > _LONGEST_BODY:
        return f"keys that carry secrets may hold {_LONGEST_BODY // 1024} KiB in all"
    return None


class Credentials(BaseModel):
    """The headers, query parameters and body keys that an endpoint gets with every request.

    Objects and lists in `body` are merged into those of the request: objects by key, lists by position. null leaves the
    request's value as it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    headers: dict[str, str] = Field(default={}, repr=False, max_length=32)
    query: dict[str, str] = Field(default={}, repr=False, max_length=32)
    body: dict[str, JsonValue] = Field(default={}, repr=False)

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name, content in value.items():
            if words := header_objection(name, content):
                raise ValueError(words)
        return value

    @field_validator("body")
    @classmethod
    def _is_short(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if words := body_objection(value):
            raise ValueError(words)
        return value


NO_CREDENTIALS: Final = Credentials()


def parse(text: str) -> Credentials:
    """The credentials in a Secret: `{"headers": {...}, "query": {...}, "body": {...}}`.

    Raises ValueError; its message repeats no value.
    """
    try:
        return Credentials.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{where}: {first['msg']}" if where else first["msg"]) from None


def secret_values(secrets: Mapping[str, str]) -> list[str]:
    """All secret texts in a run's `secrets`: the keys themselves, and the values and parts of credentials."""
    found: list[str] = []
    for name, text in secrets.items():
        if name not in CREDENTIALS:
            found.append(text)
            continue
        try:
            given = parse(text)
        except ValueError:
            found.append(text)
            continue
        for value in (*given.headers.values(), *given.query.values(), *_texts(given.body)):
            found += [value, *re.split(r"[\s;,=]+", value)]
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def secrets_in_query(url: str) -> list[str]:
    """The names of the query parameters of `url` that carry secrets."""
    names = (unquote_plus(pair.partition("=")[0]) for pair in urlsplit(url).query.split("&"))
    return [name for name in names if is_secret(name)]
