"""Field types that several models share. Each has its rule in Python and, unless it is only a range, in CEL.

A request may have one value where a list is meant (`Contract`). The resource always has a list, because a structural
schema has no unions.
"""

import re
from enum import Enum
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar, Union, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema

from evalkube_crds import credentials, secret_keys
from evalkube_crds.rules import Rule

__all__ = [
    "BodyKeys",
    "BodyTemplate",
    "Contract",
    "EarlierPath",
    "FreeMap",
    "Headers",
    "HttpUrl",
    "Limit",
    "PathUse",
    "Query",
    "ReadPath",
    "RelativePath",
    "TargetGrace",
    "TextOrFile",
    "Tool",
    "cel",
    "model_in",
]


class Contract(BaseModel):
    """A part of a spec: immutable, strict about types, without unknown fields.

    One value where a list is meant becomes a list of one.
    """

    rules: ClassVar[tuple[Rule[Any], ...]] = ()
    """Rules between fields, in the order in which they are checked."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        validate_by_alias=True,
        validate_by_name=True,
        validate_default=False,
        defer_build=True,
        serialize_by_alias=False,
        allow_inf_nan=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _lists_of_one(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        lists = {word for name, field in cls._lists().items() for word in (name, field.alias)}
        alone = {name: [value] for name, value in given.items() if name in lists and not isinstance(value, _NO_ITEM)}
        return {**given, **alone} if alone else given

    @model_validator(mode="after")
    def _keeps_rules(self) -> Self:
        for rule in self.rules:
            rule.check(self)
        return self

    @classmethod
    def _lists(cls) -> dict[str, FieldInfo]:
        return _lists_of(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema. In that of a request, a list may also be one of its items.

        The schema of the resource is the one for serialization.
        """
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, field in cls._lists().items() if handler.mode == "validation" else ():
            for word in {name, field.alias} & properties.keys():
                properties[word] = _one_or_many(properties[word])
        return schema


@cache  # it would take half the time of reading a document
def _lists_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {name: field for name, field in model.model_fields.items() if _is_list(field.annotation)}


_NO_ITEM = (list, tuple, type(None))


def _is_list(annotation: Any) -> bool:
    if get_origin(annotation) in (UnionType, Union):
        return any(_is_list(part) for part in get_args(annotation))
    if get_origin(annotation) is Annotated:
        return _is_list(get_args(annotation)[0])
    return get_origin(annotation) is list


