"""From prompts to the bytes of request bodies. The data room shapes prompts, the dialect bodies; here they meet."""

from collections.abc import Iterator
from typing import Protocol

import orjson

from evalkube_crds.perfrun import PerfRunSpec
from evalkube_runner.wire.answer import Prompt
from evalkube_runner.wire.dialect import Dialect

__all__ = ["Prompts", "render_all"]


class Prompts(Protocol):
    """Prompts by index; ``len`` is how many different ones there are, which may be more than memory or disk holds."""

    def __len__(self) -> int:
        """How many there are."""

    def item(self, index: int) -> Prompt:
        """One of them, the same every time."""


def render_all(
    spec: PerfRunSpec, dialect: Dialect, prompts: Prompts, needed: int, *, first: int = 0
) -> Iterator[tuple[bytes, bytes | None]]:
    """Bodies for ``needed`` requests after the ``first`` ones, each item once, and the key of a drawn limit. They begin
    at ``spec.dataset_offset``.
    """
    items = len(prompts)
    for at in range(min(items, needed)):
        body = dialect.body(spec, prompts.item((spec.dataset_offset + first + at) % items))
        yield orjson.dumps(body), dialect.draws_max_tokens(spec, body)
