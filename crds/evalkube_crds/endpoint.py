"""How an endpoint is reached: its dialect, the header of its key, and whose certificate it must show. The same for the
endpoint of both kinds of run and for judges.
"""

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
        raise ValueError(f"{value} has another meaning; endpoints that take a key elsewhere name a header like api-key")
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
                cel(f"!(self.lowerAscii() in {sorted(_NOT_FOR_A_KEY)})", "this header has another meaning")
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
    """How an endpoint is reached."""

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
        description="Header that carries the key as it is; unless set that of the api: Authorization: Bearer, and "
        "api-key for Azure",
    )
    ca_file: ReadPath | None = Field(
        default=None,
        description="PEM file with certificates to trust beside the usual ones, for an authority of your own",
    )
    verify: bool = Field(
        default=True, description="Check the endpoint's certificate; false sends key and data to whoever answers"
    )

    @model_validator(mode="after")
    def _speaks(self) -> Self:
        dialects.check(self)
        return self