def _one_or_many(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a list, or of a list or null, with that of one item before it."""
    about: dict[str, Any] = {
        word: schema[word] for word in ("title", "description", "default", "examples") if word in schema
    }
    options = schema.get("anyOf", [{word: rule for word, rule in schema.items() if word not in about}])
    items = next(option["items"] for option in options if "items" in option)
    return {**about, "anyOf": [items, *options]}


def cel(rule: str, message: str) -> dict[str, str]:
    """One entry of `x-kubernetes-validations`."""
    return {"rule": rule, "message": message}


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation such as `list[Model]` or `Model | None` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part)) is not None), None)


_URL_MAX = 2048


def _http_url(value: str) -> str:
    if len(value) > _URL_MAX:
        raise ValueError(f"must be at most {_URL_MAX} characters long")
    if re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("must not contain white space or control characters")
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as problem:
        raise ValueError(f"is not a URL: {problem}") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must be an http:// or https:// URL")
    if not host or port == 0:
        raise ValueError("must name a host, like http://host:port/v1")
    if "@" in parts.netloc:
        raise ValueError("must not contain credentials; give the key as api_key")
    if parts.fragment:
        raise ValueError("must not have a fragment (#...)")
    if found := credentials.secrets_in_query(value):
        raise ValueError(f"its parameter {found[0]} {_KEPT_APART}")
    return value


_NO_SECRET_PARAMETER: Final = cel(
    f"!self.matches('{credentials.SECRET_PARAMETER}')",
    "a parameter that carries a secret must not be in a spec: put it into a Secret, and name that in "
    "credentialsSecretRef",
)

HttpUrl = Annotated[
    str,
    AfterValidator(_http_url),
    Field(
        json_schema_extra={
            "maxLength": _URL_MAX,
            "x-kubernetes-validations": [
                cel(
                    "self.matches('^https?://[^/?#@\\\\s]+([/?][^#\\\\s]*)?$')",
                    "must be an http:// or https:// URL without credentials or fragment",
                ),
                _NO_SECRET_PARAMETER,
            ],
        }
    ),
]
"""An absolute http(s) URL with a host and without credentials."""

_KEPT_APART: Final = (
    "carries a secret, and anyone who can read the run can read its spec: put it into a Secret, and name that in "
    "credentials_secret_ref (credentialsSecretRef in a resource; judge.credentials_secret_ref for a judge). The "
    "REST service does so by itself"
)
_NO_SECRETS: Final = cel(
    f"self.all(k, !k.matches('{credentials.SECRET_NAME}'))",
    "a value that carries a secret must not be in a spec: put it into a Secret, and name that in credentialsSecretRef",
)


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name, content in value.items():
        if words := credentials.header_objection(name, content):
            raise ValueError(words)
    return _query(value)


def _query(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if credentials.is_secret(name):
            raise ValueError(f"{name} {_KEPT_APART}")
    return value


Headers = Annotated[
    dict[str, str],
    AfterValidator(_headers),
    Field(json_schema_extra={"maxProperties": 32, "x-kubernetes-validations": [_NO_SECRETS]}),
]
"""Further HTTP headers. Headers that carry secrets are refused."""

Query = Annotated[
    dict[str, str],
    AfterValidator(_query),
    Field(json_schema_extra={"maxProperties": 32, "x-kubernetes-validations": [_NO_SECRETS]}),
]
"""Further query parameters. Parameters that carry secrets are refused."""


class PathUse(Enum):
    """The mark of a field that holds a path: what the path is for. `paths.fields_of` finds the fields by it."""

    READ = "a file or folder that the run reads"
    READ_AFTER_AT = "text, or after an @ the path of a file with it"
    WRITTEN = "a folder below the output root that the run writes"
    EARLIER = "a folder below the output root that an earlier run wrote"


def _relative_path(value: str) -> str:
    if not value or "\x00" in value:
        raise ValueError("must name a directory")
    return value


ReadPath = Annotated[str, PathUse.READ, Field(min_length=1, max_length=4096)]
"""A file or folder to read; `paths.Readable` says where it may lie."""

TextOrFile = Annotated[str, PathUse.READ_AFTER_AT, Field(min_length=1)]
"""A text, or `@` and the path of a file that holds it."""

RelativePath = Annotated[str, PathUse.WRITTEN, AfterValidator(_relative_path), Field(max_length=1024)]
"""A folder to write; the backend decides where it is."""

EarlierPath = Annotated[str, PathUse.EARLIER, AfterValidator(_relative_path), Field(max_length=1024)]
"""The folder of an earlier run."""

FreeMap = Annotated[dict[str, JsonValue], Field(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True})]
"""A map that is passed on unchanged: the only place where unknown keys are allowed."""

_Body = TypeVar("_Body", dict[str, JsonValue], str)


def _without_secrets(value: _Body) -> _Body:
    """The value, if no key in it carries a secret. Raises ValueError.

    CEL cannot see keys that a schema does not know, so the service and the operator check these.
    """
    if path := secret_keys.first(value):
        raise ValueError(f"{path} {_KEPT_APART}")
    return value


BodyKeys = Annotated[FreeMap, AfterValidator(_without_secrets)]
"""Further keys of a request body. Keys that carry secrets are refused."""

BodyTemplate = Annotated[TextOrFile, AfterValidator(_without_secrets)]
"""A request body as JSON, or `@` and the path of a file with one.

Keys that carry secrets are refused in the JSON itself.
"""


Tool = Annotated[
    dict[str, JsonValue],
    Field(min_length=1, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True}),
    AfterValidator(_without_secrets),
]
"""A tool in a request body. One that carries a secret is refused."""


def _limit(value: float) -> float:
    if value <= 0 or (value > 1 and value != int(value)):
        raise ValueError("must be a whole number of samples (>= 1) or a fraction between 0 and 1")
    return int(value) if value >= 1 else value


TargetGrace = Annotated[
    float,
    Field(
        ge=0,
        le=3600,
        description="How long to wait for an endpoint that has not answered yet (no connection, unknown name, or "
        "502, 503, 504), in seconds. 0: do not wait",
    ),
]

Limit = Annotated[
    float,
    AfterValidator(_limit),
    Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self > 0.0 && (self < 1.0 || self == double(int(self)))",
                    "must be a whole number of samples (>= 1) or a fraction between 0 and 1",
                )
            ]
        }
    ),
]
"""Samples per subset: a count (>= 1) or a fraction (between 0 and 1)."""
