"""Types of a load test's fields, each with its rules for the API server."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from evalkube_crds import sla
from evalkube_crds.fields import Contract, HttpUrl, cel
from evalkube_crds.rules import Rule

__all__ = ["Bound", "Goodput", "Rate", "ServerMetrics", "SlaGroup"]


def _rate(value: float) -> float:
    if value != -1 and not 0 < value <= 1_000_000:
        raise ValueError("must be -1 (no limit) or greater than 0 requests per second")
    return value


Rate = Annotated[
    float,
    AfterValidator(_rate),
    Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "self == -1.0 || (self > 0.0 && self <= 1000000.0)",
                    "must be -1 (no limit) or greater than 0 requests per second",
                )
            ]
        }
    ),
]


def _sla_group(value: dict[str, str]) -> dict[str, str]:
    sla.group_of(value)
    return value


SlaGroup = Annotated[
    dict[str, Annotated[str, Field(max_length=32)]],
    Field(min_length=1, max_length=8),
    AfterValidator(_sla_group),
    Field(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(f"self.all(k, k in {list(sla.METRICS)})", f"must be one of {', '.join(sla.METRICS)}"),
                cel(
                    f"self.all(k, self[k].matches(r'{sla.CONDITION}'))",
                    "must be <=, <, >= or > and a number, or max, or min",
                ),
                cel(
                    "size(self) == 1 || self.all(k, !self[k].contains('m'))",
                    "max and min cannot be combined with other criteria; put each into a group of its own",
                ),
            ]
        },
    ),
]
"""A group of criteria by figure. All of them must hold together."""


Bound = Annotated[float, Field(gt=0, le=1_000_000)]


GoodTime = Annotated[float, Field(gt=0, le=86_400)]


class Goodput(Contract):
    """Time limits of a good request (goodput). A good request is within all limits that are given."""

    rules: ClassVar[tuple["Rule[Goodput]", ...]] = (
        Rule(
            "has(self.ttft) || has(self.tpot) || has(self.latency)",
            lambda goodput: bool(goodput.words),
            "set at least one of ttft, tpot and latency",
        ),
    )

    ttft: GoodTime | None = Field(default=None, description="Maximum TTFT of a good request, in seconds")
    tpot: GoodTime | None = Field(
        default=None,
        description="Maximum TPOT, in seconds, for every choice. An answer of one token has no TPOT and meets the "
        "limit",
    )
    latency: GoodTime | None = Field(default=None, description="Maximum latency, in seconds")

    @property
    def needs_stream(self) -> bool:
        """Whether a limit is for times that only streamed answers have."""
        return self.ttft is not None or self.tpot is not None

    @property
    def words(self) -> str:
        """The limits in words: "TTFT <= 0.2 s, TPOT <= 0.05 s"."""
        return ", ".join(f"{name} <= {bound:g} s" for name, bound in self._bounds())

    def _bounds(self) -> Iterator[tuple[str, float]]:
        for name, bound in (("TTFT", self.ttft), ("TPOT", self.tpot), ("latency", self.latency)):
            if bound is not None:
                yield name, bound


class ServerMetrics(Contract):
    """The source of the server's own metrics, and how often it is read."""

    url: Annotated[list[HttpUrl], Field(max_length=16)] = Field(
        default=[],
        description="URLs of Prometheus metrics: of the server (of each replica), and of DCGM exporters. Default: "
        "/metrics of the endpoint, which given URLs replace. The key is sent only to the endpoint's "
        "own scheme, host and port",
    )
    interval: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        default=1.0,
        description="Seconds between two scrapes. They become longer if scrapes would take more than 2 % of the "
        "time or exceed some thousand",
    )
