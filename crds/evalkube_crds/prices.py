"""Prices of a model's tokens, as a spec has them, in any currency."""

from typing import Annotated

from pydantic import Field

from evalkube_crds.fields import Contract

__all__ = ["Prices"]

Price = Annotated[float, Field(ge=0, le=1_000_000)]


class Prices(Contract):
    """Prices per million tokens, all in one currency of your choice."""

    input: Price = Field(description="Of the prompt")
    output: Price = Field(description="Tokens of the answer, including reasoning")
    cached: Price | None = Field(
        default=None, description="Tokens of the prompt that were in the server's cache. Default: input"
    )
