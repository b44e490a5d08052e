"""Follows the progress and the log of a runner while it writes them.

Files give no notice of a change, so they are polled a few times a second while someone follows. The end of the run is
an event and ends the following at once.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from evalkube_api.backend import Moment

__all__ = ["log", "moments"]

_LOOK_S: Final = 0.25
_QUIET_LOOKS: Final = 40
_CHUNK_BYTES: Final = 64 * 1024

Waiting = Callable[[float], Awaitable[bool]]
"""Waits for the run's end, at most so many seconds. True if nothing more will be written: the last look follows."""


async def moments(look: Callable[[], Awaitable[Moment]], wait: Waiting) -> AsyncIterator[Moment | None]:
    """The progress at every change, the last one at the run's end. None: no change for 10 s."""
    last, quiet, ended = None, 0, False
    while True:
        moment = await look()
        quiet = quiet + 1 if moment == last else 0
        if quiet == 0:
            last = moment
            yield moment
        elif quiet % _QUIET_LOOKS == 0:
            yield None
        if ended or moment.phase.terminal:
            return
        ended = await wait(_LOOK_S)


async def log(path: Path, tail_lines: int | None, wait: Waiting | None) -> AsyncIterator[bytes]:
    """The log from its start, or from its last `tail_lines` lines. With `wait` it continues to the run's end."""
    offset = 0 if tail_lines is None else await asyncio.to_thread(_tail_offset, path, tail_lines)
    ended = wait is None
    while True:
        while chunk := await asyncio.to_thread(_part, path, offset):
            offset += len(chunk)
            yield chunk
        if ended or wait is None:
            return
        ended = await wait(_LOOK_S)


def _part(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(_CHUNK_BYTES)
    except FileNotFoundError:  # not started yet, or deleted meanwhile
        return b""


def _tail_offset(path: Path, lines: int) -> int:
    """The offset of the last `lines` lines."""
    try:
        with path.open("rb") as file:
            end = position = file.seek(0, 2)
            wanted, seen = lines + 1, 0
            if lines == 0:
                return end
            while position > 0:
                step = min(_CHUNK_BYTES, position)
                position -= step
                file.seek(position)
                block = file.read(step)
                breaks = block.count(b"\n")
                if position + step == end and not block.endswith(b"\n"):
                    wanted = lines  # the last line has no end yet
                if seen + breaks >= wanted:
                    return position + _nth_from_end(block, wanted - seen) + 1
                seen += breaks
            return 0
    except FileNotFoundError:
        return 0


def _nth_from_end(block: bytes, number: int) -> int:
    at = len(block)
    for _ in range(number):
        at = block.rfind(b"\n", 0, at)
    return at
