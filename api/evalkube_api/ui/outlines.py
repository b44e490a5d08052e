"""The short form of samples in a list, read from their short lines in few requests.

Lines near each other are read at once, because on a cluster each read is a request to the store. Predictions contain
whole prompts. They are read only if nothing else has the question, and only if they are short.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from evalkube_api import errors
from evalkube_api.backend import Backend, Span
from evalkube_report.samples import sample
from evalkube_report.samples.index import Index, Slice
from evalkube_report.samples.page import Entry
from evalkube_report.samples.sample import Sample

__all__ = ["Group", "grouped", "line", "read"]

_GAP: Final = 16 << 10
_LONGEST_GROUP: Final = 1 << 20
_LONGEST_PREDICTION: Final = 16 << 10
_LONGEST_LINE: Final = 256 << 10
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Group:
    """Parts of a file that are read at once, from the first part to the end of the last."""

    parts: tuple[Slice, ...]

    @property
    def span(self) -> Span:
        """The span from the first part to the end of the last."""
        return Span(self.parts[0].offset, max(part.offset + part.length for part in self.parts) - 1)


def grouped(parts: Iterable[Slice]) -> list[Group]:
    """The parts by file; parts near each other are in one group. Pure."""
    found: list[list[Slice]] = []
    for part in sorted(set(parts), key=lambda one: (one.path, one.offset)):
        last = found[-1][-1] if found else None
        if (
            last is not None
            and last.path == part.path
            and part.offset - (last.offset + last.length) <= _GAP
            and part.offset + part.length - found[-1][0].offset <= _LONGEST_GROUP
        ):
            found[-1].append(part)
        else:
            found.append([part])
    return [Group(tuple(group)) for group in found]


async def read(backend: Backend, run_id: str, index: Index, entries: Sequence[Entry]) -> list[Sample | None]:
    """The short form of each sample; None if its lines are gone, changed, or too long for a list."""
    wanted = [_short(index.slices(entry.row)) for entry in entries]
    held: dict[Slice, bytes] = {}
    gate = asyncio.Semaphore(_AT_ONCE)

    async def fetch(group: Group) -> None:
        async with gate:
            held.update(await _parts(backend, run_id, group))

    await asyncio.gather(*(fetch(group) for group in grouped(at for slices in wanted for at in slices.values())))
    found: list[Sample | None] = []
    for entry, slices in zip(entries, wanted, strict=True):
        lines = {kind: held[at] for kind, at in slices.items() if at in held}
        try:
            found.append(sample.read(entry, lines) if lines else None)
        except sample.LinesUnreadable:
            found.append(None)
    return found


def _short(slices: dict[str, Slice]) -> dict[str, Slice]:
    chosen = {kind: at for kind, at in slices.items() if kind != "predictions" and at.length <= _LONGEST_LINE}
    prediction = slices.get("predictions")
    if "reviews" not in chosen and prediction is not None and prediction.length <= _LONGEST_PREDICTION:
        chosen["predictions"] = prediction
    return chosen


async def _parts(backend: Backend, run_id: str, group: Group) -> dict[Slice, bytes]:
    span = group.span
    try:
        artifact = await backend.artifact(run_id, group.parts[0].path, span=span)
    except (errors.NotFound, errors.NoSuchBytes):
        return {}
    try:
        data = b"".join([chunk async for chunk in artifact.chunks])
    finally:
        await artifact.chunks.aclose()
    return {part: data[part.offset - span.first :][: part.length] for part in group.parts}


async def line(backend: Backend, run_id: str, path: str, offset: int, length: int) -> bytes | None:
    """One line of a file; None if it is gone."""
    at = Slice(path, offset, length)
    return (await _parts(backend, run_id, Group((at,)))).get(at)
