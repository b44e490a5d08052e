"""The prices of a model's tokens, as a spec has them. Money has no unit here: it is of whatever currency they are."""

from typing import Annotated

from pydantic import Field

from evalkube_crds.fields import Contract

__all__ = ["Prices"]

Price = Annotated[float, Field(ge=0, le=1_000_000)]


class Prices(Contract):
    """Prices of a million tokens each, in any one currency."""

    input: Price = Field(description="Of the prompt")
    output: Price = Field(description="Of the answer, thoughts included")
    cached: Price | None = Field(
        default=None, description="Of that part of the prompt which the server had in its cache; as input unless set"
    )
