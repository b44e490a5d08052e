"""The endpoint of a run or a judge: its dialect, the header of its key, and the certificates that are trusted."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from evalkube_crds import dialects
from evalkube_crds.dialects import DIALECTS
from evalkube_crds.fields import Contract, ReadPath, cel
from evalkube_crds.rules import Rule

__all__ = ["EndpointFields"]

_NOT_FOR_A_KEY: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "te", "transfer-encoding"}
    | {"proxy-authorization", "trailer", "upgrade", "user-agent"}
)


def _key_header(value: str) -> str:
    if value.lower() in _NOT_FOR_A_KEY:
        raise ValueError(
            f"{value} has another meaning in HTTP; name the header that the endpoint reads its key "
            "from, such as api-key"
        )
    return value


KeyHeader = Annotated[
    str,
    AfterValidator(_key_header),
    Field(
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z0-9_-]+$",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(f"!(self.lowerAscii() in {sorted(_NOT_FOR_A_KEY)})", "this header has another meaning in HTTP")
            ]
        },
    ),
]
"""The name of the header that carries a key."""

if TYPE_CHECKING:  # a literal type that is computed is none to a type checker
    Api: TypeAlias = str
else:
    Api = Literal[tuple(DIALECTS)]


class EndpointFields(Contract):
    """The endpoint: its dialect, the header of its key, and the certificates that are trusted."""

    rules: ClassVar[tuple["Rule[EndpointFields]", ...]] = (
        Rule(
            "self.verify || !has(self.caFile)",
            lambda fields: fields.verify or fields.ca_file is None,
            "ca_file: has no meaning with verify false; leave one of them out",
        ),
    )

    api: Api = Field(default="openai", description="API dialect of the endpoint: " + ", ".join(DIALECTS))
    api_key_header: KeyHeader | None = Field(
        default=None,
        description="Header that carries the key, with nothing before it. Default: that of the api, which is "
        "Authorization: Bearer, or api-key for Azure",
    )
    ca_file: ReadPath | None = Field(
        default=None,
        description="PEM file with further certificates to trust, for your own certificate authority",
    )
    verify: bool = Field(
        default=True,
        description="Checks the endpoint's certificate. With false, keys and data go to any server that answers",
    )

    @model_validator(mode="after")
    def _speaks(self) -> Self:
        dialects.check(self)
        return self
