"""Lines of JSON with their places in a file. One that is torn, or no object, is passed over."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

__all__ = ["records"]


def records(lines: Iterable[bytes], start: int = 0) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The objects of `lines`, which follow one another from byte `start` of a file: offset, length without the line's
    end, and what it says.
    """
    offset = start
    for line in lines:
        text = line.rstrip(b"\r\n")
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            found = None
        if isinstance(found, dict):
            yield offset, len(text), found
        offset += len(line)
