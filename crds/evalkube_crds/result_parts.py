"""The parts of a result document: models that are counted into, and histograms."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from evalkube_crds.histogram import Histogram

__all__ = ["NANO", "HistogramField", "Report"]

NANO = 1_000_000_000

HistogramField = Annotated[
    Histogram,
    BeforeValidator(lambda value: value if isinstance(value, Histogram) else Histogram.from_doc(value)),
    PlainSerializer(Histogram.to_doc, return_type=dict[str, Any]),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
"""A histogram in a document (`Histogram.to_doc`)."""


class Report(BaseModel):
    """A part of a result document: mutable while counting, strict about its fields."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        validate_by_alias=True,
        validate_by_name=True,
        arbitrary_types_allowed=True,
        defer_build=True,
        ser_json_inf_nan="null",
    )
