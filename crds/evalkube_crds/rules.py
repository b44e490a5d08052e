"""Rules between the fields of a model, each for the API server (in CEL) and for requests (in Python). Pure."""

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
    """A rule between the fields of a model.

    `cel` is the rule for the resource; None where CEL cannot see the fields, because they are of free form. `holds` is
    the rule in Python. `message` begins with the wrong field, with the field names of a request.
    """

    cel: str | None
    holds: Callable[[Model], bool]
    message: str

    def check(self, model: Model) -> None:
        """Raises ValueError with the message."""
        if not self.holds(model):
            raise ValueError(self.message)

    def validations(self, fields: Collection[str]) -> Iterator[dict[str, str]]:
        """The rule as an entry of `x-kubernetes-validations`; `fields` have their names in the resource there."""
        if self.cel is None:
            return
        said = _SNAKE.sub(lambda word: to_camel(word[0]) if word[0] in fields else word[0], self.message)
        yield {"rule": self.cel, "message": said}
