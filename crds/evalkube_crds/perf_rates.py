"""The stages of a load test's rate, which changes while a point runs. A part of its spec."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from evalkube_crds.fields import Contract
from evalkube_crds.rules import Rule

__all__ = ["RateStage"]

StageRate = Annotated[float, Field(ge=0, le=1_000_000)]


class RateStage(Contract):
    """A stage of a point: a constant rate, or a change from one rate to another."""

    rules: ClassVar[tuple["Rule[RateStage]", ...]] = (
        Rule(
            "self.ramp == 'linear' || (has(self.to) && self.rate > 0.0 && self.to > 0.0)",
            lambda stage: stage.ramp == "linear" or (stage.rate > 0 and bool(stage.to)),
            "ramp: exponential needs rate and to greater than 0",
        ),
    )

    rate: StageRate = Field(description="Requests per second at its begin")
    to: StageRate | None = Field(
        default=None, description="Requests per second at its end. Default: rate, which is a step"
    )
    duration: Annotated[float, Field(gt=0, le=86_400)] = Field(description="Length of the stage, in seconds")
    ramp: Literal["linear", "exponential"] = Field(
        default="linear",
        description="How the rate changes from rate to to: by equal steps or by equal factors in equal times",
    )

    @property
    def end(self) -> float:
        """The rate at its end."""
        return self.rate if self.to is None else self.to

    @property
    def words(self) -> str:
        """The stage in words: "5 to 50 requests/s in 60 s"."""
        if self.end == self.rate:
            return f"{self.rate:g} requests/s for {self.duration:g} s"
        how = ", exponentially" if self.ramp == "exponential" else ""
        return f"{self.rate:g} to {self.end:g} requests/s in {self.duration:g} s{how}"
