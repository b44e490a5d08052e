"""Rules between the fields of a model: each once, for the API server (in CEL) and for requests (in Python). Pure."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic.alias_generators import to_camel

__all__ = ["Rule"]

Model = TypeVar("Model", contravariant=True)

_SNAKE = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Model]):
    """What the fields of a model must be to each other: `cel` is of the resource's model, `holds` of ours.

    `message` begins with the field that is wrong, and has our names of fields.
    """

    cel: str
    holds: Callable[[Model], bool]
    message: str

    def check(self, model: Model) -> None:
        """Raises ValueError with the message."""
        if not self.holds(model):
            raise ValueError(self.message)

    def validation(self, fields: Collection[str]) -> dict[str, str]:
        """It as one of `x-kubernetes-validations`; those of `fields` have their names in resources there."""
        said = _SNAKE.sub(lambda word: to_camel(word[0]) if word[0] in fields else word[0], self.message)
        return {"rule": self.cel, "message": said}
