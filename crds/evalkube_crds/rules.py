"""Rules between the fields of a model: each once, for the API server (in CEL) and for requests (in Python). Pure."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic.alias_generators import to_camel

__all__ = ["Rule"]

Model = TypeVar("Model", contravariant=True)

_SNAKE = re.compile(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Model]):
    """What the fields of a model must be to each other: `cel` is of the resource's model (None where CEL cannot see
    it: fields of free form), `holds` of ours.

    `message` begins with the field that is wrong, and has our names of fields.
    """

    cel: str | None
    holds: Callable[[Model], bool]
    message: str

    def check(self, model: Model) -> None:
        """Raises ValueError with the message."""
        if not self.holds(model):
            raise ValueError(self.message)

    def validations(self, fields: Collection[str]) -> Iterator[dict[str, str]]:
        """It among `x-kubernetes-validations`; those of `fields` have their names in resources there."""
        if self.cel is None:
            return
        said = _SNAKE.sub(lambda word: to_camel(word[0]) if word[0] in fields else word[0], self.message)
        yield {"rule": self.cel, "message": said}
